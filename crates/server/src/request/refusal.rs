//! Why a send was refused before anything was sent: every problem at once.

use std::fmt;

/// The most problems that are told, and the most names in one of them: a list of a million bad addresses must not become an
/// answer that is ten times as long.
pub const TOLD: usize = 50;

/// Everything that is wrong with a request: one line of text each, naming the parameter.
///
/// The lines quote what the caller gave, so they are for the caller's own answer and never for a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    problems: Vec<String>,
    has_more: bool,
}

impl Refusal {
    /// One problem.
    pub fn one(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()], has_more: false }
    }

    /// Adds a problem.
    pub fn add(&mut self, problem: impl Into<String>) {
        if self.problems.len() < TOLD {
            self.problems.push(problem.into());
        } else {
            self.has_more = true;
        }
    }

    /// Takes over the problems of `other`.
    pub fn join(&mut self, other: Self) {
        other.problems.into_iter().for_each(|problem| self.add(problem));
        self.has_more |= other.has_more;
    }

    /// The value, or the problem noted and nothing.
    pub fn note<T>(&mut self, result: Result<T, Self>) -> Option<T> {
        result.map_err(|refusal| self.join(refusal)).ok()
    }

    /// `value` if nothing is wrong.
    ///
    /// # Errors
    /// All the problems, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.problems.is_empty() { Ok(value) } else { Err(self) }
    }

    /// The problems that are told, one line each.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for Refusal {
    /// All problems in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))?;
        if self.has_more { f.write_str("; and more like these") } else { Ok(()) }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_end_to_what_is_told() {
        let mut refusal = Refusal::one("first");
        let mut other = Refusal::default();
        (1..TOLD).for_each(|_| other.add("other"));
        refusal.join(other);
        assert!(refusal.to_string().ends_with("; other"), "{refusal}");
        refusal.join(Refusal::one("last"));
        assert!(
            refusal.to_string().starts_with("first; ")
                && refusal.to_string().ends_with("; other; and more like these")
        );
        assert_eq!(refusal.problems().len(), TOLD);
    }
}
