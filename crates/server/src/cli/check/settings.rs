//! The effective settings for people: each with its value, never a secret, and where it was found.

use std::io::{self, Write};

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::config::variables::{Target, VARIABLES};
use crate::config::{Config, Provenance, ServerConfig};

/// Settings in the order of the reference table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings(Vec<Row>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    name: &'static str,
    shown: Shown,
}

/// A value for people, and its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Shown {
    value: String,
    source: String,
}

impl Settings {
    /// Those of a server. Addresses and login names are masked.
    pub(super) fn of_server(server: &ServerConfig, provenance: &Provenance) -> Self {
        let row = |target: &Target| match target {
            Target::Server(field) => (field.show)(server),
            _ => None,
        };
        Self::collect(row, provenance)
    }

    /// Those of the program.
    pub(super) fn of_program(config: &Config, provenance: &Provenance) -> Self {
        let row = |target: &Target| match target {
            Target::Program(field) => (field.show)(config),
            _ => None,
        };
        Self::collect(row, provenance)
    }

    fn collect(show: impl Fn(&Target) -> Option<String>, provenance: &Provenance) -> Self {
        let row = |name: &'static str, value| {
            let source = provenance.get(name).map_or_else(|| "default".to_owned(), ToString::to_string);
            Row { name, shown: Shown { value, source } }
        };
        let shown = VARIABLES.iter().filter_map(|one| Some(row(one.name, show(&one.target)?)));
        Self(shown.collect())
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for Row { name, shown: Shown { value, source } } in &self.0 {
            writeln!(out, "  {name:<35} {value}  ({source})")?;
        }
        Ok(())
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for Row { name, shown } in &self.0 {
            map.serialize_entry(name, shown)?;
        }
        map.end()
    }
}
