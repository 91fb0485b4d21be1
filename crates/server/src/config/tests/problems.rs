//! The errors of an invalid environment: all at once, with name, location, what was found and what is expected.

use super::{RELAY, bad};

#[test]
fn nothing_at_all() {
    insta::assert_snapshot!(bad(""), @"SMTP_HOST: not set, expected a host name or an address, without scheme and port, in the environment, an env file or a [[server]] table of a TOML file");
}

#[test]
fn a_misspelt_host() {
    insta::assert_snapshot!(bad("SMTP_HSOT=smtp.example.org\nSMTP_USERNAME=ada@example.org\nSMTP_PASSWORD=hunter2\nSMTP_PORT_3=1"), @r#"
    SMTP_HSOT (environment): this variable is unknown and has no effect; did you mean SMTP_HOST?
    SMTP_HOST: not set (set: SMTP_PASSWORD, SMTP_USERNAME), expected a host name or an address, without scheme and port, in the environment, an env file or a [[server]] table of a TOML file
    warning: SMTP_PORT_3 (environment): not used, because SMTP_HOST_3 is not set
    "#);
}

#[test]
fn every_problem_of_every_server_at_once() {
    insta::assert_snapshot!(bad(
        "SMTP_HOST_1=smtp.example.org:587\nSMTP_PORT_1=99999\nSMTP_USE_TLS_1=maybe\nSMTP_USERNAME_1=ada\n\
         SMTP_HOST_4=https://u:hunter2@smtp.example.org/\nSMTP_USE_SSL_4=true\nSMTP_USE_TLS_4=true\nSMTP_PASSWORD_4=hunter2\nSMTP_PRIORITY_4=high\n\
         SMTP_HOST_5=far\nSMTP_FROM_EMAIL_5=nobody\nSMTP_ALLOWED_FROM_5=a@example.org,*@,b\nSMTP_EHLO_NAME_5=[1.2.3]\nSMTP_NAME_5=x\u{7}\n\
         SMTP_TIMEOUT=-1\nSMTP_MAX_RETRIES=11\nSMTP_CA_FILE=/nowhere/ca.pem\nSMTP_ATTACHMENT_DIRS=/:/nowhere\nSMTP_MAX_RECIPIENTS=0\nLOG_LEVEL=LOUD\nSMTP_MAX_BODY_SIZE_MB=10MB"
    ), @r#"
    SMTP_HOST_1 (environment): found "smtp.example.org:587" (it has a port; set host smtp.example.org and port 587 separately), expected a host name or an address, without scheme and port
    SMTP_PORT_1 (environment): found "99999", expected a whole number from 1 to 65535
    SMTP_USE_TLS_1 (environment): found "maybe", expected one of true, 1, yes, on, false, 0, no, off
    SMTP_CA_FILE (environment): found "/nowhere/ca.pem" (/nowhere/ca.pem cannot be read: No such file or directory (os error 2)), expected a readable PEM file with at least one certificate
    SMTP_TIMEOUT (environment): found "-1", expected seconds, more than 0 and at most 300
    SMTP_MAX_RETRIES (environment): found "11", expected a whole number from 0 to 10
    SMTP_PASSWORD_1: not set, though SMTP_USERNAME_1 (environment) is, expected both or neither (neither is a relay that needs no login)
    SMTP_FROM_EMAIL_1: not set, and SMTP_USERNAME_1 (environment) is not an address, expected one address, such as ada@example.org or Ada <ada@example.org>
    SMTP_HOST_4 (environment): found a value that is not shown (it has a scheme; give only the host, and use SMTP_PORT and SMTP_USE_SSL for the rest), expected a host name or an address, without scheme and port
    SMTP_PRIORITY_4 (environment): found "high", expected a whole number
    SMTP_USE_SSL_4 (environment) and SMTP_USE_TLS_4 (environment): found true for both, expected it for one: SMTP_USE_SSL_4 for port 465, SMTP_USE_TLS_4 for STARTTLS
    SMTP_USERNAME_4: not set, though SMTP_PASSWORD_4 (environment) is, expected both or neither (neither is a relay that needs no login)
    SMTP_FROM_EMAIL_4: not set, and there is no username for SMTP_HOST_4 (environment), expected one address, such as ada@example.org or Ada <ada@example.org>
    SMTP_FROM_EMAIL_5 (environment): found "nobody" (there is no @; expected name@domain), expected one address, such as ada@example.org or Ada <ada@example.org>
    SMTP_ALLOWED_FROM_5 (environment): found "a@example.org,*@,b" ("*@": there is no domain after the @; "b": there is no @; expected name@domain), expected addresses, *@domain, or *, separated by commas
    SMTP_NAME_5 (environment): found "x\u{7}" (it has a control character, perhaps a line break at its end), expected a unique name without control characters
    SMTP_EHLO_NAME_5 (environment): found "[1.2.3]" (there is no address in the brackets), expected a host name or an address in brackets, in ASCII
    SMTP_ATTACHMENT_DIRS (environment): found "/:/nowhere" (/nowhere does not exist or cannot be reached), expected existing directories, separated like PATH
    SMTP_MAX_RECIPIENTS (environment): found "0", expected a whole number from 1 to 1000
    SMTP_MAX_BODY_SIZE_MB (environment): found "10MB", expected a whole number from 1 to 1024
    LOG_LEVEL (environment): found "LOUD", expected DEBUG, INFO, WARNING, ERROR or CRITICAL
    "#);
}

#[test]
fn what_http_needs() {
    let lines = "SMTP_MCP_HTTP_TOKEN=two words\nSMTP_MCP_HTTP_TOKEN_FILE=/nowhere/token\nSMTP_MCP_ALLOW_UNAUTHENTICATED=maybe\n\
        SMTP_MCP_ALLOWED_HOSTS=good.example,bad/host,*\nSMTP_MCP_ALLOWED_ORIGINS=https://good.example,good.example,null";
    insta::assert_snapshot!(bad(&format!("{RELAY}{lines}")), @r#"
    SMTP_MCP_HTTP_TOKEN (environment): found a value that is not shown (it has a character that is not visible ASCII, perhaps a space), expected at least 16 visible ASCII characters without spaces
    SMTP_MCP_HTTP_TOKEN_FILE (environment): found a value that is not shown (there is no such file; this is the place for the path of a file, not for the password or token itself), expected the path of a readable file with one line, the token
    SMTP_MCP_ALLOW_UNAUTHENTICATED (environment): found "maybe", expected one of true, 1, yes, on, false, 0, no, off
    SMTP_MCP_ALLOWED_HOSTS (environment): found "good.example,bad/host,*" ("bad/host" is not a host; "*" is not a host), expected host names or addresses, each perhaps with a port, separated by commas
    SMTP_MCP_ALLOWED_ORIGINS (environment): found "https://good.example,good.example,null" ("good.example" is not an origin; an origin is a scheme, a host and optionally a port; "null" is not an origin; an origin is a scheme, a host and optionally a port), expected origins such as https://app.example.org, separated by commas
    SMTP_MCP_HTTP_TOKEN (environment) and SMTP_MCP_HTTP_TOKEN_FILE (environment): found both, expected one of them
    "#);
}

#[test]
fn two_servers_of_one_name() {
    let lines = "SMTP_HOST_1=one\nSMTP_FROM_EMAIL_1=a@example.org\nSMTP_HOST_2=two\nSMTP_FROM_EMAIL_2=a@example.org\n";
    insta::assert_snapshot!(bad(&format!("{lines}SMTP_NAME_1=server_2")), @r#"SMTP_NAME_2: found "server_2", which SMTP_NAME_1 (environment) has already, expected a unique name"#);
}

#[test]
fn a_login_in_the_clear() {
    insta::assert_snapshot!(bad("SMTP_HOST=far\nSMTP_USE_TLS=no\nSMTP_USERNAME=ada@example.org\nSMTP_PASSWORD=hunter2"), @r#"SMTP_USE_TLS (environment): TLS is off and the host is not this machine, so the password could be read in transit, expected SMTP_USE_TLS or SMTP_USE_SSL to be true; SMTP_ALLOW_PLAINTEXT_AUTH=true allows it"#);
}

#[test]
fn a_password_with_a_line_break_is_not_shown() {
    insta::assert_snapshot!(bad("SMTP_HOST=far\nSMTP_USERNAME=ada@example.org\nSMTP_PASSWORD=hunter2\r"), @"SMTP_PASSWORD (environment): found a value that is not shown (it has a control character, perhaps a line break at its end), expected a password without control characters");
}

#[test]
fn values_out_of_bounds() {
    let table = [
        "SMTP_PORT=0",
        "SMTP_PORT=65536",
        "SMTP_PORT=-1",
        "SMTP_PORT=25.0",
        "SMTP_TIMEOUT=0",
        "SMTP_TIMEOUT=301",
        "SMTP_TIMEOUT=NaN",
        "SMTP_TIMEOUT=inf",
        "SMTP_TIMEOUT=1e-30",
        "SMTP_TIMEOUT=30s",
        "SMTP_MAX_RETRIES=-1",
        "SMTP_MAX_RETRIES=11",
        "SMTP_USE_TLS=2",
        "SMTP_USE_SSL=ja",
        "SMTP_PRIORITY=1.5",
        "SMTP_MAX_RECIPIENTS=1001",
        "SMTP_MAX_SUBJECT_CHARS=0",
        "SMTP_MAX_ATTACHMENT_SIZE_MB=1025",
        "SMTP_EHLO_NAME=bücher.example",
        "SMTP_EHLO_NAME=a b",
        "SMTP_EHLO_NAME=[IPv6:::g]",
        "SMTP_ATTACHMENT_DIRS=/etc/passwd",
        "LOG_LEVEL=VERBOSE",
        "SMTP_HOST=a b",
        "SMTP_HOST=-a.example",
        "SMTP_HOST=a..b",
        "SMTP_HOST=256.1.1.1",
        "SMTP_HOST=smtp.example.org/x",
        "SMTP_HOST=.",
        "SMTP_HOST=host:587",
        "SMTP_HOST=[::1]:25",
    ];
    for line in table {
        let (name, value) = line.split_once('=').unwrap();
        let problems = bad(&format!("{RELAY}{line}"));
        let [problem] = problems.0.as_slice() else { panic!("{line}: {problems}") };
        let beginning = format!("{name} (environment): found {value:?}");
        assert!(problem.starts_with(&beginning) && problem.contains(", expected "), "{problem}");
    }
}
