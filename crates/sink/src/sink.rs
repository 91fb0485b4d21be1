//! The running sink: the listener and its connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use crate::behavior::Behavior;
use crate::event::{self, Event, EventLog, EventSink, Mail};
use crate::session::Session;
use crate::shared::Shared;

/// A running SMTP server. Dropping it stops it and closes its connections.
pub struct Sink {
    addr: SocketAddr,
    ca_pem: Option<String>,
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Sink {
    /// Starts a sink that remembers everything. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// The address cannot be bound, or the certificate cannot be generated or loaded.
    pub async fn start(behavior: Behavior) -> io::Result<Self> {
        Self::start_recording(behavior, EventLog::new(None)).await
    }

    /// Starts a sink that passes every event to `event_sink` and keeps none, so that it can run for a long time.
    ///
    /// # Errors
    /// As [`Sink::start`].
    pub async fn start_with(behavior: Behavior, event_sink: EventSink) -> io::Result<Self> {
        Self::start_recording(behavior, EventLog::new(Some(event_sink))).await
    }

    async fn start_recording(behavior: Behavior, log: EventLog) -> io::Result<Self> {
        let identity = behavior.certificate.identity()?;
        let listener = TcpListener::bind(behavior.listen).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::new(identity.acceptor, log, behavior));
        let task = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { addr, ca_pem: identity.ca_pem, shared, task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a client has to trust, as PEM: the sink's CA or its self-signed certificate. None for a provided certificate.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Changes how it behaves, also for open connections. Address and certificate stay as they are.
    pub fn set_behavior(&self, behavior: Behavior) {
        self.shared.set_behavior(behavior);
    }

    /// The mails that were kept so far. Empty if there is an event sink.
    pub fn mails(&self) -> Vec<Arc<Mail>> {
        self.shared.log.mails()
    }

    /// The next mail, in order; each is returned once. Waits without a limit.
    pub async fn next_mail(&self) -> Arc<Mail> {
        self.shared.log.next_mail().await
    }

    /// The mails as soon as there are at least `count`.
    pub async fn wait_for(&self, count: usize) -> Vec<Arc<Mail>> {
        self.wait_until(|events| event::mails(events).len() >= count).await;
        self.mails()
    }

    /// Everything that happened so far, in order. Empty if there is an event sink.
    pub fn events(&self) -> Vec<Event> {
        self.shared.log.events()
    }

    /// Waits until `enough` holds for the events so far.
    pub async fn wait_until(&self, enough: impl Fn(&[Event]) -> bool) {
        self.shared.log.wait_until(enough).await;
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// Accepts connections for ever. Dropping the set aborts their tasks.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut count = 0;
    loop {
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::task::yield_now().await;
                continue;
            }
        };
        count += 1;
        while connections.try_join_next().is_some() {}
        connections.spawn(Session::new(stream, count, Arc::clone(&shared)).run());
    }
}
