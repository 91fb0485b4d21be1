//! The documents match the program: the table is generated, the examples are parsed.

use std::path::PathBuf;

use super::super::written::is_placeholder;
use super::super::{Config, ConfigSources, load, variables_table};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document() -> String {
    std::fs::read_to_string(root().join("docs/configuration.md")).unwrap()
}

/// The block of code that begins with `fence`.
fn example(fence: &str) -> String {
    let document = document();
    let (_, rest) = document.split_once(fence).unwrap();
    rest.split_once("\n```").unwrap().0.to_owned()
}

/// As a user fills it in.
fn filled_in(text: &str) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some((name, value)) if is_placeholder(value.trim_matches('\'')) => format!("{name}=s3cret-value\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn read(name: &str, text: &str) -> Config {
    let text = filled_in(text);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, &text).unwrap();
    let environment = [("HOME".to_owned(), folder.path().display().to_string().as_str().into())].into();
    let config_sources = match name {
        "config.toml" => ConfigSources { config_file: Some(file), environment, ..ConfigSources::default() },
        _ => ConfigSources { env_file: Some(file), environment, ..ConfigSources::default() },
    };
    load(&config_sources).unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

/// `cargo xtask docs` sets UPDATE_DOCS, and then it is written.
#[test]
#[expect(clippy::disallowed_methods, reason = "a developer's switch, not a setting")]
fn the_reference_table_is_in_step() {
    let document = document();
    let (begin, end) = ("<!-- generated: variables -->\n", "<!-- end generated -->");
    let (before, rest) = document.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let expected = format!("{before}{begin}\n{}\n{end}{after}", variables_table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(root().join("docs/configuration.md"), &expected).unwrap();
    } else {
        assert!(document == expected, "run `cargo xtask docs`");
    }
}

#[test]
fn the_two_examples_are_read_and_mean_the_same() {
    let (env, toml) = (read("some.env", &example("```sh\n")), read("config.toml", &example("```toml\n")));
    let hosts = |config: &Config| {
        config.servers.iter().map(|server| (server.host.clone(), server.port)).collect::<Vec<_>>()
    };
    assert_eq!(hosts(&env), [("smtp.example.org".to_owned(), 587), ("relay.example.net".to_owned(), 465)]);
    assert_eq!(hosts(&env), hosts(&toml));
    for (one, other) in env.servers.iter().zip(&toml.servers) {
        assert_eq!(
            (&one.identity, &one.allowed_from, one.timeout),
            (&other.identity, &other.allowed_from, other.timeout)
        );
        assert!(one.login.password == other.login.password);
    }
}

#[test]
fn the_example_of_an_env_file_is_read() {
    let text = std::fs::read_to_string(root().join(".env.example")).unwrap();
    assert_eq!(read("some.env", &text).servers.len(), 1);
}

#[test]
fn the_providers_of_the_example_are_read() {
    let text = std::fs::read_to_string(root().join(".env.example")).unwrap();
    let mut found = Vec::new();
    for section in text.split("\n\n").filter(|section| section.contains("# SMTP_HOST")) {
        let lines: Vec<_> = section
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.starts_with("SMTP_"))
            .collect();
        let config = read("some.env", &lines.join("\n"));
        found.extend(config.servers.into_iter().map(|server| (server.host, server.port)));
    }
    let found: Vec<_> = found.iter().map(|(host, port)| (host.as_str(), *port)).collect();
    let backups = [("smtp.example.org", 587), ("backup.example.net", 587)];
    let providers = [("smtp.gmail.com", 587), ("smtp.office365.com", 587), ("smtp.mail.yahoo.com", 465)];
    assert_eq!(found, [&providers[..], &backups[..]].concat());
}

#[test]
fn the_settings_in_the_documents_are_read() {
    let mut found = 0;
    for document in ["README.md", "docs/oauth.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for block in text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let settings: Vec<_> = block.lines().map(str::trim).collect();
            // Nobody has that file here.
            let is_readable = !block.contains("SMTP_CA_FILE");
            if is_readable && settings.iter().any(|line| line.starts_with("SMTP_HOST=")) {
                read("some.env", &settings.join("\n"));
                found += 1;
            }
        }
    }
    assert!(found >= 6, "only {found} blocks of settings");
}
