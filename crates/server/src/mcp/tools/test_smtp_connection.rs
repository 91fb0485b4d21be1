//! `test_smtp_connection`: connects to every server and logs in, sends no mail.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Annotations, ToolSpec};
use crate::mcp::arguments::NoArgs;
use crate::mcp::handler::McpHandler;
use crate::mcp::tool_result::ToolResult;
use crate::mcp::views::{ConnectionTestView, ServersView, test_words};

const SPEC: ToolSpec = ToolSpec {
    name: "test_smtp_connection",
    title: "Test the SMTP servers",
    description: "Connects to every configured SMTP server, negotiates TLS and logs in; sends no mail. \
        Use it when sending fails. success: at least one server works.",
    annotations: Annotations { read_only: true, destructive: false, idempotent: true, open_world: true },
};

// Plain comments: doc comments become descriptions in the schema.
#[derive(Serialize, JsonSchema)]
struct TestConnectionResult {
    /// Every server works
    multi_server_success: bool,
    #[serde(flatten)]
    test: ConnectionTestView,
    #[schemars(schema_with = "crate::mcp::schema::object")]
    server_status: ServersView,
}

pub(super) fn route() -> ToolRoute<McpHandler> {
    super::route::<NoArgs, TestConnectionResult, _>(&SPEC, ToolResult::failed, |server, NoArgs {}| {
        Box::pin(call(server))
    })
}

async fn call(server: &McpHandler) -> ToolResult {
    let test = server.dispatch().test().await;
    let body = TestConnectionResult {
        multi_server_success: test.successful() == test.servers.len(),
        test: ConnectionTestView::of(&test),
        server_status: ServersView::of(&server.dispatch().status()),
    };
    if test.successful() == 0 {
        return ToolResult::failed_with(test_words(&test), &body);
    }
    ToolResult::done(test_words(&test), &body)
}
