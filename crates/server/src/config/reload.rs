//! Reads the configuration again while the program serves.

use std::time::Duration;

use super::{Config, ConfigErrors, ConfigSources, load};
use crate::blocking_work::BlockingWork;

/// How long its files may take, which may be on a network file system.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Loads the configuration as it is now, without blocking the thread that serves.
///
/// # Errors
/// As [`load`]; and if its files cannot be read in time.
pub async fn reload(sources: &ConfigSources, reading: &BlockingWork) -> Result<Config, ConfigErrors> {
    let sources = sources.clone();
    let late = |_| {
        let seconds = TIME_LIMIT.as_secs();
        ConfigErrors(vec![format!(
            "the files of the configuration could not be read within {seconds} s; a network file system that does not answer is a \
             common cause"
        )])
    };
    reading.run(TIME_LIMIT, move || load(&sources)).await.map_err(late)?
}

impl Config {
    /// This configuration as a reload of `old` applies it: the outbox and the access over HTTP stay those that are in use, so that
    /// their files are still known as the program's own.
    pub fn reloaded_from(mut self, old: &Self) -> Self {
        self.files.extend(self.http.token_file.take().map(|file| file.path));
        self.outbox.clone_from(&old.outbox);
        self.http.clone_from(&old.http);
        self
    }
}
