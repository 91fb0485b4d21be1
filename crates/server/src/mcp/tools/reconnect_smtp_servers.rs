//! `reconnect_smtp_servers`: forgets failures and reconnects.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Annotations, ToolSpec};
use crate::mcp::arguments::NoArgs;
use crate::mcp::context::ToolContext;
use crate::mcp::server_lines::test_lines;
use crate::mcp::tool_result::ToolResult;
use crate::upstream::report::ConnectionTest;

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
    connection_test: ConnectionTest,
}

pub(super) fn route() -> ToolRoute<ToolContext> {
    super::route::<_, NoArgs, ReconnectResult, _>(&SPEC, ToolResult::failed, |context, NoArgs {}| {
        Box::pin(call(context))
    })
}

async fn call(context: &ToolContext) -> ToolResult {
    let connection_test = context.upstreams.reconnect().await;
    let summary = connection_test.summary();
    let none_works = connection_test.successful_servers == 0;
    let message = format!("Reconnected: {}.", summary.trim_end_matches('.'));
    let lines = test_lines(&connection_test);
    let body = ReconnectResult { message: message.clone(), connection_test };
    if none_works {
        return ToolResult::failed_with(message, &body).with_lines(lines);
    }
    ToolResult::done(message, &body).with_lines(lines)
}
