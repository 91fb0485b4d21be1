//! A captured mail in results: as data, and as lines of text that say the same.

use std::iter::once;

use mail_parser::{MessageParser, MimeHeaders as _, PartType};
use schemars::JsonSchema;
use serde::Serialize;

use super::mails::CapturedMail;

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
    headers: Vec<HeaderView>,
    text: Option<String>,
    html: Option<String>,
    attachments: Vec<AttachmentView>,
    /// text or html was longer: the file has all
    is_cut: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct HeaderView {
    name: String,
    value: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AttachmentView {
    filename: Option<String>,
    content_type: String,
    size: usize,
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
        let message = MessageParser::default().parse(bytes)?;
        let body = |of_type: fn(&PartType<'_>) -> Option<String>, ids: &[u32]| {
            ids.iter().filter_map(|id| message.part(*id)).find_map(|part| of_type(&part.body))
        };
        let text = body(
            |body| if let PartType::Text(text) = body { Some(text.to_string()) } else { None },
            &message.text_body,
        );
        let html = body(
            |body| if let PartType::Html(text) = body { Some(text.to_string()) } else { None },
            &message.html_body,
        );
        let is_cut = [&text, &html].into_iter().flatten().any(|text| text.len() > MAX_TEXT_BYTES);
        let headers = message.headers_raw().map(|(name, value)| HeaderView {
            name: name.to_owned(),
            value: value.split_whitespace().collect::<Vec<_>>().join(" "),
        });
        let attachments = message.attachments().map(|part| AttachmentView {
            filename: part.attachment_name().map(str::to_owned),
            content_type: part.content_type().map_or_else(
                || "text/plain".to_owned(),
                |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()),
            ),
            size: part.contents().len(),
        });
        Some(Self {
            envelope: EnvelopeView::of(mail),
            headers: headers.collect(),
            attachments: attachments.collect(),
            text: text.map(cut),
            html: html.map(cut),
            is_cut,
        })
    }

    /// Its content: header fields, text, attachments.
    pub(super) fn lines(&self) -> Vec<String> {
        let headers = self.headers.iter().map(|header| format!("{}: {}", header.name, header.value));
        let attachments = self.attachments.iter().map(|file| {
            let name = file.filename.as_deref().unwrap_or("(no name)");
            format!("attachment: {name}, {}, {} bytes", file.content_type, file.size)
        });
        let bodies = [("text", &self.text), ("html", &self.html)];
        let bodies =
            bodies.into_iter().filter_map(|(name, body)| Some(format!("{name}:\n{}", body.as_ref()?)));
        let cut = self.is_cut.then(|| "A text is cut: the file has all.".to_owned());
        once(self.envelope.line()).chain(headers).chain(attachments).chain(bodies).chain(cut).collect()
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
    text
}
