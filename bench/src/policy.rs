//! The rules: what a verdict on a message takes, beside parsing the addresses of the same message.

use anyhow::{Result, anyhow};
use smtp_mcp_server::address::Address;
use smtp_mcp_server::policy::{Approval, Decision, Policy, Preset, RecipientPattern};

use crate::sample::{Sample, interleaved};
use crate::table::{Table, spread};
use crate::{kernel, progress, stopwatch};

/// Recipients of the message.
const RECIPIENTS: usize = 100;
/// Patterns, half of them allowed and half denied.
const PATTERNS: usize = 200;
/// The aim, in milliseconds.
const AIM: &str = "0.2";
const ROUNDS: usize = 21;
/// Messages a round.
const MESSAGES: u32 = 50;

/// Measures; Markdown.
pub(crate) fn measure() -> Result<String> {
    progress("the rules");
    let before = kernel::load();
    let texts: Vec<_> = (0..RECIPIENTS).map(|number| format!("reader{number}@example.org")).collect();
    let recipients = texts.iter().map(|text| parsed(text)).collect::<Result<Vec<_>>>()?;
    let policy = policy()?;
    let [judge, parse] = interleaved::<_, 2>(ROUNDS, |contestant| {
        each(|| {
            if contestant == 0 {
                judge(&policy, &recipients)
            } else {
                texts.iter().try_for_each(|text| parsed(text).map(drop))
            }
        })
    })?
    .map(|times| Sample::of(&times, |time| *time));
    let ratio = judge.with(&parse, |own, other| own / other);
    let mut table = Table::new(&["one message", "aim, ms", "ms", "parsing its addresses, ms", "ratio"]);
    let what = format!("{RECIPIENTS} recipients, {PATTERNS} patterns");
    table.row(&[what.as_str(), AIM, &spread(&judge, 3), &spread(&parse, 3), &spread(&ratio, 2)]);
    let head = format!("{}; load {before} before and {} after.", kernel::machine(), kernel::load());
    Ok(format!("{head}\n\n{}", table.into_text()))
}

/// Milliseconds for one message.
fn each(act: impl Fn() -> Result<()>) -> Result<f64> {
    let (took, done) = stopwatch::time(|| (0..MESSAGES).try_for_each(|_| act()));
    done?;
    Ok(took.as_secs_f64() * 1000.0 / f64::from(MESSAGES))
}

/// Only the last pattern of those that are allowed matches, so each recipient is compared with all of them.
fn policy() -> Result<Policy> {
    let kinds = |number: usize, kind: &str| match number % 3 {
        0 => format!("someone{number}@{kind}.example"),
        1 => format!("*@{kind}{number}.example"),
        _ => format!("*.{kind}{number}.example"),
    };
    let pattern = |text: String| RecipientPattern::parse(&text).map_err(|reason| anyhow!("{text}: {reason}"));
    let list = |kind| (1..PATTERNS / 2).map(move |number| pattern(kinds(number, kind)));
    let mut allowed = list("allowed").collect::<Result<Vec<_>>>()?;
    allowed.push(pattern("*@example.org".to_owned())?);
    let mut denied = list("denied").collect::<Result<Vec<_>>>()?;
    denied.push(pattern("mallory@example.org".to_owned())?);
    Ok(Policy { allowed, denied, preset: Preset::Strict, approval: Approval::Rules, ..Policy::default() })
}

fn judge(policy: &Policy, recipients: &[Address]) -> Result<()> {
    let judgement = policy.judge(recipients.iter().map(|recipient| (recipient.clone(), true)));
    match judgement.decision() {
        Decision::Ask => Ok(()),
        other => Err(anyhow!("the verdict is {other:?}")),
    }
}

fn parsed(text: &str) -> Result<Address> {
    Address::parse(text).map_err(|error| anyhow!("{text}: {error}"))
}
