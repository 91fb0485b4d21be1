//! The captured mails of this run, newest last; their content is in the files.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How many are remembered; the files of older ones stay.
const MAX_MAILS: usize = 10_000;

/// A mail that was captured.
#[derive(Debug, Clone)]
pub(crate) struct CapturedMail {
    /// Counts from 1.
    pub(crate) number: u64,
    /// When it arrived, in RFC 3339.
    pub(crate) at: String,
    /// The envelope's sender; empty for a bounce.
    pub(crate) sender: String,
    /// The envelope's recipients that were accepted.
    pub(crate) recipients: Vec<String>,
    /// Decoded.
    pub(crate) subject: String,
    /// In bytes.
    pub(crate) size: usize,
    /// Its bytes as received.
    pub(crate) file: PathBuf,
    /// Who had logged in.
    pub(crate) login: Option<String>,
    /// The connection was encrypted.
    pub(crate) tls: bool,
    /// What the sending program did wrong.
    pub(crate) defects: Vec<String>,
}

/// Which mails are meant; without a field, all.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    /// A part of a recipient's address, in any case.
    pub(super) recipient: Option<String>,
    /// A part of the subject, in any case.
    pub(super) subject: Option<String>,
    /// Only those with a greater number.
    pub(super) after: u64,
}

/// The mails. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct CapturedMails {
    shared: Arc<watch::Sender<Mails>>,
    stopping: CancellationToken,
}

#[derive(Debug, Default)]
struct Mails {
    count: u64,
    kept: VecDeque<CapturedMail>,
}

impl CapturedMails {
    /// Adds a mail, and gives it the next number.
    pub(crate) fn add(&self, mail: CapturedMail) {
        self.shared.send_modify(|mails| {
            mails.count += 1;
            mails.kept.push_back(CapturedMail { number: mails.count, ..mail });
            if mails.kept.len() > MAX_MAILS {
                mails.kept.pop_front();
            }
        });
    }

    /// How many mails are meant, and the newest of them, the last one first.
    pub(super) fn newest(&self, filter: &Filter, limit: usize) -> (usize, Vec<CapturedMail>) {
        let mails = self.shared.borrow();
        let meant = || mails.kept.iter().rev().filter(|mail| filter.matches(mail));
        (meant().count(), meant().take(limit).cloned().collect())
    }

    /// The mail with this number.
    pub(super) fn get(&self, number: u64) -> Option<CapturedMail> {
        self.shared.borrow().kept.iter().find(|mail| mail.number == number).cloned()
    }

    /// The first mail that is meant, now or within `wait`.
    pub(super) async fn wait(&self, filter: &Filter, wait: Duration) -> Option<CapturedMail> {
        let mut changes = self.shared.subscribe();
        let first = |mails: &Mails| mails.kept.iter().find(|mail| filter.matches(mail)).cloned();
        tokio::select! {
            // A mail that is there already counts, however short the wait.
            biased;
            arrived = changes.wait_for(|mails| first(mails).is_some()) => arrived.ok().and_then(|mails| first(&mails)),
            () = sleep(wait) => None,
            () = self.stopping.cancelled() => None,
        }
    }

    /// Nobody waits any longer.
    pub(crate) fn end_waits(&self) {
        self.stopping.cancel();
    }

    /// Forgets all mails; returns how many there were. Numbers go on.
    pub(super) fn clear(&self) -> usize {
        let mut count = 0;
        self.shared.send_modify(|mails| count = std::mem::take(&mut mails.kept).len());
        count
    }
}

impl Filter {
    fn matches(&self, mail: &CapturedMail) -> bool {
        let contains = |text: &str, part: &Option<String>| {
            part.as_ref().is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
        };
        mail.number > self.after
            && contains(&mail.subject, &self.subject)
            && (self.recipient.is_none()
                || mail.recipients.iter().any(|address| contains(address, &self.recipient)))
    }
}
