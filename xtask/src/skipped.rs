//! Skipped steps: listed at the end, and a failure in CI.

use anyhow::{Result, bail};

/// The skipped steps of a task, with reasons.
#[derive(Default)]
pub(crate) struct Skipped(Vec<String>);

impl Skipped {
    /// Skips `step`.
    pub(crate) fn add(&mut self, step: &str, because: impl std::fmt::Display) {
        self.0.push(format!("skipped: {step} because {because}"));
    }

    /// Lists the skipped steps. In CI they are an error.
    pub(crate) fn close(self) -> Result<()> {
        for line in &self.0 {
            eprintln!("{line}");
        }
        if !self.0.is_empty() && in_ci() {
            bail!("{} step(s) skipped, and CI must run them all", self.0.len());
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "xtask is not the program: CI's own variable")]
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1")
}
