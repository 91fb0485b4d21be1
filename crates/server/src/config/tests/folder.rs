//! A temporary folder with the files of a test.

use std::path::{Path, PathBuf};

use super::super::{Origin, Problems, load};
use super::origin;

/// A temporary folder with the files of a test; its path never shows in a snapshot.
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
    pub(super) fn origin(&self, environment: &str) -> Origin {
        let mut origin = origin(environment);
        origin.environment.insert("HOME".to_owned(), self.0.path().display().to_string());
        Origin { working_directory: Some(self.0.path().to_owned()), ..origin }
    }

    pub(super) fn without_path(&self, text: &impl ToString) -> String {
        text.to_string().replace(&self.0.path().display().to_string(), "<dir>")
    }

    pub(super) fn problems(&self, origin: &Origin) -> String {
        let problems: Problems = load(origin).unwrap_err();
        self.without_path(&problems)
    }
}

fn protect(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
