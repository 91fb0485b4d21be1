//! The draft: a request, parsed and validated. Its contents need no further checks.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use super::args::{Addresses, SendEmailArgs};
use super::attachment::{self, AttachmentSpec};
use super::extra_header::{self, ExtraHeader};
use super::thread::{MessageId, ending_with, parse_references};
use super::validation::ValidationCode::{Conflict, Invalid, Missing, TooLarge, TooMany};
use super::validation::ValidationErrors;
use crate::address::{Address, AddressError, Mailbox, character, parse_list, parse_mailboxes};
use crate::limits::{self, CallLimits};

/// The longest list of addresses or Message-IDs: a thousand recipients with long names, and no more, because each parsed
/// entry takes ten times its bytes.
const MAX_LIST_BYTES: usize = 1 << 20;

/// A valid request, ready to be composed.
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
    /// Not empty; a template if there are variables.
    pub subject: String,
    /// A template if there are variables.
    pub body: String,
    /// The body is HTML.
    pub html: bool,
    /// The text part of an HTML body; a template if there are variables.
    pub text: Option<String>,
    /// The values of template variables. Empty: not a template.
    pub vars: BTreeMap<String, Var>,
    /// In the order of the call.
    pub attachments: Vec<AttachmentSpec>,
    /// How urgent it is, if the call says so.
    pub priority: Option<Priority>,
    /// A receipt is asked for when it is read (RFC 8098).
    pub read_receipt: bool,
    /// Further header fields.
    pub headers: Vec<ExtraHeader>,
    /// The mail that this one replies to.
    pub in_reply_to: Option<MessageId>,
    /// The thread, oldest first, to the mail that this one replies to.
    pub references: Vec<MessageId>,
    /// Who gets it in place of its recipients.
    pub redirect_to: Option<Address>,
}

/// How urgent a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Urgent.
    High,
    /// As most mails.
    Normal,
    /// It can wait.
    Low,
}

/// A template's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Var {
    /// A text.
    Text(String),
    /// A number, as it is written.
    Number(String),
    /// True or false.
    Bool(bool),
    /// Given as null: absent.
    Null,
}

impl Draft {
    /// Parses and validates the arguments.
    ///
    /// # Errors
    /// Every error at once, each naming its parameter.
    pub fn parse(args: SendEmailArgs, limits: &CallLimits) -> Result<Self, ValidationErrors> {
        let mut errors = ValidationErrors::default();
        let in_reply_to = args.in_reply_to.and_then(|text| in_reply_to(&text, &mut errors));
        let references = args.references.map(|given| thread(&given, &mut errors)).unwrap_or_default();
        let priority = args.priority.and_then(|word| priority(&word, &mut errors));
        let draft = Self {
            headers: extra_header::parse_all(
                args.headers.unwrap_or_default(),
                priority.is_some(),
                &mut errors,
            ),
            priority,
            read_receipt: args.read_receipt.unwrap_or_default(),
            from: args.from_email.and_then(|text| sender(&text, &mut errors)),
            to: mailboxes("to", Some(&args.to), &mut errors),
            cc: mailboxes("cc", args.cc.as_ref(), &mut errors),
            bcc: mailboxes("bcc", args.bcc.as_ref(), &mut errors),
            reply_to: mailboxes("reply_to", args.reply_to.as_ref(), &mut errors),
            vars: vars(args.template_vars.unwrap_or_default(), &mut errors),
            attachments: attachment::parse_all(args.attachments.unwrap_or_default(), limits, &mut errors),
            references: ending_with(references, in_reply_to.as_ref()),
            in_reply_to,
            redirect_to: None,
            subject: args.subject,
            body: args.body,
            html: args.html.unwrap_or_default(),
            text: args.text,
        };
        draft.check(limits, &mut errors);
        errors.or(draft)
    }

    /// Everyone who gets a copy, each once: To, Cc and Bcc, in this order.
    pub fn recipients(&self) -> Vec<Address> {
        let mut seen = HashSet::new();
        let all = self.to.iter().chain(&self.cc).chain(&self.bcc).map(|mailbox| &mailbox.address);
        all.filter(|address| seen.insert(*address)).cloned().collect()
    }

    fn check(&self, limits: &CallLimits, errors: &mut ValidationErrors) {
        let recipients = self.recipients().len();
        if recipients > limits.recipients {
            let message = format!("{recipients} recipients; at most {} are allowed", limits.recipients);
            errors.add("to, cc, bcc", TooMany, message);
        }
        if self.subject.trim().is_empty() {
            errors.add("subject", Missing, "must not be empty");
        }
        if let Some(found) = character::control_in(&self.subject) {
            errors.add("subject", Invalid, format!("{found}; a subject must be one line"));
        }
        // a template may be longer than its result, but not without limit
        let most = if self.vars.is_empty() { limits.subject_chars } else { 10 * limits.subject_chars };
        if self.subject.chars().count() > most {
            errors.add("subject", TooLarge, format!("longer than {most} characters"));
        }
        for (field, text) in [("body", Some(&self.body)), ("text", self.text.as_ref())] {
            if text.is_some_and(|text| text.len() > limits.body_bytes) {
                let message = format!("larger than {} bytes; attach it as a file instead", limits.body_bytes);
                errors.add(field, TooLarge, message);
            }
        }
        if self.text.is_some() && !self.html {
            errors.add(
                "text",
                Conflict,
                "only for an HTML body (html: true); a plain text body is its own text",
            );
        }
    }
}

fn sender(text: &str, errors: &mut ValidationErrors) -> Option<Mailbox> {
    Mailbox::parse(text).map_err(|error| errors.add("from_email", Invalid, error.to_string())).ok()
}

fn priority(word: &str, errors: &mut ValidationErrors) -> Option<Priority> {
    match word.trim().to_ascii_lowercase().as_str() {
        "high" => Some(Priority::High),
        "normal" => Some(Priority::Normal),
        "low" => Some(Priority::Low),
        _ => {
            errors.add(
                "priority",
                Invalid,
                format!("{}: expected high, normal or low", character::quoted(word)),
            );
            None
        }
    }
}

fn in_reply_to(text: &str, errors: &mut ValidationErrors) -> Option<MessageId> {
    MessageId::parse(text).map_err(|problem| errors.add("in_reply_to", Invalid, problem)).ok()
}

fn is_too_long(field: &str, given: &Addresses, errors: &mut ValidationErrors) -> bool {
    let is_too_long = given.approx_bytes() > MAX_LIST_BYTES;
    if is_too_long {
        errors.add(field, TooLarge, format!("a list larger than {}", limits::size(MAX_LIST_BYTES)));
    }
    is_too_long
}

fn thread(given: &Addresses, errors: &mut ValidationErrors) -> Vec<MessageId> {
    if is_too_long("references", given, errors) {
        return Vec::new();
    }
    parse_references(given).unwrap_or_else(|problems| {
        problems.into_iter().for_each(|problem| errors.add("references", Invalid, problem));
        Vec::new()
    })
}

/// The addresses in an argument.
///
/// # Errors
/// Which ones are invalid.
pub fn addresses(field: &str, given: &Addresses) -> Result<Vec<Address>, ValidationErrors> {
    let mut errors = ValidationErrors::default();
    let found = mailboxes(field, Some(given), &mut errors);
    if errors.errors().is_empty() {
        Ok(found.into_iter().map(|mailbox| mailbox.address).collect())
    } else {
        Err(errors)
    }
}

fn mailboxes(field: &str, given: Option<&Addresses>, errors: &mut ValidationErrors) -> Vec<Mailbox> {
    let parsed = match given {
        None => return Vec::new(),
        Some(given) if is_too_long(field, given, errors) => return Vec::new(),
        Some(Addresses::One(text)) => parse_list(text),
        Some(Addresses::Many(texts)) => parse_mailboxes(texts),
    };
    let none = matches!(&parsed, Ok(mailboxes) if mailboxes.is_empty());
    if none && field == "to" {
        errors.add("to", Missing, "at least one recipient is needed");
    }
    parsed.unwrap_or_else(|invalid: Vec<AddressError>| {
        invalid.into_iter().for_each(|error| errors.add(field, Invalid, error.to_string()));
        Vec::new()
    })
}

fn vars(given: Map<String, Value>, errors: &mut ValidationErrors) -> BTreeMap<String, Var> {
    let mut vars = BTreeMap::new();
    for (name, value) in given {
        let var = match value {
            Value::String(text) => Var::Text(text),
            Value::Number(number) => Var::Number(number.to_string()),
            Value::Bool(value) => Var::Bool(value),
            Value::Null => Var::Null,
            Value::Array(_) | Value::Object(_) => {
                let name = character::quoted(&name);
                let message = format!("{name} must be a string, a number or a boolean");
                errors.add("template_vars", Invalid, message);
                continue;
            }
        };
        vars.insert(name, var);
    }
    vars
}
