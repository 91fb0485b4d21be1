//! How many mails may be sent and were, in results.

use serde::Serialize;

use crate::outbox::Usage;
use crate::policy::Quota;

/// Of the last hour and day. No limit is null.
#[derive(Debug, Serialize)]
pub(crate) struct QuotaView {
    used_in_hour: u64,
    limit_per_hour: Option<u32>,
    used_in_day: u64,
    limit_per_day: Option<u32>,
}

impl QuotaView {
    pub(crate) fn of(quota: Quota, usage: Usage) -> Self {
        let limit = |limit| (limit > 0).then_some(limit);
        Self {
            used_in_hour: usage.hour,
            limit_per_hour: limit(quota.per_hour),
            used_in_day: usage.day,
            limit_per_day: limit(quota.per_day),
        }
    }

    /// Whether no further mail may be taken now.
    pub(crate) fn is_used_up(&self) -> bool {
        let is_reached = |used, limit: Option<u32>| limit.is_some_and(|limit| used >= u64::from(limit));
        is_reached(self.used_in_hour, self.limit_per_hour) || is_reached(self.used_in_day, self.limit_per_day)
    }

    /// All of it in one line.
    pub(crate) fn line(&self) -> String {
        let of = |used: u64, limit: Option<u32>| match limit {
            Some(limit) => format!("{used} of {limit}"),
            None => format!("{used}, without a limit,"),
        };
        let (hour, day) =
            (of(self.used_in_hour, self.limit_per_hour), of(self.used_in_day, self.limit_per_day));
        format!("mails taken: {hour} in the last hour, {day} in the last day")
    }
}
