//! Project rules as an ordinary test: layers, outside boundaries, sizes, names, first lines.

mod circles;
mod rules;
mod source;

use std::io;
use std::path::{Path, PathBuf};

use rules::{boundaries, first_lines, forbidden_words, layers, names, sizes};
use source::Source;

/// What one rule finds in a file.
type Rule = fn(&Source) -> Vec<String>;

/// Runs one rule over every file and shows all findings.
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
fn a_module_imports_only_from_lower_layers() -> io::Result<()> {
    check(layers)
}

#[test]
fn no_files_import_each_other_in_a_circle() -> io::Result<()> {
    let found = circles::circles(&source::all(&root())?);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    let file = |path: &str, text: &str| Source::new(path, text);
    let made = [
        file("crates/x/src/a/one.rs", "use super::two::Two;\n"),
        file("crates/x/src/a/two/deep.rs", "use crate::a::three::Three;\n"),
        file("crates/x/src/a/three.rs", "use super::{\n    four::{A, B},\n    one::One,\n};\n"),
        file(
            "crates/x/src/a/four.rs",
            "use super::mod_of_nobody;\n#[cfg(test)]\nmod tests {\n    use super::one;\n}\n",
        ),
    ];
    assert_eq!(circles::circles(&made), ["crates/x/src/a: one -> two -> three -> one"]);
    Ok(())
}

#[test]
fn each_outside_boundary_is_in_one_module() -> io::Result<()> {
    check(boundaries)
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
fn files_are_named_after_their_contents() -> io::Result<()> {
    check(names)
}

#[test]
fn no_todo_and_no_silenced_lint() -> io::Result<()> {
    check(forbidden_words)
}

#[test]
fn links_in_documents_are_valid() -> io::Result<()> {
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

/// The files that a Markdown text links to, without fragments.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://"))
}

/// A rule, a file of crates/server/src, its contents, and whether the rule objects.
type Case = (Rule, &'static str, &'static str, bool);

const CASES: &[Case] = &[
    (layers, "compose/mime.rs", "use crate::delivery::Live;", true),
    (layers, "compose/mime.rs", "use crate::{\n    address::Address,\n    mcp::Tool,\n};", true),
    (layers, "submit/mod.rs", "fn f() { crate::delivery::send() }", true),
    (layers, "address.rs", "use super::config::Config;", true),
    (layers, "compose/deep/mime.rs", "use super::super::super::mcp;", true),
    (layers, "unknown/mod.rs", "", true),
    (layers, "compose/mime.rs", "use crate::address::Address; use super::header;", false),
    (layers, "compose/mime.rs", "// crate::mcp is far away\nconst A: &str = \"crate::mcp\";", false),
    (layers, "address.rs", "mod tests {\n    use super::*;\n}\n", false),
    (layers, "address.rs", "pub(crate) fn f() {}", false),
    (boundaries, "submit/mod.rs", "use rmcp::model::Tool;", true),
    (boundaries, "mcp/mod.rs", "use rmcp::model::Tool;", false),
    (boundaries, "cli/demo.rs", "use rmcp::model::Tool;", false),
    (boundaries, "delivery/mod.rs", "TcpStream::connect(a)", true),
    (boundaries, "delivery/mod.rs", "#[cfg(test)]\nmod tests {\n    TcpStream::connect(a)\n}", false),
    (boundaries, "delivery/mod.rs", "std::env::var(\"A\")", true),
    (boundaries, "config/mod.rs", "std::env::vars()", false),
    (boundaries, "submit/mod.rs", "use mail_builder::MessageBuilder;", true),
    (first_lines, "submit/mod.rs", "use a;", true),
    (first_lines, "submit/mod.rs", "//! x", true),
    (first_lines, "submit/mod.rs", "//! From a request to a message.", false),
    (names, "mail_utils.rs", "", true),
    (names, "helpers/mime.rs", "", true),
    (names, "uncommon.rs", "", false),
    (forbidden_words, "a.rs", concat!("#![", "allow(dead_code)]"), true),
    (forbidden_words, "a.rs", concat!("// TO", "DO: later"), true),
    (forbidden_words, "a.rs", "#[expect(dead_code, reason = \"r\")]", false),
];

#[test]
fn the_rules_report_what_they_forbid_and_nothing_else() {
    let server = |path: &str| format!("crates/server/src/{path}");
    for (rule, path, text, objects) in CASES {
        let found = rule(&Source::new(&server(path), text));
        assert_eq!(!found.is_empty(), *objects, "{path}: {text}\n{found:?}");
    }
    let long = "fn f() {}\n".repeat(351);
    assert!(!sizes(&Source::new(&server("a.rs"), &long)).is_empty());
    assert!(sizes(&Source::new(&server("tests/a.rs"), &long)).is_empty());
}
