//! The texts of a draft with the template rendered, and validated again, because values can contain anything.

use std::collections::BTreeSet;

use super::template::{self, Escaping, Unfilled, fill};
use super::text_part;
use crate::address::character;
use crate::limits::{self, CallLimits};
use crate::request::ValidationCode::{Invalid, Missing, TooLarge};
use crate::request::{Draft, MAX_ERRORS, ValidationErrors};

/// A longer name is shortened in a message.
const NAME: usize = 100;

/// Subject, body and text part as they are sent.
pub(super) struct RenderedText {
    pub(super) subject: String,
    pub(super) body: String,
    /// Always present with an HTML body: the one given, or one made from it.
    pub(super) text: Option<String>,
}

/// The draft's texts, rendered if there are variables.
pub(super) fn texts(draft: &Draft, limits: &CallLimits) -> Result<RenderedText, ValidationErrors> {
    let mut texts = if draft.vars.is_empty() { as_written(draft) } else { fill_in(draft, limits)? };
    if draft.html && texts.text.is_none() {
        texts.text = Some(text_part::of_html(&texts.body, 2 * limits.body_bytes));
    }
    Ok(texts)
}

fn as_written(draft: &Draft) -> RenderedText {
    RenderedText { subject: draft.subject.clone(), body: draft.body.clone(), text: draft.text.clone() }
}

fn fill_in(draft: &Draft, limits: &CallLimits) -> Result<RenderedText, ValidationErrors> {
    let mut errors = ValidationErrors::default();
    for name in draft.vars.keys().filter(|name| !template::is_name(name)) {
        let expected = "expected letters, digits and _, not beginning with a digit";
        let message = format!("{} is not a valid name: {expected}", character::quoted(name));
        errors.add("template_vars", Invalid, message);
    }
    let mut missing = BTreeSet::new();
    let mut rendered = |field: &str, text: &str, escaping, most| {
        fill(text, &draft.vars, escaping, most, &mut missing).unwrap_or_else(|unfilled| {
            match unfilled {
                Unfilled::Broken(problem) => errors.add(field, Invalid, problem),
                Unfilled::TooLong => errors.add(field, TooLarge, too_long(field, limits)),
            }
            String::new()
        })
    };
    let body_escaping = if draft.html { Escaping::Html } else { Escaping::Plain };
    // a character has at most four bytes
    let subject = rendered("subject", &draft.subject, Escaping::Plain, 4 * limits.subject_chars);
    let body = rendered("body", &draft.body, body_escaping, limits.body_bytes);
    let text = draft.text.as_ref().map(|text| rendered("text", text, Escaping::Plain, limits.body_bytes));
    if !missing.is_empty() {
        errors.add("template_vars", Missing, format!("missing: {}", named(&missing)));
    }
    let texts = errors.or(RenderedText { subject, body, text })?;
    check(&texts, limits)?;
    Ok(texts)
}

fn named(missing: &BTreeSet<String>) -> String {
    let shown = |name: &String| if name.len() <= NAME { name.clone() } else { character::quoted(name) };
    let names: Vec<String> = missing.iter().take(MAX_ERRORS).map(shown).collect();
    let more = if missing.len() > MAX_ERRORS {
        format!(" and {} more", missing.len() - MAX_ERRORS)
    } else {
        String::new()
    };
    names.join(", ") + &more
}

fn check(texts: &RenderedText, limits: &CallLimits) -> Result<(), ValidationErrors> {
    let mut errors = ValidationErrors::default();
    if texts.subject.trim().is_empty() {
        errors.add("subject", Missing, "empty after its template was rendered");
    }
    if let Some(found) = character::control_in(&texts.subject) {
        errors.add("subject", Invalid, format!("a value inserts {found}; a subject must be one line"));
    }
    if texts.subject.chars().count() > limits.subject_chars {
        errors.add("subject", TooLarge, too_long("subject", limits));
    }
    errors.or(())
}

fn too_long(field: &str, limits: &CallLimits) -> String {
    let most = match field {
        "subject" => format!("longer than {} characters", limits.subject_chars),
        _ => format!("larger than {}", limits::size(limits.body_bytes)),
    };
    format!("{most} after its template was rendered")
}
