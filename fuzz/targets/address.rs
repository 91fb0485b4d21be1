//! Any text as an address: what is taken is one mailbox that reads the same again and cannot end a command or a field.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp_mcp_server::address::{AddressError, Mailbox, parse_list};

fuzz_target!(|text: &str| {
    match parse_list(text) {
        Ok(all) => all.iter().for_each(check),
        Err(errors) => errors.iter().for_each(complains_on_one_line),
    }
    match Mailbox::parse(text) {
        Ok(mailbox) => check(&mailbox),
        Err(error) => complains_on_one_line(&error),
    }
});

/// Whether nothing in it ends a line.
fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

fn complains_on_one_line(error: &AddressError) {
    assert!(is_plain(&error.to_string()), "{error:?}");
}

fn check(mailbox: &Mailbox) {
    let wire = mailbox.address.to_string();
    assert!(is_plain(&wire) && !wire.contains("=?"), "{wire:?}");
    assert!(smtp_submission::Path::new(&wire).is_ok(), "{wire:?}");
    assert_eq!(Mailbox::parse(&wire).map(|again| again.address).as_ref(), Ok(&mailbox.address));
    let shown = match &mailbox.name {
        None => format!("<{wire}>"),
        Some(name) => {
            assert!(is_plain(name) && !name.contains("=?"), "{name:?}");
            format!("\"{}\" <{wire}>", name.replace('\\', "\\\\").replace('"', "\\\""))
        }
    };
    assert_eq!(Mailbox::parse(&shown).as_ref(), Ok(mailbox), "{shown:?}");
}
