//! Python's `email` package as the test oracle for composed messages.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use smtp_mcp_server::message::Message;

use crate::fixture::bytes;

/// How Python parses the first variant of each message; `None` without Python.
pub(crate) fn parsed_by_python(messages: &[Message]) -> Option<Vec<Value>> {
    let raws: Vec<Vec<u8>> =
        messages.iter().map(|message| bytes(message, &message.header_variants[0])).collect();
    parsed_bytes(&raws)
}

/// How Python parses raw messages; `None` without Python.
#[expect(clippy::disallowed_methods, reason = "only a test asks whether it runs in CI")]
pub(crate) fn parsed_bytes(raws: &[Vec<u8>]) -> Option<Vec<Value>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/compose/oracle.py");
    let python = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut python) = python else {
        assert!(std::env::var_os("CI").is_none(), "python3 not found");
        println!("skipped: python3 not found");
        return None;
    };
    let mut stdin = python.stdin.take().unwrap();
    let raws = raws.to_vec();
    let writer = std::thread::spawn(move || {
        for raw in raws {
            stdin.write_all(format!("{}\n", raw.len()).as_bytes()).unwrap();
            stdin.write_all(&raw).unwrap();
        }
    });
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "oracle.py failed");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Asserts that a message has no defect.
pub(crate) fn assert_sound(seen: &Value) {
    assert_eq!(seen["defects"], serde_json::json!([]), "{seen:#}");
    assert_eq!(seen["bare"], false, "{seen:#}");
    assert_eq!(seen["closed"], true, "{seen:#}");
    assert!(seen["longest"].as_u64().unwrap() <= 998, "{seen:#}");
}
