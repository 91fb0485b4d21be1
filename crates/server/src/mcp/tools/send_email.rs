//! `send_email`: one mail, exactly as asked, once; or the truth about why not.

use std::sync::Arc;
use std::time::Duration;

use rmcp::handler::server::tool::ToolRoute;
use tokio::time::timeout;

use super::{Face, Hints};
use crate::mcp::answer::{Answer, one_line};
use crate::mcp::ending::{Sent, ending, refused};
use crate::mcp::server::Server;
use crate::request::Asked;
use crate::submit::submit;

pub(in crate::mcp) const NAME: &str = "send_email";

/// From the call to its answer; a call is answered within 50 s, and the way to the client needs some of them.
const WAIT: Duration = Duration::from_secs(45);

const FACE: Face = Face {
    name: NAME,
    title: "Send an e-mail",
    description: "Sends one e-mail through the user's SMTP server and tells what became of each recipient. \
        state: sent, partial (some refused), refused (nobody got it; correct and try again), \
        unknown (may have arrived: do not send again unless the user says so).",
    hints: Hints {
        read_only: false,
        // Nothing is overwritten, but a mail cannot be taken back either: clients shall ask.
        destructive: true,
        idempotent: false,
        open_world: true,
    },
};

pub(super) fn route() -> ToolRoute<Server> {
    super::route::<Asked, Sent, _>(&FACE, refused, |server, asked| Box::pin(call(server, asked)))
}

async fn call(server: &Server, asked: Asked) -> Answer {
    let began = server.clock().instant();
    let setup = server.dispatch().setup();
    let composing = submit(asked, Arc::clone(&setup.config), server.clock(), server.room());
    let (message, _place) = match timeout(WAIT, composing).await {
        Ok(Ok((message, place))) => (Arc::new(message), place),
        Ok(Err(refusal)) => return refused(one_line(&refusal.to_string())),
        Err(_) => return refused("the mail could not be prepared in time; try again, or a smaller one"),
    };
    let left = WAIT.saturating_sub(server.clock().instant().saturating_duration_since(began));
    let outcome = server.dispatch().send(setup, Arc::clone(&message), left).await;
    ending(&message, &outcome)
}
