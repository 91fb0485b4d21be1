//! Logging: to stderr only, because stdout belongs to the protocol.

use std::io::{IsTerminal as _, Write};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use super::log_queue::LogQueue;
use crate::config::LogFilter;

/// The log targets of our own crates.
const OURS: [&str; 3] = ["smtp_mcp_server", "smtp_submission", "smtp_sink"];

/// How long the end of the process waits for a stderr that is not read.
const FLUSH_GRACE_PERIOD: Duration = Duration::from_millis(200);

/// The same for the reason of the end.
const LAST_LINE_GRACE_PERIOD: Duration = Duration::from_secs(2);

/// All that goes to stderr while the program serves.
static QUEUE: LogQueue = LogQueue::new();

/// Writes what is left when it is dropped.
#[derive(Debug)]
#[must_use]
pub struct LogGuard(());

impl Drop for LogGuard {
    fn drop(&mut self) {
        QUEUE.flush(FLUSH_GRACE_PERIOD);
    }
}

/// Begins to write the lines of the log and of panics, until the guard is dropped. Once in a process.
///
/// From now on a panic reports only its location: its message may quote a mail or an address.
pub fn begin() -> LogGuard {
    std::thread::spawn(|| QUEUE.write_to(std::io::stderr()));
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        line(&format!("an error inside this program, please report it: panic at {place}"));
    }));
    LogGuard(())
}

/// Writes a line as it is.
pub fn line(line: &str) {
    QUEUE.push(format!("{line}\n").as_bytes());
}

/// Writes the reason why the program ends. On a busy machine the thread that writes may not have had a turn yet, and this line
/// must not be lost.
pub fn last_line(text: &str) {
    line(text);
    QUEUE.flush(LAST_LINE_GRACE_PERIOD);
}

/// Starts logging for the whole process. A second call changes nothing.
pub fn start(filter: &LogFilter) {
    let lines = fmt::layer()
        .compact()
        .with_writer(|| QueueWriter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(targets(filter).and(filter_fn(may_be_said)));
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Writes each line to the queue; tracing writes a line at once.
struct QueueWriter;

impl Write for QueueWriter {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        QUEUE.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whatever a directive asks for, libraries log only their warnings: at DEBUG some print whole requests, message
/// text included. rmcp's warnings quote our answers, which quote the caller.
fn may_be_said(line: &Metadata<'_>) -> bool {
    *line.level() <= most_of(line.target())
}

fn most_of(target: &str) -> Level {
    let is_of = |name: &&str| target.split("::").next() == Some(name);
    match () {
        () if OURS.iter().any(is_of) => Level::TRACE,
        () if is_of(&"rmcp") => Level::ERROR,
        () => Level::WARN,
    }
}

/// What `filter` means for each crate: a level applies to ours; a library logs at most its warnings.
fn targets(filter: &LogFilter) -> Targets {
    match filter {
        LogFilter::Level(level) => {
            let libraries = Targets::new().with_default(*level.min(&LevelFilter::WARN));
            libraries.with_targets(OURS.map(|target| (target, *level)))
        }
        LogFilter::Directives(targets) => targets.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(filter: &str) -> String {
        targets(&LogFilter::parse(filter).unwrap()).to_string()
    }

    #[test]
    fn libraries_say_at_most_their_warnings() {
        assert_eq!(said("DEBUG"), "smtp_submission=debug,smtp_mcp_server=debug,smtp_sink=debug,warn");
        assert_eq!(said("critical"), "smtp_submission=error,smtp_mcp_server=error,smtp_sink=error,error");
    }

    #[test]
    fn no_directive_lets_a_library_quote_a_caller() {
        let table = [
            ("smtp_mcp_server::mcp::server", Level::TRACE),
            ("smtp_submission", Level::TRACE),
            ("rustls::client", Level::WARN),
            ("rmcp::service", Level::ERROR),
        ];
        for (target, most) in table {
            assert_eq!(most_of(target), most, "{target}");
        }
    }

    #[test]
    fn a_directive_says_it_all() {
        assert_eq!(said("info,rmcp=debug"), "rmcp=debug,info");
    }
}
