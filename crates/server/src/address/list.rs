//! Lists of mailboxes: a comma-separated string, or one string each.

use super::{AddressError, Mailbox};

/// Why an entry without a text is refused.
const EMPTY: &str = "an empty entry (two commas in a row, a comma at an end, or an empty string)";

/// Parses a comma-separated list. Commas within quotes and angle brackets do not separate.
///
/// # Errors
/// Every string that is not a mailbox.
pub fn parse_list(text: &str) -> Result<Vec<Mailbox>, Vec<AddressError>> {
    let trimmed = text.trim_matches(' ');
    if trimmed.is_empty() {
        return Ok(Vec::new());
    }
    parse_mailboxes(&split(trimmed))
}

/// Parses one mailbox from each string.
///
/// # Errors
/// Every string that is not a mailbox.
pub fn parse_mailboxes<T: AsRef<str>>(texts: &[T]) -> Result<Vec<Mailbox>, Vec<AddressError>> {
    let mut mailboxes = Vec::new();
    let mut errors = Vec::new();
    for text in texts {
        if text.as_ref().trim_matches(' ').is_empty() {
            errors.push(AddressError { given: String::new(), reason: EMPTY.to_owned() });
            continue;
        }
        match Mailbox::parse(text.as_ref()) {
            Ok(mailbox) => mailboxes.push(mailbox),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(mailboxes) } else { Err(errors) }
}

/// Splits at the commas outside quotes and angle brackets.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut quoted, mut escaped, mut angled, mut start) = (false, false, false, 0);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '<' => angled = true,
            '>' => angled = false,
            ',' if !angled => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
