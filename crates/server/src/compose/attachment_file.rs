//! Files that are attached by path: regular files beneath the allowed directories, and never those with the program's own secrets.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File as Handle, MetadataExt as _, OpenOptions, OpenOptionsExt as _};

use crate::address::character;
use crate::config::Config;
use crate::file::regular::OPEN_FLAGS;
use crate::file::too_many;
use crate::limits::{self, CallLimits};
use crate::request::ValidationCode;

/// A file, whatever its names.
type FileId = (u64, u64);

/// The files that the configuration came from, stored logins, and the outbox with all that belongs to it, as they are now.
pub(super) struct OwnFiles(HashSet<FileId>);

impl OwnFiles {
    pub(super) fn of(config: &Config) -> Self {
        let id = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
        Self(config.own_files().iter().filter_map(|path| id(path)).collect())
    }
}

/// Why a file is not attached.
enum Refusal {
    /// There is none, or it is outside, or it cannot be read: the same message for all, which tells nothing about what is outside.
    NotFound,
    /// No more files may be open; what to do about it.
    OutOfFiles(&'static str),
    /// It, or a directory on the way, is hidden.
    Hidden,
    /// It holds secrets of this program.
    Own,
}

/// Reads the file that a call names.
///
/// # Errors
/// It may not be attached, or not be read.
pub(super) fn read(
    path: &str,
    config: &Config,
    own_files: &OwnFiles,
    left: usize,
) -> Result<Vec<u8>, (ValidationCode, String)> {
    let not_allowed = |message| (ValidationCode::NotAllowed, message);
    if config.attachment_dirs.is_empty() {
        return Err(not_allowed(
            "SMTP_ATTACHMENT_DIRS is not set: no file may be attached by path; set it, or give content"
                .to_owned(),
        ));
    }
    if path.contains('\0') {
        let path = character::quoted(path);
        return Err(not_allowed(format!("{path}: a path cannot contain control characters")));
    }
    let handle = find(Path::new(path), config, own_files)
        .map_err(|refusal| not_allowed(refusal.message(path, &config.attachment_dirs)))?;
    read_bounded(handle, &config.limits, left)
        .map_err(|problem| (ValidationCode::Invalid, format!("{}: {problem}", character::quoted(path))))
}

/// The file in the first directory that has it. A refusal that says something about it is told rather than that there is none.
fn find(path: &Path, config: &Config, own_files: &OwnFiles) -> Result<Handle, Refusal> {
    let mut refusal = Refusal::NotFound;
    for dir in &config.attachment_dirs {
        match open_beneath(dir, path, config.attach_hidden, own_files) {
            Ok(handle) => return Ok(handle),
            Err(Refusal::NotFound) => {}
            Err(other) => refusal = other,
        }
    }
    Err(refusal)
}

fn open_beneath(
    dir: &Path,
    path: &Path,
    attach_hidden: bool,
    own_files: &OwnFiles,
) -> Result<Handle, Refusal> {
    let not_found =
        |error: io::Error| too_many::advice(&error).map_or(Refusal::NotFound, Refusal::OutOfFiles);
    let inside =
        if path.is_absolute() { beneath(dir, path).ok_or(Refusal::NotFound)? } else { path.to_owned() };
    if inside.components().any(|part| part == Component::ParentDir) {
        return Err(Refusal::NotFound);
    }
    let refuse_hidden =
        |path: &Path| if attach_hidden || !is_hidden(path) { Ok(()) } else { Err(Refusal::Hidden) };
    refuse_hidden(&inside)?;
    let dir = Dir::open_ambient_dir(dir, ambient_authority()).map_err(not_found)?;
    // Where the links on the way lead.
    let resolved = dir.canonicalize(&inside).map_err(not_found)?;
    refuse_hidden(&resolved)?;
    // Before it is opened: closing a descriptor of the outbox would drop the locks that SQLite has on it.
    let checked = dir.symlink_metadata(&resolved).map_err(not_found)?;
    if !checked.is_file() {
        return Err(Refusal::NotFound);
    }
    if own_files.0.contains(&(checked.dev(), checked.ino())) {
        return Err(Refusal::Own);
    }
    let handle = dir.open_with(&resolved, OpenOptions::new().read(true).custom_flags(OPEN_FLAGS));
    let handle = handle.map_err(not_found)?;
    // By now the name may mean another file.
    let opened = handle.metadata().map_err(not_found)?;
    let is_the_same = (opened.dev(), opened.ino()) == (checked.dev(), checked.ino());
    if opened.is_file() && is_the_same { Ok(handle) } else { Err(Refusal::NotFound) }
}

/// The part of an absolute path after the directory, as configured or as canonicalised.
fn beneath(dir: &Path, path: &Path) -> Option<PathBuf> {
    if let Ok(inside) = path.strip_prefix(dir) {
        return Some(inside.to_owned());
    }
    path.strip_prefix(dir.canonicalize().ok()?).ok().map(Path::to_owned)
}

/// Whether a name in the path begins with a dot.
fn is_hidden(path: &Path) -> bool {
    path.components().any(|part| match part {
        Component::Normal(name) => name.as_encoded_bytes().starts_with(b"."),
        _ => false,
    })
}

/// Reads an open file, whatever its path refers to now, and never more than is allowed.
fn read_bounded(handle: Handle, limits: &CallLimits, left: usize) -> Result<Vec<u8>, String> {
    let metadata = handle.metadata().map_err(|error| error.to_string())?;
    let most = limits.attachment_bytes.min(left);
    let too_large = || match most == left {
        true => {
            format!(
                "with it the attachments are larger than {} in total",
                limits::size(limits.attachments_bytes)
            )
        }
        false => format!("larger than {}", limits::size(limits.attachment_bytes)),
    };
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if size > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(size + 1);
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    handle.take(bound).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > most { Err(too_large()) } else { Ok(bytes) }
}

impl Refusal {
    fn message(&self, path: &str, dirs: &[PathBuf]) -> String {
        let path = character::quoted(path);
        match self {
            Self::NotFound => {
                let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
                format!(
                    "{path}: no readable file in the allowed directories ({}); symlinks cannot escape them",
                    dirs.join(", ")
                )
            }
            Self::OutOfFiles(advice) => format!("{path}: it cannot be opened: {advice}"),
            Self::Hidden => format!(
                "{path}: hidden files, and files in hidden directories, are not attached by path: their names begin with a dot; the \
                 owner of the settings can allow them with SMTP_ATTACHMENT_HIDDEN=true"
            ),
            Self::Own => format!(
                "{path}: a file of this program, with settings, secrets or messages, is never attached by path"
            ),
        }
    }
}
