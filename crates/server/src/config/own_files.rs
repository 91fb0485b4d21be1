//! The files that belong to the program: what the configuration came from, and what the program keeps.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Config, OutboxLocation, ServerConfig};

impl Config {
    /// The files that the configuration came from, those that it names for secrets and certificates, the stored logins, and the
    /// outbox with all that lies beside it under its name: those that exist now.
    pub fn own_files(&self) -> Vec<PathBuf> {
        let logins = self.state_dir.iter().flat_map(|state| entries(&state.join("logins")));
        self.files_of_settings().cloned().chain(logins).chain(self.outbox_files()).collect()
    }

    /// Those of them that the configuration came from or names.
    pub(super) fn files_of_settings(&self) -> impl Iterator<Item = &PathBuf> {
        let token = self.http.token_file.iter().map(|file| &file.path);
        self.files.iter().chain(token).chain(self.servers.iter().flat_map(ServerConfig::files))
    }

    /// The database, what SQLite keeps beside it, and the files in the directory of its owners.
    fn outbox_files(&self) -> Vec<PathBuf> {
        let Some(OutboxLocation::File(database)) = &self.outbox else { return Vec::new() };
        let (Some(name), Some(directory)) = (database.file_name(), database.parent()) else {
            return Vec::new();
        };
        let has_its_name = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|other| other.as_encoded_bytes().starts_with(name.as_encoded_bytes()))
        };
        let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let beside: Vec<_> = entries(here).into_iter().filter(has_its_name).collect();
        let below: Vec<_> =
            beside.iter().filter(|path| path.is_dir()).flat_map(|path| entries(path)).collect();
        [beside, below].concat()
    }
}

impl ServerConfig {
    /// The files that it names.
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let password = self.login.password_file.iter().map(|file| &file.path);
        password.chain(&self.login.token_file).chain(self.ca.iter().map(|ca| &ca.path))
    }
}

/// A warning for each directory of attachments that holds a file with settings.
pub(super) fn in_attachment_dirs(config: &Config) -> Vec<String> {
    let resolved = |path: &PathBuf| fs::canonicalize(path).ok();
    let files: Vec<_> = config.files_of_settings().filter_map(resolved).collect();
    let mut warnings = Vec::new();
    for directory in config.attachment_dirs.iter().filter_map(resolved) {
        if let Some(file) = files.iter().find(|file| file.starts_with(&directory)) {
            warnings.push(format!(
                "SMTP_ATTACHMENT_DIRS: {} holds {}, which is never attached; a directory for attachments alone is safer",
                directory.display(),
                file.display()
            ));
        }
    }
    warnings
}

/// What is in a directory; nothing if it cannot be read.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}
