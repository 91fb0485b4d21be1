//! Valid environments and what they mean.

use std::time::Duration;

use super::super::{CallLimits, Encryption, LogFilter, SenderRule};
use super::{RELAY, good, loaded};
use crate::address::Address;

#[test]
fn one_server_with_nothing_but_defaults() {
    let config = good(RELAY);
    let [server] = config.servers.as_slice() else { panic!("{config:?}") };
    assert_eq!(
        (server.name.as_str(), server.host.as_str(), server.port),
        ("primary", "smtp.example.org", 587)
    );
    assert_eq!((server.encryption, server.priority, server.max_retries), (Encryption::StartTls, 0, 3));
    assert_eq!(server.timeout, Duration::from_secs(30));
    assert_eq!((server.username.as_deref(), &server.login.password, &server.ca), (None, &None, &None));
    assert!(server.allowed_from.is_empty() && !server.allow_plaintext_auth && server.ehlo_name.is_none());
    assert_eq!(config.limits, CallLimits::default());
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert!(config.from_environment_only && config.attachment_dirs.is_empty());
}

#[test]
fn the_default_limits_are_those_of_the_contract() {
    let megabyte = 1 << 20;
    let CallLimits { recipients, subject_chars, body_bytes, attachment_bytes, attachments_bytes } =
        CallLimits::default();
    assert_eq!((recipients, subject_chars), (100, 998));
    assert_eq!(
        (body_bytes, attachment_bytes, attachments_bytes),
        (10 * megabyte, 25 * megabyte, 50 * megabyte)
    );
}

#[test]
fn limits_are_settings() {
    let config = good(&format!(
        "{RELAY}SMTP_MAX_RECIPIENTS=7\nSMTP_MAX_SUBJECT_CHARS=70\nSMTP_MAX_BODY_SIZE_MB=1\nSMTP_MAX_ATTACHMENT_SIZE_MB=2\nSMTP_MAX_TOTAL_ATTACHMENTS_SIZE_MB=3"
    ));
    let expected = CallLimits {
        recipients: 7,
        subject_chars: 70,
        body_bytes: 1 << 20,
        attachment_bytes: 2 << 20,
        attachments_bytes: 3 << 20,
    };
    assert_eq!(config.limits, expected);
}

#[test]
fn encryption_and_port() {
    use Encryption::{Implicit, None, StartTls};
    let table = [
        ("", StartTls, 587),
        ("SMTP_USE_TLS=true", StartTls, 587),
        ("SMTP_USE_TLS=YES\nSMTP_USE_SSL=off", StartTls, 587),
        ("SMTP_USE_SSL=true", Implicit, 465),
        ("SMTP_USE_SSL=1\nSMTP_USE_TLS=0", Implicit, 465),
        ("SMTP_USE_SSL=On\nSMTP_PORT=2465", Implicit, 2465),
        ("SMTP_USE_TLS=no", None, 587),
        ("SMTP_USE_TLS=False\nSMTP_PORT=25", None, 25),
        ("SMTP_USE_SSL=\nSMTP_USE_TLS=\nSMTP_PORT= ", StartTls, 587),
    ];
    for (lines, encryption, port) in table {
        let config = good(&format!("{RELAY}{lines}"));
        assert_eq!((config.servers[0].encryption, config.servers[0].port), (encryption, port), "{lines}");
    }
}

#[test]
fn hosts_that_are_hosts() {
    let table = [
        ("mail", "mail"),
        ("smtp_relay", "smtp_relay"),
        ("smtp.example.org.", "smtp.example.org"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("bücher.example", "xn--bcher-kva.example"),
    ];
    for (given, expected) in table {
        let config = good(&format!("SMTP_HOST={given}\nSMTP_FROM_EMAIL=ada@example.org"));
        assert_eq!(config.servers[0].host, expected, "{given}");
    }
}

#[test]
fn numbered_servers_with_gaps_by_priority_then_number() {
    let lines: String = [2, 10, 7, 1]
        .iter()
        .map(|n| format!("SMTP_HOST_{n}=h{n}\nSMTP_FROM_EMAIL_{n}=a@example.org\n"))
        .collect();
    let config = good(&format!("{lines}SMTP_PRIORITY_10=99\nSMTP_NAME_7=seven\nSMTP_PRIORITY_7=1000"));
    let order: Vec<_> = config.servers.iter().map(|server| (server.name.as_str(), server.priority)).collect();
    assert_eq!(
        order,
        [("seven", 1000), ("server_1", 99), ("server_10", 99), ("server_2", 98)]
            .map(|(name, priority)| (name, priority))
    );
}

#[test]
fn shared_settings_hold_for_all_numbered_servers_and_account_settings_for_none() {
    let config = good(
        "SMTP_HOST_1=one\nSMTP_FROM_EMAIL_1=a@example.org\nSMTP_HOST_2=two\nSMTP_FROM_EMAIL_2=b@example.org\nSMTP_TIMEOUT_2=2.5\n\
         SMTP_TIMEOUT=9\nSMTP_MAX_RETRIES=0\nSMTP_ALLOWED_FROM=*@example.net\nSMTP_EHLO_NAME=me.example\nSMTP_ALLOW_PLAINTEXT_AUTH=yes\n\
         SMTP_MAX_CONNECTIONS=7\nSMTP_MAX_RATE=30\nSMTP_PIPELINING=off\nSMTP_CHUNKING=off\n\
         SMTP_HOST=old\nSMTP_USERNAME=u\nSMTP_PASSWORD=p\nSMTP_PORT=1\nSMTP_USE_SSL=true\nSMTP_NAME=x\nSMTP_PRIORITY=3\nSMTP_FROM_EMAIL=c@example.org",
    );
    let [one, two] = config.servers.as_slice() else { panic!("{config:?}") };
    assert_eq!((one.timeout, two.timeout), (Duration::from_secs(9), Duration::from_millis(2500)));
    for server in [one, two] {
        assert_eq!(server.allowed_from, [SenderRule::Domain("example.net".to_owned())]);
        assert_eq!(
            (server.max_retries, server.ehlo_name.as_deref(), server.allow_plaintext_auth),
            (0, Some("me.example"), true)
        );
        assert_eq!((server.max_connections, server.max_rate), (7, Some(30)));
        assert!(!server.pipelining && !server.chunking);
        assert_eq!((&server.username, &server.login.password, server.port), (&None, &None, 587));
    }
    insta::assert_snapshot!(config.warnings.join("\n"), @r#"SMTP_FROM_EMAIL (environment), SMTP_HOST (environment), SMTP_NAME (environment), SMTP_PASSWORD (environment), SMTP_PORT (environment), SMTP_PRIORITY (environment), SMTP_USERNAME (environment), SMTP_USE_SSL (environment): not used, because numbered servers are set"#);
}

#[test]
fn what_is_odd_is_a_warning() {
    let config = good(&format!(
        "{RELAY}SMTP_PROT=1\nSMTP_USERNMAE_3=x\nSMTP_HOST_03=x\nSMTP_PORT_3=1\nSMTP_ATTACHMENT_DIRS_1=/\nSMTP_SOMETHING_ELSE=y\nSMTP_MCP_HTTP_TOKEN=a-long-and-random-one\nSMTPD=1"
    ));
    insta::assert_snapshot!(config.warnings.join("\n"), @"
    SMTP_ATTACHMENT_DIRS_1 (environment): this variable is unknown and has no effect; did you mean SMTP_ATTACHMENT_DIRS?
    SMTP_HOST_03 (environment): this variable is unknown and has no effect; did you mean SMTP_HOST_3?
    SMTP_PROT (environment): this variable is unknown and has no effect; did you mean SMTP_PORT?
    SMTP_SOMETHING_ELSE (environment): this variable is unknown and has no effect
    SMTP_USERNMAE_3 (environment): this variable is unknown and has no effect; did you mean SMTP_USERNAME_3?
    SMTP_PORT_3 (environment): not used, because SMTP_HOST_3 is not set
    ");
}

#[test]
fn an_unknown_name_cannot_begin_a_line_of_the_log() {
    let name = "SMTP_X\u{1b}[2K\rERROR";
    let sources = super::config_sources(&format!("{RELAY}{name}=1"));
    assert_eq!(
        super::load(&sources).unwrap().warnings,
        ["SMTP_X\\u{1b}[2K\\rERROR (environment): this variable is unknown and has no effect"]
    );
}

#[test]
fn the_port_of_the_other_kind_of_tls_is_a_warning() {
    let table = [
        ("SMTP_PORT=465\nSMTP_USE_SSL=false", true),
        ("SMTP_PORT=465", false),
        ("SMTP_PORT=587\nSMTP_USE_SSL=true", true),
        ("SMTP_PORT=465\nSMTP_USE_SSL=true", false),
        ("SMTP_PORT=465\nSMTP_USE_TLS=false", false),
        ("SMTP_PORT=2525", false),
    ];
    for (lines, is_odd) in table {
        assert_eq!(!good(&format!("{RELAY}{lines}")).warnings.is_empty(), is_odd, "{lines}");
    }
}

#[test]
fn the_identity_is_the_address_given_or_the_username() {
    let login = "SMTP_HOST=h\nSMTP_USERNAME=ada@example.org\nSMTP_PASSWORD=p\n";
    assert_eq!(good(login).servers[0].identity.address.to_string(), "ada@example.org");
    let named = good(&format!("{login}SMTP_FROM_EMAIL=Countess <countess@example.org>"));
    let identity = &named.servers[0].identity;
    assert_eq!(
        (identity.name.as_deref(), identity.address.to_string().as_str()),
        (Some("Countess"), "countess@example.org")
    );
}

#[test]
fn a_server_owns_its_identity_and_what_its_rules_allow() {
    let rules = [
        ("", false, false),
        ("bob@example.org", true, false),
        ("*@EXAMPLE.org", true, false),
        ("*", true, true),
        ("x@example.org, *@example.net", false, true),
    ];
    for (rule, bob, eve) in rules {
        let config = good(&format!("{RELAY}SMTP_ALLOWED_FROM={rule}"));
        let owns = |address: &str| config.servers[0].owns(&Address::parse(address).unwrap());
        assert_eq!(
            (owns("ada@example.org"), owns("bob@example.org"), owns("eve@example.net")),
            (true, bob, eve),
            "{rule}"
        );
    }
}

#[test]
fn a_login_without_tls_stays_on_this_machine_unless_allowed() {
    let login = "SMTP_USE_TLS=false\nSMTP_USERNAME=ada@example.org\nSMTP_PASSWORD=p\n";
    for host in [
        "localhost",
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "[::1]",
        "LOCALHOST",
        "far\nSMTP_ALLOW_PLAINTEXT_AUTH=true",
    ] {
        assert_eq!(
            good(&format!("{login}SMTP_HOST={host}")).servers[0].encryption,
            Encryption::None,
            "{host}"
        );
    }
    for host in ["far", "128.0.0.1", "localhost.example.org", "far\nSMTP_ALLOW_PLAINTEXT_AUTH=false"] {
        let problems = super::bad(&format!("{login}SMTP_HOST={host}")).to_string();
        assert!(problems.contains("TLS is off"), "{host}: {problems}");
    }
}

#[test]
fn log_levels() {
    use tracing::level_filters::LevelFilter as Level;
    let table = [
        ("", Level::INFO),
        ("DEBUG", Level::DEBUG),
        ("warning", Level::WARN),
        ("Warn", Level::WARN),
        ("CRITICAL", Level::ERROR),
        ("trace", Level::TRACE),
        ("off", Level::OFF),
    ];
    for (text, level) in table {
        assert_eq!(
            loaded(&format!("{RELAY}LOG_LEVEL={text}")).config.log_filter,
            LogFilter::Level(level),
            "{text}"
        );
    }
    let directives = loaded(&format!("{RELAY}LOG_LEVEL=info,rmcp=debug")).config.log_filter;
    assert_eq!(directives, LogFilter::Directives("info,rmcp=debug".parse().unwrap()));
}
