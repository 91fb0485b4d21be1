//! The received mail: printed as a table, and compared with what was sent.

use std::io;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};
use smtp_sink::Mail;

use super::report::Report;
use super::sample_message;

/// A parsed mail.
pub(super) struct Received<'a> {
    mail: &'a Mail,
    message: Message<'a>,
}

impl<'a> Received<'a> {
    pub(super) fn read(mail: &'a Mail) -> anyhow::Result<Self> {
        let message = MessageParser::default().parse(&mail.bytes).context("what arrived is not a mail")?;
        Ok(Self { mail, message })
    }

    /// Envelope, header fields, the tree of parts.
    pub(super) fn show(&self, report: &mut Report<'_>) -> io::Result<()> {
        report.fact("envelope from", &self.mail.sender)?;
        report.fact("envelope to", &self.mail.recipients.join(", "))?;
        for (name, field) in
            [("From", self.message.from()), ("To", self.message.to()), ("Cc", self.message.cc())]
        {
            report.fact(name, &field.map(people).unwrap_or_default())?;
        }
        let bcc = self.message.bcc().map_or_else(|| "(not in the header)".to_owned(), people);
        report.fact("Bcc", &bcc)?;
        report.fact("Subject", self.message.subject().unwrap_or_default())?;
        report
            .fact("Date", &self.message.date().map(mail_parser::DateTime::to_rfc822).unwrap_or_default())?;
        report
            .fact("Message-ID", &self.message.message_id().map(|id| format!("<{id}>")).unwrap_or_default())?;
        self.show_part(report, 0, 0)?;
        report.fact("in all", &format!("{} bytes", self.mail.bytes.len()))
    }

    fn show_part(&self, report: &mut Report<'_>, id: u32, depth: usize) -> io::Result<()> {
        let Some(part) = self.message.part(id) else {
            return Ok(());
        };
        let kind = format!("{}{}", "  ".repeat(depth), kind(part));
        let PartType::Multipart(children) = &part.body else {
            let name = part.attachment_name().unwrap_or_default();
            let cid = part.content_id().map(|id| format!("  cid:{id}")).unwrap_or_default();
            return report
                .fact("part", &format!("{kind:<26} {:>5} bytes  {name}{cid}", part.contents().len()));
        };
        report.fact("part", &kind)?;
        children.iter().try_for_each(|child| self.show_part(report, *child, depth + 1))
    }

    /// What differs from what was sent.
    pub(super) fn faults(&self) -> Vec<String> {
        let kinds: Vec<String> =
            self.message.parts.iter().map(kind).filter(|kind| !kind.starts_with("multipart")).collect();
        let html = self.message.body_html(0).unwrap_or_default();
        let png = STANDARD.decode(sample_message::PNG).unwrap_or_default();
        let checks = [
            (self.mail.sender == sample_message::SENDER, "the envelope's sender"),
            (self.mail.recipients == sample_message::REACHED, "the envelope's recipients"),
            (self.mail.defects.is_empty(), "the form of the mail"),
            (self.message.bcc().is_none(), "the hidden recipient is in the header"),
            (self.message.subject() == Some(sample_message::SUBJECT), "the subject"),
            (html.contains(sample_message::GREETING) && html.contains(sample_message::OFFER), "the template"),
            (!html.contains("gift"), "the conditional that should be gone"),
            (kinds == ["text/plain", "text/html", "image/png", "text/csv"], "the parts"),
            (
                self.bytes_of(sample_message::CSV_NAME) == Some(sample_message::CSV.as_bytes()),
                "the attached file",
            ),
            (self.bytes_of(sample_message::PNG_NAME) == Some(png.as_slice()), "the inline image"),
        ];
        let mut faults: Vec<_> =
            checks.iter().filter(|(good, _)| !good).map(|(_, what)| (*what).to_owned()).collect();
        faults.extend(self.mail.defects.iter().cloned());
        faults
    }

    fn bytes_of(&self, name: &str) -> Option<&[u8]> {
        let part = self.message.parts.iter().find(|part| part.attachment_name() == Some(name))?;
        Some(part.contents())
    }
}

/// `type/subtype`, in lower case.
fn kind(part: &MessagePart<'_>) -> String {
    let Some(found) = part.content_type() else {
        return "text/plain".to_owned();
    };
    format!("{}/{}", found.ctype(), found.subtype().unwrap_or_default()).to_ascii_lowercase()
}

fn people(field: &Address<'_>) -> String {
    let person = |one: &mail_parser::Addr<'_>| {
        let address = one.address().unwrap_or_default();
        one.name().map_or_else(|| address.to_owned(), |name| format!("{name} <{address}>"))
    };
    field.iter().map(person).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use smtp_sink::Mail;

    use super::Received;

    #[test]
    fn another_mail_is_found_out() {
        let mail = Mail {
            connection: 1,
            sender: "ada@example.org".to_owned(),
            recipients: vec!["zoe@example.org".to_owned()],
            bytes: b"Subject: Order {order}\r\nBcc: archive@example.org\r\n\r\na gift\r\n".to_vec(),
            smtputf8: false,
            body_8bit: false,
            defects: Vec::new(),
            answered: true,
            login: None,
            tls: true,
        };
        let faults = Received::read(&mail).unwrap().faults();
        for what in [
            "recipients",
            "hidden recipient",
            "subject",
            "template",
            "parts",
            "attached file",
            "inline image",
        ] {
            assert!(faults.iter().any(|fault| fault.contains(what)), "{what} in {faults:?}");
        }
    }
}
