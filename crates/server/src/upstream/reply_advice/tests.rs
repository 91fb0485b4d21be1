//! Replies of real servers, and the advice that they get. The table in docs/troubleshooting.md is made of these rows.

use std::path::{Path, PathBuf};

use smtp_submission::reply::ReplyParser;
use smtp_submission::{Phase, Reply};

use super::super::login_advice::token_refused;
use super::super::reply_cause::{Cause, cause};
use super::reply_advice;
use crate::address::Mailbox;
use crate::config::ServerConfig;

use Cause::{
    AddressSyntax, AppPasswordWanted, AttachmentKind, ClientBlocked, Greylisting, HelloName, LoginRequired,
    MailboxDisabled, MailboxFull, MessageSize, NoReverseDns, OAuthWanted, RecipientBusy, RecipientDomain,
    RelayDenied, SenderDomain, SenderNotAuthenticated, SenderNotOwned, SendingLimit, SmtpAuthOffForMailbox,
    SmtpAuthOffForOrganisation, Spam, StartTlsRequired, TooManyLogins, UnknownUser, WebLoginWanted,
};
use Phase::{Auth, EndOfData, Greeting, Hello, Mail, Rcpt};

/// Who says it, in which phase, what, and what it is about.
const REPLIES: &[(&str, Phase, &str, Cause)] = &[
    ("Postfix", Mail, "530 5.7.0 Must issue a STARTTLS command first", StartTlsRequired),
    ("Exchange Online", Mail, "451 5.7.3 STARTTLS is required to send mail", StartTlsRequired),
    ("Exim", Mail, "550 TLS required for this sender", StartTlsRequired),
    (
        "RFC 4954",
        Auth,
        "538 5.7.11 Encryption required for requested authentication mechanism",
        StartTlsRequired,
    ),
    ("Postfix", Rcpt, "504 5.5.2 <mypc>: Helo command rejected: need fully-qualified hostname", HelloName),
    ("Postfix", Rcpt, "450 4.7.1 <mypc.local>: Helo command rejected: Host not found", HelloName),
    ("Exchange", Hello, "501 5.5.4 Invalid domain name", HelloName),
    ("Exim", Hello, "501 Syntactically invalid EHLO argument(s)", HelloName),
    ("Exim", Hello, "550 Bad HELO - Host impersonating domain name", HelloName),
    (
        "Postfix",
        Rcpt,
        "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.7]",
        NoReverseDns,
    ),
    (
        "Gmail",
        EndOfData,
        "550 5.7.25 The IP address sending this message does not have a PTR record setup, or the corresponding forward DNS entry does not match the sending IP.",
        NoReverseDns,
    ),
    (
        "T-Online",
        Greeting,
        "554 IP=192.0.2.7 - None/bad reputation. Ask your postmaster for help: rdns and contact",
        NoReverseDns,
    ),
    (
        "Postfix",
        Rcpt,
        "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.7",
        ClientBlocked,
    ),
    ("Exchange Online", Rcpt, "550 5.7.606 Access denied, banned sending IP [192.0.2.7]", ClientBlocked),
    (
        "Outlook.com",
        Mail,
        "550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).",
        ClientBlocked,
    ),
    ("Postfix", Rcpt, "554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied", ClientBlocked),
    (
        "GMX",
        Greeting,
        "554 gmx.net (mxgmx012) Nemesis ESMTP Service not available. No SMTP service. Bad DNS PTR resource record.",
        NoReverseDns,
    ),
    (
        "Yahoo",
        Greeting,
        "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.7, because the ip is in Spamhaus's list",
        ClientBlocked,
    ),
    (
        "Exchange Online",
        Auth,
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
        SmtpAuthOffForOrganisation,
    ),
    (
        "Exchange Online",
        Auth,
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information.",
        SmtpAuthOffForMailbox,
    ),
    (
        "QQ",
        Auth,
        "535 Login Fail. Please check whether the SMTP service is not open, or the password is incorrect",
        SmtpAuthOffForMailbox,
    ),
    (
        "Exchange Online",
        Auth,
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com]",
        OAuthWanted,
    ),
    (
        "Exchange Online",
        Auth,
        "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
        OAuthWanted,
    ),
    (
        "Exchange Online",
        Mail,
        "550 5.7.30 Basic authentication is not supported for Client Submission.",
        OAuthWanted,
    ),
    (
        "Gmail",
        Auth,
        "534 5.7.9 Application-specific password required. For more information, go to https://support.google.com/mail/?p=InvalidSecondFactor",
        AppPasswordWanted,
    ),
    (
        "Gmail",
        Auth,
        "535 5.7.8 Username and Password not accepted. For more information, go to https://support.google.com/mail/?p=BadCredentials",
        AppPasswordWanted,
    ),
    (
        "iCloud",
        Auth,
        "535 5.7.0 Authentication failed: an app-specific password is needed",
        AppPasswordWanted,
    ),
    (
        "163.com",
        Auth,
        "535 Error: authentication failed, please use the authorization code",
        AppPasswordWanted,
    ),
    ("Gmail", Auth, "534 5.7.14 Please log in via your web browser and then try again.", WebLoginWanted),
    ("Gmail", Auth, "454 4.7.0 Too many login attempts, please try again later.", TooManyLogins),
    (
        "QQ",
        Auth,
        "535 Login Fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy",
        SmtpAuthOffForMailbox,
    ),
    ("Postfix", Auth, "421 4.7.0 mx.example Error: too many failed logins", TooManyLogins),
    (
        "Gmail",
        Mail,
        "530 5.7.0 Authentication Required. For more information, go to https://support.google.com/accounts/troubleshooter/2402620",
        LoginRequired,
    ),
    ("Exchange Online", Mail, "530 5.7.57 Client not authenticated to send mail.", LoginRequired),
    ("Exim", Rcpt, "550 5.7.1 Authentication required: please log in first", LoginRequired),
    (
        "Postfix",
        Rcpt,
        "553 5.7.1 <eve@example.org>: Sender address rejected: not owned by user ada@example.org",
        SenderNotOwned,
    ),
    (
        "Exchange Online",
        EndOfData,
        "554 5.2.252 SendAsDenied; ada@example.org not allowed to send as eve@example.org; STOREDRV.Submission.Exception:SendAsDeniedException",
        SenderNotOwned,
    ),
    (
        "Exchange",
        EndOfData,
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        SenderNotOwned,
    ),
    (
        "Amazon SES",
        EndOfData,
        "554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: ada@example.org",
        SenderNotOwned,
    ),
    ("QQ", Mail, "501 Mail from address must be same as authorization user.", SenderNotOwned),
    ("163.com", Mail, "553 Mail from must equal authorized user", SenderNotOwned),
    ("Zoho", EndOfData, "553 Relaying disallowed as eve@example.org", SenderNotOwned),
    ("Exim", Rcpt, "550 Sender verify failed", SenderNotOwned),
    (
        "Postfix",
        Rcpt,
        "450 4.1.8 <ada@example.test>: Sender address rejected: Domain not found",
        SenderDomain,
    ),
    (
        "Gmail",
        EndOfData,
        "550 5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy. Please contact the administrator of example.org domain",
        SenderNotAuthenticated,
    ),
    (
        "Gmail",
        EndOfData,
        "550 5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM.",
        SenderNotAuthenticated,
    ),
    (
        "Exchange Online",
        EndOfData,
        "550 5.7.515 Access denied, sending domain example.org doesn't meet the required authentication level: SPF, DKIM and DMARC",
        SenderNotAuthenticated,
    ),
    (
        "Yahoo",
        EndOfData,
        "554 5.7.9 Message not accepted for policy reasons: DMARC. See https://postmaster.yahooinc.com/error-codes",
        SenderNotAuthenticated,
    ),
    ("Postfix", Mail, "552 5.3.4 Message size exceeds fixed limit", MessageSize),
    ("Gmail", EndOfData, "552 5.2.3 Your message exceeded Google's message size limits.", MessageSize),
    ("Exim", Mail, "552 Message size exceeds maximum permitted", MessageSize),
    ("Exchange", EndOfData, "552 5.3.4 Message size exceeds fixed maximum message size", MessageSize),
    ("Amazon SES", EndOfData, "552 5.3.4 Message is too large", MessageSize),
    (
        "Gmail",
        Rcpt,
        "450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message at a later time.",
        RecipientBusy,
    ),
    ("Gmail", Rcpt, "552 5.2.2 The email account that you tried to reach is over quota.", MailboxFull),
    ("Gmail", Rcpt, "452 4.2.2 The recipient's inbox is out of storage space.", MailboxFull),
    ("Dovecot", Rcpt, "452 4.2.2 <bob@example.net> Quota exceeded (mailbox for user is full)", MailboxFull),
    ("Yahoo", EndOfData, "552 1 Requested mail action aborted, mailbox not found or over quota", MailboxFull),
    (
        "Gmail",
        EndOfData,
        "550 5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go to https://support.google.com/a/answer/166852",
        SendingLimit,
    ),
    (
        "Exchange Online",
        EndOfData,
        "432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.",
        SendingLimit,
    ),
    (
        "Exchange Online",
        EndOfData,
        "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
        SendingLimit,
    ),
    ("Amazon SES", EndOfData, "454 Throttling failure: Maximum sending rate exceeded.", SendingLimit),
    ("Amazon SES", EndOfData, "454 Throttling failure: Daily message quota exceeded.", SendingLimit),
    (
        "Zoho",
        EndOfData,
        "550 5.4.6 Unusual sending activity detected. Please try after sometime",
        SendingLimit,
    ),
    ("SendGrid", Mail, "451 Authentication failed: Maximum credits exceeded", SendingLimit),
    ("Proton", EndOfData, "550 5.7.1 Hourly sending limit reached for this account", SendingLimit),
    (
        "Postgrey",
        Rcpt,
        "450 4.2.0 <bob@example.net>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.net.html",
        Greylisting,
    ),
    ("Exim", Rcpt, "451 Greylisting in action, please come back later", Greylisting),
    ("Exim", Rcpt, "451 4.7.1 Please try again in 300 seconds", Greylisting),
    (
        "Gmail",
        EndOfData,
        "552 5.7.0 This message was blocked because its content presents a potential security issue.",
        AttachmentKind,
    ),
    ("Amavis", EndOfData, "550 5.7.0 Reject, id=12345-01 - BANNED: executable content", AttachmentKind),
    ("ClamAV", EndOfData, "550 5.7.1 virus Eicar-Signature detected", AttachmentKind),
    ("Postfix", Rcpt, "554 5.7.1 <bob@example.net>: Relay access denied", RelayDenied),
    ("Exim", Rcpt, "550 relay not permitted", RelayDenied),
    ("Exchange", Rcpt, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", RelayDenied),
    ("qmail", Rcpt, "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", RelayDenied),
    (
        "Postfix",
        Rcpt,
        "450 4.1.2 <bob@example.test>: Recipient address rejected: Domain not found",
        RecipientDomain,
    ),
    (
        "Postfix",
        Rcpt,
        "556 5.1.10 <bob@example.com>: Recipient address rejected: Domain example.com does not accept mail (nullMX)",
        RecipientDomain,
    ),
    (
        "Gmail",
        Rcpt,
        "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos or unnecessary spaces.",
        UnknownUser,
    ),
    (
        "Postfix",
        Rcpt,
        "550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown in virtual mailbox table",
        UnknownUser,
    ),
    (
        "Exchange Online",
        Rcpt,
        "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
        UnknownUser,
    ),
    (
        "Exchange Online",
        Rcpt,
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        UnknownUser,
    ),
    ("Exim", Rcpt, "550 Unrouteable address", UnknownUser),
    (
        "Yahoo",
        EndOfData,
        "554 delivery error: dd This user doesn't have a yahoo.com account (bob@yahoo.com) [-5]",
        UnknownUser,
    ),
    ("Gmail", Rcpt, "550 5.2.1 The email account that you tried to reach is disabled.", MailboxDisabled),
    ("Yahoo", EndOfData, "554 delivery error: This mailbox is disabled (554.30).", MailboxDisabled),
    (
        "Gmail",
        EndOfData,
        "550 5.7.1 Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked.",
        Spam,
    ),
    ("SpamAssassin", EndOfData, "550 5.7.1 This message scored 12.3 spam points", Spam),
    (
        "Yahoo",
        EndOfData,
        "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
        Spam,
    ),
    ("Zoho", EndOfData, "554 5.7.7 Email policy violation detected: suspicious message content", Spam),
    ("Postfix", Rcpt, "501 5.1.3 Bad recipient address syntax", AddressSyntax),
    ("Exim", Rcpt, "501 <bob@>: malformed address: domain missing or malformed", AddressSyntax),
];

fn reply(text: &str) -> Reply {
    let (taken, parsed) = ReplyParser::default().feed(format!("{text}\r\n").as_bytes());
    assert!(taken > 0, "{text}");
    parsed.unwrap().unwrap()
}

fn server() -> ServerConfig {
    let identity = Mailbox::parse("ada@example.org").unwrap();
    ServerConfig {
        username: Some("ada@example.org".to_owned()),
        ..ServerConfig::new("smtp.example.org".to_owned(), identity)
    }
}

#[test]
fn every_reply_gets_the_advice_of_its_cause() {
    let mut wrong = Vec::new();
    for &(who, phase, text, about) in REPLIES {
        let reply = reply(text);
        let found = cause(phase, &reply);
        if found != Some(about) {
            wrong.push(format!("{who}, {phase}: {text}: {found:?} instead of {about:?}"));
        }
        let advice = reply_advice(&server(), phase, &reply);
        assert!(advice.len() > 20, "{text}: {advice}");
        assert!(!reply.is_permanent() || !advice.contains("later"), "{text}: {advice}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_no_rule_knows_is_advised_by_its_phase() {
    for (phase, text, words) in [
        (Mail, "550 5.7.1 no", "set SMTP_FROM_EMAIL"),
        (Rcpt, "550 5.7.1 no", "Check the address"),
        (Rcpt, "450 4.7.1 not now", "may accept it later"),
        (Greeting, "554 5.3.2 no", "refuses connections from this machine"),
        (Hello, "421 4.3.2 bye", "closing connections"),
        (EndOfData, "554 5.6.0 no", ""),
        // what an address or a host is called is no reason
        (Rcpt, "550 5.7.1 <spam@relay.example>: no", "Check the address"),
        (Rcpt, "550 5.7.1 marble@oauth.example: no", "Check the address"),
        (Rcpt, "550 5.7.1 mx.dmarc.example says no, see https://rbl.example/throttling", "Check the address"),
        (Phase::Tls, "502 5.5.1 STARTTLS not implemented", "cannot start TLS"),
    ] {
        let reply = reply(text);
        assert_eq!(cause(phase, &reply), None, "{text}");
        assert!(reply_advice(&server(), phase, &reply).contains(words), "{text}");
    }
}

#[test]
fn a_refused_token_is_not_taken_for_a_password() {
    let token = |text| token_refused(&server(), &reply(text));
    for text in [
        "535 5.7.8 Username and Password not accepted. For more information, go to https://support.google.com/mail/?p=BadCredentials",
        "535 5.7.3 Authentication unsuccessful: invalid OAuth token",
    ] {
        assert!(token(text).starts_with("The access token was refused"), "{text}");
    }
    let off =
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.";
    assert!(token(off).starts_with("SMTP is off for this mailbox"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn table() -> String {
    let row = |&(who, phase, text, _): &(&str, Phase, &str, Cause)| {
        let advice = reply_advice(&server(), phase, &reply(text)).replace('|', "\\|");
        format!("| {who}, {phase} | `{text}` | {advice} |")
    };
    let rows: Vec<_> = REPLIES.iter().map(row).collect();
    format!("| who says it, to what | the reply | the advice |\n| --- | --- | --- |\n{}\n", rows.join("\n"))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "only `cargo xtask docs` writes")]
fn the_table_of_replies_is_in_step() {
    let path = root().join("docs/troubleshooting.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- generated: replies -->\n", "<!-- end generated -->");
    let (before, rest) = document.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let expected = format!("{before}{begin}\n{}\n{end}{after}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &expected).unwrap();
    } else {
        assert!(document == expected, "run `cargo xtask docs`");
    }
}
