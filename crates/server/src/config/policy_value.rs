//! Parsers for the values of the rules about what may be sent; see `value`.

use std::time::Duration;

use super::Mode;
use super::setting::Setting;
use super::value::{Reason, items, text};
use crate::policy::{Approval, Preset, RecipientPattern};

/// live, dry_run, redirect or capture, in any case.
pub(super) fn mode(setting: &Setting) -> Result<Mode, Reason> {
    Mode::parse(&text(setting)?.to_ascii_lowercase()).ok_or_else(Reason::new)
}

/// open, careful or strict, in any case.
pub(super) fn preset(setting: &Setting) -> Result<Preset, Reason> {
    Preset::parse(&text(setting)?.to_ascii_lowercase()).ok_or_else(Reason::new)
}

/// rules, always or never, in any case.
pub(super) fn approval(setting: &Setting) -> Result<Approval, Reason> {
    Approval::parse(&text(setting)?.to_ascii_lowercase()).ok_or_else(Reason::new)
}

/// A whole number of seconds, minutes, hours or days, with its unit.
pub(super) fn ttl(setting: &Setting) -> Result<Duration, Reason> {
    const LONGEST: u64 = 30 * 86_400;
    let text = text(setting)?;
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(Reason::new()),
    };
    let number: u64 = text[..text.len() - unit.len()].parse().map_err(|_| Reason::new())?;
    let seconds = number.saturating_mul(seconds);
    if (1..=LONGEST).contains(&seconds) { Ok(Duration::from_secs(seconds)) } else { Err(Reason::new()) }
}

/// Patterns of recipients.
pub(super) fn recipient_patterns(setting: &Setting) -> Result<Vec<RecipientPattern>, Reason> {
    items(setting, |item| RecipientPattern::parse(item).map_err(|reason| format!("{item:?}: {reason}")))
}

/// Domains, and `*.domain`.
pub(super) fn domains(setting: &Setting) -> Result<Vec<RecipientPattern>, Reason> {
    items(setting, |item| {
        let pattern = if item.starts_with("*.") { item.to_owned() } else { format!("*@{item}") };
        RecipientPattern::parse(&pattern).map_err(|reason| format!("{item:?}: {reason}"))
    })
}
