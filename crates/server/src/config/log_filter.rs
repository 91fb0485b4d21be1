//! `LOG_LEVEL`: a level's name, Python's or Rust's, or tracing directives.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// The log filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogFilter {
    /// Everything from this program at this level or above.
    Level(LevelFilter),
    /// Valid directives, such as `info,rmcp=debug`.
    Directives(String),
}

impl Default for LogFilter {
    fn default() -> Self {
        Self::Level(LevelFilter::INFO)
    }
}

impl LogFilter {
    /// Parses a level's name in any case, or directives, which contain an equals sign or a comma.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(level) = level(text) {
            return Some(Self::Level(level));
        }
        // Without this, a misspelt level would be a directive for a module of that name.
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
