//! Validation errors: why a send was refused before anything was sent, all at once.

use std::fmt;

/// How many errors are reported, and how many names in one of them: a list of a million bad addresses must not become an
/// answer that is ten times as long.
pub const MAX_ERRORS: usize = 50;

/// Everything that is wrong with a request: one line each, naming the parameter.
///
/// They quote the caller's arguments, so they belong in the caller's own answer and never in a log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValidationErrors {
    problems: Vec<String>,
    has_more: bool,
}

impl ValidationErrors {
    /// One error.
    pub fn one(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()], has_more: false }
    }

    /// Adds an error.
    pub fn add(&mut self, problem: impl Into<String>) {
        if self.problems.len() < MAX_ERRORS {
            self.problems.push(problem.into());
        } else {
            self.has_more = true;
        }
    }

    /// Adds the errors of `other`.
    pub fn join(&mut self, other: Self) {
        other.problems.into_iter().for_each(|problem| self.add(problem));
        self.has_more |= other.has_more;
    }

    /// The value; or adds the error and returns `None`.
    pub fn note<T>(&mut self, result: Result<T, Self>) -> Option<T> {
        result.map_err(|errors| self.join(errors)).ok()
    }

    /// `value` if there is no error.
    ///
    /// # Errors
    /// All the errors, if there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.problems.is_empty() { Ok(value) } else { Err(self) }
    }

    /// The reported errors, one line each.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for ValidationErrors {
    /// All errors in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))?;
        if self.has_more { f.write_str("; and more errors like these") } else { Ok(()) }
    }
}

impl std::error::Error for ValidationErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_errors_is_cut() {
        let mut errors = ValidationErrors::one("first");
        let mut other = ValidationErrors::default();
        (1..MAX_ERRORS).for_each(|_| other.add("other"));
        errors.join(other);
        assert!(errors.to_string().ends_with("; other"), "{errors}");
        errors.join(ValidationErrors::one("last"));
        assert!(
            errors.to_string().starts_with("first; ")
                && errors.to_string().ends_with("; other; and more errors like these")
        );
        assert_eq!(errors.problems().len(), MAX_ERRORS);
    }
}
