//! How many messages may be taken.

/// How many messages may be taken in an hour and in a day. 0: any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// In any 60 minutes.
    pub per_hour: u32,
    /// In any 24 hours.
    pub per_day: u32,
}

impl Quota {
    /// Of every preset but `open`, which has none.
    pub const DEFAULT: Self = Self { per_hour: 500, per_day: 2000 };
}
