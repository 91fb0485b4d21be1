//! The way in: what was asked becomes a message.

mod room;

use std::sync::Arc;

use uuid::{NoContext, Timestamp, Uuid};

use crate::clock::Clock;
use crate::compose::compose;
use crate::config::Config;
use crate::message::Message;
use crate::request::{Asked, Draft, Refusal};

pub use room::{Place, Room};

/// From here on parsing and composing leave the thread that serves the protocol, in bytes.
const LARGE: usize = 64 << 10;

/// Makes the message that was asked for, or says everything that is wrong with the request. A large one waits for its
/// turn in `room`, and keeps its place there while the message is kept.
///
/// # Errors
/// Every problem at once; nothing was sent.
pub async fn submit(
    asked: Asked,
    config: Arc<Config>,
    clock: &Clock,
    room: &Room,
) -> Result<(Message, Place), Refusal> {
    let at = clock.now();
    // version 7: ids sort by time
    let id = Uuid::new_v7(Timestamp::from_unix(
        NoContext,
        at.timestamp().unsigned_abs(),
        at.timestamp_subsec_nanos(),
    ));
    let heavy = is_heavy(&asked);
    let make = move || {
        let draft = Draft::parse(asked, &config.limits)?;
        compose(&draft, &config, at, id)
    };
    if !heavy {
        return make().map(|message| (message, Place::default()));
    }
    let turn = room.turn().await;
    // The turn goes along: whoever stops waiting does not stop the work.
    let made = tokio::task::spawn_blocking(move || (make(), turn)).await;
    let Ok((made, _turn)) = made else {
        return Err(Refusal::one("the message could not be composed (an internal error); nothing was sent"));
    };
    let message = made?;
    let place = room.place(message.content.len()).await;
    Ok((message, place))
}

/// Whether composing may take long: much to parse, to fill in or to encode, or files to read.
fn is_heavy(asked: &Asked) -> bool {
    let attachments = asked.attachments.as_deref().unwrap_or_default();
    let from_disk = attachments.iter().any(|one| one.path.is_some());
    from_disk || asked.weight() > LARGE
}
