//! The file of the outbox: created for its owner only, refused where SQLite cannot rely on it, and recognised again.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::file::too_many::explained;

/// How often it is looked whether another process has opened the outbox, before it is taken for stopped: for 10 s.
const OPENING_ATTEMPTS: u32 = 2000;

/// The pause between two looks.
const OPENING_PAUSE: Duration = Duration::from_millis(5);

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
    /// When it was created, in nanoseconds since 1970, where the file system tells.
    born: Option<i64>,
}

/// What of it is kept in the file itself: without the device, whose number may be another after a restart.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredIdentity {
    pub(super) inode: i64,
    pub(super) born: Option<i64>,
}

impl StoredIdentity {
    /// Whether it is the same file. Not every process can ask when a file was created: a system call filter may be in the way.
    pub(super) fn is_same(self, other: Self) -> bool {
        let is_born_alike = self.born.is_none() || other.born.is_none() || self.born == other.born;
        self.inode == other.inode && is_born_alike
    }
}

impl FileIdentity {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|since| i64::try_from(since.as_nanos()).ok());
        Ok(Self { device: metadata.dev(), inode: metadata.ino(), born })
    }

    pub(super) fn stored(&self) -> StoredIdentity {
        StoredIdentity { inode: self.inode.cast_signed(), born: self.born }
    }
}

/// Creates the directory and the file if there are none, and returns the path that every process uses.
///
/// # Errors
/// It cannot be used, in one sentence.
pub(super) fn prepare(path: &Path) -> Result<PathBuf, String> {
    let failed = |error: io::Error| explained(error).to_string();
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        refuse_remote(directory)?;
    }
    // Once SQLite has opened it, the file must not be opened by any other way: closing that descriptor would drop SQLite's locks.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    // By another name, the owners' files would be elsewhere.
    let path = fs::canonicalize(path).map_err(failed)?;
    let metadata = fs::symlink_metadata(&path).map_err(failed)?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if metadata.nlink() > 1 {
        return Err(format!(
            "the file has {} names (hard links), and programs that open it by different ones would destroy it; copy it to a new \
             file, and use that",
            metadata.nlink()
        ));
    }
    refuse_remote(&path)?;
    Ok(path)
}

fn refuse_remote(path: &Path) -> Result<(), String> {
    match remote_file_system(path).map_err(|error| error.to_string())? {
        None => Ok(()),
        Some(name) => Err(format!(
            "it is on {name}, where the locks that SQLite relies on are not safe; use a directory on a local disk"
        )),
    }
}

/// What is free on the disk of `path` for this user, in bytes.
pub(super) fn free_bytes(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// The directory of the owners' files: beside the database, one for each.
pub(super) fn owners_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("-owners");
    path.with_file_name(name)
}

/// Held while the database is opened, so that one process creates or changes its tables while the others wait.
///
/// # Errors
/// It cannot be had, in one sentence.
pub(super) fn lock_opening(owners: &Path) -> Result<File, String> {
    let path = owners.join("opening");
    let failed = |error: io::Error| format!("{}: {}", path.display(), explained(error));
    DirBuilder::new().recursive(true).mode(0o700).create(owners).map_err(failed)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    for _ in 0..OPENING_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(OPENING_PAUSE),
        }
    }
    Err("another process has been opening it for 10 s, and may have been stopped".to_owned())
}

/// The name of the file system, if it is not one of this machine's own: SQLite's log needs shared memory and locks that work.
#[cfg(target_os = "linux")]
fn remote_file_system(path: &Path) -> io::Result<Option<&'static str>> {
    let kind = rustix::fs::statfs(path)?.f_type;
    // Some architectures extend the sign of the 32 bits.
    Ok(name_of(kind as u32))
}

#[cfg(target_os = "linux")]
fn name_of(kind: u32) -> Option<&'static str> {
    REMOTE.iter().find(|(magic, _)| *magic == kind).map(|(_, name)| *name)
}

/// From linux/magic.h and the sources of the file systems.
#[cfg(target_os = "linux")]
const REMOTE: [(u32, &str); 17] = [
    (0x0000_6969, "NFS"),
    (0x0000_517B, "SMB"),
    (0xFF53_4D42, "SMB (CIFS)"),
    (0xFE53_4D42, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE or virtiofs"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x7375_7245, "Coda"),
    (0x0000_564C, "NCP"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x786F_4256, "a VirtualBox shared folder"),
    (0xBACB_ACBC, "a VMware shared folder"),
];

#[cfg(target_os = "macos")]
fn remote_file_system(path: &Path) -> io::Result<Option<&'static str>> {
    const REMOTE: [&str; 8] = ["nfs", "smbfs", "afpfs", "webdav", "ftp", "macfuse", "osxfuse", "virtiofs"];
    let found = rustix::fs::statfs(path)?.f_fstypename.map(|byte| byte as u8);
    let name = std::str::from_utf8(&found).unwrap_or_default().trim_end_matches('\0');
    Ok(REMOTE.into_iter().find(|remote| *remote == name))
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn remote_file_system(_: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn remote_file_systems_are_recognised() {
        let local = [
            ("ext4", 0xEF53),
            ("XFS", 0x5846_5342),
            ("Btrfs", 0x9123_683E),
            ("tmpfs", 0x0102_1994),
            ("overlayfs", 0x794C_7630),
            ("ZFS", 0x2FC1_2FC1),
        ];
        for (name, kind) in local {
            assert_eq!(name_of(kind), None, "{name}");
        }
        let remote =
            [("NFS", 0x6969), ("9p", 0x0102_1997), ("SMB", 0xFE53_4D42), ("FUSE or virtiofs", 0x6573_5546)];
        for (name, kind) in remote {
            assert_eq!(name_of(kind), Some(name));
        }
        // As a signed 64-bit value, which is what the system call returns on some machines.
        assert_eq!(name_of((-11_317_950_i64) as u32), Some("SMB (CIFS)"));
    }
}
