//! Why a send was refused before anything was sent: every problem at once.

use std::fmt;

/// Everything that is wrong with a request: one line of text each, naming the parameter.
///
/// The lines quote what the caller gave, so they are for the caller's own answer and never for a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    problems: Vec<String>,
}

impl Refusal {
    /// One problem.
    #[must_use]
    pub fn one(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()] }
    }

    /// Adds a problem.
    pub fn add(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// Takes over the problems of `other`.
    pub fn join(&mut self, other: Self) {
        self.problems.extend(other.problems);
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

    /// The problems, one line each.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for Refusal {
    /// All problems in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

impl std::error::Error for Refusal {}
