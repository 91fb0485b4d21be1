//! The differences between two configurations.

use crate::config::{Config, SenderRule, ServerConfig};

/// The differences, by server name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Names of new servers.
    pub added: Vec<String>,
    /// Names of removed servers.
    pub removed: Vec<String>,
    /// Servers with changed settings.
    pub modified: Vec<ModifiedServer>,
    /// Names of unchanged servers.
    pub unchanged: Vec<String>,
    /// Changed settings that belong to no server.
    pub settings: Vec<FieldChange>,
    /// The old number of servers.
    pub old_count: usize,
    /// The new number of servers.
    pub new_count: usize,
    /// Whether another server is tried first.
    pub primary_changed: bool,
}

/// One server with changed settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModifiedServer {
    /// Its name.
    pub name: String,
    /// The changed fields.
    pub fields: Vec<FieldChange>,
}

/// One changed field, its values masked (a password: `changed`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Its name in results.
    pub name: &'static str,
    /// The old value.
    pub old: String,
    /// The new value.
    pub new: String,
}

impl Changes {
    /// The differences from `old` to `new`.
    pub fn between(old: &Config, new: &Config) -> Self {
        let mut changes = Self {
            old_count: old.servers.len(),
            new_count: new.servers.len(),
            primary_changed: primary(old) != primary(new),
            settings: settings(old, new),
            ..Self::default()
        };
        for server in &new.servers {
            match named(old, &server.name) {
                None => changes.added.push(server.name.clone()),
                Some(before) if before == server => changes.unchanged.push(server.name.clone()),
                Some(before) => {
                    changes
                        .modified
                        .push(ModifiedServer { name: server.name.clone(), fields: fields(before, server) });
                }
            }
        }
        let gone = old.servers.iter().filter(|server| named(new, &server.name).is_none());
        changes.removed = gone.map(|server| server.name.clone()).collect();
        changes
    }

    /// The number of changed servers and settings.
    pub fn total(&self) -> usize {
        self.added.len() + self.removed.len() + self.modified.len() + self.settings.len()
    }
}

fn primary(config: &Config) -> Option<&str> {
    config.servers.first().map(|server| server.name.as_str())
}

fn named<'a>(config: &'a Config, name: &str) -> Option<&'a ServerConfig> {
    config.servers.iter().find(|server| server.name == name)
}

fn settings(old: &Config, new: &Config) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    note(
        &mut fields,
        "attachment_dirs",
        &format!("{:?}", old.attachment_dirs),
        &format!("{:?}", new.attachment_dirs),
    );
    note(&mut fields, "limits", &format!("{:?}", old.limits), &format!("{:?}", new.limits));
    fields
}

fn fields(old: &ServerConfig, new: &ServerConfig) -> Vec<FieldChange> {
    let mut fields = Vec::new();
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
        if changed && fields.iter().all(|field| field.name != name) {
            let (old, new) = ("not shown".to_owned(), "changed".to_owned());
            fields.push(FieldChange { name, old, new });
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

fn note(fields: &mut Vec<FieldChange>, name: &'static str, old: &str, new: &str) {
    if old != new {
        fields.push(FieldChange { name, old: old.to_owned(), new: new.to_owned() });
    }
}

fn none() -> String {
    "none".to_owned()
}
