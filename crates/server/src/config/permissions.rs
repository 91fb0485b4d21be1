//! Who else may change or read a file with settings or secrets.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::diagnostics::Diagnostics;
use super::variables::MCP_ALLOW_OPEN_FILES;

const OTHERS_WRITE: u32 = 0o002;
const OTHERS_READ: u32 = 0o004;
const GROUP_WRITES: u32 = 0o020;
/// Only the owner of a file may replace it there.
const STICKY: u32 = 0o1000;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// Settings without a secret.
    Settings,
    /// A password or token.
    Secret,
    /// The token that lets clients in: whoever can change it is one.
    ClientToken,
}

/// Refuses a file that everybody on this machine may change or replace, and a token for clients that its group may change, unless
/// that `is_allowed`; warns of another file that its group may change, or that others can read though it holds a secret.
pub(super) fn check(path: &Path, holds: Holds, is_allowed: bool, diagnostics: &mut Diagnostics) {
    let holds_a_secret = holds >= Holds::Secret;
    let shown = path.display();
    let mode = |metadata: Metadata| metadata.permissions().mode();
    let file = std::fs::metadata(path).map(mode).unwrap_or_default();
    let directory =
        path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    let around =
        directory.and_then(|directory| std::fs::metadata(directory).ok()).map(mode).unwrap_or_default();
    let safe_mode = if holds_a_secret { "600" } else { "644" };
    let mut refuse = |what: String| {
        if !is_allowed {
            let name = MCP_ALLOW_OPEN_FILES.name;
            diagnostics.problems.push(format!("{shown}: {what}; {name}=true in the environment allows it"));
        }
    };
    if file & OTHERS_WRITE != 0 {
        return refuse(format!("everybody on this machine can change it: chmod {safe_mode} {shown}"));
    }
    if around & OTHERS_WRITE != 0 && around & STICKY == 0 {
        let directory = directory.unwrap_or(path).display();
        return refuse(format!("everybody on this machine can replace it: chmod o-w {directory}"));
    }
    if file & GROUP_WRITES != 0 && holds == Holds::ClientToken {
        return refuse(format!("its group can change it: chmod {safe_mode} {shown}"));
    }
    if file & GROUP_WRITES != 0 {
        diagnostics.warnings.push(format!("{shown}: its group can change it: chmod {safe_mode} {shown}"));
    } else if holds_a_secret && file & OTHERS_READ != 0 {
        diagnostics.warnings.push(format!(
            "{shown}: holds a password or token and everybody on this machine can read it: chmod 600 {shown}"
        ));
    }
}
