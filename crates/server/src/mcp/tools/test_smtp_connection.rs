//! `test_smtp_connection`: connects to every server and logs in, sends no mail.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Annotations, ToolSpec};
use crate::mcp::arguments::NoArgs;
use crate::mcp::context::ToolContext;
use crate::mcp::server_lines::{status_lines, test_lines};
use crate::mcp::tool_result::ToolResult;
use crate::upstream::report::{ConnectionTest, ServersStatus};

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
    test: ConnectionTest,
    #[schemars(schema_with = "crate::mcp::schema::object")]
    server_status: ServersStatus,
}

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<_, NoArgs, TestConnectionResult, _>(&SPEC, ToolResult::failed, |context, NoArgs {}| {
        Box::pin(call(context))
    })
}

async fn call(context: &ToolContext) -> ToolResult {
    let test = context.upstreams.test().await;
    let (summary, none_works) = (test.summary(), test.successful_servers == 0);
    let body = TestConnectionResult {
        multi_server_success: test.all_work(),
        test,
        server_status: context.upstreams.status(),
    };
    let lines: Vec<_> =
        test_lines(&body.test).into_iter().chain(status_lines(&body.server_status, &[])).collect();
    if none_works {
        return ToolResult::failed_with(summary, &body).with_lines(lines);
    }
    ToolResult::done(summary, &body).with_lines(lines)
}
