//! A temporary folder with the files of a test.

use std::path::{Path, PathBuf};

use super::super::{ConfigErrors, ConfigSources, load};
use super::config_sources;

/// A temporary folder with the files of a test; its path is removed from snapshots.
pub(super) struct Folder(tempfile::TempDir);

impl Folder {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = folder.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            protect(&path);
        }
        folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// This environment, started in the folder, with the home directory there too.
    pub(super) fn config_sources(&self, environment: &str) -> ConfigSources {
        let mut config_sources = config_sources(environment);
        config_sources
            .environment
            .insert("HOME".to_owned(), self.0.path().display().to_string().as_str().into());
        ConfigSources { working_directory: Some(self.0.path().to_owned()), ..config_sources }
    }

    pub(super) fn without_path(&self, text: &impl ToString) -> String {
        text.to_string().replace(&self.0.path().display().to_string(), "<dir>")
    }

    pub(super) fn problems(&self, config_sources: &ConfigSources) -> String {
        let problems: ConfigErrors = load(config_sources).unwrap_err();
        self.without_path(&problems)
    }
}

fn protect(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
