//! The output of `check`: every value with its location, and never a password.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::collection::btree_map;
use proptest::prelude::*;

use super::report::Report;
use crate::cli::style::Style;
use crate::config::variables::VARIABLES;
use crate::config::{ConfigSources, load_with_provenance};
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

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
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
        ("SMTP_MCP_HTTP_TOKEN", "hunter3"),
        ("SMTP_MCP_ALLOWED_HOSTS", "MCP.example.org, [::1]:8000"),
        ("SMTP_MCP_ALLOWED_ORIGINS", "https://app.example.org/"),
    ]);
    let (printed, _) =
        printed(&ConfigSources { environment, env_file: Some(file), ..ConfigSources::default() }).unwrap();
    let printed = printed.replace(&folder.path().display().to_string(), "<dir>");
    insta::assert_snapshot!(printed, @r#"
    ✓ The server works.
      ✓ primary (h:587): connected; it offers 
    warning: SMTP_PROT (environment): this variable is unknown and has no effect; did you mean SMTP_PORT?
    read <dir>/x.env

    server primary
      SMTP_HOST                           h  (<dir>/x.env, line 1)
      SMTP_PORT                           587  (default)
      SMTP_USE_TLS                        true: STARTTLS, required  (default)
      SMTP_USERNAME                       a***@example.org  (<dir>/x.env, line 2)
      SMTP_AUTH                           auto  (default)
      SMTP_PASSWORD                       set  (<dir>/x.env, line 3)
      SMTP_ALLOW_PLAINTEXT_AUTH           false  (default)
      SMTP_CA_FILE                        the platform's roots  (default)
      SMTP_TIMEOUT                        2.5 s  (environment)
      SMTP_MAX_RETRIES                    3  (default)
      SMTP_FROM_EMAIL                     a***@example.org  (default)
      SMTP_ALLOWED_FROM                   b***@example.org, *@example.net  (<dir>/x.env, line 4)
      SMTP_PRIORITY                       0  (default)
      SMTP_EHLO_NAME                      the connection's own address  (default)

    program
      SMTP_ATTACHMENT_DIRS                none  (default)
      SMTP_ALLOWED_RECIPIENTS             everybody  (default)
      SMTP_DENIED_RECIPIENTS              none  (default)
      SMTP_DEFAULT_BCC                    none  (default)
      SMTP_MAX_RECIPIENTS                 100  (default)
      SMTP_MAX_SUBJECT_CHARS              998  (default)
      SMTP_MAX_BODY_SIZE_MB               10 MiB  (default)
      SMTP_MAX_ATTACHMENT_SIZE_MB         25 MiB  (default)
      SMTP_MAX_TOTAL_ATTACHMENTS_SIZE_MB  50 MiB  (default)
      SMTP_MCP_MEMORY_LIMIT               512 MiB  (default)
      SMTP_MCP_STATE_DIR                  none  (default)
      SMTP_MCP_OUTBOX                     none  (default)
      SMTP_ON_UNKNOWN                     manual  (default)
      SMTP_MCP_HTTP_TOKEN                 set  (environment)
      SMTP_MCP_ALLOW_UNAUTHENTICATED      false  (default)
      SMTP_MCP_ALLOWED_HOSTS              mcp.example.org, [::1]:8000  (environment)
      SMTP_MCP_ALLOWED_ORIGINS            https://app.example.org:443  (environment)
      SMTP_MCP_CONNECTIONS_PER_ADDRESS    256  (default)
      SMTP_MCP_TOOLS                      all  (default)
      SMTP_MCP_EXCLUDE_TOOLS              none  (default)

    next: connect a client, which starts `smtp-mcp-server --env-file <dir>/x.env`; or send a mail: `smtp-mcp-server --env-file <dir>/x.env send --to ADDRESS --subject Hello --body Hello`
    "#);
}

proptest! {
    #[test]
    fn a_password_is_never_printed(
        others in btree_map(proptest::sample::select(VARIABLES).prop_map(|variable| variable.name.to_owned()), "[a-z1*]{0,3}", 0..5),
        password in "[!-~]{12,20}",
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
