//! Opens a page in the user's browser.

use std::process::{Command, Stdio};

use url::Url;

/// What opens a page here. The crate `open` forks twice by itself, which crashed this program.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Asks the desktop to open `page`. Where there is none, nothing happens.
pub(super) fn open(page: &Url) {
    let mut opener = Command::new(OPENER);
    opener.arg(page.as_str()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Ok(mut child) = opener.spawn() {
        // It may run as long as the browser.
        std::thread::spawn(move || child.wait());
    }
}
