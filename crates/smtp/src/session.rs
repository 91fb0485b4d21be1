//! An SMTP session: connected, encrypted, logged in, and ready to send one message after the other.

use std::time::Duration;

use crate::content::ContentInfo;
use crate::opening;
use crate::transaction::{self, Transaction, TransactionStep};
use crate::wire::{SendError, SocketState, Wire};
use crate::{
    CommitPoint, Content, Delivery, Envelope, Error, ErrorKind, Extensions, Limits, Phase, Reply,
    ServerParams,
};

/// How long the first reply may take on a session that was idle. Its peer may be gone without a word: a router that forgot the
/// connection drops what is sent on it.
const FIRST_REPLY_AFTER_IDLENESS: Duration = Duration::from_secs(5);

/// How long to wait, after a failed write, for a reply that explains it.
const EXPLANATION_TIMEOUT: Duration = Duration::from_secs(1);

/// The most transactions that one delivery is split into by a server that takes few recipients at a time.
const MAX_TRANSACTIONS: usize = 20;

/// Larger contents are examined on another thread, in bytes.
const LARGE: u64 = 1 << 20;

/// One session with a server.
pub struct Session {
    wire: Wire,
    extensions: Extensions,
    limits: Limits,
    usable: bool,
    clean: bool,
    was_idle: bool,
    messages: u32,
}

impl Session {
    /// Connects, negotiates TLS as configured, and logs in.
    ///
    /// # Errors
    /// The phase that failed, and why. The connection is closed then.
    pub async fn open(server: &ServerParams) -> Result<Self, Error> {
        let (wire, extensions) = opening::open(server).await?;
        Ok(Self {
            wire,
            extensions,
            limits: server.limits,
            usable: true,
            clean: true,
            was_idle: false,
            messages: 0,
        })
    }

    /// The extensions that the server offers, under TLS if there is TLS.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The version of TLS, such as `TLSv1.3`. `None`: plaintext.
    pub fn tls_version(&self) -> Option<&'static str> {
        self.wire.tls_version()
    }

    /// How many transactions it has begun.
    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Whether it is in sync and may carry another message.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// It was idle: its next command must be answered within 5 s, or its peer is gone.
    pub(crate) fn note_idleness(&mut self) {
        self.was_idle = true;
    }

    /// Whether the connection is open and nothing is waiting to be read, found out without a round trip.
    pub fn looks_alive(&mut self) -> bool {
        self.usable && self.wire.socket_state() == SocketState::Quiet
    }

    /// Sends one message. The reply to the end of the data may take as long as [`Limits::end_of_data`].
    ///
    /// If the server's extensions rule the message out, nothing is sent. `commit_point` is committed right
    /// before the last bytes, and reset if the server refuses the message. Dropping the future leaves a
    /// session that is not usable.
    ///
    /// Recipients that exceed the server's limit for a transaction ([`ErrorKind::TooManyRecipients`]) follow in further ones, as
    /// long as each makes progress. By then the message is out, and the delivery can no longer be cancelled.
    pub async fn deliver(
        &mut self,
        envelope: &Envelope,
        content: &Content,
        commit_point: &CommitPoint,
    ) -> Delivery {
        let info = content_info(content).await;
        let mut delivery = self.transact(envelope, content, info, commit_point, false).await;
        let mut gets_on = delivery.accepted();
        for _ in 1..MAX_TRANSACTIONS {
            let left = over_limit(&delivery);
            if left.is_empty() || !gets_on || !self.usable {
                break;
            }
            let recipients = left.iter().map(|index| envelope.recipients[*index].clone()).collect();
            let rest = Envelope { sender: envelope.sender.clone(), recipients };
            let further = self.transact(&rest, content, info, &CommitPoint::new(), true).await;
            gets_on = further.accepted();
            for (index, end) in left.into_iter().zip(further.recipients) {
                delivery.recipients[index] = end;
            }
        }
        delivery
    }

    async fn transact(
        &mut self,
        envelope: &Envelope,
        content: &Content,
        info: ContentInfo,
        commit_point: &CommitPoint,
        continues: bool,
    ) -> Delivery {
        let params = match transaction::check(envelope, info, &self.extensions) {
            Ok(params) => params,
            Err(error) => return Delivery::failed(envelope.recipients.len(), &error),
        };
        if !std::mem::replace(&mut self.usable, false) {
            let error = Error::new(Phase::Mail, ErrorKind::Closed);
            return Delivery::failed(envelope.recipients.len(), &error);
        }
        self.messages += 1;
        let mut transaction = Transaction::new(envelope, &self.extensions, params, self.clean);
        if continues {
            transaction = transaction.continuing();
        }
        let limits = self.limits;
        let first_reply = if std::mem::take(&mut self.was_idle) {
            limits.command.min(FIRST_REPLY_AFTER_IDLENESS)
        } else {
            limits.command
        };
        while let Err((phase, kind)) =
            run(&mut self.wire, &mut transaction, content, commit_point, &limits, first_reply).await
        {
            transaction.fail(phase, kind);
        }
        self.clean = transaction.is_clean();
        // An unexpected reply would be taken for the reply to the next command.
        self.usable = transaction.is_in_sync() && self.wire.socket_state() != SocketState::Readable;
        transaction.into_delivery()
    }

    /// Sends QUIT and closes. Failures are ignored.
    pub async fn quit(mut self) {
        if self.usable {
            return opening::quit(self.wire, self.limits.command).await;
        }
        opening::close(&mut self.wire, self.limits.command).await;
    }
}

/// Examines the content; a large one on a blocking thread.
async fn content_info(content: &Content) -> ContentInfo {
    if content.size() <= LARGE {
        return content.info();
    }
    let copy = content.clone();
    tokio::task::spawn_blocking(move || copy.info()).await.unwrap_or_else(|_| content.info())
}

/// The recipients that exceeded the server's limit.
fn over_limit(delivery: &Delivery) -> Vec<usize> {
    let is_over = |error: &Error| matches!(error.kind, ErrorKind::TooManyRecipients(_));
    let ends = delivery.recipients.iter().enumerate();
    ends.filter(|(_, end)| end.as_ref().is_err_and(is_over)).map(|(index, _)| index).collect()
}

/// Takes the transaction's steps until it is done or something fails.
async fn run(
    wire: &mut Wire,
    transaction: &mut Transaction<'_>,
    content: &Content,
    commit_point: &CommitPoint,
    limits: &Limits,
    first_reply: Duration,
) -> Result<(), (Phase, ErrorKind)> {
    let mut command = first_reply;
    loop {
        match transaction.step() {
            TransactionStep::Done => return Ok(()),
            TransactionStep::Send(group) => {
                let sent = wire.send(&group, command).await;
                if let Err(kind) = sent {
                    return Err((
                        transaction.phase(),
                        explain_write_error(wire, kind, |reply| reply.code == 421).await,
                    ));
                }
            }
            TransactionStep::Content => {
                let phase = |kind| (Phase::Data, kind);
                upload(wire, content, commit_point, limits).await.map_err(phase)?;
                // From here on only the server's reply decides.
                wire.send(content.end(), limits.content).await.map_err(|kind| (Phase::EndOfData, kind))?;
            }
            TransactionStep::Read(phase) => {
                let within = if phase == Phase::EndOfData { limits.end_of_data } else { command };
                let reply = wire.read_reply(within).await.map_err(|kind| (phase, kind))?;
                command = limits.command;
                if phase == Phase::EndOfData && reply.code >= 400 {
                    commit_point.reset();
                }
                transaction.reply(reply);
            }
        }
    }
}

/// Writes the content up to its last bytes, and commits.
async fn upload(
    wire: &mut Wire,
    content: &Content,
    commit_point: &CommitPoint,
    limits: &Limits,
) -> Result<(), ErrorKind> {
    let go_on = || !commit_point.is_cancelled();
    match wire.send_all(content.dot_stuffed(), limits.content, go_on).await {
        Ok(()) => {}
        Err(SendError::Cancelled) => return Err(ErrorKind::Cancelled),
        Err(SendError::Failed(kind)) => {
            return Err(explain_write_error(wire, kind, |reply| reply.code >= 400).await);
        }
    }
    // A server that replied or closed in mid-stream will not answer the end of the data: detected now, the status is not unknown.
    match wire.socket_state() {
        SocketState::Closed => return Err(ErrorKind::Closed),
        SocketState::Readable => {
            return Err(wire
                .read_reply(EXPLANATION_TIMEOUT)
                .await
                .map_or_else(|kind| kind, ErrorKind::Reply));
        }
        SocketState::Quiet | SocketState::Unknown => {}
    }
    if commit_point.commit() { Ok(()) } else { Err(ErrorKind::Cancelled) }
}

/// The reply that explains a failed write, if one came, else the failure itself.
async fn explain_write_error(
    wire: &mut Wire,
    kind: ErrorKind,
    explains: impl Fn(&Reply) -> bool,
) -> ErrorKind {
    match wire.read_reply(EXPLANATION_TIMEOUT).await {
        Ok(reply) if explains(&reply) => ErrorKind::Reply(reply),
        _ => kind,
    }
}
