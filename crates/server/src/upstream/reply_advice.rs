//! What to do after a refusal, by its cause.

use smtp_submission::{Phase, Reply};

use super::login_advice;
use super::reply_cause::{Cause, cause};
use crate::config::ServerConfig;

/// What to do next. Empty: the reply says it all.
pub(super) fn reply_advice(server: &ServerConfig, phase: Phase, reply: &Reply) -> String {
    let cause = cause(phase, reply);
    if phase == Phase::Auth && matches!(reply.code, 530 | 534 | 535) && cause != Some(Cause::StartTlsRequired)
    {
        return login_advice::password_refused(server, cause);
    }
    let advice = cause.map_or_else(|| by_code(server, phase, reply), |cause| by_cause(server, cause));
    let is_waiting_enough = reply.is_transient() && cause.is_some_and(passes);
    if is_waiting_enough { format!("{advice}. The server may accept it later") } else { advice }
}

/// Whether it passes with time, if the server says so. Whatever the code, settings do not change by themselves.
fn passes(cause: Cause) -> bool {
    use Cause::{Greylisting, MailboxFull, RecipientBusy, RecipientDomain, SendingLimit, Spam};
    matches!(cause, Greylisting | MailboxFull | RecipientBusy | RecipientDomain | SendingLimit | Spam)
}

fn by_cause(server: &ServerConfig, cause: Cause) -> String {
    let has_login = server.username.is_some();
    let text = match cause {
        Cause::SenderNotOwned => {
            return format!(
                "The server does not let this account send as {}; set SMTP_FROM_EMAIL to an address that it owns",
                server.identity.address.masked()
            );
        }
        Cause::LoginRequired if has_login => {
            "The server does not take the session for logged in: check SMTP_PORT (587 or 465 are for submission)"
        }
        Cause::RelayDenied if has_login => {
            "The server does not send to other domains for this account: use your provider's submission server and port"
        }
        cause => login_advice::by_cause(cause).unwrap_or_else(|| in_general(cause)),
    };
    text.to_owned()
}

/// The same for every server.
fn in_general(cause: Cause) -> &'static str {
    match cause {
        Cause::StartTlsRequired => {
            "The server wants TLS first: set SMTP_USE_TLS=true, or SMTP_USE_SSL=true for port 465"
        }
        Cause::HelloName => {
            "The server does not accept the name that this machine gives with EHLO: set SMTP_EHLO_NAME to a fully qualified host name"
        }
        Cause::NoReverseDns => {
            "The IP address of this machine has no host name in the DNS (PTR record): send through your provider's submission server, with a login"
        }
        Cause::ClientBlocked => {
            "The server blocks the IP address of this machine: send through your provider's submission server, with a login, or have the \
             address taken off the list"
        }
        Cause::TooManyLogins => {
            "The provider has seen too many logins or failed ones: check SMTP_USERNAME and the password, and whether other programs use the account"
        }
        Cause::LoginRequired => "The server requires a login: set SMTP_USERNAME and SMTP_PASSWORD",
        Cause::SenderDomain => {
            "The server does not accept the sender's domain: check SMTP_FROM_EMAIL for a typo"
        }
        Cause::SenderNotAuthenticated => {
            "The sender's domain does not authorize this server (SPF, DKIM, DMARC): send through the server of that domain, or set \
             SMTP_FROM_EMAIL to an address of this account"
        }
        Cause::RelayDenied => {
            "The server sends to other domains only after a login: set SMTP_USERNAME and SMTP_PASSWORD, or use your provider's submission server"
        }
        Cause::MessageSize => {
            "The mail is too large: send less, or put large files elsewhere and send a link"
        }
        Cause::SendingLimit => {
            "The account has reached its provider's sending limit: send fewer mails, or have the limit raised"
        }
        Cause::Greylisting => "The server asks everyone it does not know to come again (greylisting)",
        Cause::MailboxFull => "The recipient's mailbox is full: reach them another way",
        Cause::RecipientBusy => "The recipient's mailbox gets too much mail at the moment",
        Cause::RecipientDomain => "Check the address: its domain does not exist or takes no mail",
        Cause::UnknownUser => "Check the address: there is no such mailbox",
        Cause::MailboxDisabled => "The recipient's mailbox is disabled: reach them another way",
        Cause::AttachmentKind => "The server takes no attachment of this kind: send a link instead",
        Cause::Spam => {
            "The server takes the mail for spam: change its text and links, and check that SPF, DKIM and DMARC are set up for the sender's domain"
        }
        Cause::AddressSyntax => "Check the address; the server will not accept it as it is",
        // These are about a server's login or sender.
        Cause::SenderNotOwned
        | Cause::SmtpAuthOffForOrganisation
        | Cause::SmtpAuthOffForMailbox
        | Cause::OAuthWanted
        | Cause::AppPasswordWanted
        | Cause::WebLoginWanted => "",
    }
}

/// What the code alone says.
fn by_code(server: &ServerConfig, phase: Phase, reply: &Reply) -> String {
    let text = match (phase, reply.code) {
        (_, 421) => "The server is closing connections at the moment",
        (Phase::Mail, 500..=599) => return by_cause(server, Cause::SenderNotOwned),
        (Phase::Rcpt, 500..=599) => "Check the address; the server will not accept it as it is",
        (Phase::Mail | Phase::Rcpt | Phase::Data, 400..=499) => "The server may accept it later",
        (Phase::Greeting | Phase::Hello, 500..=599) => {
            "The server refuses connections from this machine: check SMTP_HOST and SMTP_PORT, or ask its operator"
        }
        (Phase::Tls, _) => {
            "The server cannot start TLS, and nothing was sent in plaintext: ask its operator, or use another port"
        }
        _ => "",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests;
