//! What the tests of the outbox share.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use smtp_submission::{CommitPoint, Phase};
use uuid::Uuid;

use crate::address::Address;
use crate::clock::Clock;
use crate::config::{Account, OnUnknown, OutboxLimits, OutboxLocation};
use crate::message::{ContentType, Digest, HeaderVariant, Message, MessageInfo};
use crate::outbox::{Claim, Email, Enqueued, NewMessage, Outbox, Principal, Queued, Retry, Schedule};
use crate::outcome::{RecipientOutcome, RecipientStatus, ServerId, State};
use crate::policy::Quota;

pub(super) const ACCOUNT: Account = Account([1; 32]);

/// An outbox with a clock that is advanced by hand.
pub(super) struct Fixture {
    pub(super) outbox: Outbox,
    pub(super) clock: Clock,
}

pub(super) fn clock() -> Clock {
    Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

impl Fixture {
    pub(super) fn memory() -> Self {
        let clock = clock();
        Self::open(&OutboxLocation::Memory, &clock)
    }

    /// A process of its own on the file in `directory`.
    pub(super) fn file(directory: &Path, clock: &Clock) -> Self {
        let location = OutboxLocation::File(directory.join("outbox.db"));
        Self::open(&location, clock)
    }

    fn open(location: &OutboxLocation, clock: &Clock) -> Self {
        let outbox = Outbox::open(location, clock.clone()).unwrap();
        outbox.serve(vec![ACCOUNT]).unwrap();
        Self { outbox, clock: clock.clone() }
    }

    pub(super) async fn enqueue(&self, new: NewMessage) -> Queued {
        match self.outbox.enqueue(new).await.unwrap() {
            Enqueued::New(queued) => queued,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn due(&self) -> Vec<Uuid> {
        self.outbox.due(100).await.unwrap().into_iter().map(|queued| queued.id).collect()
    }

    pub(super) async fn claim(&self, queued: &Queued) -> Claim {
        self.outbox.claim(queued, &CommitPoint::new()).await.unwrap().unwrap()
    }

    /// A message that was claimed and then recorded with these statuses.
    pub(super) async fn attempted(&self, new: NewMessage, statuses: &[RecipientStatus]) -> Queued {
        let recipients = new.message.recipients.clone();
        let queued = self.enqueue(new).await;
        let claim = self.claim(&queued).await;
        let outcomes: Vec<_> =
            recipients.into_iter().zip(statuses).map(|(to, status)| outcome(to, *status)).collect();
        self.outbox.record(claim, &outcomes, Duration::from_secs(30)).await.unwrap();
        self.queued(queued.id).await
    }

    /// The message as it waits now.
    pub(super) async fn queued(&self, id: Uuid) -> Queued {
        self.outbox
            .engine
            .read(move |db, _| Ok(super::super::operations::enqueue::find(db, id)?.unwrap()))
            .await
            .unwrap()
    }

    pub(super) async fn email(&self, id: Uuid) -> Email {
        self.outbox.get(id, None).await.unwrap().unwrap()
    }

    pub(super) async fn state(&self, id: Uuid) -> State {
        self.email(id).await.state
    }

    /// The statuses of the recipients, one letter each.
    pub(super) async fn statuses(&self, id: Uuid) -> String {
        let letter = |one: &RecipientOutcome| match one.status {
            RecipientStatus::Accepted => 'A',
            RecipientStatus::Rejected => 'R',
            RecipientStatus::TryNext | RecipientStatus::Deferred => 'D',
            RecipientStatus::Unknown => 'U',
        };
        self.email(id).await.recipients.iter().map(letter).collect()
    }
}

pub(super) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// A message to `to`, the digest of whose request depends on `request` alone.
pub(super) fn message(to: &[&str], request: &str) -> NewMessage {
    let id = Uuid::new_v4();
    let sender = address("me@x.org");
    let mut digest = [0; 32];
    digest[..request.len()].copy_from_slice(request.as_bytes());
    let message = Message {
        message_id: format!("<{}@x.org>", id.simple()),
        recipients: to.iter().map(|to| address(to)).collect(),
        sender_chosen: false,
        header_variants: vec![HeaderVariant { sender, header: b"From: <me@x.org>\r\n".as_slice().into() }],
        content: format!("Subject: {request}\r\n\r\nbody\r\n").into_bytes().into(),
        needs_smtputf8: false,
        digest: Digest::default(),
        info: MessageInfo { content_type: ContentType::Plain, attachments: 0 },
    };
    NewMessage {
        id,
        message: Arc::new(message.sealed()),
        subject: request.to_owned(),
        request: Digest(digest),
        accounts: vec![ACCOUNT],
        principal: Principal::Local,
        idempotency_key: None,
        allow_duplicate: false,
        on_unknown: OnUnknown::Manual,
        quota: Quota::default(),
        hold: None,
        schedule: Schedule::Now,
        all_or_nothing: false,
        limits: OutboxLimits { min_free: 0, ..OutboxLimits::default() },
    }
}

/// A retry for everybody who did not get it, by anyone.
pub(super) fn all_of(id: Uuid) -> Retry {
    Retry { id, principal: None, only: Vec::new(), accounts: Vec::new(), quota: Quota::default() }
}

/// The outcome of a recipient with this status.
pub(super) fn outcome(to: Address, status: RecipientStatus) -> RecipientOutcome {
    let (code, reply) = match status {
        RecipientStatus::Accepted => (Some(250), Some("ok".to_owned())),
        RecipientStatus::Rejected => (Some(550), Some("no".to_owned())),
        RecipientStatus::TryNext | RecipientStatus::Deferred => (Some(451), Some("later".to_owned())),
        RecipientStatus::Unknown => (None, None),
    };
    let reason = if status == RecipientStatus::Accepted { "" } else { "why" };
    RecipientOutcome {
        status,
        phase: Phase::EndOfData,
        reason: reason.to_owned(),
        code,
        enhanced_code: None,
        reply,
        server: Some(ServerId { name: "primary".to_owned(), host: "mail.x.org".to_owned() }),
        ..RecipientOutcome::open(to)
    }
}
