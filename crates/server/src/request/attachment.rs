//! Attachments: each with a bare name, as strict base64 or by path, within the limits.

use std::borrow::Cow;
use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use mime::Mime;

use super::args::AttachmentArgs;
use super::validation::ValidationCode::{Conflict, Invalid, Missing, TooLarge, TooMany};
use super::validation::{ValidationCode, ValidationErrors};
use crate::address::character;
use crate::limits::{self, CallLimits};

/// The longest file name on common file systems, in characters.
const NAME_LIMIT: usize = 255;

/// The longest media type with its parameters: it has to fit on one line (RFC 5322, section 2.1.1: at most 998).
const TYPE_LIMIT: usize = 500;
/// Attachments of one mail: each adds a part with a header, however small the file.
const COUNT_LIMIT: usize = 1000;

/// One attachment, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachmentSpec {
    /// Its bytes, or its path.
    pub file: AttachmentSource,
    /// A bare name.
    pub filename: String,
    /// `type/subtype`, lower case, perhaps with parameters; if the call gave one.
    pub mime_type: Option<String>,
    /// Without angle brackets; unique within the draft.
    pub content_id: Option<String>,
}

/// Where an attachment's bytes come from.
#[derive(Debug, Clone, PartialEq)]
pub enum AttachmentSource {
    /// Given in the call, decoded.
    Given(Vec<u8>),
    /// To be read under one of the configured directories.
    Path(String),
}

/// Checks all attachments and collects every error; one error refuses the call.
pub(super) fn parse_all(
    args: Vec<AttachmentArgs>,
    limits: &CallLimits,
    errors: &mut ValidationErrors,
) -> Vec<AttachmentSpec> {
    if args.len() > COUNT_LIMIT {
        let message = format!("{} but at most {COUNT_LIMIT} are allowed", args.len());
        errors.add("attachments", TooMany, message);
        return Vec::new();
    }
    let together: usize = args.iter().filter_map(|one| one.content.as_deref()).map(decoded_size).sum();
    if together > limits.attachments_bytes {
        let (found, most) = (limits::size(together), limits::size(limits.attachments_bytes));
        let message = format!("{found} in total but at most {most} are allowed");
        errors.add("attachments", TooLarge, message);
        return Vec::new();
    }
    let mut ids = HashSet::new();
    let mut parts = Vec::new();
    for (index, one) in args.into_iter().enumerate() {
        let place = format!("attachments[{index}]");
        let Some(part) = errors.note(parse(one, &place, limits)) else {
            continue;
        };
        if let Some(id) = &part.content_id
            && !ids.insert(id.clone())
        {
            let message = format!("{} is used twice", character::quoted(id));
            errors.add(format!("{place}.content_id"), Conflict, message);
        }
        parts.push(part);
    }
    parts
}

fn parse(args: AttachmentArgs, place: &str, limits: &CallLimits) -> Result<AttachmentSpec, ValidationErrors> {
    let mut errors = ValidationErrors::default();
    let filename = non_empty(args.filename);
    let path = non_empty(args.path);
    let mime_type = non_empty(args.mime_type)
        .and_then(|text| note(&mut errors, place, "mime_type", mime_type(&text).map_err(invalid)));
    let content_id = non_empty(args.content_id)
        .and_then(|text| note(&mut errors, place, "content_id", content_id(&text).map_err(invalid)));
    let (file, name) = match (args.content, path) {
        (Some(content), None) => (decode(&content, limits).map(AttachmentSource::Given), filename),
        (content, Some(path)) if content.as_deref().unwrap_or_default().is_empty() => {
            let last = path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            (Ok(AttachmentSource::Path(path)), filename.or(Some(last)))
        }
        (Some(_), Some(_)) => (Err((Conflict, "give content or path, not both".to_owned())), filename),
        (None, _) => (Err((Missing, "give content (base64) and filename, or path".to_owned())), filename),
    };
    let file = note(&mut errors, place, "content", file);
    let name = name.ok_or_else(|| (Missing, "content needs a filename".to_owned()));
    let name = name.and_then(|name| bare_name(name).map_err(invalid));
    let name = note(&mut errors, place, "filename", name);
    match (file, name) {
        (Some(file), Some(filename)) => errors.or(AttachmentSpec { file, filename, mime_type, content_id }),
        _ => Err(errors),
    }
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// What is wrong with a field.
type Problem = (ValidationCode, String);

fn invalid(message: String) -> Problem {
    (Invalid, message)
}

fn note<T>(errors: &mut ValidationErrors, place: &str, field: &str, result: Result<T, Problem>) -> Option<T> {
    result.map_err(|(code, message)| errors.add(format!("{place}.{field}"), code, message)).ok()
}

/// The decoded size of a base64 text, without decoding it.
fn decoded_size(text: &str) -> usize {
    text.bytes().filter(|b| !matches!(b, b'\r' | b'\n' | b' ' | b'\t' | b'=')).count() * 3 / 4
}

fn decode(text: &str, limits: &CallLimits) -> Result<Vec<u8>, Problem> {
    let size = decoded_size(text);
    if size > limits.attachment_bytes {
        let (found, most) = (limits::size(size), limits::size(limits.attachment_bytes));
        return Err((TooLarge, format!("{found} but at most {most} are allowed")));
    }
    let blank = |c: char| matches!(c, '\r' | '\n' | ' ' | '\t');
    let bare = if text.contains(blank) { Cow::Owned(text.replace(blank, "")) } else { Cow::Borrowed(text) };
    // Complete padding or none: partial padding means that something is missing.
    let alphabet = if bare.ends_with('=') { &STANDARD } else { &STANDARD_NO_PAD };
    alphabet.decode(bare.as_ref()).map_err(|_| {
        invalid(if text.starts_with("data:") {
            "a data URL; give only the part after the comma".to_owned()
        } else if text.contains(['-', '_']) {
            "not valid base64: URL-safe characters (- _); use the standard alphabet (+ /)".to_owned()
        } else {
            "not valid base64".to_owned()
        })
    })
}

/// A file name without directories and without invisible characters.
fn bare_name(name: String) -> Result<String, String> {
    let problem = if name.contains(['/', '\\']) {
        Some("a bare file name, without / and \\".to_owned())
    } else if name == "." || name == ".." {
        Some("a file name, not a directory".to_owned())
    } else if name.trim().is_empty() {
        Some("a file name that is not empty".to_owned())
    } else if name.trim() != name {
        Some("a file name without spaces at its ends".to_owned())
    } else if name.chars().count() > NAME_LIMIT {
        Some(format!("a file name of at most {NAME_LIMIT} characters"))
    } else {
        character::forbidden_in_name(&name).map(|found| format!("a file name without {found}"))
    };
    match problem {
        Some(expected) => Err(format!("{}: expected {expected}", character::quoted(&name))),
        None => Ok(name),
    }
}

/// `type/subtype`, perhaps with parameters (RFC 2045, section 5.1).
fn mime_type(text: &str) -> Result<String, String> {
    let expected = |what: &str| Err(format!("{}: expected {what}", character::quoted(text)));
    let Ok(parsed) = text.trim_matches(' ').parse::<Mime>() else {
        return expected("type/subtype, such as application/pdf");
    };
    if parsed.type_() == mime::MULTIPART {
        return expected("the type of a file; multipart has parts of its own");
    }
    let essence = parsed.essence_str().to_ascii_lowercase();
    if text.len() > TYPE_LIMIT || essence.len() > 127 {
        return expected("type/subtype of at most 127 characters, with its parameters at most 500");
    }
    let parameters = parsed.params().map(|(name, value)| parameter(name.as_str(), value.as_str()));
    let Some(parameters) = parameters.collect::<Option<Vec<_>>>() else {
        return expected("parameters of plain words, such as charset=utf-8, and not name or boundary");
    };
    Ok(std::iter::once(essence).chain(parameters).collect::<Vec<_>>().join("; "))
}

/// `name=word`. `name` and `boundary` are not allowed.
fn parameter(name: &str, value: &str) -> Option<String> {
    let is_plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(&b))
    };
    let name = name.to_ascii_lowercase();
    if !is_plain(&name) || !is_plain(value) || name == "name" || name == "boundary" {
        return None;
    }
    let value = if name == "charset" { value.to_ascii_lowercase() } else { value.to_owned() };
    Some(format!("{name}={value}"))
}

/// A content id, without its brackets (RFC 2392; what `cid:` names, so plain ASCII).
fn content_id(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$&'*+-/=^_`{|}~.@".contains(&b);
    if bare.is_empty() || bare.len() > 200 || bare.contains("=?") || !bare.bytes().all(fits) {
        return Err(format!(
            "{}: expected a plain name, such as logo or logo@example.org",
            character::quoted(text)
        ));
    }
    Ok(bare.to_owned())
}
