//! Access control: which requests are admitted, and the responses to the others.

use smtp_sink::Behavior;

use super::exchange::{call, exchange, post, request};
use super::program::{Program, with_sink};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

#[tokio::test]
async fn hosts_and_origins() {
    let more = [
        ("SMTP_MCP_ALLOWED_HOSTS", "mcp.example.org"),
        ("SMTP_MCP_ALLOWED_ORIGINS", "https://app.example.org"),
    ];
    let (plain, _sink) = with_sink(Behavior::default(), &[]).await;
    let (open, _other) = with_sink(Behavior::default(), &more).await;
    let port = format!("Host: 127.0.0.1:{}", plain.address.port());
    for (headers, by_default, when_set) in [
        (&[port.as_str()][..], 400, 400),
        (&["Host: [::1]:8000"], 400, 400),
        (&["Host: evil.example"], 403, 403),
        (&["Host: mcp.example.org"], 403, 400),
        (&["Host: a b"], 400, 400),
        (&["Host: localhost", "Host: evil.example"], 400, 400),
        (&["Origin: https://evil.example"], 403, 403),
        (&["Origin: null"], 403, 403),
        (&["Origin: http://localhost:6274"], 400, 403),
        (&["Origin: https://app.example.org"], 403, 400),
    ] {
        // An admitted request without a session is 400 as well, but with rmcp's message.
        for (program, expected) in [(&plain, by_default), (&open, when_set)] {
            let answer = exchange(program.address, post(headers, PING)).await;
            assert_eq!(answer.status, expected, "{headers:?}: {answer:?}");
            let is_admitted = answer.body.contains("Session ID");
            let is_foreign = headers.iter().any(|line| line.contains("a b")) || headers.len() == 2;
            assert_eq!(is_admitted, expected == 400 && !is_foreign, "{headers:?}: {answer:?}");
            let get = exchange(program.address, request("GET", "/mcp", headers, "")).await;
            assert!(is_admitted || [400, 403].contains(&get.status), "{headers:?}: {get:?}");
        }
    }
    let target = request("GET", "http://evil.example/mcp", &[], "");
    assert_eq!(exchange(plain.address, target).await.status, 403);
}

#[tokio::test]
async fn the_token() {
    let (mut program, _sink) = with_sink(
        Behavior::default(),
        &[("SMTP_MCP_HTTP_TOKEN", "canary-0123456789"), ("LOG_LEVEL", "TRACE")],
    )
    .await;
    let status = |headers: &[&str]| call("get_smtp_status", &serde_json::json!({}), headers);
    for (headers, expected, challenge) in [
        (&[][..], 401, "bearer realm=\"smtp-mcp-server\"\r\n"),
        (&["Authorization: Bearer canary-012345678"], 401, "error=\"invalid_token\""),
        (&["Authorization: Bearer canary-01234567890"], 401, "error=\"invalid_token\""),
        (&["Authorization: Bearer "], 401, "error=\"invalid_token\""),
        (&["Authorization: canary-0123456789"], 401, "error=\"invalid_token\""),
        (&["Authorization: Basic canary-0123456789"], 401, "error=\"invalid_token\""),
        (&["Authorization: Bearer canary-0123456789"], 200, ""),
        (&["authorization: bearer  canary-0123456789"], 200, ""),
    ] {
        let answer = exchange(program.address, status(headers)).await;
        assert_eq!(answer.status, expected, "{headers:?}: {answer:?}");
        assert!(answer.head.contains(challenge), "{headers:?}: {answer:?}");
        assert!(!answer.body.contains("canary"), "{answer:?}");
    }
    program.signal("TERM").await;
    assert!(!program.logged("stopped").await.contains("canary"));
}

#[tokio::test]
async fn a_token_in_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a-token-from-a-file\n").unwrap();
    let path = file.path().to_str().unwrap();
    let (program, _sink) = with_sink(Behavior::default(), &[("SMTP_MCP_HTTP_TOKEN_FILE", path)]).await;
    for (token, expected) in [("a-token-from-a-file", 406), ("other", 401)] {
        let header = format!("Authorization: Bearer {token}");
        let answer = exchange(program.address, request("GET", "/mcp", &[&header], "")).await;
        assert_eq!(answer.status, expected, "{answer:?}");
    }
}

#[tokio::test]
async fn health_is_told_to_everybody_and_names_nothing() {
    let (program, sink) =
        with_sink(Behavior::default(), &[("SMTP_MCP_HTTP_TOKEN", "a-long-and-random-one")]).await;
    for headers in
        [&[][..], &["Host: 10.1.2.3:8000"], &["Host: evil.example", "Origin: https://evil.example"]]
    {
        let answer = exchange(program.address, request("GET", "/health", headers, "")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.json(),
            serde_json::json!({ "status": "ready", "version": env!("CARGO_PKG_VERSION"), "servers": { "total": 1, "usable": 1 } })
        );
    }
    drop(sink);
    let failed = call(
        "send_email",
        &serde_json::json!({ "to": "a@b.example", "subject": "s", "body": "b" }),
        &["Authorization: Bearer a-long-and-random-one"],
    );
    assert_eq!(exchange(program.address, failed).await.status, 200);
    let answer = exchange(program.address, request("GET", "/health", &[], "")).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &"unavailable".into()));
}

#[tokio::test]
async fn who_comes_by_is_told_how_to_connect() {
    let (program, _sink) = with_sink(Behavior::default(), &[]).await;
    for (path, status, words) in [
        ("/mcp", 406, "MCP client"),
        ("/mcp/", 406, "MCP client"),
        ("/", 404, "/mcp"),
        ("/health/x", 404, "/mcp"),
    ] {
        let answer = exchange(program.address, request("GET", path, &["Accept: text/html, */*"], "")).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(words) && answer.body.trim().lines().count() == 1, "{answer:?}");
    }
}

#[tokio::test]
async fn beyond_loopback_somebody_must_answer_for_it() {
    let environment =
        [("SMTP_HOST", "127.0.0.1"), ("SMTP_FROM_EMAIL", "a@b.example"), ("SMTP_USE_TLS", "false")];
    for host in ["0.0.0.0", "::", "[::]"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_smtp-mcp-server"));
        command.args(["--transport", "http", "--port", "0", "--host", host]).env_clear().envs(environment);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{said}");
        for name in ["SMTP_MCP_HTTP_TOKEN", "SMTP_MCP_ALLOW_UNAUTHENTICATED=true", "127.0.0.1"] {
            assert!(said.contains(name), "{said}");
        }
    }
    for way in [("SMTP_MCP_HTTP_TOKEN", "a-long-and-random-one"), ("SMTP_MCP_ALLOW_UNAUTHENTICATED", "true")]
    {
        let environment = [&environment[..], &[way]].concat();
        let program = Program::start(&["--host", "0.0.0.0"], &environment).await;
        assert_eq!(exchange(program.address, request("GET", "/health", &[], "")).await.status, 200);
    }
}

#[tokio::test]
async fn the_health_subcommand_asks() {
    let (program, _sink) =
        with_sink(Behavior::default(), &[("SMTP_MCP_HTTP_TOKEN", "a-long-and-random-one")]).await;
    let ask = |url: String| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_smtp-mcp-server"));
        command.args(["health", "--url", &url]).env_clear().kill_on_drop(true);
        async move { command.output().await.unwrap() }
    };
    let address = program.address;
    for (url, code) in [
        (format!("http://{address}/health"), 0),
        (format!("http://localhost:{}", address.port()), 0),
        (format!("http://{address}/mcp"), 1),
        ("http://127.0.0.1:1/health".to_owned(), 1),
        ("ftp://x".to_owned(), 1),
    ] {
        let output = ask(url.clone()).await;
        assert_eq!(output.status.code(), Some(code), "{url}");
        assert_eq!(output.stdout.is_empty(), code == 1, "{url}");
        assert_eq!(output.stderr.is_empty(), code == 0, "{url}");
    }
}
