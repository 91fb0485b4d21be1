//! Attachments: base64, names and types, files under the allowed directories.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::fixture::{config, made, make};
use crate::requests::{ADA, parse, refused, with};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{CWD, Mode, RenameFlags, mkfifoat, renameat_with};
use serde_json::json;
use smtp_mcp_server::limits::CallLimits;
use smtp_mcp_server::request::AttachmentSource;

#[test]
fn base64_is_strict_and_tolerates_line_breaks() {
    let given = |content: &str| {
        let draft = parse(with(json!({ "attachments": [{ "content": content, "filename": "a" }] })))?;
        match &draft.attachments[0].file {
            AttachmentSource::Given(bytes) => Ok(bytes.clone()),
            AttachmentSource::Path(_) => Err(String::new()),
        }
    };
    for (content, bytes) in [
        ("AAEC", vec![0, 1, 2]),
        ("AA\r\nEC\n", vec![0, 1, 2]),
        ("AAE=", vec![0, 1]),
        ("AAE", vec![0, 1]),
        ("", vec![]),
    ] {
        assert_eq!(given(content), Ok(bytes), "{content}");
    }
    for (content, words) in [
        ("A", "base64"),
        ("AA-_", "URL-safe"),
        ("data:image/png;base64,AAEC", "data URL"),
        ("AA=EC", "base64"),
        ("AA=", "base64"),
        ("AAF=", "base64"),
        ("AA!C", "base64"),
    ] {
        assert!(given(content).unwrap_err().contains(words), "{content}");
    }
}

#[test]
fn file_names_types_and_ids_are_checked() {
    let problem = |key: &str, value: &str| {
        let mut file = json!({ "content": "AAEC", "filename": "a.bin" });
        file[key] = json!(value);
        parse(with(json!({ "attachments": [file] }))).err()
    };
    for name in
        ["a/b", "a\\b", "..", ".", "a\nb", "a\0", " a", "a\u{202E}gpj.exe", "a\u{200B}", &"x".repeat(256)]
    {
        assert!(problem("filename", name).is_some_and(|words| words.contains("filename")), "{name:?}");
    }
    for kind in [
        "pdf",
        "a/b/c",
        "text/plain\r\nX: y",
        "text/plain; name=x",
        "multipart/mixed",
        "té/xt",
        "a b/c",
        "text/plain; boundary=x",
        "text/plain; a=b c",
    ] {
        assert!(problem("mime_type", kind).is_some_and(|words| words.contains("mime_type")), "{kind:?}");
    }
    for id in ["a b", "a>b", "a\nb", "<>", "ü", "a\"b"] {
        assert!(problem("content_id", id).is_some_and(|words| words.contains("content_id")), "{id:?}");
    }
    for (key, value) in [
        ("filename", "Ünïcode 日本.pdf"),
        ("filename", "Q1..Q2.xlsx"),
        ("filename", "日".repeat(255).as_str()),
        ("mime_type", "Application/PDF"),
        ("mime_type", "text/calendar; method=REQUEST; charset=utf-8"),
        ("mime_type", "text/plain; charset=\"ISO-8859-1\""),
        ("content_id", "<logo@x.org>"),
    ] {
        assert_eq!(problem(key, value), None, "{value}");
    }
    let file = json!({ "content": "AAEC", "filename": "a.bin", "content_id": "x" });
    assert!(parse(with(json!({ "attachments": [file, file] }))).unwrap_err().contains("used twice"));
}

/// An allowed directory and one beside it, with links of every kind between them.
fn two_directories(root: &Path) -> (PathBuf, PathBuf) {
    let (inside, outside) = (root.join("in"), root.join("out"));
    std::fs::create_dir_all(inside.join("sub")).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(inside.join("sub/a.txt"), "hello").unwrap();
    std::fs::write(outside.join("secret.txt"), "secret").unwrap();
    {
        std::os::unix::fs::symlink(outside.join("secret.txt"), inside.join("link.txt")).unwrap();
        std::os::unix::fs::symlink("../out", inside.join("dir")).unwrap();
        std::os::unix::fs::symlink("sub/a.txt", inside.join("good.txt")).unwrap();
        std::os::unix::fs::symlink(outside.join("nothing.txt"), inside.join("dangling.txt")).unwrap();
    }
    (inside, outside)
}

#[test]
fn files_are_read_beneath_the_allowed_directories_only() {
    let root = tempfile::tempdir().unwrap();
    let (inside, outside) = two_directories(root.path());
    let mut config = config(ADA);
    let attach = |path: &str| with(json!({ "attachments": [{ "path": path }] }));
    assert!(refused(&config, attach("sub/a.txt")).contains("SMTP_ATTACHMENT_DIRS is not set"));

    config.attachment_dirs = vec![root.path().join("missing"), inside.clone()];
    for path in ["sub/a.txt", inside.join("sub/a.txt").to_str().unwrap(), "good.txt", "./sub/a.txt"] {
        let message = make(&config, attach(path)).unwrap();
        assert!(String::from_utf8_lossy(&message.content).contains("aGVsbG8="), "{path}");
    }
    let secret = outside.join("secret.txt");
    let nothing = outside.join("nothing.txt");
    let bad = [
        "link.txt",
        "dir/secret.txt",
        "dangling.txt",
        "../out/secret.txt",
        "sub",
        "sub/../../out/secret.txt",
        "none.txt",
        secret.to_str().unwrap(),
        nothing.to_str().unwrap(),
        "/etc/passwd",
        "/dev/zero",
    ];
    for path in bad {
        let words = refused(&config, attach(path));
        let same = format!("attachments[0].path: \"{path}\": no readable file in the allowed directories");
        assert!(words.starts_with(&same), "{words}");
    }
    config.limits.attachment_bytes = 4;
    assert!(refused(&config, attach("good.txt")).contains("larger than 4 bytes"));
    config.limits = CallLimits { attachments_bytes: 9, ..CallLimits::default() };
    let twice =
        with(json!({ "attachments": [{ "path": "good.txt" }, { "path": "good.txt", "filename": "b" }] }));
    assert!(refused(&config, twice).contains("in total"));
}

#[test]
fn a_file_that_is_exchanged_for_a_pipe_is_read_or_refused() {
    let root = tempfile::tempdir().unwrap();
    let (file, pipe) = (root.path().join("a.txt"), root.path().join("pipe"));
    std::fs::write(&file, "hello").unwrap();
    mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
    let mut config = config(ADA);
    config.attachment_dirs = vec![root.path().to_owned()];

    let stop = Arc::new(AtomicBool::new(false));
    let exchanging = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || {
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, &file, CWD, &pipe, RenameFlags::EXCHANGE).unwrap();
            }
        }
    });
    let (done, is_done) = channel();
    std::thread::spawn(move || {
        let attach = || with(json!({ "attachments": [{ "path": "a.txt" }] }));
        let read = (0..5000).filter(|_| make(&config, attach()).is_ok()).count();
        done.send(read).unwrap();
    });
    let read = is_done.recv_timeout(Duration::from_secs(30));
    stop.store(true, Ordering::Relaxed);
    exchanging.join().unwrap();
    assert!((1..5000).contains(&read.expect("a read waits for a writer")));
}

#[test]
fn types_are_found_by_content_and_name() {
    let docx = b"PK\x03\x04\x14\0\x06\0rest";
    let table: &[(&str, &[u8], &str)] = &[
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        ("a.png", b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg"),
        ("noname", b"%PDF-1.7\n", "application/pdf"),
        ("a.docx", docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.zip", docx, "application/zip"),
        ("a.csv", b"BMW;1\n", "text/csv; charset=utf-8"),
        ("a.txt", b"\xff\xfe\xfa", "text/plain"),
        ("a.json", b"{}", "application/json"),
        ("mail.eml", b"From: a@x.org\r\n\r\nHi", "message/rfc822"),
        ("mail.eml", b"From: a@x.org\n\nHi", "application/octet-stream"),
        ("mail.eml", b"Hi\r\n\r\n", "application/octet-stream"),
        // what only looks like a message is sent as any other file where it cannot be sent as one
        ("mail.eml", b"From: a@x.org\n\n\0", "application/octet-stream"),
        ("mail.eml", "From: a@x.org\n\nü".as_bytes(), "application/octet-stream"),
        ("what", b"\0\x01\x02", "application/octet-stream"),
    ];
    for (name, content, kind) in table {
        let message =
            made(with(json!({ "attachments": [{ "filename": name, "content": STANDARD.encode(content) }] })));
        let content = String::from_utf8(message.content.to_vec()).unwrap();
        assert!(content.contains(&format!("\r\nContent-Type: {kind}\r\n")), "{name}: {content}");
    }
}
