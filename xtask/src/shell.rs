//! Runs other programs: each command is echoed, its output is passed through.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// A command that runs at the root of the workspace.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(crate::paths::root());
    command
}

/// `cargo` with `arguments`: the one that started this task.
///
/// Its variables about this package are removed: build scripts that depend on such variables would run again each time
/// the caller changes.
#[expect(clippy::disallowed_methods, reason = "the variables are cargo's own")]
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = command(env!("CARGO"));
    cargo.args(arguments);
    let of_this_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_this_package) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a step with its output shown; an exit status other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs a step whose output is shown only if it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    let line = line(command);
    eprintln!("$ {line}");
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        eprintln!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("`{line}` ended with {}", output.status);
    }
    Ok(())
}

/// Runs a step and returns its stdout.
pub(crate) fn captured(command: &mut Command) -> Result<String> {
    let line = line(command);
    eprintln!("$ {line}");
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` ended with {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// A command's stdout, if it succeeds.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    String::from_utf8(text).ok()
}

/// Whether a command succeeds; nothing is shown.
pub(crate) fn works(command: &mut Command) -> bool {
    output(command).is_some()
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    output(command("id").arg("-u")).is_some_and(|id| id.trim() == "0")
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(short).collect::<Vec<_>>().join(" ")
}

/// A word of a command line, with paths inside the workspace relative to it.
fn short(word: &OsStr) -> String {
    let path = Path::new(word);
    let shown = path.strip_prefix(crate::paths::root()).unwrap_or(path);
    match shown.file_name() {
        Some(name) if word == env!("CARGO") => name.to_string_lossy().into_owned(),
        _ => shown.to_string_lossy().into_owned(),
    }
}
