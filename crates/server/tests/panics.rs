//! A panic reports only its location: its message may quote a mail, an address or a password.

#[cfg(test)]
mod tests {
    use std::process::Command;

    use smtp_mcp_server::cli::logging;

    const SECRET: &str = "canary-word-of-mine";

    /// Ways in which a panic could quote what it was working on.
    const WAYS: &[fn()] = &[
        || panic!("{SECRET}"),
        || std::panic::panic_any(SECRET.to_owned()),
        || _ = SECRET.parse::<u8>().map_err(|_| SECRET).unwrap(),
        || _ = SECRET.parse::<u8>().expect(SECRET),
        || assert_eq!(SECRET, "another", "{SECRET}"),
        || _ = &SECRET[std::hint::black_box(SECRET.len() + 1)..],
    ];

    #[test]
    fn a_panic_tells_where_and_nothing_else() {
        let itself = std::env::current_exe().unwrap();
        let arguments = ["--exact", "tests::panics_of_every_kind", "--ignored", "--nocapture"];
        let output = Command::new(itself).args(arguments).env("RUST_BACKTRACE", "full").output().unwrap();
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
        assert!(output.status.success(), "{said}");
        let line = "an error inside this program, please report it: panic at ";
        assert_eq!(said.matches(line).count(), 3 * WAYS.len(), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }

    #[test]
    #[ignore = "the other test runs it in a process of its own, and reads what that says"]
    fn panics_of_every_kind() {
        let _log = logging::begin();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for way in WAYS {
            assert!(std::panic::catch_unwind(way).is_err());
            assert!(std::thread::spawn(way).join().is_err());
            assert!(runtime.block_on(async { tokio::spawn(async { way() }).await }).is_err());
        }
    }
}
