//! The arguments of `send_email` as received. Their doc comments are the descriptions in the tool's schema.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::json_limits;

/// The arguments of `send_email`, as received.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendEmailArgs {
    /// Recipients, comma-separated: Ada <ada@example.org>, bob@example.org
    pub to: Addresses,
    /// Subject, not empty
    pub subject: String,
    /// Body: plain text, or HTML if html is true
    pub body: String,
    /// Sender, one of those this server may send as; default: the server's own
    #[serde(default)]
    pub from_email: Option<String>,
    /// Copy recipients, as to
    #[serde(default)]
    pub cc: Option<Addresses>,
    /// Hidden copy recipients, as to
    #[serde(default)]
    pub bcc: Option<Addresses>,
    /// The body is HTML (a text part is made from it)
    #[serde(default)]
    #[schemars(default = "html_default")]
    pub html: Option<bool>,
    /// Files: filename and base64 content, or path
    #[serde(default)]
    pub attachments: Option<Vec<AttachmentArgs>>,
    /// Values (text, number, boolean) for {name}, {name|raw} and {?name}…{/name} in subject and body
    #[serde(default)]
    #[schemars(schema_with = "map_schema")]
    pub template_vars: Option<Map<String, Value>>,
    /// Own plain text version of an HTML body
    #[serde(default)]
    pub text: Option<String>,
    /// Where replies go, as to
    #[serde(default)]
    pub reply_to: Option<Addresses>,
    /// Message-ID of the mail answered
    #[serde(default)]
    pub in_reply_to: Option<String>,
    /// Message-IDs of the thread, oldest first, space-separated
    #[serde(default)]
    pub references: Option<References>,
    /// high, normal or low
    #[serde(default)]
    pub priority: Option<String>,
    /// Ask for a read receipt
    #[serde(default)]
    pub read_receipt: Option<bool>,
    /// Extra header fields, X-… or List-…, by name
    #[serde(default)]
    #[schemars(schema_with = "map_schema")]
    pub headers: Option<Map<String, Value>>,
    /// Any text: the same call with the same key is one mail, however often it is made
    #[serde(default)]
    pub idempotency_key: Option<String>,
    /// Send although the same mail was sent less than five minutes ago
    #[serde(default)]
    pub allow_duplicate: Option<bool>,
    /// How long to wait for the outcome: 0 to 45, default 30
    #[serde(default)]
    pub wait_seconds: Option<f64>,
    /// Send it then, up to 90 days ahead: 2027-01-31T09:00:00+01:00
    #[serde(default)]
    pub send_at: Option<String>,
    /// Wait so long, 0 to 3600, in which cancel_email can stop it
    #[serde(default)]
    pub undo_seconds: Option<f64>,
    /// Send to nobody unless the server accepts every recipient
    #[serde(default)]
    pub all_or_nothing: Option<bool>,
}

impl SendEmailArgs {
    /// The approximate size in bytes.
    pub fn approx_bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_deref().map_or(0, str::len);
        let lists = [&self.cc, &self.bcc, &self.reply_to, &self.references];
        let vars = self.template_vars.iter().chain(&self.headers).flatten();
        let attachments = self.attachments.as_deref().unwrap_or_default();
        self.subject.len()
            + self.body.len()
            + text(&self.text)
            + self.to.approx_bytes()
            + lists.into_iter().flatten().map(Addresses::approx_bytes).sum::<usize>()
            + vars.map(|(name, value)| name.len() + value.as_str().map_or(1, str::len)).sum::<usize>()
            + attachments.iter().map(|one| 64 + text(&one.content)).sum::<usize>()
    }
}

#[expect(missing_docs, reason = "a doc comment would become a description in the schema")]
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with filename and content, or path")]
#[schemars(inline)]
pub struct AttachmentArgs {
    /// The file's bytes in base64; needs filename
    #[serde(default)]
    pub content: Option<String>,
    /// Bare file name; default: the last part of path
    #[serde(default)]
    pub filename: Option<String>,
    /// A file in an allowed directory, instead of content
    #[serde(default)]
    pub path: Option<String>,
    /// Such as application/pdf; default: found from name and content
    #[serde(default)]
    pub mime_type: Option<String>,
    /// Shows it inside an HTML body as <img src="cid:…">
    #[serde(default)]
    pub content_id: Option<String>,
}

/// The name of an attachment's field that other programs call `other`.
pub fn attachment_field(other: &str) -> Option<&'static str> {
    let letters: String = other.chars().filter(char::is_ascii_alphanumeric).collect();
    match letters.to_ascii_lowercase().as_str() {
        "name" | "filename" | "title" => Some("filename"),
        "data" | "base64" | "contentbase64" | "base64content" | "body" | "bytes" => Some("content"),
        "type" | "contenttype" | "mimetype" | "mediatype" | "mime" => Some("mime_type"),
        "file" | "filepath" | "localpath" => Some("path"),
        "cid" | "contentid" => Some("content_id"),
        _ => None,
    }
}

/// One string, comma-separated, or an array of strings, perhaps written as JSON in a string. The schema calls it a string: a
/// choice of types is more than many clients convert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addresses {
    /// Comma-separated.
    One(String),
    /// One mailbox each.
    Many(Vec<String>),
}

/// Message-IDs: one string, space-separated, or an array of strings.
pub type References = Addresses;

impl Addresses {
    /// The approximate size in bytes.
    pub(super) fn approx_bytes(&self) -> usize {
        match self {
            Self::One(text) => text.len(),
            Self::Many(texts) => texts.iter().map(|text| 8 + text.len()).sum(),
        }
    }
}

impl Default for Addresses {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StringOrStrings)
    }
}

struct StringOrStrings;

impl<'de> Visitor<'de> for StringOrStrings {
    type Value = Addresses;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_str<E>(self, text: &str) -> Result<Addresses, E> {
        Ok(strings_in_json(text).map_or_else(|| Addresses::One(text.to_owned()), Addresses::Many))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Addresses, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = seq.next_element()? {
            texts.push(text);
        }
        Ok(Addresses::Many(texts))
    }
}

/// The strings of a JSON array; no address and no Message-ID begins with a bracket.
fn strings_in_json(text: &str) -> Option<Vec<String>> {
    let json = text.trim_start();
    let is_array = json.starts_with('[') && json_limits::count(json.as_bytes()).is_ok();
    if is_array { serde_json::from_str(json).ok() } else { None }
}

impl JsonSchema for Addresses {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Addresses".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

fn html_default() -> bool {
    false
}

fn map_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}
