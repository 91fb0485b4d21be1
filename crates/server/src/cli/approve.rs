//! `outbox approve` and `outbox reject`: a person sees a held mail as a whole, and decides.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use mail_parser::MessageParser;
use uuid::Uuid;

use crate::address::character::forbidden;
use crate::mcp::{ContentView, hex};
use crate::message::Message;
use crate::outbox::{Decided, Email, Outbox};
use crate::outcome::State;

/// Options of `outbox approve`.
#[derive(Debug, Clone, Args)]
pub struct ApproveArgs {
    /// The id, as `outbox list --state held` and send_email print it
    pub id: Uuid,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Options of `outbox reject`.
#[derive(Debug, Clone, Args)]
pub struct RejectArgs {
    /// The id, as `outbox list --state held` and send_email print it
    pub id: Uuid,
    /// Why; the caller of send_email can read it
    #[arg(long, value_name = "TEXT")]
    pub because: Option<String>,
}

/// Shows the mail, and queues it if the person agrees.
///
/// # Errors
/// It does not wait for approval, or nobody is there to agree.
pub(super) async fn approve(outbox: &Outbox, path: &Path, args: &ApproveArgs) -> anyhow::Result<ExitCode> {
    let (email, message) = held(outbox, path, args.id).await?;
    print(&shown(&email, &message))?;
    if !args.yes && !agrees()? {
        print("not approved; it is still held")?;
        return Ok(ExitCode::FAILURE);
    }
    // What was shown is what is approved.
    match outbox.approve(args.id, message.digest).await? {
        Decided::Done => {}
        other => bail!("{}", refusal(path, args.id, other)),
    }
    let email = outbox.get(args.id, None).await?.context("the mail is gone")?;
    print(match email {
        Email { paused_since: Some(_), .. } => "approved; sending is paused: `resume` goes on with it",
        Email { is_unserved: true, .. } => {
            "approved; no program that is running has an account that can send it: it is sent when one runs, or by `outbox drain`"
        }
        _ => "approved; it is being sent",
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Shows the mail, and cancels it.
///
/// # Errors
/// It does not wait for approval.
pub(super) async fn reject(outbox: &Outbox, path: &Path, args: RejectArgs) -> anyhow::Result<ExitCode> {
    let because = args.because.map(|because| because.split_whitespace().collect::<Vec<_>>().join(" "));
    // One whose content cannot be read can be rejected all the same.
    if let Ok((email, message)) = held(outbox, path, args.id).await {
        print(&shown(&email, &message))?;
    }
    match outbox.reject(args.id, because).await? {
        Decided::Done => print("rejected; it is cancelled")?,
        other => bail!("{}", refusal(path, args.id, other)),
    }
    Ok(ExitCode::SUCCESS)
}

async fn held(outbox: &Outbox, path: &Path, id: Uuid) -> anyhow::Result<(Email, Message)> {
    // What nobody approved in time is cancelled, also if no program runs.
    outbox.expire_approvals().await?;
    let email = outbox.get(id, None).await?;
    let email = email.with_context(|| refusal(path, id, Decided::NotFound))?;
    if email.approval.is_none() {
        bail!("{}", refusal(path, id, Decided::NotPending(email.state)));
    }
    let message = outbox.message(id).await?.with_context(|| refusal(path, id, Decided::NotFound))?;
    let recorded: Vec<_> = email.recipients.iter().map(|one| &one.address).collect();
    if !recorded.iter().all(|address| message.recipients.contains(address)) {
        bail!("{}", refusal(path, id, Decided::Changed));
    }
    Ok((email, message))
}

fn refusal(path: &Path, id: Uuid, decided: Decided) -> String {
    let id = id.simple();
    match decided {
        Decided::NotFound => format!(
            "there is no mail with the id {id} in {}; if the program has its mails elsewhere, say where, as with --outbox sqlite:PATH",
            path.display()
        ),
        Decided::Expired => format!("the mail {id} was not approved in time: it is cancelled"),
        Decided::Changed => format!(
            "the mail {id} is not as it was taken: someone changed it in the outbox; reject it, and send it anew"
        ),
        Decided::NotPending(State::Held) => format!(
            "the mail {id} is held, because the outbox was copied or restored: see `outbox adopt --help`"
        ),
        Decided::NotPending(state) => {
            format!("the mail {id} does not wait for approval: it is {}", state.word())
        }
        Decided::Done => format!("the mail {id} is as decided"),
    }
}

/// Asks the person at the terminal.
fn agrees() -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("nobody can be asked, because standard input is not a terminal; --yes approves without asking");
    }
    write!(io::stdout(), "Send it? [y/N] ")?;
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn print(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// The whole mail: who gets it, why it is held, and all that is in it.
fn shown(email: &Email, message: &Message) -> String {
    let header = message.header_variants.first().map(|variant| &variant.header[..]).unwrap_or_default();
    let bytes = [header, &message.content].concat();
    let mut lines = Vec::new();
    let mut line = |line: String| lines.push(line);
    line(format!("Mail {}, digest {}", email.id.simple(), hex(&email.request.0)));
    if let Some(approval) = &email.approval {
        line(format!("Held until {} because:", approval.expires.to_rfc3339()));
        approval.reasons.iter().for_each(|reason| line(format!("  {reason}")));
    }
    let senders: Vec<_> = message.header_variants.iter().map(|variant| variant.sender.to_string()).collect();
    line(format!("Sender: {}", senders.join(", or if another server takes over: ")));
    line(format!("Recipients: {}", message.recipients.len()));
    let named = named_in(header);
    for recipient in &message.recipients {
        let recipient = recipient.to_string();
        let is_named = named.iter().any(|one| one.eq_ignore_ascii_case(&recipient));
        let hidden = if is_named { "" } else { "  (Bcc: hidden from the others)" };
        line(format!("  {recipient}{hidden}"));
    }
    line(format!("Subject: {}", email.subject));
    line(format!("Attachments: {}", email.info.attachments));
    line("As it is sent:".to_owned());
    match ContentView::of(&bytes, usize::MAX) {
        Some(content) => content.lines().into_iter().for_each(line),
        None => line(String::from_utf8_lossy(&bytes).into_owned()),
    }
    visible(&lines.join("\n"))
}

/// The addresses in To and Cc.
fn named_in(header: &[u8]) -> Vec<String> {
    let Some(message) = MessageParser::default().parse(header) else { return Vec::new() };
    let fields = [message.to(), message.cc()].into_iter().flatten();
    let addresses = fields.flat_map(|field| field.iter().filter_map(|one| one.address()));
    addresses.map(str::to_owned).collect()
}

/// Characters that a terminal obeys or does not show are spelled out: nothing in a mail can hide a part of it.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars().filter(|c| *c != '\r') {
        match c {
            '\n' | '\t' => shown.push(c),
            c if forbidden(c).is_some() => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_or_hide_is_spelled_out() {
        let table = [
            ("plain text\n\tä€😀", "plain text\n\tä€😀"),
            ("a\u{1b}[8mb", "a\\u{1b}[8mb"),
            ("pay\rload", "payload"),
            ("evil\u{202e}cod.exe", "evil\\u{202e}cod.exe"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("selector\u{e0101}\u{fe01}❤\u{fe0f}", "selector\\u{e0101}\\u{fe01}❤\u{fe0f}"),
        ];
        for (text, expected) in table {
            assert_eq!(visible(text), expected);
        }
    }
}
