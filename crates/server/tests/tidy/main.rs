//! The house rules, as an ordinary test: floors, doors to the outside, sizes, names, first lines.

mod rules;
mod source;

use std::io;
use std::path::{Path, PathBuf};

use rules::{doors, first_lines, floors, forbidden_words, names, sizes};
use source::Source;

/// What one rule finds in a file.
type Rule = fn(&Source) -> Vec<String>;

/// Runs one rule over every file and shows all that it found.
fn check(rule: Rule) -> io::Result<()> {
    let root = root();
    let sources = source::all(&root)?;
    assert!(sources.len() > 20, "only {} files found under {}", sources.len(), root.display());
    let found: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn a_room_imports_only_from_lower_floors() -> io::Result<()> {
    check(floors)
}

#[test]
fn each_door_to_the_outside_has_one_room() -> io::Result<()> {
    check(doors)
}

#[test]
fn each_file_begins_with_its_purpose() -> io::Result<()> {
    check(first_lines)
}

#[test]
fn production_files_stay_short() -> io::Result<()> {
    check(sizes)
}

#[test]
fn files_are_named_after_what_they_hold() -> io::Result<()> {
    check(names)
}

#[test]
fn nothing_is_left_for_later_or_silenced() -> io::Result<()> {
    check(forbidden_words)
}

#[test]
fn documents_point_at_what_is_there() -> io::Result<()> {
    let root = root();
    let mut broken = Vec::new();
    for document in source::all(&root)?.iter().filter(|file| file.path.ends_with(".md")) {
        let folder = root.join(&document.path);
        let folder = folder.parent().unwrap_or(&root);
        let gone = links(&document.text).filter(|link| !folder.join(link).exists());
        broken.extend(gone.map(|link| format!("{}: no such file: {link}", document.path)));
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
    Ok(())
}

/// The files that a Markdown text links to, without what stands behind `#`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://"))
}

/// A rule, a file of crates/server/src, what it holds, and whether the rule minds it.
type Case = (Rule, &'static str, &'static str, bool);

const CASES: &[Case] = &[
    (floors, "compose/mime.rs", "use crate::dispatch::Live;", true),
    (floors, "compose/mime.rs", "use crate::{\n    address::Address,\n    mcp::Tool,\n};", true),
    (floors, "submit/mod.rs", "fn f() { crate::dispatch::send() }", true),
    (floors, "address.rs", "use super::config::Config;", true),
    (floors, "compose/deep/mime.rs", "use super::super::super::mcp;", true),
    (floors, "parlour/mod.rs", "", true),
    (floors, "compose/mime.rs", "use crate::address::Address; use super::header;", false),
    (floors, "compose/mime.rs", "// crate::mcp is far away\nconst A: &str = \"crate::mcp\";", false),
    (floors, "address.rs", "mod tests {\n    use super::*;\n}\n", false),
    (floors, "address.rs", "pub(crate) fn f() {}", false),
    (doors, "submit/mod.rs", "use rmcp::model::Tool;", true),
    (doors, "mcp/mod.rs", "use rmcp::model::Tool;", false),
    (doors, "cli/demo.rs", "use rmcp::model::Tool;", false),
    (doors, "dispatch/mod.rs", "TcpStream::connect(a)", true),
    (doors, "dispatch/mod.rs", "#[cfg(test)]\nmod tests {\n    TcpStream::connect(a)\n}", false),
    (doors, "dispatch/mod.rs", "std::env::var(\"A\")", true),
    (doors, "config/mod.rs", "std::env::vars()", false),
    (doors, "submit/mod.rs", "use mail_builder::MessageBuilder;", true),
    (first_lines, "submit/mod.rs", "use a;", true),
    (first_lines, "submit/mod.rs", "//! x", true),
    (first_lines, "submit/mod.rs", "//! The way in, step by step.", false),
    (names, "mail_utils.rs", "", true),
    (names, "helpers/mime.rs", "", true),
    (names, "uncommon.rs", "", false),
    (forbidden_words, "a.rs", concat!("#![", "allow(dead_code)]"), true),
    (forbidden_words, "a.rs", concat!("// TO", "DO: later"), true),
    (forbidden_words, "a.rs", "#[expect(dead_code, reason = \"r\")]", false),
];

#[test]
fn the_rules_see_what_they_forbid_and_nothing_else() {
    let server = |path: &str| format!("crates/server/src/{path}");
    for (rule, path, text, minds) in CASES {
        let found = rule(&Source::new(&server(path), text));
        assert_eq!(!found.is_empty(), *minds, "{path}: {text}\n{found:?}");
    }
    let long = "fn f() {}\n".repeat(401);
    assert!(!sizes(&Source::new(&server("a.rs"), &long)).is_empty());
    assert!(sizes(&Source::new(&server("tests/a.rs"), &long)).is_empty());
}
