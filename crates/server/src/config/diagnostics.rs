//! What is noticed while the configuration is read.

use std::path::PathBuf;

use super::ConfigErrors;

/// What was noticed.
#[derive(Default)]
pub(super) struct Diagnostics {
    /// What often explains an error, such as a misspelt name; without an error, a warning.
    pub causes: Vec<String>,
    /// Warnings.
    pub warnings: Vec<String>,
    /// Errors.
    pub problems: Vec<String>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

impl Diagnostics {
    /// The warnings about a configuration without errors.
    pub(super) fn into_warnings(self) -> Vec<String> {
        self.causes.into_iter().chain(self.warnings).collect()
    }

    /// The errors, after their causes and before other warnings.
    pub(super) fn into_errors(self) -> ConfigErrors {
        let warnings = self.warnings.into_iter().map(|warning| format!("warning: {warning}"));
        ConfigErrors(self.causes.into_iter().chain(self.problems).chain(warnings).collect())
    }
}
