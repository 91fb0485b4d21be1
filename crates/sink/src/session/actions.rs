//! What the behavior does at a stage: another reply, silence, or the end of the connection.

use std::io;

use tokio::time::sleep;

use super::Session;
use crate::behavior::{Action, Stage, Wait};
use crate::reply::Reply;

impl Session {
    /// The reply at this stage: `default_reply`, unless a rule has another. If it is positive, the caller carries the command out.
    ///
    /// # Errors
    /// When the connection is over, because of the rule or the client.
    pub(super) async fn reply_at(&mut self, stage: Stage, default_reply: Reply) -> io::Result<Reply> {
        self.reply_to_path(stage, "", default_reply).await
    }

    /// The same for MAIL and RCPT with this path.
    pub(super) async fn reply_to_path(
        &mut self,
        stage: Stage,
        path: &str,
        default_reply: Reply,
    ) -> io::Result<Reply> {
        match self.behavior().action(stage, path) {
            None => Ok(default_reply),
            Some(action) => self.apply(action, default_reply).await,
        }
    }

    pub(super) async fn apply(&mut self, action: Action, default_reply: Reply) -> io::Result<Reply> {
        match action {
            Action::Reply(text) => Ok(Reply::from_text(&text)),
            Action::Drip { reply, pause } => Ok(Reply::from_text(&reply).with_pause(pause)),
            Action::Garbage(bytes) => Ok(Reply::garbage(bytes)),
            Action::Endless(code) => Err(self.stream.repeat(&format!("{code}-and so on\r\n")).await),
            Action::Stall(wait) => self.stall(&wait).await.map(|()| default_reply),
            Action::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
            Action::Reset => {
                self.stream.reset().await?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
    }

    pub(super) async fn stall(&mut self, wait: &Wait) -> io::Result<()> {
        match self.wait(wait).await {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Stays silent as long as the behavior says. False if the client left before.
    pub(super) async fn wait(&mut self, wait: &Wait) -> bool {
        // What was queued before must not be lost when the wait is over.
        if self.stream.flush().await.is_err() {
            return false;
        }
        let over = async {
            match wait {
                Wait::No => {}
                Wait::For(time) => sleep(*time).await,
                Wait::Until(latch) => latch.released().await,
            }
        };
        tokio::select! {
            biased;
            () = over => true,
            () = self.stream.disconnected() => false,
        }
    }
}
