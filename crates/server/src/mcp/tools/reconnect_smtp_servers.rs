//! `reconnect_smtp_servers`: forgets failures and reconnects.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Annotations, ToolSpec};
use crate::dispatch::report::ConnectionTest;
use crate::mcp::arguments::NoArgs;
use crate::mcp::handler::McpHandler;
use crate::mcp::tool_result::ToolResult;
use crate::mcp::views::{ConnectionTestView, test_words};

const SPEC: ToolSpec = ToolSpec {
    name: "reconnect_smtp_servers",
    title: "Reconnect to the SMTP servers",
    description: "Drops kept connections, forgets failures and tests all SMTP servers; sends no mail. \
        Use it when the network or a server is back. success: at least one server works.",
    annotations: Annotations { read_only: false, destructive: false, idempotent: true, open_world: true },
};

// Plain comments: doc comments become descriptions in the schema.
#[derive(Serialize, JsonSchema)]
struct ReconnectResult {
    message: String,
    #[schemars(schema_with = "crate::mcp::schema::object")]
    connection_test: ConnectionTestView,
}

pub(super) fn route() -> ToolRoute<McpHandler> {
    super::route::<NoArgs, ReconnectResult, _>(&SPEC, ToolResult::failed, |server, NoArgs {}| {
        Box::pin(call(server))
    })
}

async fn call(server: &McpHandler) -> ToolResult {
    result(&server.dispatch().reconnect().await)
}

fn result(test: &ConnectionTest) -> ToolResult {
    let message = format!("Reconnected: {}.", test_words(test).trim_end_matches('.'));
    let body = ReconnectResult { message: message.clone(), connection_test: ConnectionTestView::of(test) };
    if test.successful() == 0 {
        return ToolResult::failed_with(test_words(test), &body);
    }
    ToolResult::done(message, &body)
}
