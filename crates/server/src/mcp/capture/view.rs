//! A captured mail in results: as data, and as lines of text that say the same.

use std::iter::once;

use schemars::JsonSchema;
use serde::Serialize;

use super::mails::CapturedMail;
use crate::mcp::content_view::ContentView;

/// Longer texts are cut; the file has all.
const MAX_TEXT_BYTES: usize = 100_000;

// The envelope of a mail, and how it came. Plain comments: doc comments become descriptions in the schema.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EnvelopeView {
    number: u64,
    at: String,
    sender: String,
    recipients: Vec<String>,
    subject: String,
    size: usize,
    /// The mail as received
    file: String,
    login: Option<String>,
    tls: bool,
    /// What the sending program did wrong
    defects: Vec<String>,
}

// A mail with its content.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MailView {
    #[serde(flatten)]
    envelope: EnvelopeView,
    #[serde(flatten)]
    content: ContentView,
}

impl EnvelopeView {
    pub(super) fn of(mail: &CapturedMail) -> Self {
        Self {
            number: mail.number,
            at: mail.at.clone(),
            sender: mail.sender.clone(),
            recipients: mail.recipients.clone(),
            subject: mail.subject.clone(),
            size: mail.size,
            file: mail.file.display().to_string(),
            login: mail.login.clone(),
            tls: mail.tls,
            defects: mail.defects.clone(),
        }
    }

    /// All of it in one line.
    pub(super) fn line(&self) -> String {
        let login = self.login.as_ref().map(|login| format!(", login as {login}")).unwrap_or_default();
        let tls = if self.tls { ", over TLS" } else { "" };
        let defects = self.defects.iter().map(|defect| format!("; defect: {defect}")).collect::<String>();
        let (number, at, size, file) = (self.number, &self.at, self.size, &self.file);
        let (sender, recipients) = (&self.sender, self.recipients.join(", "));
        format!(
            "{number} at {at} from {sender} to {recipients}: {}; {size} bytes{login}{tls}; {file}{defects}",
            self.subject
        )
    }
}

impl MailView {
    /// Reads the content from `bytes`, those of the mail.
    pub(super) fn of(mail: &CapturedMail, bytes: &[u8]) -> Option<Self> {
        let content = ContentView::of(bytes, MAX_TEXT_BYTES)?;
        Some(Self { envelope: EnvelopeView::of(mail), content })
    }

    /// Its envelope, and its content.
    pub(super) fn lines(&self) -> Vec<String> {
        let cut = self.content.is_cut().then(|| "A text is cut: the file has all.".to_owned());
        once(self.envelope.line()).chain(self.content.lines()).chain(cut).collect()
    }
}
