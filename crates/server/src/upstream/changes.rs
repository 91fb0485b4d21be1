//! The differences between two configurations, as results show them.

#![expect(
    missing_docs,
    reason = "documentation would become descriptions in the tools' schemas, and cost every client tokens"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::{Config, SenderRule, ServerConfig};

// The differences, by server name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Changes {
    // changed servers and settings
    pub total_changes: usize,
    pub servers_added: Vec<String>,
    pub servers_removed: Vec<String>,
    pub servers_modified: Vec<ModifiedServer>,
    pub servers_unchanged: Vec<String>,
    // those that belong to no server
    pub settings: FieldChanges,
    pub old_server_count: usize,
    pub new_server_count: usize,
    // another server is tried first
    pub primary_server_changed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ModifiedServer {
    pub name: String,
    pub changes: FieldChanges,
}

/// The changed fields by their names in results.
pub type FieldChanges = BTreeMap<&'static str, FieldChange>;

// The old and new value of a field, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldChange {
    pub old: String,
    pub new: String,
}

impl Changes {
    /// The differences from `old` to `new`.
    pub fn between(old: &Config, new: &Config) -> Self {
        let mut changes = Self {
            old_server_count: old.servers.len(),
            new_server_count: new.servers.len(),
            primary_server_changed: primary(old) != primary(new),
            settings: settings(old, new),
            ..Self::default()
        };
        for server in &new.servers {
            let name = server.name.clone();
            match named(old, &server.name) {
                None => changes.servers_added.push(name),
                Some(before) if before == server => changes.servers_unchanged.push(name),
                Some(before) => {
                    let changed = ModifiedServer { name, changes: fields(before, server) };
                    changes.servers_modified.push(changed);
                }
            }
        }
        let gone = old.servers.iter().filter(|server| named(new, &server.name).is_none());
        changes.servers_removed = gone.map(|server| server.name.clone()).collect();
        let (added, removed) = (changes.servers_added.len(), changes.servers_removed.len());
        changes.total_changes = added + removed + changes.servers_modified.len() + changes.settings.len();
        changes
    }
}

fn primary(config: &Config) -> Option<&str> {
    config.servers.first().map(|server| server.name.as_str())
}

fn named<'a>(config: &'a Config, name: &str) -> Option<&'a ServerConfig> {
    config.servers.iter().find(|server| server.name == name)
}

fn settings(old: &Config, new: &Config) -> FieldChanges {
    let mut fields = FieldChanges::new();
    note(
        &mut fields,
        "attachment_dirs",
        &format!("{:?}", old.attachment_dirs),
        &format!("{:?}", new.attachment_dirs),
    );
    note(&mut fields, "limits", &format!("{:?}", old.limits), &format!("{:?}", new.limits));
    fields
}

fn fields(old: &ServerConfig, new: &ServerConfig) -> FieldChanges {
    let mut fields = FieldChanges::new();
    for (name, show) in SHOWN {
        note(&mut fields, name, &show(old), &show(new));
    }
    // Two different values may look alike when they are masked.
    let hidden = [
        ("username", old.username != new.username),
        ("from_email", old.identity != new.identity),
        ("allowed_from", old.allowed_from != new.allowed_from),
        ("ca_file", old.ca != new.ca),
        ("password", old.password != new.password),
    ];
    for (name, changed) in hidden {
        if changed {
            let (old, new) = ("not shown".to_owned(), "changed".to_owned());
            fields.entry(name).or_insert(FieldChange { old, new });
        }
    }
    fields
}

/// A field's name in results, and its masked value.
type Shown = (&'static str, fn(&ServerConfig) -> String);

const SHOWN: [Shown; 12] = [
    ("host", |server| server.host.clone()),
    ("port", |server| server.port.to_string()),
    ("priority", |server| server.priority.to_string()),
    ("encryption", |server| server.encryption.word().to_owned()),
    ("timeout", |server| server.timeout.as_secs_f64().to_string()),
    ("max_retries", |server| server.max_retries.to_string()),
    ("ca_file", |server| server.ca.as_ref().map_or_else(none, |ca| ca.path.display().to_string())),
    ("ehlo_name", |server| server.ehlo_name.clone().unwrap_or_else(none)),
    ("username", |server| server.masked_username().unwrap_or_else(none)),
    ("from_email", |server| server.identity.address.masked()),
    ("allowed_from", |server| {
        server.allowed_from.iter().map(SenderRule::masked).collect::<Vec<_>>().join(", ")
    }),
    ("allow_plaintext_auth", |server| server.allow_plaintext_auth.to_string()),
];

fn note(fields: &mut FieldChanges, name: &'static str, old: &str, new: &str) {
    if old != new {
        fields.insert(name, FieldChange { old: old.to_owned(), new: new.to_owned() });
    }
}

fn none() -> String {
    "none".to_owned()
}
