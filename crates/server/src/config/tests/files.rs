//! Files: which are read, which one wins, and the messages about them.

use super::super::{Config, ConfigSources, load};
use super::folder::Folder;

fn hosts(config: &Config) -> Vec<&str> {
    config.servers.iter().map(|server| server.host.as_str()).collect()
}

const ENV: &str =
    "SMTP_HOST=env-file\nSMTP_FROM_EMAIL=a@example.org\nSMTP_MAX_RECIPIENTS=20\nSMTP_TIMEOUT=20\n";
const TOML: &str = "max_recipients = 30\nmax_subject_chars = 30\ntimeout = 30\n[[server]]\nhost = \"toml\"\nfrom_email = \"a@example.org\"\n";
const SET: &str = "SMTP_HOST=environment\nSMTP_FROM_EMAIL=a@example.org\n";
const USUAL: &str = ".config/smtp-mcp-server/config.toml";

#[test]
fn servers_come_whole_from_the_strongest_source_and_the_rest_variable_by_variable() {
    let folder = Folder::new(&[("x.env", ENV), ("x.toml", TOML)]);
    let files = |config_sources| ConfigSources {
        env_file: Some(folder.path("x.env")),
        config_file: Some(folder.path("x.toml")),
        ..config_sources
    };
    let config = load(&files(folder.config_sources(""))).unwrap();
    assert_eq!((hosts(&config), config.servers[0].timeout.as_secs()), (vec!["env-file"], 20));
    assert_eq!((config.limits.recipients, config.limits.subject_chars), (20, 30));
    assert!(!config.from_environment_only);
    let config = load(&files(folder.config_sources(&format!("{SET}SMTP_MAX_RECIPIENTS=10")))).unwrap();
    assert_eq!(
        (hosts(&config), config.limits.recipients, config.limits.subject_chars),
        (vec!["environment"], 10, 30)
    );
    assert!(!config.from_environment_only);
    let config = load(&ConfigSources {
        config_file: Some(folder.path("x.toml")),
        ..folder.config_sources("SMTP_HOST_2=two\nSMTP_FROM_EMAIL_2=a@example.org")
    })
    .unwrap();
    assert_eq!(hosts(&config), ["two"]);
}

#[test]
fn the_usual_files_are_read_where_nothing_stronger_speaks() {
    let folder = Folder::new(&[(".env", ENV)]);
    assert_eq!(hosts(&load(&folder.config_sources("")).unwrap()), ["env-file"]);
    let config = load(&folder.config_sources(SET)).unwrap();
    assert_eq!(
        (hosts(&config), config.limits.recipients),
        (vec!["environment"], 100),
        ".env is not read at all"
    );
    assert!(config.from_environment_only);
    let folder = Folder::new(&[
        (".env", ENV),
        (USUAL, TOML),
        ("xdg/smtp-mcp-server/config.toml", &TOML.replace("toml", "xdg")),
        ("other.toml", &TOML.replace("toml", "other")),
    ]);
    assert_eq!(hosts(&load(&folder.config_sources("")).unwrap()), ["toml"]);
    let xdg = folder.path("xdg").display().to_string();
    assert_eq!(hosts(&load(&folder.config_sources(&format!("XDG_CONFIG_HOME={xdg}"))).unwrap()), ["xdg"]);
    let other = folder.path("other.toml").display().to_string();
    assert_eq!(hosts(&load(&folder.config_sources(&format!("SMTP_MCP_CONFIG={other}"))).unwrap()), ["other"]);
    let flag = ConfigSources {
        config_file: Some(folder.path(USUAL)),
        ..folder.config_sources(&format!("SMTP_MCP_CONFIG={other}"))
    };
    assert_eq!(hosts(&load(&flag).unwrap()), ["toml"]);
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let folder = Folder::new(&[(".env", ENV)]);
    let named = ConfigSources {
        config_file: Some(folder.path("no.toml")),
        env_file: Some(folder.path("no.env")),
        ..folder.config_sources("")
    };
    insta::assert_snapshot!(folder.problems(&named), @r#"
    --config: found <dir>/no.toml, which cannot be read (No such file or directory (os error 2)), expected a readable file
    --env-file: found <dir>/no.env, which cannot be read (No such file or directory (os error 2)), expected a readable file
    "#);
    insta::assert_snapshot!(folder.problems(&folder.config_sources("SMTP_MCP_CONFIG=/nowhere/x.toml")), @"SMTP_MCP_CONFIG: found /nowhere/x.toml, which cannot be read (No such file or directory (os error 2)), expected a readable file");
}

#[test]
fn a_toml_file_is_told_line_and_key() {
    let folder = Folder::new(&[(
        "x.toml",
        "max_recipients = \"many\"\nhost = \"x\"\nattachment_dirs = [\"gone\", \".\"]\ntimeuot = 3\n\n[[server]]\nhost = \"a\"\nport = 70000\npassword = 12345\nmax_recipients = 3\n\
         [[server]]\nfrom_email = \"a@example.org\"\n[[server]]\nhost = [\"a\", \"b\"]\nuse_tls = 1979-05-27\nusername = \"u\"\n",
    )]);
    insta::assert_snapshot!(folder.problems(&ConfigSources { config_file: Some(folder.path("x.toml")), ..folder.config_sources("") }), @r#"
    host (<dir>/x.toml, line 2): expected it in a [[server]] table
    max_recipients (<dir>/x.toml, line 10): expected it at the top of the file, before any [[server]]
    password (<dir>/x.toml, line 9): found a number, expected a password without control characters
    [[server]] (<dir>/x.toml, line 11): has no host, expected host = a host name or an address, without scheme and port
    use_tls (<dir>/x.toml, line 15): found a date, expected one of true, 1, yes, on, false, 0, no, off
    timeuot (<dir>/x.toml, line 4): this key is unknown; did you mean timeout?
    port (<dir>/x.toml, line 8): found "70000", expected a whole number from 1 to 65535
    from_email: not set, and there is no username for host (<dir>/x.toml, line 7), expected one address, such as ada@example.org or Ada <ada@example.org>
    host (<dir>/x.toml, line 14): found "a, b" (one value, not a list), expected a host name or an address, without scheme and port
    password: not set, though username (<dir>/x.toml, line 16) is, expected both or neither (neither is a relay that needs no login)
    from_email: not set, and username (<dir>/x.toml, line 16) is not an address, expected one address, such as ada@example.org or Ada <ada@example.org>
    attachment_dirs (<dir>/x.toml, line 3): found "gone, ." (<dir>/gone does not exist or cannot be reached), expected existing directories, separated like PATH
    max_recipients (<dir>/x.toml, line 1): found "many", expected a whole number from 1 to 1000
    "#);
}

#[test]
fn servers_in_toml_are_tables() {
    for line in ["server = []", "server = \"h\"", "server = [\"x\", { host = \"h\" }]"] {
        let folder = Folder::new(&[("x.toml", line)]);
        let config_file = Some(folder.path("x.toml"));
        let problems = folder.problems(&ConfigSources { config_file, ..folder.config_sources("") });
        assert_eq!(problems, "server (<dir>/x.toml, line 1): expected [[server]] tables", "{line}");
    }
}

#[test]
fn broken_toml_is_told_without_its_text() {
    let folder = Folder::new(&[("x.toml", "[[server]]\nhost = \"h\"\npassword = \"hunter2\nuse_tls = ja\n")]);
    insta::assert_snapshot!(folder.problems(&ConfigSources { config_file: Some(folder.path("x.toml")), ..folder.config_sources("") }), @r#"
    <dir>/x.toml, line 3: this is not valid TOML: invalid basic string, expected `"`
    <dir>/x.toml, line 4: this is not valid TOML: string values must be quoted, expected literal string
    "#);
}

#[test]
fn one_table_is_primary_and_several_have_numbers() {
    let server = |host: &str| format!("[[server]]\nhost = \"{host}\"\nfrom_email = \"a@example.org\"\n");
    let folder = Folder::new(&[("one.toml", &server("a")), ("two.toml", &(server("a") + &server("b")))]);
    let names = |file: &str| {
        let config =
            load(&ConfigSources { config_file: Some(folder.path(file)), ..folder.config_sources("") })
                .unwrap();
        config.servers.into_iter().map(|server| (server.name, server.priority)).collect::<Vec<_>>()
    };
    assert_eq!(names("one.toml"), [("primary".to_owned(), 0)]);
    assert_eq!(names("two.toml"), [("server_1".to_owned(), 99), ("server_2".to_owned(), 98)]);
}

#[test]
fn an_env_file_is_told_line_and_name() {
    let folder = Folder::new(&[(
        "x.env",
        "\u{feff}# comment\nexport SMTP_HOST=smtp.example.org\nSMTP_USERNAME=ada@example.org\nSMTP_PASSWORD=hunter2 with spaces\nSMTP_NAME=pay$day\nSMTP_PORT=x\nSMTP_PROT=1\nOTHER=ok\nnonsense\n",
    )]);
    insta::assert_snapshot!(folder.problems(&ConfigSources { env_file: Some(folder.path("x.env")), ..folder.config_sources("") }), @r#"
    SMTP_PROT (<dir>/x.env, line 7): this variable is unknown and has no effect; did you mean SMTP_PORT?
    SMTP_PASSWORD (<dir>/x.env, line 4): found a value that cannot be read; put the value into single quotes
    SMTP_NAME (<dir>/x.env, line 5): found a value with $, which would be expanded; put the value into single quotes
    a line (<dir>/x.env, line 9): found a line that cannot be read, expected NAME=value
    SMTP_PORT (<dir>/x.env, line 6): found "x", expected a whole number from 1 to 65535
    SMTP_PASSWORD: not set, though SMTP_USERNAME (<dir>/x.env, line 3) is, expected both or neither (neither is a relay that needs no login)
    "#);
}

#[test]
fn a_password_in_an_env_file_is_what_was_written() {
    use secrecy::ExposeSecret as _;
    let table = [
        ("'a b#c$d\\e\"f'", "a b#c$d\\e\"f"),
        ("a#b", "a#b"),
        ("a!b=c&d%e", "a!b=c&d%e"),
        ("\"a b#c\"", "a b#c"),
        ("ab # comment", "ab"),
        ("ab\r", "ab"),
    ];
    for (written, meant) in table {
        let text = format!("SMTP_HOST=h\nSMTP_USERNAME=ada@example.org\nSMTP_PASSWORD={written}\n");
        let folder = Folder::new(&[("x.env", &text)]);
        let env_file = Some(folder.path("x.env"));
        let config = load(&ConfigSources { env_file, ..folder.config_sources("") }).unwrap();
        let password = config.servers[0].login.password.as_ref().unwrap();
        assert_eq!(password.expose().expose_secret(), meant, "{written}");
    }
}

#[test]
fn a_password_that_everybody_can_read_is_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new(&[
        ("x.env", "SMTP_HOST=h\nSMTP_USERNAME=ada@example.org\nSMTP_PASSWORD=hunter2\n"),
        ("relay.env", ENV),
    ]);
    let warnings = |file: &str, mode| {
        std::fs::set_permissions(folder.path(file), std::fs::Permissions::from_mode(mode)).unwrap();
        let config =
            load(&ConfigSources { env_file: Some(folder.path(file)), ..folder.config_sources("") }).unwrap();
        folder.without_path(&config.warnings.join("\n"))
    };
    assert_eq!(warnings("x.env", 0o640), "");
    assert_eq!(warnings("relay.env", 0o644), "");
    insta::assert_snapshot!(warnings("x.env", 0o644), @r#"<dir>/x.env: holds a password or token and everybody on this machine can read it: chmod 600 <dir>/x.env"#);
}

#[test]
fn a_ca_file_is_read_and_must_hold_a_certificate() {
    let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let folder = Folder::new(&[
        ("ca.pem", pem),
        ("empty.pem", "nothing"),
        ("half.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"),
    ]);
    let config = load(&folder.config_sources(&format!("{SET}SMTP_CA_FILE=ca.pem"))).unwrap();
    let ca = config.servers[0].ca.as_ref().unwrap();
    assert_eq!((&ca.path, ca.pem.as_slice()), (&folder.path("ca.pem"), pem.as_bytes()));
    let wrong = ["empty.pem", "half.pem", "gone.pem", "."]
        .map(|file| folder.problems(&folder.config_sources(&format!("{SET}SMTP_CA_FILE={file}"))));
    insta::assert_snapshot!(wrong.join("\n"), @r#"
    SMTP_CA_FILE (environment): found "empty.pem" (<dir>/empty.pem holds no certificate), expected a readable PEM file with at least one certificate
    SMTP_CA_FILE (environment): found "half.pem" (<dir>/half.pem is not valid PEM), expected a readable PEM file with at least one certificate
    SMTP_CA_FILE (environment): found "gone.pem" (<dir>/gone.pem cannot be read: No such file or directory (os error 2)), expected a readable PEM file with at least one certificate
    SMTP_CA_FILE (environment): found "." (<dir>/. cannot be read: it is a directory, not a regular file), expected a readable PEM file with at least one certificate
    "#);
}

#[test]
fn attachment_directories_are_separated_like_path() {
    let folder = Folder::new(&[("a/x", ""), ("b/x", "")]);
    let list = format!("SMTP_ATTACHMENT_DIRS={}:b", folder.path("a").display());
    let config = load(&folder.config_sources(&format!("{SET}{list}"))).unwrap();
    assert_eq!(config.attachment_dirs, [folder.path("a"), folder.path("b")]);
    insta::assert_snapshot!(folder.problems(&folder.config_sources(&format!("{SET}SMTP_ATTACHMENT_DIRS=a:a/x:c"))), @r#"
    SMTP_ATTACHMENT_DIRS (environment): found "a:a/x:c" (<dir>/a/x is not a directory; <dir>/c does not exist or cannot be reached), expected existing directories, separated like PATH
    "#);
}

#[test]
fn a_file_that_is_no_configuration_is_told_in_a_few_words() {
    let large = "#".repeat((1 << 20) + 1);
    let folder = Folder::new(&[("large", &large), ("deep", &format!("a={}", "[".repeat(100_000)))]);
    for (name, words) in [("large", "larger than 1 MiB"), ("deep", "not valid TOML")] {
        let config_sources =
            ConfigSources { config_file: Some(folder.path(name)), ..folder.config_sources("") };
        let problems = folder.problems(&config_sources);
        assert!(problems.contains(words) && problems.len() < 1000, "{problems}");
    }
}
