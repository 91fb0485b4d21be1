//! What all connections of a sink share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::TlsAcceptor;

use crate::behavior::Behavior;
use crate::event::EventLog;

/// What all connections of a sink share.
pub(crate) struct Shared {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) log: EventLog,
    behavior: Mutex<Arc<Behavior>>,
    numbers: AtomicU64,
}

impl Shared {
    pub(crate) fn new(acceptor: TlsAcceptor, log: EventLog, behavior: Behavior) -> Self {
        Self { acceptor, log, behavior: Mutex::new(Arc::new(behavior)), numbers: AtomicU64::new(0) }
    }

    /// Changes how the sink behaves.
    pub(crate) fn set_behavior(&self, behavior: Behavior) {
        *self.behavior.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(behavior);
    }

    /// How the sink behaves now.
    pub(crate) fn behavior(&self) -> Arc<Behavior> {
        Arc::clone(&self.behavior.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A number that was not used before, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }
}
