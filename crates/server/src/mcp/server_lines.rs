//! Servers, their tests and their changes as lines of text: all that the structured content says of them.

use crate::upstream::changes::{Changes, FieldChange, FieldChanges};
use crate::upstream::report::{ConnectionTest, ServerDetails, ServerStatus, ServerTest, ServersStatus};

/// One line a server.
pub(super) fn status_lines(status: &ServersStatus, details: &[ServerDetails]) -> Vec<String> {
    let numbers = format!(
        "{} of {} servers available, {} in back-off",
        status.available_servers, status.total_servers, status.failed_servers
    );
    let of = |server: &ServerStatus| details.iter().find(|details| details.name == server.name);
    let servers = status.servers.iter().map(|server| server_line(server, of(server)));
    std::iter::once(numbers).chain(servers).collect()
}

fn server_line(server: &ServerStatus, details: Option<&ServerDetails>) -> String {
    let ServerStatus { name, host, port, priority, .. } = server;
    let mut line = format!("{name}: {host}:{port}, priority {priority}");
    if let Some(ServerDetails { username, encryption, timeout, max_retries, from_email, .. }) = details {
        let login =
            username.as_ref().map_or_else(|| "no login".to_owned(), |username| format!("login {username}"));
        line += &format!(
            ", encryption {encryption}, {login}, sender {from_email}, timeout {timeout} s, {max_retries} retries"
        );
    }
    line += match (server.is_paused, server.is_failed, server.is_available) {
        (true, _, _) => "; paused: it refused the login",
        (false, true, _) => "; in back-off",
        (false, false, true) => "; available",
        (false, false, false) => "; not available",
    };
    if server.is_current {
        line += ", current: the next mail goes to it first";
    }
    if server.backoff_remaining > 0.0 {
        line += &format!(", for {} s more", server.backoff_remaining);
    }
    line + &server.last_failure.as_ref().map(|at| format!(", last failure {at}")).unwrap_or_default()
}

/// One line a server that was tested.
pub(super) fn test_lines(test: &ConnectionTest) -> Vec<String> {
    test.server_results.iter().map(test_line).collect()
}

fn test_line(test: &ServerTest) -> String {
    let ServerTest { server, host, priority, .. } = test;
    // The first line of the result has the error.
    let told = test.message.iter().map(|text| format!(": {text}"));
    let version = test.tls_version.map(|version| format!("; {version}"));
    let extensions = test.extensions.as_ref().map(|offered| format!("; offers {}", offered.join(", ")));
    let works = if test.success { "works" } else { "failed" };
    let parts = told.chain(version).chain(extensions).collect::<Vec<_>>().concat();
    format!("{server} ({host}, priority {priority}) {works}{parts}")
}

/// One line a change.
pub(super) fn change_lines(changes: &Changes) -> Vec<String> {
    let names =
        |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")));
    let counts = format!(
        "changes: {}; servers: {} before, {} now{}",
        changes.total_changes,
        changes.old_server_count,
        changes.new_server_count,
        if changes.primary_server_changed { "; another one is first" } else { "" }
    );
    let modified = changes
        .servers_modified
        .iter()
        .map(|server| format!("changed {}: {}", server.name, fields(&server.changes)));
    let settings = (!changes.settings.is_empty()).then(|| format!("settings: {}", fields(&changes.settings)));
    std::iter::once(counts)
        .chain(names("added", &changes.servers_added))
        .chain(names("removed", &changes.servers_removed))
        .chain(modified)
        .chain(names("unchanged", &changes.servers_unchanged))
        .chain(settings)
        .collect()
}

fn fields(changes: &FieldChanges) -> String {
    let change = |(name, FieldChange { old, new }): (&String, &FieldChange)| {
        if old == new { format!("{name} {new}") } else { format!("{name} {old} -> {new}") }
    };
    changes.iter().map(change).collect::<Vec<_>>().join(", ")
}
