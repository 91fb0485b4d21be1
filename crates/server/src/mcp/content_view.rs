//! The content of a mail in results: as data, and as lines of text that say the same.

use mail_parser::{MessageParser, MessagePart, MimeHeaders as _, PartType};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

// Plain comments: doc comments become descriptions in the schema.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ContentView {
    headers: Vec<HeaderView>,
    text: Option<String>,
    html: Option<String>,
    attachments: Vec<AttachmentView>,
    /// text or html was longer
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
    sha256: String,
}

impl ContentView {
    /// Reads the content of the message in `bytes`. Texts longer than `max_text_bytes` are cut.
    pub(crate) fn of(bytes: &[u8], max_text_bytes: usize) -> Option<Self> {
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
        let headers = message.headers_raw().map(|(name, value)| HeaderView {
            name: name.to_owned(),
            value: value.split_whitespace().collect::<Vec<_>>().join(" "),
        });
        let is_cut = [&text, &html].into_iter().flatten().any(|text| text.len() > max_text_bytes);
        Some(Self {
            headers: headers.collect(),
            attachments: message.attachments().map(AttachmentView::of).collect(),
            is_cut,
            text: text.map(|text| cut(text, max_text_bytes)),
            html: html.map(|html| cut(html, max_text_bytes)),
        })
    }

    /// Header fields, text, attachments.
    pub(crate) fn lines(&self) -> Vec<String> {
        let headers = self.headers.iter().map(|header| format!("{}: {}", header.name, header.value));
        let attachments = self.attachments.iter().map(|file| {
            let name = file.filename.as_deref().unwrap_or("(no name)");
            let (kind, size, sha256) = (&file.content_type, file.size, &file.sha256);
            format!("attachment: {name}, {kind}, {size} bytes, SHA-256 {sha256}")
        });
        let bodies = [("text", &self.text), ("html", &self.html)];
        let bodies =
            bodies.into_iter().filter_map(|(name, body)| Some(format!("{name}:\n{}", body.as_ref()?)));
        headers.chain(attachments).chain(bodies).collect()
    }

    #[cfg(feature = "capture")]
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }
}

impl AttachmentView {
    fn of(part: &MessagePart<'_>) -> Self {
        let kind = |kind: &mail_parser::ContentType<'_>| {
            format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default())
        };
        Self {
            filename: part.attachment_name().map(str::to_owned),
            content_type: part.content_type().map_or_else(|| "text/plain".to_owned(), kind),
            size: part.contents().len(),
            sha256: hex(&Sha256::digest(part.contents())),
        }
    }
}

/// In lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cut(mut text: String, max_bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(max_bytes));
    text
}
