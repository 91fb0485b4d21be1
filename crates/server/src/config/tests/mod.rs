//! Valid and invalid configurations, and the messages about them.

mod documents;
mod files;
mod folder;
mod overrides;
mod problems;
mod properties;
mod servers;

use super::{Config, ConfigErrors, ConfigSources, Loaded, load, load_with_provenance};

/// An environment, written as `NAME=value` lines.
fn config_sources(environment: &str) -> ConfigSources {
    let pairs = environment.lines().filter_map(|line| line.trim_start().split_once('='));
    let environment = pairs.map(|(name, value)| (name.to_owned(), value.into())).collect();
    ConfigSources { environment, ..ConfigSources::default() }
}

fn loaded(environment: &str) -> Loaded {
    load_with_provenance(&config_sources(environment))
        .unwrap_or_else(|problems| panic!("{environment}\n{problems}"))
}

fn good(environment: &str) -> Config {
    loaded(environment).config
}

fn bad(environment: &str) -> ConfigErrors {
    match load(&config_sources(environment)) {
        Ok(config) => panic!("{environment}\n{config:?}"),
        Err(problems) => problems,
    }
}

/// A relay without login: the smallest valid server.
const RELAY: &str = "SMTP_HOST=smtp.example.org\nSMTP_FROM_EMAIL=ada@example.org\n";
