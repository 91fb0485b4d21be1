//! Configurations, good and bad, and what is said about them.

mod documents;
mod files;
mod folder;
mod overrides;
mod problems;
mod properties;
mod servers;

use super::{Config, Loaded, Origin, Problems, load, load_with_provenance};

/// An environment, written as `NAME=value` lines.
fn origin(environment: &str) -> Origin {
    let pairs = environment.lines().filter_map(|line| line.trim_start().split_once('='));
    let environment = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Origin { environment, ..Origin::default() }
}

fn loaded(environment: &str) -> Loaded {
    load_with_provenance(&origin(environment)).unwrap_or_else(|problems| panic!("{environment}\n{problems}"))
}

fn good(environment: &str) -> Config {
    loaded(environment).config
}

fn bad(environment: &str) -> Problems {
    match load(&origin(environment)) {
        Ok(config) => panic!("{environment}\n{config:?}"),
        Err(problems) => problems,
    }
}

/// A relay without login: the least that is a server.
const RELAY: &str = "SMTP_HOST=smtp.example.org\nSMTP_FROM_EMAIL=ada@example.org\n";
