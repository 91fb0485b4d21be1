//! Validation errors: why a send was refused before anything was sent, all at once.

use std::fmt;

/// How many errors are reported, and how many names in one of them: a list of a million bad addresses must not become an
/// answer that is ten times as long.
pub const MAX_ERRORS: usize = 50;

/// One thing that is wrong with a request. It quotes the caller's arguments, so it belongs in the caller's own answer and
/// never in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationError {
    /// The parameter, such as `attachments[0].filename`. Empty: the whole request.
    pub field: String,
    /// The kind of error.
    pub code: ValidationCode,
    /// What is wrong and what is expected, in one line, without the parameter's name.
    pub message: String,
}

/// The kind of a validation error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidationCode {
    /// Something that is needed was not given.
    Missing,
    /// It is not in the expected form.
    Invalid,
    /// It is too long or too large.
    TooLarge,
    /// There are too many of them.
    TooMany,
    /// It contradicts another argument.
    Conflict,
    /// The configuration does not allow it.
    NotAllowed,
    /// It was not examined, because of an error in this program.
    Internal,
}

/// Everything that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValidationErrors {
    errors: Vec<ValidationError>,
    has_more: bool,
}

impl ValidationErrors {
    /// One error.
    pub fn one(field: impl Into<String>, code: ValidationCode, message: impl Into<String>) -> Self {
        let mut errors = Self::default();
        errors.add(field, code, message);
        errors
    }

    /// Adds an error.
    pub fn add(&mut self, field: impl Into<String>, code: ValidationCode, message: impl Into<String>) {
        self.push(ValidationError { field: field.into(), code, message: message.into() });
    }

    fn push(&mut self, error: ValidationError) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        } else {
            self.has_more = true;
        }
    }

    /// Adds the errors of `other`.
    pub fn join(&mut self, other: Self) {
        other.errors.into_iter().for_each(|error| self.push(error));
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
        if self.errors.is_empty() { Ok(value) } else { Err(self) }
    }

    /// The reported errors.
    pub fn errors(&self) -> &[ValidationError] {
        &self.errors
    }
}

impl fmt::Display for ValidationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl fmt::Display for ValidationErrors {
    /// All errors in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<_> = self.errors.iter().map(ToString::to_string).collect();
        f.write_str(&errors.join("; "))?;
        if self.has_more { f.write_str("; and more errors like these") } else { Ok(()) }
    }
}

impl std::error::Error for ValidationErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_errors_is_cut() {
        let mut errors = ValidationErrors::one("", ValidationCode::Missing, "first");
        let mut other = ValidationErrors::default();
        (1..MAX_ERRORS).for_each(|_| other.add("to", ValidationCode::Invalid, "other"));
        errors.join(other);
        assert!(errors.to_string().ends_with("; to: other"), "{errors}");
        errors.join(ValidationErrors::one("", ValidationCode::Invalid, "last"));
        assert!(
            errors.to_string().starts_with("first; ")
                && errors.to_string().ends_with("; to: other; and more errors like these")
        );
        assert_eq!(errors.errors().len(), MAX_ERRORS);
    }
}
