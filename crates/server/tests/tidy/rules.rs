//! The rules: each checks one file and reports file, line, what is wrong and what to do.

use super::source::Source;

/// The modules of crates/server by layer, the highest first. A module imports only from layers below its own.
const LAYERS: &[(&str, &[&str])] = &[
    ("7", &["main", "lib"]),
    ("6", &["cli"]),
    ("5", &["transport"]),
    ("4", &["mcp"]),
    ("3", &["submit", "delivery"]),
    ("2", &["compose", "outbox", "upstream"]),
    ("1", &["request", "config"]),
    // Basic types; those of 0b are made of those of 0a.
    ("0b", &["message", "oauth", "outcome", "policy"]),
    (
        "0a",
        &[
            "address",
            "blocking_work",
            "budget",
            "clock",
            "file",
            "json_limits",
            "limits",
            "memory",
            "secret",
            "stored",
        ],
    ),
];

/// Names that only some files may use: the name, where, and what to do instead.
const BOUNDARIES: &[(&str, &[&str], &str)] = &[
    // The demo is an MCP client of the program. The benchmark compares the program with an empty server.
    (
        "rmcp",
        &[
            "crates/server/src/mcp/",
            "crates/server/src/transport/",
            "crates/server/src/cli/demo",
            "bench/src/bin/empty.rs",
        ],
        "only `mcp` and `transport` know MCP: pass plain types",
    ),
    ("mail_builder", &["crates/server/src/compose/"], "only `compose` makes message bytes"),
    // The health check of a container, and the benchmarks, connect to the program itself over HTTP, never to a mail server.
    (
        "TcpStream::connect",
        &[
            "crates/smtp/src/connect",
            "crates/server/src/cli/health.rs",
            "bench/src/http.rs",
            // It measures the round trip and says nothing.
            "bench/src/smtp/round_trip.rs",
            "fuzz/src/http.rs",
        ],
        "only `smtp::connect` opens connections",
    ),
    // `listen` listens with it: tokio's `TcpListener` cannot choose the length of the queue.
    (
        "TcpSocket",
        &["crates/smtp/src/connect", "crates/server/src/cli/listen.rs"],
        "only `smtp::connect` opens connections",
    ),
    ("reqwest", &["crates/server/src/oauth/http"], "only `oauth` talks to providers"),
    ("env::var", ENVIRONMENT, "only `config` reads the environment: pass the value in"),
    ("dotenvy", ENVIRONMENT, "only `config` reads env files"),
];

/// Besides config, the recipes: they are not part of the program and read cargo's and CI's variables.
const ENVIRONMENT: &[&str] = &["crates/server/src/config/", "xtask/src/"];

/// File names that say nothing about the contents.
const MEANINGLESS_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "manager", "service", "common", "misc"];

const MAX_LINES: usize = 350;
const MIN_PURPOSE: usize = 12;

/// A module imports only from lower layers.
pub(crate) fn layers(file: &Source) -> Vec<String> {
    let Some((module, depth)) = file.module() else {
        return Vec::new();
    };
    let Some(own) = depth_of(module) else {
        let what = format!("`{module}` has no layer: give it one here and in ARCHITECTURE.md");
        return vec![finding(file, 1, &what)];
    };
    let mut found = Vec::new();
    for (line, other) in imports(&file.code) {
        if other != module && depth_of(&other).is_some_and(|other| other <= own) {
            let what = format!("`{module}` imports `{other}`, which is in no lower layer");
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

/// Each outside boundary is in one module.
pub(crate) fn boundaries(file: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (word, files, instead) in BOUNDARIES {
        if files.iter().any(|prefix| file.path.starts_with(prefix)) {
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
    let has_purpose = |mark: &&str| first.strip_prefix(mark).is_some_and(|text| text.len() >= MIN_PURPOSE);
    if is_manifest || marks.iter().any(has_purpose) {
        return Vec::new();
    }
    vec![finding(file, 1, &format!("begin with one line of purpose: `{}…`", marks[0]))]
}

/// Production files stay short.
pub(crate) fn sizes(file: &Source) -> Vec<String> {
    if file.production <= MAX_LINES {
        return Vec::new();
    }
    let what = format!("{} lines of production code, {MAX_LINES} allowed: split it by idea", file.production);
    vec![finding(file, file.production, &what)]
}

/// Files and directories are named after what they hold.
pub(crate) fn names(file: &Source) -> Vec<String> {
    let is_ours = ["bench/", "crates/", "xtask/"].iter().any(|root| file.path.starts_with(root));
    let words = file.path.split(['/', '_', '-', '.']);
    let empty = words.filter(|word| is_ours && MEANINGLESS_NAMES.contains(word));
    empty
        .map(|word| finding(file, 1, &format!("`{word}` says nothing: name the file after its contents")))
        .collect()
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
        let matching = rules.iter().filter(|(word, _)| line.contains(word));
        found.extend(
            matching.map(|(word, instead)| finding(file, index + 1, &format!("`{word}`: {instead}"))),
        );
    }
    found
}

fn finding(file: &Source, line: usize, what: &str) -> String {
    format!("{}:{line}: {what}", file.path)
}

/// How far a module's layer is from the top.
fn depth_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, modules)| modules.contains(&module))
}

/// Every first name after `crate::`, single or in braces, with its line.
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
pub(crate) fn first_names(group: &str) -> Vec<String> {
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
pub(crate) fn name(code: &str) -> String {
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
