//! The rules about recipients, and their verdict.

use std::time::Duration;

use super::pattern::{Recipient, RecipientPattern};
use super::quota::Quota;
use crate::address::Address;

/// Everything that decides whether a message may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Only these may be written to, unless it is empty: then there is no such list.
    pub allowed: Vec<RecipientPattern>,
    /// Not these, even if they are allowed.
    pub denied: Vec<RecipientPattern>,
    /// The rules that come with it.
    pub preset: Preset,
    /// What becomes of a message that a person should see first.
    pub approval: Approval,
    /// The domains that are one's own, for [`Preset::Strict`].
    pub internal_domains: Vec<RecipientPattern>,
    /// Who gets a copy of every message: the settings name them, so [`Preset::Strict`] does not ask about them.
    pub standing_copies: Vec<Address>,
    /// How long a message waits for approval.
    pub approval_ttl: Duration,
    /// How many messages in an hour, if it is set.
    pub max_per_hour: Option<u32>,
    /// How many messages in a day, if it is set.
    pub max_per_day: Option<u32>,
}

/// A set of rules by one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Preset {
    /// No limits but those that are set.
    Open,
    /// A limit on the number of messages.
    #[default]
    Careful,
    /// Also a list of those who may be written to, and approval of what leaves one's own domains or goes to someone for the first
    /// time.
    Strict,
}

/// Which messages a person approves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Approval {
    /// Those that the rules ask about.
    #[default]
    Rules,
    /// All.
    Always,
    /// None: what the rules ask about is denied.
    Never,
}

/// What the rules decide. The strictest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// No rule is against it.
    Allow,
    /// A person must approve it first.
    Ask,
    /// It must not be sent.
    Deny,
}

/// What the rules decide about one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// The setting that led to it. `None`: no rule is about this recipient.
    pub rule: Option<&'static str>,
    /// Why, as the end of a sentence that begins with the recipient.
    pub reason: String,
}

const ALLOWED: &str = "SMTP_ALLOWED_RECIPIENTS";
const DENIED: &str = "SMTP_DENIED_RECIPIENTS";
const PRESET: &str = "SMTP_POLICY";
const APPROVAL: &str = "SMTP_APPROVAL";

const ROUTED: &str = "may not be written to: % and ! before the @ can name another mailbox, which no list would know; \
    only an address written out in SMTP_ALLOWED_RECIPIENTS may have them";

impl Policy {
    /// How many messages may be taken.
    pub fn quota(&self) -> Quota {
        let default = if self.preset == Preset::Open { Quota::default() } else { Quota::DEFAULT };
        Quota {
            per_hour: self.max_per_hour.unwrap_or(default.per_hour),
            per_day: self.max_per_day.unwrap_or(default.per_day),
        }
    }

    /// Whether a message may have to be approved.
    pub fn asks(&self) -> bool {
        self.approval == Approval::Always || self.preset == Preset::Strict && self.approval == Approval::Rules
    }

    /// Whether a verdict depends on earlier messages.
    pub fn asks_about_first_contacts(&self) -> bool {
        self.preset == Preset::Strict
    }

    /// The verdict on one recipient. The order of the patterns makes no difference.
    ///
    /// `is_first_contact`: no message to it was accepted before.
    pub fn verdict(&self, address: &Address, is_first_contact: bool) -> Verdict {
        let recipient = Recipient::of(address);
        let allowed = match self.listed(&recipient) {
            Ok(allowed) => allowed,
            Err(denied) => return denied,
        };
        match (self.question(address, &recipient, is_first_contact), self.approval) {
            (Some((_, why)), Approval::Never) => {
                Verdict::deny(APPROVAL, format!("may not be written to: {why}; {APPROVAL} is never"))
            }
            (Some((rule, why)), _) => Verdict {
                decision: Decision::Ask,
                rule: Some(rule),
                reason: format!("may be written to only with approval: {why}"),
            },
            (None, _) => Verdict {
                decision: Decision::Allow,
                rule: allowed.map(|_| ALLOWED),
                reason: match allowed {
                    Some(pattern) => format!("may be written to: {ALLOWED} has {pattern}"),
                    None => "may be written to: no rule is about it".to_owned(),
                },
            },
        }
    }

    /// Why the lists forbid `address`, if they do.
    pub fn forbidden_by_lists(&self, address: &Address) -> Option<String> {
        self.listed(&Recipient::of(address)).err().map(|verdict| verdict.reason)
    }

    /// The pattern that allows the recipient, if one has to.
    fn listed(&self, recipient: &Recipient<'_>) -> Result<Option<&RecipientPattern>, Verdict> {
        if let Some(pattern) = self.denied.iter().find(|pattern| pattern.matches(recipient)) {
            return Err(Verdict::deny(DENIED, format!("may not be written to: {DENIED} has {pattern}")));
        }
        let may_be_routed = recipient.may_be_routed();
        let mut matching = self.allowed.iter().filter(|pattern| pattern.matches(recipient));
        let allowed = matching.find(|pattern| !may_be_routed || pattern.is_address());
        let must_be_listed = !self.allowed.is_empty()
            || self.preset == Preset::Strict
            || may_be_routed && !self.denied.is_empty();
        match allowed {
            None if must_be_listed && may_be_routed => Err(Verdict::deny(ALLOWED, ROUTED.to_owned())),
            None if must_be_listed => {
                Err(Verdict::deny(ALLOWED, format!("may not be written to: not in {ALLOWED}")))
            }
            allowed => Ok(allowed),
        }
    }

    /// Why a person should see it first, and by which setting.
    fn question(
        &self,
        address: &Address,
        recipient: &Recipient<'_>,
        is_first_contact: bool,
    ) -> Option<(&'static str, String)> {
        if self.approval == Approval::Always {
            return Some((APPROVAL, format!("{APPROVAL} is always")));
        }
        if self.preset != Preset::Strict || self.standing_copies.contains(address) {
            return None;
        }
        let is_internal = self.internal_domains.iter().any(|domain| domain.matches(recipient));
        let whys = [
            (!is_internal).then_some("outside SMTP_INTERNAL_DOMAINS"),
            is_first_contact.then_some("first contact"),
        ];
        let whys: Vec<_> = whys.into_iter().flatten().collect();
        (!whys.is_empty()).then(|| (PRESET, format!("{} ({PRESET} is strict)", whys.join(", "))))
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allowed: Vec::new(),
            denied: Vec::new(),
            preset: Preset::default(),
            approval: Approval::default(),
            internal_domains: Vec::new(),
            standing_copies: Vec::new(),
            approval_ttl: Duration::from_hours(24),
            max_per_hour: None,
            max_per_day: None,
        }
    }
}

impl Verdict {
    fn deny(rule: &'static str, reason: String) -> Self {
        Self { decision: Decision::Deny, rule: Some(rule), reason }
    }
}

impl Decision {
    /// Its name in results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

impl Preset {
    const ALL: [Self; 3] = [Self::Open, Self::Careful, Self::Strict];

    /// As it is set.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Careful => "careful",
            Self::Strict => "strict",
        }
    }

    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

impl Approval {
    const ALL: [Self; 3] = [Self::Rules, Self::Always, Self::Never];

    /// As it is set.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Always => "always",
            Self::Never => "never",
        }
    }

    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}
