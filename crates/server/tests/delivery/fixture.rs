//! What the tests of dispatch share: servers on sinks, a message, and a short form of its outcome.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use serde_json::json;
use smtp_mcp_server::clock::Clock;
use smtp_mcp_server::compose::compose;
use smtp_mcp_server::config::{
    Config, ConfigSources, LoginConfig, OnUnknown, OutboxLimits, OutboxLocation, ServerConfig,
};
use smtp_mcp_server::delivery::Deliveries;
use smtp_mcp_server::message::Digest;
use smtp_mcp_server::message::Message;
use smtp_mcp_server::outbox::{Email, Enqueued, NewMessage, Outbox, Principal, Schedule};
use smtp_mcp_server::outcome::RecipientStatus;
use smtp_mcp_server::policy::Quota;
use smtp_mcp_server::request::Draft;
use smtp_mcp_server::secret::Secret;
use smtp_mcp_server::upstream::report::Availability;
use smtp_mcp_server::upstream::{Upstreams, accounts_for};
use smtp_sink::{EventKind, Sink};
use uuid::Uuid;

use crate::server::plain_server;

/// Long enough for anything that works.
pub(crate) const LONG: Duration = Duration::from_secs(15);

pub(crate) struct Fixture {
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) deliveries: Deliveries,
    pub(crate) outbox: Outbox,
    pub(crate) clock: Clock,
}

/// A server in plaintext, without a login, that sends as `me@NAME.example`.
pub(crate) fn server(name: &str, at: SocketAddr) -> ServerConfig {
    plain_server(name, &at.ip().to_string(), at.port(), &format!("{name} <me@{name}.example>"))
}

/// The same with the login `ada`, `pw-0`.
pub(crate) fn with_login(server: ServerConfig) -> ServerConfig {
    ServerConfig {
        username: Some("ada".to_owned()),
        login: LoginConfig::with_password(Secret::new("pw-0".to_owned())),
        ..server
    }
}

impl Fixture {
    pub(crate) fn new(servers: Vec<ServerConfig>) -> Self {
        let clock = Clock::manual(DateTime::default());
        let upstreams =
            Upstreams::new(ConfigSources::default(), Config { servers, ..Config::default() }, clock.clone())
                .unwrap();
        Self::with_upstreams(upstreams, clock)
    }

    pub(crate) fn with_upstreams(upstreams: Upstreams, clock: Clock) -> Self {
        let upstreams = Arc::new(upstreams);
        let outbox = Outbox::open(&OutboxLocation::Memory, clock.clone()).unwrap();
        let deliveries = Deliveries::new(outbox.clone(), Arc::clone(&upstreams), clock.clone());
        Self { upstreams, deliveries, outbox, clock }
    }

    pub(crate) fn message(&self, to: &[&str], more: &serde_json::Value) -> Arc<Message> {
        let mut asked = json!({ "to": to, "subject": "Secret subject", "body": "Secret body\n" });
        asked.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let config = &self.upstreams.snapshot().config;
        let draft = Draft::parse(serde_json::from_value(asked).unwrap(), &config.limits).unwrap();
        Arc::new(compose(&draft, config, self.clock.now(), Uuid::from_u128(7)).unwrap().message)
    }

    /// Sends to `to` and waits for `wait` at most.
    pub(crate) async fn send_within(&self, to: &[&str], wait: Duration) -> Outcome {
        let message = self.message(to, &json!({}));
        self.deliver(message, wait).await
    }

    /// Deliveries whose attempts end after `timeout`.
    pub(crate) fn with_attempt_timeout(servers: Vec<ServerConfig>, timeout: Duration) -> Self {
        let mut fixture = Self::new(servers);
        let (outbox, upstreams) = (fixture.outbox.clone(), Arc::clone(&fixture.upstreams));
        fixture.deliveries =
            Deliveries::with_attempt_timeout(outbox, upstreams, fixture.clock.clone(), timeout);
        fixture
    }

    /// The same with an outbox on a file.
    pub(crate) fn on_a_file(servers: Vec<ServerConfig>, directory: &std::path::Path) -> Self {
        let mut fixture = Self::new(servers);
        let location = OutboxLocation::File(directory.join("outbox.db"));
        fixture.outbox = Outbox::open(&location, fixture.clock.clone()).unwrap();
        fixture.restart();
        fixture
    }

    /// As after a restart of the program, on the same outbox.
    pub(crate) fn restart(&mut self) {
        let (outbox, upstreams) = (self.outbox.clone(), Arc::clone(&self.upstreams));
        self.deliveries = Deliveries::new(outbox, upstreams, self.clock.clone());
    }

    /// The message as it is taken.
    fn new_message(&self, message: Arc<Message>) -> NewMessage {
        NewMessage {
            id: Uuid::new_v4(),
            subject: "Secret subject".to_owned(),
            request: Digest([0; 32]),
            accounts: accounts_for(&self.upstreams.snapshot(), &message),
            message,
            principal: Principal::Local,
            idempotency_key: None,
            allow_duplicate: true,
            on_unknown: OnUnknown::Manual,
            quota: Quota::default(),
            hold: None,
            schedule: Schedule::Now,
            all_or_nothing: false,
            limits: OutboxLimits::default(),
        }
    }

    /// Sends `message` and waits for `wait` at most. The future can be spawned.
    pub(crate) fn deliver(
        &self,
        message: Arc<Message>,
        wait: Duration,
    ) -> impl Future<Output = Outcome> + Send + 'static {
        let (deliveries, new) = (self.deliveries.clone(), self.new_message(message));
        let servers = self.upstreams.snapshot();
        async move {
            let began = tokio::time::Instant::now();
            let id = new.id;
            let (enqueued, _) = deliveries.enqueue(new, servers).await.unwrap();
            assert!(matches!(enqueued, Enqueued::New(_)));
            let waited = deliveries.wait(id, wait).await.unwrap();
            let (email, may_have_been_sent) = (waited.email, waited.may_have_been_sent);
            Outcome { email, may_have_been_sent, duration: began.elapsed() }
        }
    }

    pub(crate) async fn send(&self, to: &[&str]) -> Outcome {
        self.send_within(to, LONG).await
    }

    /// A send in the background.
    pub(crate) fn begin(&self, to: &'static [&'static str]) -> tokio::task::JoinHandle<Outcome> {
        let message = self.message(to, &json!({}));
        tokio::spawn(self.deliver(message, LONG))
    }

    pub(crate) fn availability(&self, name: &str) -> Availability {
        let status = self.upstreams.status();
        let server = status.servers.iter().find(|server| server.name == name).unwrap();
        match (server.is_available, server.is_failed, server.is_paused) {
            (true, false, false) => Availability::Available,
            (false, true, false) => Availability::BackOff,
            (false, false, true) => Availability::Paused,
            _ => panic!("{server:?}"),
        }
    }
}

/// What a caller learns.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) email: Email,
    pub(crate) may_have_been_sent: bool,
    pub(crate) duration: Duration,
}

/// One letter for each recipient.
pub(crate) fn statuses(outcome: &Outcome) -> String {
    let letter = |status| match status {
        RecipientStatus::Accepted => 'A',
        RecipientStatus::Rejected => 'R',
        RecipientStatus::TryNext | RecipientStatus::Deferred if outcome.may_have_been_sent => 'U',
        RecipientStatus::TryNext | RecipientStatus::Deferred => 'D',
        RecipientStatus::Unknown => 'U',
    };
    outcome.email.recipients.iter().map(|recipient| letter(recipient.status)).collect()
}

/// The messages for all recipients.
pub(crate) fn messages(outcome: &Outcome) -> String {
    outcome.email.recipients.iter().map(|recipient| recipient.reason.clone() + "\n").collect()
}

/// The local parts of everyone who got a copy, each copy once.
pub(crate) fn copies(sink: &Sink) -> String {
    let mails = sink.mails();
    let mut all: Vec<&str> =
        mails.iter().flat_map(|mail| &mail.recipients).map(|to| to.split('@').next().unwrap()).collect();
    all.sort_unstable();
    all.join(" ")
}

/// How many logins were refused.
pub(crate) fn refused_logins(sink: &Sink) -> usize {
    sink.events().iter().filter(|event| matches!(event.kind, EventKind::Login { ok: false, .. })).count()
}

/// Whether the whole content of a mail has arrived `count` times.
pub(crate) async fn contents(sink: &Sink, count: usize) {
    sink.wait_until(|events| {
        events.iter().filter(|event| matches!(event.kind, EventKind::Content { .. })).count() >= count
    })
    .await;
}
