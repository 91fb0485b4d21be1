//! The media type of an attachment: as given, by its content, or by its name.

use super::message_part::is_message;

/// If neither the name nor the content determines it.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// The media type for the Content-Type field.
///
/// A given type wins. Then the content, unless it is only a container (a `.docx` is a zip) or the name says
/// text (a CSV that begins with `BM` is not a bitmap). A text gets `charset=utf-8` only if it is UTF-8. Messages are
/// for [`super::message_part`]; others of the `message` and `multipart` families are sent as application/octet-stream.
pub(super) fn type_of(given: Option<&str>, filename: &str, bytes: &[u8]) -> String {
    let found = match given {
        Some(given) => given,
        None => guess(filename, bytes),
    };
    let is_composite = found.starts_with("message/") || found.starts_with("multipart/");
    if is_composite && !is_message(found) {
        return UNKNOWN.to_owned();
    }
    if found.starts_with("text/") && !found.contains(';') && str::from_utf8(bytes).is_ok() {
        return format!("{found}; charset=utf-8");
    }
    found.to_owned()
}

fn guess(filename: &str, bytes: &[u8]) -> &'static str {
    let by_name = mime_guess::from_path(filename).first_raw();
    let by_content = infer::get(bytes).map(|kind| kind.mime_type());
    match (by_content, by_name) {
        (Some(content), None) => content,
        (Some(content), Some(name)) if !is_vague(content) && !is_textual(name) => content,
        (_, Some(name)) => name,
        (None, None) => UNKNOWN,
    }
}

/// Containers and text: many types look like these.
fn is_vague(content: &str) -> bool {
    content.starts_with("text/")
        || matches!(
            content,
            "application/zip" | "application/x-ole-storage" | "application/gzip" | "application/xml"
        )
}

fn is_textual(name: &str) -> bool {
    name.starts_with("text/")
        || name.ends_with("+xml")
        || matches!(
            name,
            "application/json" | "application/javascript" | "application/xml" | "application/x-yaml"
        )
}
