//! What the manner makes of a moment: another reply than the duty's, silence, or the end of the connection.

use std::io;

use tokio::time::sleep;

use super::Session;
use crate::manner::{Act, Moment, Wait};
use crate::reply::Reply;

impl Session {
    /// The reply at this moment: `duty`, unless the manner has another; where it says yes, the caller does the duty.
    ///
    /// # Errors
    /// When the connection is over, by the manner's will or the client's.
    pub(super) async fn reply_at(&mut self, moment: Moment<'_>, duty: Reply) -> io::Result<Reply> {
        match self.manner().act(moment) {
            None => Ok(duty),
            Some(act) => self.perform(act, duty).await,
        }
    }

    pub(super) async fn perform(&mut self, act: Act, duty: Reply) -> io::Result<Reply> {
        match act {
            Act::Reply(text) => Ok(Reply::worded(&text)),
            Act::Drip { reply, pause } => Ok(Reply::worded(&reply).dripped(pause)),
            Act::Garbage(bytes) => Ok(Reply::garbage(bytes)),
            Act::Endless(code) => Err(self.wire.repeat(&format!("{code}-and so on\r\n")).await),
            Act::Stall(wait) => self.stall(&wait).await.map(|()| duty),
            Act::HangUp => Err(io::ErrorKind::ConnectionAborted.into()),
            Act::Reset => {
                self.wire.reset().await?;
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

    /// Keeps silent as long as the manner wants. False if the client did not wait that long.
    pub(super) async fn wait(&mut self, wait: &Wait) -> bool {
        // What was said before must not be cut short when the wait is over.
        if self.wire.flush().await.is_err() {
            return false;
        }
        let over = async {
            match wait {
                Wait::No => {}
                Wait::For(time) => sleep(*time).await,
                Wait::Until(gate) => gate.passed().await,
            }
        };
        tokio::select! {
            biased;
            () = over => true,
            () = self.wire.gone() => false,
        }
    }
}
