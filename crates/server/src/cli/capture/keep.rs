//! The folder of captured mails: bytes as received in an `.eml`, the envelope beside it in a `.json`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use serde::Serialize;
use smtp_sink::{Event, EventKind, Mail};

use crate::clock::Clock;

/// The folder.
#[derive(Debug)]
pub(in crate::cli) struct Folder {
    path: PathBuf,
    clock: Clock,
    count: u32,
}

/// A mail that was kept.
#[derive(Debug)]
pub(in crate::cli) struct Kept {
    pub(in crate::cli) file: PathBuf,
    pub(in crate::cli) at: DateTime<FixedOffset>,
}

/// The contents of the `.json` beside a mail, and of its event on stdout.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct CapturedMail<'a> {
    file: &'a Path,
    sender: &'a str,
    recipients: &'a [String],
    size: usize,
    smtputf8: bool,
    body_8bit: bool,
    login: Option<&'a str>,
    tls: bool,
    answered: bool,
    defects: &'a [String],
}

impl<'a> CapturedMail<'a> {
    pub(in crate::cli) fn of(mail: &'a Mail, file: &'a Path) -> Self {
        Self {
            file,
            sender: &mail.sender,
            recipients: &mail.recipients,
            size: mail.bytes.len(),
            smtputf8: mail.smtputf8,
            body_8bit: mail.body_8bit,
            login: mail.login.as_deref(),
            tls: mail.tls,
            answered: mail.answered,
            defects: &mail.defects,
        }
    }
}

impl Folder {
    /// Creates the folder if it does not exist.
    pub(in crate::cli) fn open(path: &Path, clock: Clock) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(Self { path: std::path::absolute(path)?, clock, count: 0 })
    }

    /// Keeps the mail, if the event is one.
    pub(in crate::cli) fn keep(&mut self, event: &Event) -> io::Result<Option<Kept>> {
        let EventKind::Mail(mail) = &event.kind else {
            return Ok(None);
        };
        let at = self.clock.now();
        let (file, mut bytes) = self.fresh_file(at)?;
        bytes.write_all(&mail.bytes)?;
        let envelope = serde_json::to_vec_pretty(&CapturedMail::of(mail, &file))?;
        fs::write(file.with_extension("json"), envelope)?;
        Ok(Some(Kept { file, at }))
    }

    /// A name that sorts by time and was not used before, not even by an earlier run.
    fn fresh_file(&mut self, at: DateTime<FixedOffset>) -> io::Result<(PathBuf, File)> {
        let timestamp = at.format("%Y%m%d-%H%M%S");
        loop {
            self.count += 1;
            let path = self.path.join(format!("{timestamp}-{:04}.eml", self.count));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                opened => return opened.map(|file| (path, file)),
            }
        }
    }
}
