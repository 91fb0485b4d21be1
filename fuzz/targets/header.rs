//! Any draft as a message: no header field, recipient or encoded word that was not asked for, judged by mail-parser.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use mail_parser::{Address as Seen, Message as Parsed, MessageParser, MimeHeaders as _};
use smtp_mcp_server::address::{Address, Mailbox};
use smtp_mcp_server::message::Message;
use smtp_mcp_server::request::{Addresses, AttachmentArgs, Draft, References, SendEmailArgs};
use smtp_mcp_server_fuzz::{composed, limits};

/// What a call may say, with each text as hostile as it gets.
#[derive(Arbitrary, Debug)]
struct Input {
    to: Vec<Who>,
    cc: Vec<Who>,
    bcc: Vec<Who>,
    reply_to: Vec<Who>,
    from: Option<Who>,
    subject: String,
    body: String,
    html: bool,
    in_reply_to: Option<String>,
    references: Vec<String>,
    file: Option<NamedFile>,
    /// Whether control characters are left out, so that more gets past the door.
    clean: bool,
}

#[derive(Arbitrary, Debug)]
struct Who {
    name: String,
    local: String,
    /// The two as they are, not as a name and a local part.
    wild: bool,
}

#[derive(Arbitrary, Debug)]
struct NamedFile {
    name: String,
    mime_type: Option<String>,
    content_id: Option<String>,
}

/// Every field that a message of ours may have.
const FIELDS: &[&str] = &[
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "X-Mailer",
    "Content-Type",
    "Content-Transfer-Encoding",
];

fuzz_target!(|input: Input| {
    let Ok(draft) = Draft::parse(asked(&input), &limits()) else {
        return;
    };
    let Some(message) = composed(&draft) else {
        return;
    };
    assert_eq!(message.recipients, asked_for(&draft), "{draft:?}");
    for path in &message.recipients {
        assert!(smtp_submission::Path::new(&path.to_string()).is_ok());
    }
    let bytes = bytes(&message);
    check_lines(&bytes);
    let Some(seen) = MessageParser::default().parse(&bytes) else {
        panic!("no message: {draft:?}");
    };
    check_fields(&seen, &draft);
});

/// The arguments; addresses that are refused by themselves are left out, so that the others are seen.
fn asked(input: &Input) -> SendEmailArgs {
    let line = |text: &str| if input.clean { text.replace(char::is_control, "") } else { text.to_owned() };
    let texts = |who: &[Who]| -> Vec<String> {
        who.iter()
            .map(|who| line(&shown(who)))
            .filter(|text| Mailbox::parse(text).is_ok_and(|it| is_judged(&it)))
            .collect()
    };
    let many = |who: &[Who]| Addresses::Many(texts(who));
    let mut to = texts(&input.to);
    if to.is_empty() {
        to.push("ada@example.org".to_owned());
    }
    let file = input.file.as_ref().map(|file| AttachmentArgs {
        content: Some("AAEC".to_owned()),
        filename: Some(line(&file.name)),
        path: None,
        mime_type: file.mime_type.clone(),
        content_id: file.content_id.clone(),
    });
    SendEmailArgs {
        to: Addresses::Many(to),
        cc: Some(many(&input.cc)),
        bcc: Some(many(&input.bcc)),
        reply_to: Some(many(&input.reply_to)),
        from_email: input
            .from
            .as_ref()
            .map(|who| line(&shown(who)))
            .filter(|text| Mailbox::parse(text).is_ok_and(|it| is_judged(&it))),
        subject: line(&input.subject),
        body: input.body.clone(),
        html: Some(input.html),
        attachments: file.map(|file| vec![file]),
        in_reply_to: input.in_reply_to.as_deref().map(line),
        references: Some(References::Many(input.references.iter().map(|text| line(text)).collect())),
        ..SendEmailArgs::default()
    }
}

/// mail-parser takes a parenthesis in a quoted local part for a comment; Python, which reads it right, judges those in the tests.
fn is_judged(mailbox: &Mailbox) -> bool {
    !mailbox.address.local().contains('(')
}

fn shown(who: &Who) -> String {
    let Who { name, local, wild } = who;
    match (wild, name.is_empty()) {
        (true, _) => format!("{name} {local}"),
        (false, true) => format!("{local}@allowed.example"),
        (false, false) => {
            let name = name.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{name}\" <{local}@allowed.example>")
        }
    }
}

/// Each address of to, cc and bcc, once.
fn asked_for(draft: &Draft) -> Vec<Address> {
    let mut all: Vec<Address> = Vec::new();
    for mailbox in draft.to.iter().chain(&draft.cc).chain(&draft.bcc) {
        if !all.contains(&mailbox.address) {
            all.push(mailbox.address.clone());
        }
    }
    all
}

fn bytes(message: &Message) -> Vec<u8> {
    [&message.header_variants[0].header[..], &message.content[..]].concat()
}

/// CRLF throughout, no line beyond 998 bytes, and in the header block only our fields, each once.
fn check_lines(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let bare = text.replace("\r\n", "");
    assert!(!bare.contains(['\r', '\n']), "{text:?}");
    assert!(bytes.split(|b| *b == b'\n').all(|line| line.len() <= 999), "{text:?}");
    let Some((header, _)) = text.split_once("\r\n\r\n") else {
        panic!("no end of the header: {text:?}");
    };
    let mut names = Vec::new();
    for line in header.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
        let name = line.split(':').next().unwrap_or_default().to_owned();
        assert!(FIELDS.contains(&name.as_str()) && !names.contains(&name), "{name:?} in {header:?}");
        names.push(name);
    }
    assert!(!header.contains('\0') && header.split("\r\n").all(|line| !line.trim().is_empty()), "{header:?}");
}

fn check_fields(seen: &Parsed<'_>, draft: &Draft) {
    assert_eq!(addresses(seen.to()), wires(&draft.to), "{draft:?}");
    assert_eq!(addresses(seen.cc()), wires(&draft.cc), "{draft:?}");
    assert_eq!(addresses(seen.reply_to()), wires(&draft.reply_to), "{draft:?}");
    assert_eq!(addresses(seen.from()).len(), 1, "{draft:?}");
    assert!(seen.bcc().is_none() && seen.sender().is_none(), "{draft:?}");
    assert_eq!(letters(seen.subject().unwrap_or_default()), letters(&draft.subject), "{draft:?}");
    let names: Vec<String> =
        seen.attachments().map(|part| letters(part.attachment_name().unwrap_or_default())).collect();
    let asked: Vec<String> = draft.attachments.iter().map(|part| letters(&part.filename)).collect();
    assert_eq!(names, asked, "{draft:?}");
}

/// Names and addresses as mail-parser reads them; it takes the quotes off local parts.
fn addresses(seen: Option<&Seen<'_>>) -> Vec<(String, String)> {
    let all = seen.into_iter().flat_map(|seen| seen.iter());
    all.map(|one| (letters(one.name().unwrap_or_default()), bare(one.address().unwrap_or_default())))
        .collect()
}

fn wires(mailboxes: &[Mailbox]) -> Vec<(String, String)> {
    let name = |mailbox: &Mailbox| letters(mailbox.name.as_deref().unwrap_or_default());
    mailboxes.iter().map(|mailbox| (name(mailbox), bare(&mailbox.address.to_string()))).collect()
}

/// Without white space: mail-parser leaves a fold within a quoted file name as it is.
fn letters(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn bare(address: &str) -> String {
    letters(address).replace(['"', '\\'], "")
}
