//! The real program: its messages and exit code when it cannot start.

use std::process::{Command, Output};

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> std::io::Result<Output> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_smtp-mcp-server"));
    command.args(arguments).env_clear().envs(environment.iter().copied());
    command.current_dir(folder.path()).output()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_wrong_configuration_is_told_whole_on_stderr_with_exit_code_1() {
    let environment = [
        ("SMTP_HOST", "smtp.example.org"),
        ("SMTP_PORT", "x"),
        ("SMTP_TIMEOUT", "never"),
        ("SMTP_PASSWORD", "hunter2"),
        ("LOG_LEVEL", "LOUD"),
    ];
    for arguments in [&[][..], &["serve"], &["outbox", "drain"], &["--transport", "stdio"]] {
        let output = run(arguments, &environment).unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(output.stdout.is_empty(), "stdout belongs to the protocol");
        for name in ["SMTP_PORT", "SMTP_TIMEOUT", "SMTP_USERNAME", "SMTP_FROM_EMAIL", "LOG_LEVEL"] {
            assert!(
                said.lines().any(|line| [" (environment): ", ": not set"]
                    .iter()
                    .any(|next| line.starts_with(&(name.to_owned() + next)))),
                "{name}\n{said}"
            );
        }
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn where_it_cannot_listen_it_says_so() {
    let environment =
        [("SMTP_HOST", "localhost"), ("SMTP_USE_TLS", "false"), ("SMTP_FROM_EMAIL", "a@b.example")];
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (host, port, words) in [
        ("127.0.0.1", port.as_str(), "choose another --host or --port"),
        ("no such host", "0", "--host no such host is not an address of this machine"),
        ("0.0.0.0", "0", "Set SMTP_MCP_HTTP_TOKEN"),
    ] {
        let output = run(&["--transport", "http", "--host", host, "--port", port], &environment).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_help_is_0() {
    for arguments in [&["--transport", "sse"][..], &["--port", "1", "capture"]] {
        let output = run(arguments, &[]).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
    }
    assert_eq!(
        run(&["--version"], &[]).unwrap().stdout,
        format!("smtp-mcp-server {}\n", env!("CARGO_PKG_VERSION")).into_bytes()
    );
}
