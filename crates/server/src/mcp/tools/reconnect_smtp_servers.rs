//! `reconnect_smtp_servers`: forgets failures, connects afresh.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Face, Hints};
use crate::dispatch::report::ConnectionTest;
use crate::mcp::answer::Answer;
use crate::mcp::arguments::Nothing;
use crate::mcp::server::Server;
use crate::mcp::shown::{Tested, test_words};

const FACE: Face = Face {
    name: "reconnect_smtp_servers",
    title: "Reconnect to the SMTP servers",
    description: "Drops kept connections, forgets failures and tests all SMTP servers; sends no mail. \
        Use it when the network or a server is back. success: at least one server works.",
    hints: Hints { read_only: false, destructive: false, idempotent: true, open_world: true },
};

// Plain comments: doc comments become descriptions in the schema.
#[derive(Serialize, JsonSchema)]
struct Body {
    message: String,
    #[schemars(schema_with = "crate::mcp::schema::object")]
    connection_test: Tested,
}

pub(super) fn route() -> ToolRoute<Server> {
    super::route::<Nothing, Body, _>(&FACE, Answer::failed, |server, Nothing {}| Box::pin(call(server)))
}

async fn call(server: &Server) -> Answer {
    tell(&server.dispatch().reconnect().await)
}

fn tell(test: &ConnectionTest) -> Answer {
    let message = format!("Reconnected: {}.", test_words(test).trim_end_matches('.'));
    let body = Body { message: message.clone(), connection_test: Tested::of(test) };
    if test.successful() == 0 {
        return Answer::failed_with(test_words(test), &body);
    }
    Answer::done(message, &body)
}
