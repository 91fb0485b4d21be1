//! Text files of limited size, in UTF-8.

use std::io::{self, Error};
use std::path::Path;

use zeroize::Zeroizing;

use crate::file::regular;

/// Reads a regular file of at most 1 MiB.
///
/// # Errors
/// It cannot be read, is larger, is not a regular file, or is not UTF-8.
pub(super) fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let bytes = regular::read(path)?;
    if is_utf_16(&bytes) {
        return Err(Error::other("it is UTF-16; save it as UTF-8"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| Error::other("it is not UTF-8; save it as UTF-8"))?;
    Ok(Zeroizing::new(text.trim_start_matches('\u{feff}').to_owned()))
}

/// With a byte order mark, or a text whose letters are mostly ASCII. `echo … > file` in PowerShell writes it.
fn is_utf_16(bytes: &[u8]) -> bool {
    let is_marked = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let zeros = |offset: usize| bytes.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let is_half_zero = bytes.len() >= 4 && zeros(0).max(zeros(1)) * 4 > bytes.len();
    is_marked || is_half_zero
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_not_utf_8_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        for (bytes, expected) in [
            (utf_16("\u{feff}SMTP_HOST=a"), Err("it is UTF-16; save it as UTF-8")),
            (utf_16("SMTP_HOST=grün"), Err("it is UTF-16; save it as UTF-8")),
            (
                "\u{feff}A=ü".encode_utf16().flat_map(u16::to_be_bytes).collect(),
                Err("it is UTF-16; save it as UTF-8"),
            ),
            (b"SMTP_NAME=gr\xfcn".to_vec(), Err("it is not UTF-8; save it as UTF-8")),
            ("\u{feff}SMTP_NAME=grün".as_bytes().to_vec(), Ok("SMTP_NAME=grün")),
            (b"\0".to_vec(), Ok("\0")),
        ] {
            std::fs::write(&path, &bytes).unwrap();
            let read = super::read(&path).map(|text| text.to_string()).map_err(|error| error.to_string());
            assert_eq!(read.as_deref().map_err(String::as_str), expected);
        }
    }
}
