//! The running sink: it listens, and looks after its connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::manner::Manner;
use crate::record::{self, Event, Mail, Record, Witness};
use crate::session::Session;

/// A running SMTP server. Dropping it stops it and cuts its connections.
pub struct Sink {
    addr: SocketAddr,
    ca_pem: Option<String>,
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// What all connections of a sink have in common.
pub(crate) struct Shared {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) record: Record,
    manner: Mutex<Arc<Manner>>,
    numbers: AtomicU64,
}

impl Shared {
    /// How the sink behaves at this moment.
    pub(crate) fn manner(&self) -> Arc<Manner> {
        Arc::clone(&self.manner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A number that was not given before, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Sink {
    /// Starts a sink that remembers everything. Needs a tokio runtime with I/O and time.
    ///
    /// # Errors
    /// When it cannot listen there, or the certificate cannot be made or read.
    pub async fn start(manner: Manner) -> io::Result<Self> {
        Self::start_recording(manner, Record::new(None)).await
    }

    /// Starts a sink that tells `witness` everything and remembers nothing, so that it can live long.
    ///
    /// # Errors
    /// As [`Sink::start`].
    pub async fn start_with(manner: Manner, witness: Witness) -> io::Result<Self> {
        Self::start_recording(manner, Record::new(Some(witness))).await
    }

    async fn start_recording(manner: Manner, record: Record) -> io::Result<Self> {
        let identity = manner.certificate.identity()?;
        let listener = TcpListener::bind(manner.listen).await?;
        let addr = listener.local_addr()?;
        let manner = Mutex::new(Arc::new(manner));
        let shared =
            Arc::new(Shared { acceptor: identity.acceptor, record, manner, numbers: AtomicU64::new(0) });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { addr, ca_pem: identity.ca_pem, shared, task })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What a client has to trust, as PEM: the sink's CA or its self-signed certificate. None for a given certificate.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Changes how it behaves, for open connections, too. Address and certificate stay as they are.
    pub fn set_manner(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(manner);
    }

    /// The mails that were kept so far. Empty if there is a witness.
    pub fn mails(&self) -> Vec<Arc<Mail>> {
        self.shared.record.mails()
    }

    /// The next mail, in order; each is returned once. It waits as long as it takes.
    pub async fn next_mail(&self) -> Arc<Mail> {
        self.shared.record.next_mail().await
    }

    /// The mails as soon as there are at least `count`.
    pub async fn wait_for(&self, count: usize) -> Vec<Arc<Mail>> {
        self.wait_until(|events| record::mails(events).len() >= count).await;
        self.mails()
    }

    /// Everything that happened so far, in order. Empty if there is a witness.
    pub fn events(&self) -> Vec<Event> {
        self.shared.record.events()
    }

    /// Waits until `enough` holds for the events so far.
    pub async fn wait_until(&self, enough: impl Fn(&[Event]) -> bool) {
        self.shared.record.wait_until(enough).await;
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

/// Takes connections for ever. The set ends its tasks when this task ends.
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
