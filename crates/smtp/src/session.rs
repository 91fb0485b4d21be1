//! An SMTP session: connected, encrypted, logged in, and ready to send one message after the other.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument as _, debug_span};

use crate::boot_time::boot_time;
use crate::command::MailParams;
use crate::content::ContentInfo;
use crate::counters::{Counted, Counter};
use crate::opening;
use crate::pipeline::{Pipeline, SessionState};
use crate::transaction::{self, Transaction};
use crate::transfer::{FIRST_REPLY_TIMEOUT, Transfer};
use crate::wire::{SocketState, Wire};
use crate::{
    CommitPoint, Content, Counters, Delivery, Envelope, Error, ErrorKind, Extensions, Limits, Mail, Phase,
    ServerParams,
};

/// A session that was used this recently counts as alive: a content may be sent before its envelope is answered.
const ACTIVE_FOR: Duration = Duration::from_secs(10);

/// The most transactions that one delivery is split into by a server that takes few recipients at a time.
const MAX_TRANSACTIONS: usize = 20;

/// Larger contents are examined on another thread, in bytes.
const LARGE: u64 = 1 << 20;

/// One session with a server.
pub struct Session {
    wire: Wire,
    extensions: Extensions,
    limits: Limits,
    state: SessionState,
    was_idle: bool,
    used_at: Duration,
    opened_at: Duration,
    now: fn() -> Duration,
    counter: Arc<Counter>,
    messages: u32,
}

impl Session {
    /// Connects, negotiates TLS as configured, and logs in.
    ///
    /// # Errors
    /// The phase that failed, and why. The connection is closed then.
    pub async fn open(server: &ServerParams) -> Result<Self, Error> {
        Self::open_with(server, Arc::default(), boot_time).await
    }

    /// The same, counted with others, and with another clock, which tells how long it was idle.
    pub(crate) async fn open_with(
        server: &ServerParams,
        counter: Arc<Counter>,
        now: fn() -> Duration,
    ) -> Result<Self, Error> {
        let span = debug_span!("session", host = %server.host, port = server.port);
        let (wire, mut extensions) = opening::open(server, Arc::clone(&counter)).instrument(span).await?;
        counter.add(Counted::SessionsOpened, 1);
        extensions.pipelining &= server.pipelining;
        extensions.chunking &= server.chunking;
        Ok(Self {
            wire,
            extensions,
            limits: server.limits,
            state: SessionState { in_sync: true, clean: true, active: true, knows_bdat: false },
            was_idle: false,
            used_at: now(),
            opened_at: now(),
            now,
            counter,
            messages: 0,
        })
    }

    /// The extensions that the server offers, under TLS if there is TLS; without those that are not to be used.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The version of TLS, such as `TLSv1.3`. `None`: plaintext.
    pub fn tls_version(&self) -> Option<&'static str> {
        self.wire.tls_version()
    }

    /// Whether TLS resumed an earlier session (RFC 8446, section 2.2): sessions with the same configuration do.
    pub fn is_tls_resumed(&self) -> bool {
        self.wire.is_tls_resumed()
    }

    /// What it did so far; a session of a pool counts with the others.
    pub fn counters(&self) -> Counters {
        self.counter.read()
    }

    /// How many transactions it has begun.
    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Whether it is in sync and may carry another message.
    pub fn is_usable(&self) -> bool {
        self.state.in_sync
    }

    /// It was idle: its next command must be answered within 5 s, or its peer is gone.
    pub(crate) fn note_idleness(&mut self) {
        self.was_idle = true;
    }

    /// Does without these extensions.
    pub(crate) fn forgo(&mut self, extensions: &[&str]) {
        self.extensions.pipelining &= !extensions.contains(&"PIPELINING");
        self.extensions.chunking &= !extensions.contains(&"CHUNKING");
    }

    /// How long ago it was opened.
    pub(crate) fn age(&self) -> Duration {
        (self.now)().saturating_sub(self.opened_at)
    }

    /// Whether the connection is open and nothing is waiting to be read, found out without a round trip.
    pub fn looks_alive(&mut self) -> bool {
        self.state.in_sync && self.wire.socket_state() == SocketState::Quiet
    }

    /// Sends one message: [`Session::send_many`] with one.
    pub async fn send(&mut self, mail: &Mail) -> Delivery {
        let mut ended = Delivery { recipients: Vec::new() };
        self.send_many(std::slice::from_ref(mail), |_, delivery| ended = delivery).await;
        ended
    }

    /// Sends messages, as many at a time as the server's extensions allow, and calls `ended` with the index and the outcome of each
    /// as soon as it is known. The reply to the end of the data may take as long as [`Limits::end_of_data`].
    ///
    /// At most 16 messages and 256 KiB are sent without an outcome; if the connection is lost, the outcome of those whose last byte
    /// was sent is unknown, and the others can be sent again. Small messages are sent whole before the server has answered, unless
    /// the session was idle for 10 s or the message is for all recipients or none.
    ///
    /// If the server's extensions rule a message out, nothing of it is sent. Its commit point is committed before its last bytes are
    /// written, and reset if the server refuses it. Dropping the future leaves a session that is not usable.
    ///
    /// Recipients that exceed the server's limit for a transaction ([`ErrorKind::TooManyRecipients`]) follow in further ones, as
    /// long as each makes progress; the outcome of such a message comes last. By then the message is out, and the delivery can no
    /// longer be cancelled.
    pub async fn send_many(&mut self, mails: &[Mail], mut ended: impl FnMut(usize, Delivery) + Send) {
        let mut indexes = Vec::new();
        let mut transactions = Vec::new();
        for (index, mail) in mails.iter().enumerate() {
            let info = content_info(&mail.content).await;
            match transaction::check(&mail.envelope, info, &self.extensions) {
                Ok(params) => {
                    indexes.push((index, params));
                    transactions.push(Transaction::new(&mail.envelope, params, mail.all_or_nothing));
                }
                Err(error) => ended(index, Delivery::failed(mail.envelope.recipients.len(), &error)),
            }
        }
        let contents = indexes.iter().map(|(index, _)| (&mails[*index].content, &mails[*index].commit_point));
        let mut split = Vec::new();
        let outcome = |position: usize, delivery: Delivery| {
            let (index, params) = indexes[position];
            match delivery.accepted() && !over_limit(&delivery).is_empty() {
                true => split.push((index, params, delivery)),
                false => ended(index, delivery),
            }
        };
        self.transact(transactions, contents.collect(), outcome).await;
        for (index, params, delivery) in split {
            ended(index, self.send_rest(&mails[index], params, delivery).await);
        }
    }

    /// Sends to the recipients that exceeded the server's limit.
    async fn send_rest(&mut self, mail: &Mail, params: MailParams, mut delivery: Delivery) -> Delivery {
        let mut gets_on = true;
        for _ in 1..MAX_TRANSACTIONS {
            let left = over_limit(&delivery);
            if left.is_empty() || !gets_on || !self.is_usable() {
                break;
            }
            let recipients = left.iter().map(|index| mail.envelope.recipients[*index].clone()).collect();
            let rest = Envelope { sender: mail.envelope.sender.clone(), recipients };
            let transaction = Transaction::new(&rest, params, false).continuing();
            let commit_point = CommitPoint::new();
            let mut further = Delivery { recipients: Vec::new() };
            let contents = vec![(&mail.content, &commit_point)];
            self.transact(vec![transaction], contents, |_, delivery| further = delivery).await;
            gets_on = further.accepted();
            for (index, end) in left.into_iter().zip(further.recipients) {
                delivery.recipients[index] = end;
            }
        }
        delivery
    }

    async fn transact(
        &mut self,
        transactions: Vec<Transaction<'_>>,
        contents: Vec<(&Content, &CommitPoint)>,
        mut outcome: impl FnMut(usize, Delivery) + Send,
    ) {
        if !std::mem::replace(&mut self.state.in_sync, false) {
            let error = Error::new(Phase::Mail, ErrorKind::Closed);
            for (index, transaction) in transactions.iter().enumerate() {
                outcome(index, Delivery::failed(transaction.envelope.recipients.len(), &error));
            }
            return;
        }
        self.counter.add(Counted::Messages, contents.len());
        self.messages = self.messages.saturating_add(u32::try_from(contents.len()).unwrap_or(u32::MAX));
        let active = (self.now)().saturating_sub(self.used_at) < ACTIVE_FOR;
        let state = SessionState { in_sync: true, active, ..self.state };
        let first_reply = match std::mem::take(&mut self.was_idle) {
            true => self.limits.command.min(FIRST_REPLY_TIMEOUT),
            false => self.limits.command,
        };
        let mut transfer = Transfer {
            wire: &mut self.wire,
            pipeline: Pipeline::new(transactions, &self.extensions, state),
            contents,
            limits: self.limits,
            next_reply: first_reply,
        };
        let span = debug_span!("messages", count = transfer.contents.len());
        transfer.run(outcome).instrument(span).await;
        self.state = transfer.pipeline.session();
        // An unexpected reply would be taken for the reply to the next command.
        self.state.in_sync &= self.wire.socket_state() != SocketState::Readable;
        self.used_at = (self.now)();
    }

    /// Sends QUIT and closes. Failures are ignored.
    pub async fn quit(mut self) {
        if self.is_usable() {
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
