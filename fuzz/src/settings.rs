//! Files with settings.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use smtp_mcp_server::config::{ConfigSources, load};

/// A file with this text, which only its owner can read.
pub fn write(text: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("smtp-mcp-server-fuzz-{}", std::process::id()));
    fs::write(&path, text).expect("the temporary directory can be written to");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("the file is ours");
    path
}

/// Whether what they give is usable, or says in one line each what is wrong.
pub fn check(sources: &ConfigSources) {
    match load(sources) {
        Ok(config) => {
            assert!(!config.servers.is_empty());
            config.warnings.iter().for_each(|line| is_one_line(line));
            for (index, server) in config.servers.iter().enumerate() {
                assert!(!server.host.is_empty() && !server.host.contains(char::is_whitespace));
                assert!(config.servers[..index].iter().all(|other| other.name != server.name));
                assert_eq!(server.username.is_some(), server.login.source().is_some());
            }
            assert_eq!(load(sources).as_ref(), Ok(&config), "the same file gives the same settings");
        }
        Err(problems) => {
            assert!(!problems.0.is_empty());
            problems.0.iter().for_each(|line| is_one_line(line));
        }
    }
}

fn is_one_line(line: &str) {
    assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
}
