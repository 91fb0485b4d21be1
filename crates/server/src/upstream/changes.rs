//! The differences between two configurations, as results show them.

#![expect(
    missing_docs,
    reason = "documentation would become descriptions in the tools' schemas, and cost every client tokens"
)]

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::variables::{Scope, Target, VARIABLES, Variable};
use crate::config::{Config, ServerConfig};

// The differences, by server name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModifiedServer {
    pub name: String,
    pub changes: FieldChanges,
}

/// The changed settings by their TOML keys.
pub type FieldChanges = BTreeMap<String, FieldChange>;

// The old and new value of a field, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// Those of the program that a reload applies.
fn settings(old: &Config, new: &Config) -> FieldChanges {
    let global = VARIABLES.iter().filter(|variable| variable.scope == Scope::Global);
    let change = |variable: &&Variable| match &variable.target {
        Target::Program(field) => changed(variable, field.change(old, new)),
        _ => None,
    };
    global.filter_map(change).collect()
}

fn fields(old: &ServerConfig, new: &ServerConfig) -> FieldChanges {
    let change = |variable: &&Variable| match &variable.target {
        Target::Server(field) => changed(variable, field.change(old, new)),
        _ => None,
    };
    VARIABLES.iter().filter_map(change).collect()
}

fn changed(variable: &Variable, change: Option<(String, String)>) -> Option<(String, FieldChange)> {
    change.map(|(old, new)| (variable.toml_key(), FieldChange { old, new }))
}
