//! Which processes are alive: each one that uses the outbox holds the lock of a file of its own.
//!
//! A process id says nothing in another PID namespace, and a lease takes rows away from a process that was merely stopped.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

const SUFFIX: &str = ".lock";

/// The id of a process that uses the outbox; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct OwnerId(pub(super) Uuid);

/// This process's file, locked as long as the value lives.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) id: OwnerId,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    file: File,
    path: PathBuf,
}

/// A process that is dead. Its file is locked until the value is dropped.
#[derive(Debug)]
pub(super) struct Dead {
    pub(super) id: OwnerId,
    held: Option<Held>,
}

impl Owner {
    /// An owner that no other process can see.
    pub(super) fn in_memory() -> Self {
        Self { id: OwnerId(Uuid::new_v4()), held: None }
    }

    /// Creates a file in `directory` and locks it: under another name first, so that no other process finds it unlocked.
    pub(super) fn create(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        loop {
            let id = OwnerId(Uuid::new_v4());
            let path = directory.join(format!("{}.{}{SUFFIX}", id.0.simple(), std::process::id()));
            let unlocked = path.with_extension("new");
            let file =
                OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&unlocked)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error),
            }
            fs::rename(&unlocked, &path)?;
            let owner = Self { id, held: Some(Held { file, path }) };
            if owner.is_held()? {
                return Ok(owner);
            }
        }
    }

    /// Whether the file is still where others look for it.
    pub(super) fn is_held(&self) -> io::Result<bool> {
        self.held.as_ref().map_or(Ok(true), Held::is_in_place)
    }

    /// Removes the file: there is nothing to recover.
    pub(super) fn leave(self) {
        if let Some(held) = self.held {
            let _ = fs::remove_file(held.path);
        }
    }
}

impl Held {
    fn is_in_place(&self) -> io::Result<bool> {
        let own = self.file.metadata()?;
        match fs::symlink_metadata(&self.path) {
            Ok(found) => Ok((found.dev(), found.ino()) == (own.dev(), own.ino())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Dead {
    /// Removes its file. Only after its rows were recovered: without a file it would be dead all the same, but not found.
    pub(super) fn forget(self) {
        if let Some(held) = self.held {
            let _ = fs::remove_file(held.path);
        }
    }
}

/// The owners among `known` and in `directory` that are dead, without `me`.
///
/// Dead means: its lock was obtained, or there is no file. Every other error means that it may be alive.
pub(super) fn dead(directory: &Path, known: &[OwnerId], me: OwnerId) -> io::Result<Vec<Dead>> {
    let files = files(directory)?;
    let without_file = known.iter().filter(|id| !files.iter().any(|(other, _)| other == *id));
    let mut dead: Vec<_> =
        without_file.filter(|id| **id != me).map(|id| Dead { id: *id, held: None }).collect();
    dead.extend(files.into_iter().filter(|(id, _)| *id != me).filter_map(|(id, path)| probe(id, path)));
    Ok(dead)
}

fn probe(id: OwnerId, path: PathBuf) -> Option<Dead> {
    let file = match OpenOptions::new().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Some(Dead { id, held: None }),
        Err(_) => return None,
    };
    file.try_lock().ok()?;
    Some(Dead { id, held: Some(Held { file, path }) })
}

/// The owners' files.
fn files(directory: &Path) -> io::Result<Vec<(OwnerId, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)) else { continue };
        let id = name.split('.').next().and_then(|id| Uuid::parse_str(id).ok());
        files.extend(id.map(|id| (OwnerId(id), entry.path())));
    }
    Ok(files)
}
