//! The rules: each looks at one file and says file, line, what is wrong and what to do.

use super::source::Source;

/// The rooms of crates/server, the highest floor first. A room imports only from floors below its own.
const FLOORS: &[(&str, &[&str])] = &[
    ("6", &["main", "lib"]),
    ("5", &["cli"]),
    ("4", &["mcp"]),
    ("3", &["submit", "dispatch"]),
    ("2", &["compose"]),
    ("1", &["request", "config"]),
    // The words of the house; those below are what these are made of.
    ("0b", &["message", "outcome"]),
    ("0a", &["address", "clock", "limits", "secret"]),
];

/// What only some files may touch: the word, where, and what to do instead.
const DOORS: &[(&str, &[&str], &str)] = &[
    // The demo is an MCP client of the program, so it speaks MCP itself. The program is measured beside an empty server.
    (
        "rmcp",
        &["crates/server/src/mcp/", "crates/server/src/cli/demo", "bench/src/bin/empty.rs"],
        "only `mcp` knows MCP: pass plain types",
    ),
    ("mail_builder", &["crates/server/src/compose/"], "only `compose` makes message bytes"),
    // The health check of a container, and the measurements, ask the program itself, over HTTP; a mail server never sees them.
    (
        "TcpStream::connect",
        &["crates/smtp/src/connect", "crates/server/src/cli/health.rs", "bench/src/http.rs"],
        "only `smtp::connect` opens connections",
    ),
    ("TcpSocket", &["crates/smtp/src/connect"], "only `smtp::connect` opens connections"),
    ("env::var", ENVIRONMENT, "only `config` reads the environment: pass the value in"),
    ("dotenvy", ENVIRONMENT, "only `config` reads env files"),
];

/// Besides config, the recipes: they are no part of the program and obey cargo's and the CI's variables.
const ENVIRONMENT: &[&str] = &["crates/server/src/config/", "xtask/src/"];

/// Names that say nothing about what a file holds.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "manager", "service", "common", "misc"];

const LONGEST: usize = 400;
const SHORTEST_PURPOSE: usize = 12;

/// A room imports only from lower floors.
pub(crate) fn floors(file: &Source) -> Vec<String> {
    let Some((room, depth)) = file.room() else {
        return Vec::new();
    };
    let Some(own) = depth_of(room) else {
        let what = format!("`{room}` is no room: give it a floor here and in ARCHITECTURE.md");
        return vec![finding(file, 1, &what)];
    };
    let mut found = Vec::new();
    for (line, other) in imports(&file.code) {
        if other != room && depth_of(&other).is_some_and(|other| other <= own) {
            let what = format!("`{room}` imports `{other}`, which is on no lower floor");
            let instead = "move what both need down, or pass it in";
            found.push(finding(file, line, &format!("{what}: {instead}")));
        }
    }
    let mut inline = 0;
    for (line, code) in file.code_lines() {
        if code.starts_with("mod ") || code.starts_with("pub mod ") {
            inline = usize::from(code.ends_with('{'));
        }
        if own > 0 && ups(code) >= depth + inline {
            found.push(finding(file, line, "`super` climbs to the crate's root: write `crate::…`"));
        }
        if code == "}" {
            inline = 0;
        }
    }
    found
}

/// Each door to the outside has one room.
pub(crate) fn doors(file: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (word, rooms, instead) in DOORS {
        if rooms.iter().any(|room| file.path.starts_with(room)) {
            continue;
        }
        let mentions = file.production_lines().filter(|(_, line)| line.contains(word));
        found.extend(mentions.map(|(line, _)| finding(file, line, &format!("`{word}`: {instead}"))));
    }
    found
}

/// Each source file begins with one line of purpose.
pub(crate) fn first_lines(file: &Source) -> Vec<String> {
    let mut lines = file.text.lines();
    let mut first = lines.next().unwrap_or_default();
    let is_script = first.starts_with("#!") && !first.starts_with("#![");
    if is_script {
        first = lines.next().unwrap_or_default();
    }
    let extension = file.name().rsplit('.').next().unwrap_or_default();
    let marks: &[&str] = match extension {
        "rs" => &["//! "],
        "py" => &["\"\"\"", "# "],
        "sh" | "yml" | "yaml" | "toml" | "service" | "Dockerfile" => &["# "],
        _ if is_script => &["# "],
        _ => return Vec::new(),
    };
    let is_manifest = matches!(file.name(), "Cargo.toml" | "rust-toolchain.toml");
    let has_purpose =
        |mark: &&str| first.strip_prefix(mark).is_some_and(|text| text.len() >= SHORTEST_PURPOSE);
    if is_manifest || marks.iter().any(has_purpose) {
        return Vec::new();
    }
    vec![finding(file, 1, &format!("begin with one line of purpose: `{}…`", marks[0]))]
}

/// Production files stay short.
pub(crate) fn sizes(file: &Source) -> Vec<String> {
    if file.production <= LONGEST {
        return Vec::new();
    }
    let what = format!("{} lines of production code, {LONGEST} allowed: split it by idea", file.production);
    vec![finding(file, file.production, &what)]
}

/// Files and directories are named after what they hold.
pub(crate) fn names(file: &Source) -> Vec<String> {
    let is_ours = ["bench/", "crates/", "xtask/"].iter().any(|root| file.path.starts_with(root));
    let words = file.path.split(['/', '_', '-', '.']);
    let empty = words.filter(|word| is_ours && EMPTY_NAMES.contains(word));
    empty.map(|word| finding(file, 1, &format!("`{word}` is no name: say what the file holds"))).collect()
}

/// Nothing is left for later, and no lint is silenced without a reason.
pub(crate) fn forbidden_words(file: &Source) -> Vec<String> {
    let rules = [
        (concat!("#[", "allow("), "use #[expect(…, reason = \"…\")]"),
        (concat!("#![", "allow("), "use #![expect(…, reason = \"…\")]"),
        (concat!("TO", "DO"), "do it now, or open an issue"),
        (concat!("FIX", "ME"), "do it now, or open an issue"),
    ];
    let is_source = ["rs", "py", "sh", "yml", "yaml", "toml"].iter().any(|end| file.name().ends_with(end));
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate().filter(|_| is_source) {
        let minded = rules.iter().filter(|(word, _)| line.contains(word));
        found.extend(minded.map(|(word, instead)| finding(file, index + 1, &format!("`{word}`: {instead}"))));
    }
    found
}

fn finding(file: &Source, line: usize, what: &str) -> String {
    format!("{}:{line}: {what}", file.path)
}

/// How far a room's floor is from the top.
fn depth_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|(_, rooms)| rooms.contains(&room))
}

/// Every first name behind `crate::`, single or in braces, with its line.
fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        let line = 1 + code[..at].matches('\n').count();
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(first_names(group).into_iter().map(|name| (line, name))),
            None => found.push((line, name(rest))),
        }
    }
    found
}

/// The names at the top level of a group: `a, b` in `a::{x, y}, b}`.
fn first_names(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                names.push(name(group[start..at].trim_start()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

/// The identifier that `code` begins with.
fn name(code: &str) -> String {
    code.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// How many modules the longest chain of `super::` in a line climbs.
fn ups(code: &str) -> usize {
    let mut most = 0;
    let mut chain = 0;
    let mut rest = code;
    while let Some(at) = rest.find("super::") {
        chain = if at == 0 { chain + 1 } else { 1 };
        most = most.max(chain);
        rest = &rest[at + "super::".len()..];
    }
    most
}
