//! The draft: a request, parsed and checked. What it holds needs no second look.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Number, Value};

use super::asked::{Addresses, Asked};
use super::attachment::{self, Part};
use super::refusal::Refusal;
use super::thread::{MessageId, parse_references};
use crate::address::{Address, AddressError, Mailbox, character, parse_list, parse_mailboxes};
use crate::limits::{self, CallLimits};

/// The longest list of addresses or Message-IDs: a thousand recipients with long names, and no more, because each entry that is
/// parsed takes ten times its bytes.
const LIST_BYTES: usize = 1 << 20;

/// A request that can be composed.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The sender that the call chose.
    pub from: Option<Mailbox>,
    /// At least one.
    pub to: Vec<Mailbox>,
    /// Copies.
    pub cc: Vec<Mailbox>,
    /// Hidden copies: in the envelope only.
    pub bcc: Vec<Mailbox>,
    /// Where replies go.
    pub reply_to: Vec<Mailbox>,
    /// Not empty; a template where there are variables.
    pub subject: String,
    /// A template where there are variables.
    pub body: String,
    /// The body is HTML.
    pub html: bool,
    /// The body's own text part; a template where there are variables.
    pub text: Option<String>,
    /// The template's values. Empty: no template.
    pub vars: BTreeMap<String, Var>,
    /// In the order of the call.
    pub attachments: Vec<Part>,
    /// The mail that this one answers.
    pub in_reply_to: Option<MessageId>,
    /// The thread, oldest first.
    pub references: Vec<MessageId>,
}

/// A template's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Var {
    /// A text.
    Text(String),
    /// A number, as it is shown.
    Number(String),
    /// True or false.
    Bool(bool),
    /// Given as null: not there.
    Null,
}

impl Draft {
    /// Parses and checks what was asked.
    ///
    /// # Errors
    /// Every problem at once, each naming its parameter.
    pub fn parse(asked: Asked, limits: &CallLimits) -> Result<Self, Refusal> {
        let mut refusal = Refusal::default();
        let draft = Self {
            from: given(asked.from_email).and_then(|text| sender(&text, &mut refusal)),
            to: mailboxes("to", Some(&asked.to), &mut refusal),
            cc: mailboxes("cc", asked.cc.as_ref(), &mut refusal),
            bcc: mailboxes("bcc", asked.bcc.as_ref(), &mut refusal),
            reply_to: mailboxes("reply_to", asked.reply_to.as_ref(), &mut refusal),
            vars: vars(asked.template_vars.unwrap_or_default(), &mut refusal),
            attachments: attachment::parse_all(asked.attachments.unwrap_or_default(), limits, &mut refusal),
            in_reply_to: given(asked.in_reply_to).and_then(|text| answered(&text, &mut refusal)),
            references: asked.references.map(|given| thread(&given, &mut refusal)).unwrap_or_default(),
            subject: asked.subject,
            body: asked.body,
            html: asked.html.unwrap_or_default(),
            text: given(asked.text),
        };
        draft.check(limits, &mut refusal);
        refusal.or(draft)
    }

    /// Everyone who gets a copy, each once: To, Cc and Bcc, in this order.
    pub fn recipients(&self) -> Vec<Address> {
        let mut seen = HashSet::new();
        let all = self.to.iter().chain(&self.cc).chain(&self.bcc).map(|mailbox| &mailbox.address);
        all.filter(|address| seen.insert(*address)).cloned().collect()
    }

    fn check(&self, limits: &CallLimits, refusal: &mut Refusal) {
        let recipients = self.recipients().len();
        if recipients > limits.recipients {
            refusal.add(format!(
                "to, cc, bcc: {recipients} recipients; at most {} are taken",
                limits.recipients
            ));
        }
        if self.subject.trim().is_empty() {
            refusal.add("subject: must not be empty");
        }
        if let Some(found) = character::control_in(&self.subject) {
            refusal.add(format!("subject: {found}; a subject is one line"));
        }
        // a template may be longer than what it becomes, but not without end
        let most = if self.vars.is_empty() { limits.subject_chars } else { 10 * limits.subject_chars };
        if self.subject.chars().count() > most {
            refusal.add(format!("subject: longer than {most} characters"));
        }
        for (field, text) in [("body", Some(&self.body)), ("text", self.text.as_ref())] {
            if text.is_some_and(|text| text.len() > limits.body_bytes) {
                refusal.add(format!(
                    "{field}: larger than {} bytes; attach it as a file instead",
                    limits.body_bytes
                ));
            }
        }
        if self.text.is_some() && !self.html {
            refusal.add("text: only for an HTML body (html: true); a plain text body is its own text");
        }
    }
}

/// `null` and the empty string mean "not given".
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn sender(text: &str, refusal: &mut Refusal) -> Option<Mailbox> {
    Mailbox::parse(text).map_err(|error| refusal.add(format!("from_email: {error}"))).ok()
}

fn answered(text: &str, refusal: &mut Refusal) -> Option<MessageId> {
    MessageId::parse(text).map_err(|problem| refusal.add(format!("in_reply_to: {problem}"))).ok()
}

fn is_too_long(field: &str, given: &Addresses, refusal: &mut Refusal) -> bool {
    let is_too_long = given.weight() > LIST_BYTES;
    if is_too_long {
        refusal.add(format!("{field}: a list larger than {}", limits::size(LIST_BYTES)));
    }
    is_too_long
}

fn thread(given: &Addresses, refusal: &mut Refusal) -> Vec<MessageId> {
    if is_too_long("references", given, refusal) {
        return Vec::new();
    }
    parse_references(given).unwrap_or_else(|problems| {
        problems.into_iter().for_each(|problem| refusal.add(format!("references: {problem}")));
        Vec::new()
    })
}

fn mailboxes(field: &str, given: Option<&Addresses>, refusal: &mut Refusal) -> Vec<Mailbox> {
    let parsed = match given {
        None => return Vec::new(),
        Some(given) if is_too_long(field, given, refusal) => return Vec::new(),
        Some(Addresses::One(text)) => parse_list(text),
        Some(Addresses::Many(texts)) => parse_mailboxes(texts),
    };
    let none = matches!(&parsed, Ok(mailboxes) if mailboxes.is_empty());
    if none && field == "to" {
        refusal.add("to: at least one recipient is needed");
    }
    parsed.unwrap_or_else(|errors: Vec<AddressError>| {
        errors.into_iter().for_each(|error| refusal.add(format!("{field}: {error}")));
        Vec::new()
    })
}

fn vars(given: Map<String, Value>, refusal: &mut Refusal) -> BTreeMap<String, Var> {
    let mut vars = BTreeMap::new();
    for (name, value) in given {
        let var = match value {
            Value::String(text) => Var::Text(text),
            Value::Number(number) if is_rounded(&number) => {
                refusal.add(format!(
                    "template_vars: {} is a number too large to be kept exactly; give it as a string",
                    character::quoted(&name)
                ));
                continue;
            }
            Value::Number(number) => Var::Number(number.to_string()),
            Value::Bool(value) => Var::Bool(value),
            Value::Null => Var::Null,
            Value::Array(_) | Value::Object(_) => {
                refusal.add(format!(
                    "template_vars: {} must be a string, a number or a boolean",
                    character::quoted(&name)
                ));
                continue;
            }
        };
        vars.insert(name, var);
    }
    vars
}

/// Beyond 2^53 a number that is no 64-bit integer has lost digits already, such as those of an account.
fn is_rounded(number: &Number) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.is_f64() && number.as_f64().is_some_and(|value| value.abs() > EXACT)
}
