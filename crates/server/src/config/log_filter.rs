//! `LOG_LEVEL`: a level's name, Python's or Rust's, or tracing directives.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// The log filter.
#[derive(Debug, Clone, PartialEq)]
pub enum LogFilter {
    /// Everything from this program at this level or above.
    Level(LevelFilter),
    /// Directives, such as `info,rmcp=debug`.
    Directives(Targets),
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
        text.parse().ok().filter(|_| text.contains('=')).map(Self::Directives)
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
