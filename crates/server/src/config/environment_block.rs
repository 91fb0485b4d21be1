//! The block of memory in which the system passes the environment. The program cannot free it, so secrets are wiped there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use zeroize::Zeroizing;

/// Wipes the values of those variables whose names are secrets'. From then on neither `/proc` nor a command that this program
/// runs shows them. On Linux only; an error changes nothing.
pub(super) fn wipe(is_secret: impl Fn(&str) -> bool) -> io::Result<()> {
    let place = block()?;
    let memory = OpenOptions::new().read(true).write(true).open("/proc/self/mem")?;
    let mut block = Zeroizing::new(vec![0; usize::try_from(place.end - place.start).unwrap_or_default()]);
    memory.read_exact_at(&mut block, place.start)?;
    let mut start = place.start;
    for entry in block.split(|byte| *byte == 0) {
        wipe_value(&memory, start, entry, &is_secret)?;
        start += entry.len() as u64 + 1;
    }
    Ok(())
}

fn wipe_value(memory: &File, start: u64, entry: &[u8], is_secret: impl Fn(&str) -> bool) -> io::Result<()> {
    let Some(at) = entry.iter().position(|byte| *byte == b'=') else { return Ok(()) };
    let (name, value) = (&entry[..at], &entry[at + 1..]);
    match std::str::from_utf8(name) {
        Ok(name) if is_secret(name) => memory.write_all_at(&vec![0; value.len()], start + at as u64 + 1),
        _ => Ok(()),
    }
}

/// Where it is (proc(5): `env_start` and `env_end`).
fn block() -> io::Result<Range<u64>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in parentheses, may contain anything.
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let mut fields = after_name.split(' ').skip(47).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(start)), Some(Ok(end))) if start < end => Ok(start..end),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}
