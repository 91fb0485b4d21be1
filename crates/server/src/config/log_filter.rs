//! `LOG_LEVEL`: a level's name, Python's or Rust's, or directives as Rust programs know them.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFilter {
    /// Everything of this program from this level on.
    Level(LevelFilter),
    /// Directives, such as `info,rmcp=debug`; they are valid.
    Directives(String),
}

impl Default for LogFilter {
    fn default() -> Self {
        Self::Level(LevelFilter::INFO)
    }
}

impl LogFilter {
    /// Reads a level's name in any case, or directives, which have an equals sign or a comma.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(level) = level(text) {
            return Some(Self::Level(level));
        }
        // Without this, any misspelt level would be a directive for a module of that name.
        let is_directives = text.contains('=') && EnvFilter::builder().parse(text).is_ok();
        is_directives.then(|| Self::Directives(text.to_owned()))
    }
}

fn level(text: &str) -> Option<LevelFilter> {
    match text.to_ascii_uppercase().as_str() {
        "TRACE" => Some(LevelFilter::TRACE),
        "DEBUG" => Some(LevelFilter::DEBUG),
        "INFO" => Some(LevelFilter::INFO),
        "WARNING" | "WARN" => Some(LevelFilter::WARN),
        "ERROR" | "CRITICAL" => Some(LevelFilter::ERROR),
        "OFF" => Some(LevelFilter::OFF),
        _ => None,
    }
}
