//! Which processes are alive: each one that uses the outbox holds the lock of a file of its own.
//!
//! A process id says nothing in another PID namespace, and a lease takes rows away from a process that was merely stopped.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::types::Process;
use crate::config::Account;

const SUFFIX: &str = ".lock";

/// The suffix of a file that is not locked yet.
const UNLOCKED: &str = ".new";

/// The id of a process that uses the outbox; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct OwnerId(pub(super) Uuid);

/// This process's file, locked as long as the value lives.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) id: OwnerId,
    /// The accounts that this process can send with.
    pub(super) accounts: Vec<Account>,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    file: File,
    path: PathBuf,
}

/// What others can read in an owner's file.
#[derive(Debug, Serialize, Deserialize)]
struct Description {
    pid: u32,
    host: String,
    accounts: Vec<[u8; 32]>,
}

/// A process that is alive.
#[derive(Debug, Clone)]
pub(super) struct Living {
    pub(super) id: OwnerId,
    pub(super) process: Process,
    pub(super) accounts: Vec<Account>,
}

/// A process that is dead. Its file is locked until the value is dropped.
#[derive(Debug)]
pub(super) struct Dead {
    pub(super) id: OwnerId,
    held: Option<Held>,
}

impl Owner {
    /// An owner that no other process can see.
    pub(super) fn in_memory(accounts: Vec<Account>) -> Self {
        Self { id: OwnerId(Uuid::new_v4()), accounts, held: None }
    }

    /// Creates a file in `directory` and locks it: under another name first, so that no other process finds it unlocked.
    ///
    /// # Errors
    /// It cannot be created, or locks have no effect there.
    pub(super) fn create(directory: &Path, accounts: Vec<Account>) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        loop {
            let id = OwnerId(Uuid::new_v4());
            let path = directory.join(format!("{}.{}{SUFFIX}", id.0.simple(), std::process::id()));
            let unlocked = path.with_extension(&UNLOCKED[1..]);
            let file =
                OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&unlocked)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(error)) => return Err(error),
            }
            let mut held = Held { file, path };
            held.describe(&accounts)?;
            match fs::rename(&unlocked, &held.path) {
                Ok(()) => {}
                // Taken for what is left of a process that was killed here, before it was locked.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            if let Some(Probe::Dead(_)) = probe(id, held.path.clone()) {
                let problem = "two programs can hold the same lock in this directory";
                return Err(io::Error::new(ErrorKind::Unsupported, problem));
            }
            if held.is_in_place()? {
                return Ok(Self { id, accounts, held: Some(held) });
            }
        }
    }

    /// Tells others which accounts this process can send with.
    pub(super) fn serve(&mut self, accounts: Vec<Account>) -> io::Result<()> {
        if let Some(held) = &mut self.held {
            held.describe(&accounts)?;
        }
        self.accounts = accounts;
        Ok(())
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

    /// Whoever reads it meanwhile finds the new text first, and perhaps a rest of the old one behind it.
    fn describe(&mut self, accounts: &[Account]) -> io::Result<()> {
        let description = Description {
            pid: std::process::id(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            accounts: accounts.iter().map(|account| account.0).collect(),
        };
        let text = serde_json::to_vec(&description)?;
        self.file.rewind()?;
        self.file.write_all(&text)?;
        self.file.set_len(text.len() as u64)
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

/// Those of `owners` that are dead.
///
/// Dead means: its lock was obtained, or there is no file. Every other error means that it may be alive.
pub(super) fn dead(directory: &Path, owners: &[OwnerId]) -> io::Result<Vec<Dead>> {
    let files = files(directory)?;
    let probe = |id: &OwnerId| match files.iter().find(|(other, _)| other == id) {
        Some((id, path)) => probe(*id, path.clone()).and_then(Probe::dead),
        None => Some(Dead { id: *id, held: None }),
    };
    Ok(owners.iter().filter_map(probe).collect())
}

/// The processes that have a file and are dead, without `me`.
pub(super) fn all_dead(directory: &Path, me: OwnerId) -> io::Result<Vec<Dead>> {
    Ok(others(directory, me)?.filter_map(Probe::dead).collect())
}

/// The processes that are alive, without `me`.
pub(super) fn living(directory: &Path, me: OwnerId) -> io::Result<Vec<Living>> {
    Ok(others(directory, me)?.filter_map(Probe::living).collect())
}

fn others(directory: &Path, me: OwnerId) -> io::Result<impl Iterator<Item = Probe>> {
    let files = files(directory)?.into_iter();
    Ok(files.filter(move |(id, _)| *id != me).filter_map(|(id, path)| probe(id, path)))
}

enum Probe {
    Dead(Dead),
    Living(Living),
}

impl Probe {
    fn dead(self) -> Option<Dead> {
        match self {
            Self::Dead(dead) => Some(dead),
            Self::Living(_) => None,
        }
    }

    fn living(self) -> Option<Living> {
        match self {
            Self::Living(living) => Some(living),
            Self::Dead(_) => None,
        }
    }
}

/// `None`: it has just ended, and another process recovered it, or there is nothing to recover.
fn probe(id: OwnerId, path: PathBuf) -> Option<Probe> {
    let file = match OpenOptions::new().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(_) => return Some(Probe::Living(Living::unread(id, &path))),
    };
    if file.try_lock().is_ok() {
        return Some(Probe::Dead(Dead { id, held: Some(Held { file, path }) }));
    }
    let unread = Living::unread(id, &path);
    let read: Option<Description> = serde_json::Deserializer::from_reader(io::BufReader::new(file))
        .into_iter()
        .next()
        .and_then(Result::ok);
    Some(Probe::Living(match read {
        Some(Description { pid, host, accounts }) => Living {
            process: Process { pid, host },
            accounts: accounts.into_iter().map(Account).collect(),
            ..unread
        },
        None => unread,
    }))
}

impl Living {
    /// What the name of the file tells.
    fn unread(id: OwnerId, path: &Path) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let pid = name.split('.').nth(1).and_then(|pid| pid.parse().ok()).unwrap_or_default();
        Self { id, process: Process { pid, host: String::new() }, accounts: Vec::new() }
    }
}

/// The owners' files.
fn files(directory: &Path) -> io::Result<Vec<(OwnerId, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.ends_with(UNLOCKED) {
            remove_unlocked(&entry.path());
        }
        let id = name.strip_suffix(SUFFIX).and_then(|name| Uuid::parse_str(name.split('.').next()?).ok());
        files.extend(id.map(|id| (OwnerId(id), entry.path())));
    }
    Ok(files)
}

/// Removes what is left of a process that was killed before it had its file.
fn remove_unlocked(path: &Path) {
    let file = OpenOptions::new().read(true).write(true).open(path);
    if file.is_ok_and(|file| file.try_lock().is_ok()) {
        let _ = fs::remove_file(path);
    }
}
