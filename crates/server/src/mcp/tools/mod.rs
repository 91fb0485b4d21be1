//! The six tools. One file each: its name and schemas, what it does, what it answers.

mod get_smtp_status;
mod reconnect_smtp_servers;
mod reload_smtp_configuration;
mod send_email;
mod switch_smtp_server;
mod test_smtp_connection;

use std::pin::Pin;

use rmcp::handler::server::tool::{ToolRoute, ToolRouter};
use rmcp::model::{CallToolResponse, CallToolResult, Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::answer::Answer;
use super::server::Server;
use super::{arguments, schema};

pub(super) use send_email::NAME as SEND_EMAIL;

/// A call under way.
type Running<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// All tools.
pub(super) fn router() -> ToolRouter<Server> {
    ToolRouter::new()
        .with_route(send_email::route())
        .with_route(test_smtp_connection::route())
        .with_route(get_smtp_status::route())
        .with_route(switch_smtp_server::route())
        .with_route(reload_smtp_configuration::route())
        .with_route(reconnect_smtp_servers::route())
}

/// What a client is told of a tool before it calls it.
struct Face {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    hints: Hints,
}

/// What a call may do to the world, as honestly as four booleans can say it.
struct Hints {
    read_only: bool,
    destructive: bool,
    idempotent: bool,
    open_world: bool,
}

/// A tool that takes `P`, answers with `R`, and runs `run`; arguments that cannot be read are answered by `refuse`.
fn route<P, R, F>(face: &Face, refuse: fn(String) -> Answer, run: F) -> ToolRoute<Server>
where
    P: DeserializeOwned + JsonSchema,
    R: JsonSchema,
    F: for<'a> Fn(&'a Server, P) -> Running<'a> + Send + Sync + 'static,
{
    let tool = face.tool(schema::input::<P>(), schema::output::<R>());
    let known = schema::properties(&tool.input_schema);
    ToolRoute::new_dyn(tool, move |context| {
        let given = context.arguments.unwrap_or_default();
        let running = arguments::read(&known, given).map(|asked| run(context.service, asked));
        Box::pin(async move {
            let answer = match running {
                Ok(running) => running.await,
                Err(problem) => refuse(problem),
            };
            Ok(CallToolResponse::from(CallToolResult::from(answer)))
        })
    })
}

impl Face {
    fn tool(
        &self,
        input: std::sync::Arc<rmcp::model::JsonObject>,
        output: std::sync::Arc<rmcp::model::JsonObject>,
    ) -> Tool {
        let annotations = ToolAnnotations::new()
            .read_only(self.hints.read_only)
            .destructive(self.hints.destructive)
            .idempotent(self.hints.idempotent)
            .open_world(self.hints.open_world);
        Tool::new(self.name, self.description, input)
            .with_title(self.title)
            .with_raw_output_schema(output)
            .with_annotations(annotations)
    }
}
