//! A mail server on a free loopback port, in its own thread, that keeps only the last mail.

use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use smtp_sink::event::{EventKind, Mail};
use smtp_sink::{Behavior, Sink};
use tokio::runtime::Builder;

/// A mail server that lives as long as this program.
pub(crate) struct MailServer {
    address: SocketAddr,
    last: Arc<Mutex<Option<Arc<Mail>>>>,
}

impl MailServer {
    pub(crate) fn start() -> Result<Self> {
        let last = Arc::default();
        let (started, address) = channel();
        let kept = Arc::clone(&last);
        std::thread::spawn(move || serve(&started, kept));
        Ok(Self { address: address.recv().context("the mail server did not start")??, last })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The mail that arrived last.
    pub(crate) fn last_mail(&self) -> Result<Arc<Mail>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone().context("no mail arrived")
    }

    /// Settings with which the program sends here.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SMTP_HOST", "127.0.0.1".to_owned()),
            ("SMTP_PORT", self.port().to_string()),
            ("SMTP_USE_TLS", "false".to_owned()),
            ("SMTP_FROM_EMAIL", "ada@example.org".to_owned()),
            // As many mails as there are.
            ("SMTP_POLICY", "open".to_owned()),
        ]
    }
}

fn serve(started: &Sender<Result<SocketAddr>>, kept: Arc<Mutex<Option<Arc<Mail>>>>) {
    let serving = async {
        let event_sink = Box::new(move |event: &smtp_sink::Event| {
            if let EventKind::Mail(mail) = &event.kind {
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(mail));
            }
            Ok(())
        });
        let sink = Sink::start_with(Behavior::default(), event_sink).await?;
        let _ = started.send(Ok(sink.addr()));
        std::future::pending::<Result<()>>().await
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(serving));
    if let Err(error) = ended {
        let _ = started.send(Err(error));
    }
}
