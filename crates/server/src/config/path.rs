//! Paths in settings: what they are relative to, and why one was not found.

use std::path::{Path, PathBuf};

/// The path, relative to `base`.
///
/// # Errors
/// It begins with `~`, which only a shell expands.
pub(super) fn absolute(path: &str, base: Option<&Path>) -> Result<PathBuf, String> {
    if begins_with_tilde(path) {
        return Err(TILDE.to_owned());
    }
    Ok(base.map_or_else(|| PathBuf::from(path), |base| base.join(path)))
}

/// Where a file was looked for that was not found, unless that is obvious: completes a sentence.
pub(super) fn looked_for(path: &Path, base: Option<&Path>) -> String {
    if begins_with_tilde(&path.to_string_lossy()) {
        return format!("; {TILDE}");
    }
    match base {
        Some(base) if path.is_relative() => {
            format!("; it was looked for in {}, so write the whole path", base.display())
        }
        _ => String::new(),
    }
}

/// Whether what should be the path of a file with a secret may be the secret itself: neither is there such a file, nor any of the
/// directories on the way.
pub(super) fn may_be_a_secret(path: &Path) -> bool {
    let is_named = |directory: &&Path| directory.file_name().is_some();
    !path.exists() && !path.ancestors().skip(1).filter(is_named).any(Path::is_dir)
}

const TILDE: &str = "~ is not expanded here: write the whole path, beginning with /";

fn begins_with_tilde(path: &str) -> bool {
    path.starts_with('~')
}
