//! The report: numbered steps with the time they took, and aligned facts.

use std::io::{self, Write};
use std::time::Instant;

use serde_json::Value;

use crate::clock::Clock;

/// An output and a clock.
pub(super) struct Report<'a> {
    out: &'a mut dyn Write,
    clock: Clock,
    step: usize,
    since: Instant,
}

impl<'a> Report<'a> {
    pub(super) fn new(out: &'a mut dyn Write, clock: Clock) -> Self {
        let since = clock.instant();
        Self { out, clock, step: 0, since }
    }

    /// A completed step, with the time since the step before.
    pub(super) fn step(&mut self, what: &str) -> io::Result<()> {
        let now = self.clock.instant();
        let took = (now - self.since).as_millis();
        (self.since, self.step) = (now, self.step + 1);
        writeln!(self.out, "\n{}. {what}  [{took} ms]", self.step)?;
        self.out.flush()
    }

    /// A named fact of the step.
    pub(super) fn fact(&mut self, name: &str, value: &str) -> io::Result<()> {
        let printable: String = value.chars().filter(|sample_message| !sample_message.is_control()).collect();
        writeln!(self.out, "     {name:<13} {}", printable.trim_end())
    }

    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "\n{text}")
    }

    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {text}")
    }

    /// The conclusion: everything is as expected, or what is not.
    pub(super) fn conclusion(&mut self, faults: &[String]) -> io::Result<()> {
        if faults.is_empty() {
            return self.heading("What arrived is what was sent; the refused recipient was reported and did not affect the others.");
        }
        self.heading("This is not what was sent:")?;
        faults.iter().try_for_each(|fault| self.line(fault))
    }
}

/// A text value without its quotes.
pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("(none)")
}
