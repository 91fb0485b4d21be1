//! `test_smtp_connection`: connects to every server and logs in, sends no mail.

use rmcp::handler::server::tool::ToolRoute;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Face, Hints};
use crate::mcp::answer::Answer;
use crate::mcp::arguments::Nothing;
use crate::mcp::server::Server;
use crate::mcp::shown::{Health, Tested, test_words};

const FACE: Face = Face {
    name: "test_smtp_connection",
    title: "Test the SMTP servers",
    description: "Connects to every configured SMTP server, negotiates TLS and logs in; sends no mail. \
        Use it when sending fails. success: at least one server works.",
    hints: Hints { read_only: true, destructive: false, idempotent: true, open_world: true },
};

// Plain comments: doc comments become descriptions in the schema.
#[derive(Serialize, JsonSchema)]
struct Body {
    /// Every server works
    multi_server_success: bool,
    #[serde(flatten)]
    test: Tested,
    #[schemars(schema_with = "crate::mcp::schema::object")]
    server_status: Health,
}

pub(super) fn route() -> ToolRoute<Server> {
    super::route::<Nothing, Body, _>(&FACE, Answer::failed, |server, Nothing {}| Box::pin(call(server)))
}

async fn call(server: &Server) -> Answer {
    let test = server.dispatch().test().await;
    let body = Body {
        multi_server_success: test.successful() == test.servers.len(),
        test: Tested::of(&test),
        server_status: Health::of(&server.dispatch().status()),
    };
    if test.successful() == 0 {
        return Answer::failed_with(test_words(&test), &body);
    }
    Answer::done(test_words(&test), &body)
}
