//! The tools, one file each: name, schemas, what it does, what it returns.

mod cancel_email;
mod get_email;
mod get_smtp_status;
mod list_emails;
mod options;
mod preview_email;
mod reconnect_smtp_servers;
mod reload_smtp_configuration;
mod retry_email;
mod send_email;
mod switch_smtp_server;
mod test_smtp_connection;

use std::pin::Pin;

use rmcp::ErrorData;
use rmcp::handler::server::tool::{ToolCallContext, ToolRoute, ToolRouter};
use rmcp::model::{CallToolResponse, CallToolResult, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::arguments::Arguments;
use super::context::ToolContext;
use super::schema;
use super::send_result::refused;
use super::setup::Setup;
use super::tool_result::{Service, ToolResult};
use crate::address::character;
use crate::config::ToolSelection;

pub(super) use send_email::{NAME as SEND_EMAIL, send};

/// A call in flight.
pub(super) type Running<'a> = Pin<Box<dyn Future<Output = ToolResult> + Send + 'a>>;

/// The tools that are offered.
pub(super) fn router(selection: &ToolSelection) -> ToolRouter<ToolContext> {
    let routes = [
        send_email::route(),
        preview_email::route(),
        get_email::route(),
        list_emails::route(),
        retry_email::route(),
        cancel_email::route(),
        test_smtp_connection::route(),
        get_smtp_status::route(),
        switch_smtp_server::route(),
        reload_smtp_configuration::route(),
        reconnect_smtp_servers::route(),
    ];
    let offered = routes.into_iter().filter(|route| selection.offers(route.name()));
    offered.fold(ToolRouter::new(), ToolRouter::with_route)
}

/// Runs a tool of a program without a usable configuration: a reload may find one, the others say what is wrong.
pub(super) async fn unconfigured(setup: &Setup, name: &str) -> ToolResult {
    match name {
        reload_smtp_configuration::NAME => reload_smtp_configuration::set_up(setup).await,
        SEND_EMAIL => refused(setup.explanation()),
        _ => ToolResult::failed(setup.explanation()),
    }
}

/// The error about a tool that is not among those `offered`.
pub(in crate::mcp) fn unknown_tool(name: &str, offered: Vec<Tool>) -> ErrorData {
    let known: Vec<_> = offered.into_iter().map(|tool| tool.name).collect();
    let (name, known) = (character::quoted(name), known.join(", "));
    ErrorData::invalid_params(format!("unknown tool {name}; the tools are {known}"), None)
}

/// What `tools/list` says about a tool.
pub(super) struct ToolSpec {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) annotations: Annotations,
}

/// The tool annotations of MCP.
pub(super) struct Annotations {
    pub(super) read_only: bool,
    pub(super) destructive: bool,
    pub(super) idempotent: bool,
    pub(super) open_world: bool,
}

/// A tool that takes `P`, returns `R`, and runs `run`; invalid arguments are answered by `refuse`.
pub(super) fn route<C, P, R, F>(spec: &ToolSpec, refuse: fn(String) -> ToolResult, run: F) -> ToolRoute<C>
where
    C: Service,
    P: DeserializeOwned + JsonSchema + Send,
    R: JsonSchema,
    F: for<'a> Fn(&'a C, P) -> Running<'a> + Copy + Send + Sync + 'static,
{
    let tool = spec.tool(schema::input::<P>(), schema::output::<R>());
    let arguments = Arguments::new(&tool.input_schema);
    ToolRoute::new_dyn(tool, move |context: ToolCallContext<'_, C>| {
        let arguments = arguments.clone();
        Box::pin(async move {
            let answer = match arguments.read(context.arguments.unwrap_or_default()).await {
                Ok((args, _permit)) => run(context.service, args).await,
                Err(problem) => refuse(problem),
            };
            let answer = context.service.annotate(answer);
            Ok(CallToolResponse::from(CallToolResult::from(answer)))
        })
    })
}

impl ToolSpec {
    fn tool(
        &self,
        input: std::sync::Arc<rmcp::model::JsonObject>,
        output: std::sync::Arc<rmcp::model::JsonObject>,
    ) -> Tool {
        let annotations = ToolAnnotations::new()
            .read_only(self.annotations.read_only)
            .destructive(self.annotations.destructive)
            .idempotent(self.annotations.idempotent)
            .open_world(self.annotations.open_world);
        Tool::new(self.name, self.description, input)
            .with_title(self.title)
            .with_raw_output_schema(output)
            .with_annotations(annotations)
    }
}
