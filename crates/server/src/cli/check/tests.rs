//! The output of `check`: every value with its location, and never a password.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::collection::btree_map;
use proptest::prelude::*;

use super::report::Report;
use crate::cli::style::Style;
use crate::config::variables::VARIABLES;
use crate::config::{ConfigSources, load_with_provenance};
use crate::secret::Secret;
use crate::upstream::report::{ConnectionTest, ServerTest};

/// The report for people, and as JSON.
fn printed(origin: &ConfigSources) -> Option<(String, String)> {
    let loaded = load_with_provenance(origin).ok()?;
    let mut printed = Vec::new();
    let test = ConnectionTest::of(loaded.config.servers.iter().map(works).collect());
    let report = Report::of(&loaded.config, &loaded.provenance, test, origin);
    report.print(Style { marks: true, colours: false }, &mut printed).unwrap();
    Some((String::from_utf8(printed).unwrap(), serde_json::to_string(&report).unwrap()))
}

fn works(server: &crate::config::ServerConfig) -> ServerTest {
    ServerTest {
        server: server.name.clone(),
        host: format!("{}:{}", server.host, server.port),
        priority: server.priority,
        success: true,
        message: Some("connected".to_owned()),
        error: None,
        tls_version: None,
        extensions: None,
    }
}

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}

fn protect(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn every_value_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.env");
    let text = "SMTP_HOST=h\nSMTP_USERNAME=ada@example.org\nSMTP_PASSWORD=hunter2\nSMTP_ALLOWED_FROM=bob@example.org,*@example.net\n";
    std::fs::write(&file, text).unwrap();
    protect(&file);
    let environment = environment(&[
        ("SMTP_TIMEOUT", "2.5"),
        ("SMTP_PROT", "1"),
        ("SMTP_MCP_HTTP_TOKEN", "hunter3-and-more-of-it"),
        ("SMTP_MCP_ALLOWED_HOSTS", "MCP.example.org, [::1]:8000"),
        ("SMTP_MCP_ALLOWED_ORIGINS", "https://app.example.org/"),
    ]);
    let (printed, _) =
        printed(&ConfigSources { environment, env_file: Some(file), ..ConfigSources::default() }).unwrap();
    let printed = printed.replace(&folder.path().display().to_string(), "<dir>");
    insta::assert_snapshot!(printed);
}

proptest! {
    #[test]
    fn a_password_is_never_printed(
        others in btree_map(proptest::sample::select(VARIABLES).prop_map(|variable| variable.name.to_owned()), "[a-z1*]{0,3}".prop_map(Secret::new), 0..5),
        password in "[!-~]{16,20}",
    ) {
        let mut environment = others;
        environment.retain(|name, _| !name.contains("CONFIG"));
        environment.retain(|name, _| !name.contains("TOKEN"));
        environment.extend(self::environment(&[
            ("SMTP_HOST", "h"),
            ("SMTP_USERNAME", "ada@example.org"),
            ("SMTP_PASSWORD", &password),
            ("SMTP_MCP_HTTP_TOKEN", &password),
        ]));
        let (text, json) = printed(&ConfigSources { environment, ..ConfigSources::default() }).unwrap_or_default();
        prop_assert!(!text.contains(&password) && !json.contains(&password), "{}{}", text, json);
    }
}
