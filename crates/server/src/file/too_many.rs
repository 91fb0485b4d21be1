//! Too many open files: what ran out, and how to raise it.

use std::io;

use rustix::io::Errno;

/// What to do about `error`, if it says that no more files or connections may be open.
pub fn advice(error: &io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error)? {
        Errno::MFILE => Some(
            "this program may not open more files and connections: raise its limit (`ulimit -n 4096` in the shell that starts it, \
             LimitNOFILE=4096 in a systemd unit, `--ulimit nofile=4096` for Docker), or find out who opens so many",
        ),
        Errno::NFILE => Some(
            "all programs of this machine together may not open more files: raise the limit with `sysctl fs.file-max`, or find out \
             who opens so many",
        ),
        _ => None,
    }
}

/// `error` with that advice.
pub fn explained(error: io::Error) -> io::Error {
    match advice(&error) {
        Some(advice) => io::Error::other(format!("{error}: {advice}")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_are_told_apart_and_nothing_else_is_one() {
        let advice = |errno: Errno| advice(&io::Error::from(errno)).unwrap_or_default();
        assert!(advice(Errno::MFILE).contains("ulimit -n"));
        assert!(advice(Errno::NFILE).contains("fs.file-max"));
        assert_eq!(advice(Errno::NOENT), "");
        assert!(super::advice(&io::Error::other("x")).is_none());
    }
}
