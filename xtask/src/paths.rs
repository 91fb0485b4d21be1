//! Paths: the workspace's root, its target directory, the built program.

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The target directory: `CARGO_TARGET_DIR`, else `target` at the root.
#[expect(clippy::disallowed_methods, reason = "xtask is not the program: cargo's own variable")]
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(set) => root().join(set),
        None => root().join("target"),
    }
}

/// The program as `cargo build` leaves it.
pub(crate) fn program() -> PathBuf {
    built("debug", "smtp-mcp-server")
}

/// A program of the workspace, built with this profile.
pub(crate) fn built(profile: &str, name: &str) -> PathBuf {
    target().join(profile).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// A directory under the target directory, created if it is missing.
pub(crate) fn scratch(name: &str) -> std::io::Result<PathBuf> {
    let directory = target().join(name);
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}
