//! Regular files of limited size: opening and reading one never waits for another program, and never fills the memory.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Error, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::file::too_many::explained;

/// More than any file that is read whole needs, in bytes.
const LIMIT: usize = 1 << 20;

/// Flags with which opening a FIFO or a terminal does not wait, and a terminal does not become ours.
pub const OPEN_FLAGS: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits().cast_signed();

/// With less room than this, `read_to_end` first reads into a buffer on the stack, which is not wiped.
const PROBE: usize = 64;

/// Opens a regular file for reading.
///
/// # Errors
/// It cannot be opened, or is something else.
fn open(path: &Path) -> io::Result<File> {
    // Opening some devices has an effect of its own.
    refuse_others(fs::metadata(path)?.file_type())?;
    let file = OpenOptions::new().read(true).custom_flags(OPEN_FLAGS).open(path).map_err(explained)?;
    // By now the name may mean another file.
    refuse_others(file.metadata()?.file_type())?;
    Ok(file)
}

/// Reads a whole regular file of at most 1 MiB, leaving no copy of it in memory behind.
///
/// # Errors
/// It cannot be read, is larger, or is something else.
pub fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = open(path)?;
    let too_large = || Error::other("it is larger than 1 MiB");
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if size > LIMIT {
        return Err(too_large());
    }
    // Some files, such as those of /proc, do not tell their size. A vector that grows would leave copies behind.
    let capacity = if size == 0 { LIMIT } else { size };
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity + PROBE));
    file.take(capacity as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() > capacity {
        true if capacity == LIMIT => Err(too_large()),
        true => Err(Error::other("it grew while it was read")),
        false => Ok(bytes),
    }
}

fn refuse_others(kind: FileType) -> io::Result<()> {
    let found = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(Error::other(format!("it is {found}, not a regular file")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        mkfifoat(CWD, place("pipe"), Mode::RUSR | Mode::WUSR).unwrap();
        std::os::unix::fs::symlink("pipe", place("link")).unwrap();
        let _socket = UnixListener::bind(place("socket")).unwrap();
        fs::write(place("full"), vec![b'x'; LIMIT]).unwrap();
        fs::write(place("larger"), vec![b'x'; LIMIT + 1]).unwrap();
        fs::write(place("empty"), "").unwrap();
        for (path, expected) in [
            (place("full"), Ok(LIMIT)),
            (place("empty"), Ok(0)),
            (place("larger"), Err("it is larger than 1 MiB")),
            (place("pipe"), Err("it is a pipe, not a regular file")),
            (place("link"), Err("it is a pipe, not a regular file")),
            (place("socket"), Err("it is a socket, not a regular file")),
            (place(""), Err("it is a directory, not a regular file")),
            ("/dev/zero".into(), Err("it is a device, not a regular file")),
        ] {
            let read = read(&path).map(|bytes| bytes.len()).map_err(|error| error.to_string());
            assert_eq!(read.as_ref().map_err(String::as_str), expected.as_ref().map_err(|e| *e), "{path:?}");
        }
        assert!(!read(Path::new("/proc/self/stat")).unwrap().is_empty());
    }
}
