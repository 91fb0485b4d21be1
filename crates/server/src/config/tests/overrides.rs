//! Account settings without a host: into which servers of a file they are merged, and into which never.

use secrecy::ExposeSecret as _;

use super::super::{ConfigSources, Loaded, Location, ServerConfig, load, load_with_provenance};
use super::folder::Folder;
use crate::secret::Secret;

const ONE_ENV: &str = "SMTP_HOST=h\nSMTP_USERNAME=file@example.org\nSMTP_PASSWORD=file\n";
const TWO_ENV: &str = "SMTP_HOST_1=h1\nSMTP_USERNAME_1=one@example.org\nSMTP_PASSWORD_1=file\n\
    SMTP_HOST_7=h7\nSMTP_USERNAME_7=seven@example.org\nSMTP_PASSWORD_7=file\n";
const ONE_TOML: &str = "[[server]]\nhost = \"h\"\nusername = \"file@example.org\"\npassword = \"file\"\n";
const TWO_TOML: &str = "[[server]]\nhost = \"h1\"\nusername = \"one@example.org\"\npassword = \"file\"\n\
    [[server]]\nhost = \"h2\"\nusername = \"two@example.org\"\npassword = \"file\"\n";
const USUAL: &str = ".config/smtp-mcp-server/config.toml";

/// How a file is found.
#[derive(Debug, Clone, Copy)]
enum By {
    EnvFile,
    Config,
    Variable,
    Usual,
    DotEnv,
}

impl By {
    fn name(self) -> &'static str {
        match self {
            Self::EnvFile => "x.env",
            Self::Config | Self::Variable => "x.toml",
            Self::Usual => USUAL,
            Self::DotEnv => ".env",
        }
    }

    fn config_sources(self, folder: &Folder, environment: &str) -> ConfigSources {
        let mut config_sources = folder.config_sources(environment);
        let path = folder.path(self.name());
        match self {
            Self::EnvFile => config_sources.env_file = Some(path),
            Self::Config => config_sources.config_file = Some(path),
            Self::Variable => {
                let path = path.display().to_string();
                config_sources.environment.insert("SMTP_MCP_CONFIG".to_owned(), path.as_str().into());
            }
            Self::Usual | Self::DotEnv => {}
        }
        config_sources
    }

    fn loaded(self, text: &str, environment: &str) -> (Loaded, String) {
        let folder = Folder::new(&[(self.name(), text)]);
        let loaded = load_with_provenance(&self.config_sources(&folder, environment))
            .unwrap_or_else(|problems| panic!("{self:?} {environment}\n{problems}"));
        let warnings = folder.without_path(&loaded.config.warnings.join("\n"));
        (loaded, warnings)
    }
}

/// `user:password@host:port` of a server.
fn account(server: &ServerConfig) -> String {
    let password = server.login.password.as_ref().map(Secret::expose);
    format!(
        "{}:{}@{}:{}",
        server.username.as_deref().unwrap_or_default(),
        password.map_or("", |secret| secret.expose_secret()),
        server.host,
        server.port
    )
}

fn accounts(loaded: &Loaded) -> String {
    let servers: Vec<_> = loaded.config.servers.iter().map(account).collect();
    servers.join(" ")
}

/// Each row: the file, what the environment sets, the accounts.
fn assert_overlaid(by: By, rows: &[(&str, &str, &str)]) {
    for (text, environment, expected) in rows {
        let (loaded, warnings) = by.loaded(text, environment);
        assert_eq!(accounts(&loaded), *expected, "{by:?} {environment}");
        assert_eq!(warnings, "", "{by:?} {environment}");
        assert!(!loaded.config.from_environment_only);
    }
}

#[test]
fn an_account_setting_lies_over_the_server_of_its_number_in_a_named_env_file() {
    let rows = [
        (ONE_ENV, "SMTP_PASSWORD=env", "file@example.org:env@h:587"),
        (ONE_ENV, "SMTP_USERNAME=me@example.org\nSMTP_PORT=25", "me@example.org:file@h:25"),
        (ONE_ENV, "SMTP_PASSWORD=", "file@example.org:file@h:587"),
        (
            TWO_ENV,
            "SMTP_PASSWORD_7=env\nSMTP_PORT_1=25",
            "one@example.org:file@h1:25 seven@example.org:env@h7:587",
        ),
        (TWO_ENV, "SMTP_TIMEOUT_7=5", "one@example.org:file@h1:587 seven@example.org:file@h7:587"),
    ];
    assert_overlaid(By::EnvFile, &rows);
}

#[test]
fn an_account_setting_lies_over_the_table_of_its_number_in_a_toml_file() {
    let rows = [
        (ONE_TOML, "SMTP_PASSWORD=env", "file@example.org:env@h:587"),
        (
            TWO_TOML,
            "SMTP_PASSWORD_2=env\nSMTP_USERNAME_1=me@example.org",
            "me@example.org:file@h1:587 two@example.org:env@h2:587",
        ),
        (TWO_TOML, "SMTP_PRIORITY_2=1000", "two@example.org:file@h2:587 one@example.org:file@h1:587"),
    ];
    for by in [By::Config, By::Variable, By::Usual] {
        assert_overlaid(by, &rows);
    }
}

/// Clients start servers inside other people's projects, where a `.env` may name any host.
#[test]
fn nothing_of_the_environment_travels_to_a_host_that_a_dot_env_names() {
    let table = [
        (ONE_ENV, "SMTP_PASSWORD=env"),
        (ONE_ENV, "SMTP_PASSWORD=env\nSMTP_USERNAME=me@example.org\nSMTP_PORT=25"),
        (TWO_ENV, "SMTP_PASSWORD_1=env\nSMTP_USERNAME_7=env"),
        (TWO_ENV, "SMTP_PASSWORD=env"),
        ("SMTP_HOST=h\nSMTP_FROM_EMAIL=a@example.org\n", "SMTP_PASSWORD=env\nSMTP_USERNAME=env"),
    ];
    for (text, environment) in table {
        let (alone, _) = By::DotEnv.loaded(text, "");
        let (loaded, warnings) = By::DotEnv.loaded(text, environment);
        assert_eq!(loaded.config.servers, alone.config.servers, "{text}{environment}");
        let provenance = loaded.provenance.servers.iter().flat_map(|provenance| provenance.values());
        assert!(
            provenance.clone().count() > 0
                && provenance.into_iter().all(|location| *location != Location::Environment)
        );
        assert!(warnings.contains("SMTP_PASSWORD") && !warnings.contains("=env"), "{warnings}");
    }
    let (_, warnings) = By::DotEnv.loaded(ONE_ENV, "SMTP_PASSWORD=env\nSMTP_PORT_2=25");
    insta::assert_snapshot!(warnings, @r#"SMTP_PASSWORD (environment), SMTP_PORT_2 (environment): not used, because the servers come from <dir>/.env, which was not asked for: a password must not be sent to hosts named by someone else's project; if the file is yours, pass --env-file <dir>/.env"#);
}

#[test]
fn a_dot_env_that_counts_on_a_password_of_the_environment_is_told_why_it_has_none() {
    let folder = Folder::new(&[(".env", "SMTP_HOST=h\nSMTP_USERNAME=a@example.org\n")]);
    let config_sources = By::DotEnv.config_sources(&folder, "SMTP_PASSWORD=hunter2");
    insta::assert_snapshot!(folder.problems(&config_sources), @r#"
    SMTP_PASSWORD: not set, though SMTP_USERNAME (<dir>/.env, line 2) is, expected both or neither (neither is a relay that needs no login)
    warning: SMTP_PASSWORD (environment): not used, because the servers come from <dir>/.env, which was not asked for: a password must not be sent to hosts named by someone else's project; if the file is yours, pass --env-file <dir>/.env
    "#);
    let named = ConfigSources { env_file: Some(folder.path(".env")), ..config_sources };
    assert_eq!(
        account(&load(&named).unwrap().servers[0]),
        "a@example.org:hunter2@h:587",
        "somebody named it"
    );
}

#[test]
fn what_matches_no_server_is_a_warning() {
    let tables = [
        (By::EnvFile, TWO_ENV, "SMTP_PASSWORD=p\nSMTP_USERNAME=u"),
        (By::EnvFile, TWO_ENV, "SMTP_PASSWORD_2=p\nSMTP_TIMEOUT_3=5"),
        (By::EnvFile, ONE_ENV, "SMTP_PASSWORD_1=p"),
        (By::Config, ONE_TOML, "SMTP_PASSWORD_1=p"),
        (By::Usual, TWO_TOML, "SMTP_PASSWORD_3=p\nSMTP_PASSWORD=p"),
    ];
    let mut said = String::new();
    for (by, text, environment) in tables {
        let (alone, _) = by.loaded(text, "");
        let (loaded, warnings) = by.loaded(text, environment);
        assert_eq!(loaded.config.servers, alone.config.servers);
        said += &format!("{warnings}\n");
    }
    insta::assert_snapshot!(said, @r#"
    SMTP_PASSWORD (environment), SMTP_USERNAME (environment): not used, because the servers of <dir>/x.env have numbers
    SMTP_PASSWORD_2 (environment): not used, because <dir>/x.env has no server 2
    SMTP_TIMEOUT_3 (environment): not used, because <dir>/x.env has no server 3
    SMTP_PASSWORD_1 (environment): not used, because the only server of <dir>/x.env has no number
    SMTP_PASSWORD_1 (environment): not used, because the only server of <dir>/x.toml has no number
    SMTP_PASSWORD (environment): not used, because the servers of <dir>/.config/smtp-mcp-server/config.toml have numbers
    SMTP_PASSWORD_3 (environment): not used, because <dir>/.config/smtp-mcp-server/config.toml has no server 3
    "#);
}

#[test]
fn a_host_in_the_environment_still_replaces_every_server_of_a_file() {
    let environment = "SMTP_HOST_2=mine\nSMTP_FROM_EMAIL_2=a@example.org\nSMTP_PASSWORD_1=p";
    for (by, text) in [(By::EnvFile, TWO_ENV), (By::Config, TWO_TOML), (By::DotEnv, TWO_ENV)] {
        let (loaded, warnings) = by.loaded(text, environment);
        assert_eq!(accounts(&loaded), ":@mine:587", "{by:?}");
        assert_eq!(warnings, "SMTP_PASSWORD_1 (environment): not used, because SMTP_HOST_1 is not set");
    }
}

#[test]
fn an_env_file_lies_over_a_toml_file_and_the_environment_over_both() {
    let folder = Folder::new(&[
        ("x.env", "SMTP_PASSWORD=env-file\nSMTP_PORT=25\nSMTP_PORT_1=26\n"),
        ("x.toml", ONE_TOML),
    ]);
    let config_sources = ConfigSources {
        env_file: Some(folder.path("x.env")),
        config_file: Some(folder.path("x.toml")),
        ..folder.config_sources("SMTP_PASSWORD=environment")
    };
    let Loaded { config, provenance, .. } = load_with_provenance(&config_sources).unwrap();
    assert_eq!(account(&config.servers[0]), "file@example.org:environment@h:25");
    let location = |name: &str| provenance.servers[0][name].clone();
    assert_eq!(location("SMTP_PASSWORD"), Location::Environment);
    assert_eq!(location("SMTP_PORT"), Location::File(folder.path("x.env"), Some(2)));
    assert_eq!(location("SMTP_USERNAME"), Location::File(folder.path("x.toml"), Some(3)));
    insta::assert_snapshot!(folder.without_path(&config.warnings.join("\n")), @r#"SMTP_PORT_1 (<dir>/x.env, line 3): not used, because the only server of <dir>/x.toml has no number"#);
}

#[test]
fn the_environment_lies_over_each_file_anew_when_it_is_read_again() {
    let folder = Folder::new(&[("x.toml", ONE_TOML)]);
    let config_sources = By::Config.config_sources(&folder, "SMTP_PASSWORD=env");
    let again = |text: &str| {
        std::fs::write(folder.path("x.toml"), text).unwrap();
        load(&config_sources).map(|config| account(&config.servers[0]))
    };
    assert_eq!(again(&ONE_TOML.replace("\"h\"", "\"new\"")).unwrap(), "file@example.org:env@new:587");
    assert_eq!(again(TWO_TOML).unwrap(), "one@example.org:file@h1:587", "the tables have numbers now");
    assert_eq!(again(ONE_TOML).unwrap(), "file@example.org:env@h:587");
}

#[test]
fn a_problem_of_two_places_names_both() {
    let folder = Folder::new(&[(
        "x.toml",
        "[[server]]\nhost = \"h\"\nuse_tls = true\nfrom_email = \"a@example.org\"\n",
    )]);
    let problems = |environment| folder.problems(&By::Config.config_sources(&folder, environment));
    let said = [
        "SMTP_USE_SSL=true",
        "SMTP_USE_TLS=false\nSMTP_USERNAME=u\nSMTP_PASSWORD=hunter2",
        "SMTP_PASSWORD=hunter2",
        "SMTP_PORT=x",
    ]
    .map(problems);
    insta::assert_snapshot!(said.join("\n"), @r#"
    SMTP_USE_SSL (environment) and use_tls (<dir>/x.toml, line 3): found true for both, expected it for one: SMTP_USE_SSL for port 465, use_tls for STARTTLS
    SMTP_USE_TLS (environment): TLS is off and the host is not this machine, so the password could be read in transit, expected SMTP_USE_TLS or use_ssl to be true; allow_plaintext_auth=true allows it
    username: not set, though SMTP_PASSWORD (environment) is, expected both or neither (neither is a relay that needs no login)
    SMTP_PORT (environment): found "x", expected a whole number from 1 to 65535
    "#);
}
