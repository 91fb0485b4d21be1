//! Carries out what the pipeline asks for: writes flights, uploads contents, reads replies.

use std::time::Duration;

use tokio::time::Instant;

use crate::flight::{Flight, WRITE_SIZE};
use crate::pipeline::{Awaited, Framing, Part, Pipeline, Step};
use crate::wire::{SocketState, Wire};
use crate::{CommitPoint, Content, Delivery, ErrorKind, Limits, Phase, command};

/// How long the first reply to a message may take on a session that was idle, or has sent another before. Its peer may be gone without
/// a word: a router that forgot the connection drops what is sent on it.
pub(crate) const FIRST_REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait, after a failed write, for a reply that explains it.
const EXPLANATION_TIMEOUT: Duration = Duration::from_secs(1);

/// Messages on their way over a connection.
pub(crate) struct Transfer<'a> {
    pub(crate) wire: &'a mut Wire,
    pub(crate) pipeline: Pipeline<'a>,
    pub(crate) contents: Vec<(&'a Content, &'a CommitPoint)>,
    pub(crate) limits: Limits,
    /// How long the next reply may take.
    pub(crate) next_reply: Duration,
}

/// Nothing more can be written.
struct Broken {
    kind: ErrorKind,
    /// No command was outstanding and nothing was written: only a 421 can be meant for us.
    only_closing: bool,
}

impl Transfer<'_> {
    /// Sends until every message has its outcome, and reports each.
    pub(crate) async fn run(&mut self, mut outcome: impl FnMut(usize, Delivery) + Send) {
        let mut is_done = false;
        loop {
            while let Some((message, delivery)) = self.pipeline.take_outcome() {
                if delivery.was_certainly_not_sent() {
                    self.contents[message].1.reset();
                }
                outcome(message, delivery);
            }
            if is_done {
                return;
            }
            let is_quiet = self.pipeline.is_quiet();
            if is_quiet && self.was_left().await {
                continue;
            }
            let contents = &self.contents;
            let written = match self.pipeline.step(|message| contents[message].1.commit()) {
                Step::Done => {
                    is_done = true;
                    continue;
                }
                Step::Write(parts) => self.write(&parts).await,
                Step::Upload(message, framing) => self.upload(message, framing).await,
                Step::Read(awaited) => {
                    self.read(awaited).await;
                    continue;
                }
            };
            if let Err(mut broken) = written {
                broken.only_closing &= is_quiet;
                self.read_explanations(broken).await;
            }
        }
    }

    /// Whether the server closed or said something without being asked: then it will not answer either.
    async fn was_left(&mut self) -> bool {
        let kind = match self.wire.socket_state() {
            SocketState::Quiet | SocketState::Unknown => return false,
            SocketState::Closed => ErrorKind::Closed,
            SocketState::Readable => match self.wire.read_reply(EXPLANATION_TIMEOUT).await {
                Ok(reply) if reply.code == 421 => ErrorKind::Reply(reply),
                Ok(reply) if reply.code >= 400 && self.pipeline.phase() == Phase::Data => {
                    ErrorKind::Reply(reply)
                }
                Ok(reply) => ErrorKind::Garbage(format!("unasked: {reply}")),
                Err(kind) => kind,
            },
        };
        self.pipeline.fail(&kind);
        true
    }

    async fn read(&mut self, awaited: Awaited) {
        let within = match (awaited.decides, awaited.phase) {
            (true, _) | (_, Phase::EndOfData) => self.limits.end_of_data,
            _ => self.next_reply,
        };
        match self.wire.read_reply(within).await {
            Ok(reply) if reply.code == 421 && self.goes_on().await => {
                self.pipeline.fail(&ErrorKind::Garbage(format!("the server went on after {reply}")));
            }
            Ok(reply) => {
                // After the end of a message comes the next.
                self.next_reply = match awaited.phase {
                    Phase::EndOfData => self.limits.command.min(FIRST_REPLY_TIMEOUT),
                    _ => self.limits.command,
                };
                self.pipeline.reply(reply);
            }
            Err(kind) => self.pipeline.fail(&kind),
        }
    }

    /// Whether the server answers further commands after a 421, instead of closing: then it may accept what was sent behind it.
    async fn goes_on(&mut self) -> bool {
        self.pipeline.has_content_behind() && self.wire.read_reply(EXPLANATION_TIMEOUT).await.is_ok()
    }

    /// Writes commands and small contents together.
    async fn write(&mut self, parts: &[Part]) -> Result<(), Broken> {
        let has_content = parts.iter().any(|part| matches!(part, Part::Content(..)));
        let within = if has_content { self.limits.content } else { self.next_reply };
        let mut flight = Flight::new(self.wire, within);
        let Err(kind) = write_all(&mut flight, parts, &self.contents).await else {
            return Ok(());
        };
        let taken = flight.taken;
        let mut end = 0;
        for part in parts {
            end += slices(part, &self.contents).map(<[u8]>::len).sum::<usize>();
            if let Part::Content(message, _) = part {
                self.pipeline.set_handed_over(*message, end <= taken);
            }
        }
        Err(Broken { kind, only_closing: taken == 0 })
    }

    /// Writes a large content. Before its last bytes it commits.
    async fn upload(&mut self, message: usize, framing: Framing) -> Result<(), Broken> {
        let (content, commit_point) = self.contents[message];
        let broken = |kind| Broken { kind, only_closing: false };
        let mut flight = Flight::new(self.wire, self.limits.content);
        let mut pushed = 0;
        if framing == Framing::Chunk {
            let bdat = command::bdat(content.size());
            pushed += bdat.len();
            flight.push(&bdat).await.map_err(broken)?;
        }
        for slice in content_slices(content, framing).flat_map(|slice| slice.chunks(WRITE_SIZE)) {
            if flight.writes_for(slice) && commit_point.is_cancelled() {
                self.pipeline.fail(&ErrorKind::Cancelled);
                return Ok(());
            }
            pushed += slice.len();
            flight.push(slice).await.map_err(broken)?;
        }
        // A server that replied or closed in mid-stream will not answer the end of the data: detected now, the outcome is not unknown.
        if matches!(flight.wire.socket_state(), SocketState::Closed | SocketState::Readable) {
            return Err(broken(ErrorKind::Closed));
        }
        if !commit_point.commit() {
            self.pipeline.fail(&ErrorKind::Cancelled);
            return Ok(());
        }
        let flushed = flight.flush().await;
        self.pipeline.set_handed_over(message, flight.taken == pushed);
        flushed.map_err(broken)
    }

    /// Reads what the server still has to say on a connection that takes nothing any more.
    async fn read_explanations(&mut self, broken: Broken) {
        let deadline = Instant::now() + EXPLANATION_TIMEOUT;
        while matches!(self.pipeline.awaited(), Step::Read(_)) {
            let within = deadline.saturating_duration_since(Instant::now());
            match self.wire.read_reply(within).await {
                Ok(reply) if reply.code == 421 || !broken.only_closing => self.pipeline.reply(reply),
                _ => break,
            }
        }
        self.pipeline.fail(&broken.kind);
    }
}

async fn write_all(
    flight: &mut Flight<'_>,
    parts: &[Part],
    contents: &[(&Content, &CommitPoint)],
) -> Result<(), ErrorKind> {
    for part in parts {
        for slice in slices(part, contents) {
            flight.push(slice).await?;
        }
    }
    flight.flush().await
}

type Slices<'a> = Box<dyn Iterator<Item = &'a [u8]> + Send + 'a>;

fn slices<'a>(part: &'a Part, contents: &[(&'a Content, &CommitPoint)]) -> Slices<'a> {
    match part {
        Part::Commands(commands) => Box::new(std::iter::once(commands.as_slice())),
        Part::Content(message, framing) => content_slices(contents[*message].0, *framing),
    }
}

fn content_slices(content: &Content, framing: Framing) -> Slices<'_> {
    match framing {
        Framing::Dot => Box::new(content.for_data()),
        Framing::Chunk => Box::new(content.for_bdat()),
    }
}
