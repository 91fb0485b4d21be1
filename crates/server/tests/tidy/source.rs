//! The files that the rules check: their text, and their code without comments and literals.

use std::fs;
use std::io;
use std::path::Path;

/// One file of the workspace.
pub(crate) struct Source {
    /// From the root of the workspace, with `/`.
    pub(crate) path: String,
    /// The contents.
    pub(crate) text: String,
    /// Rust only: the same lines with comments and literals blanked.
    pub(crate) code: String,
    /// The number of lines before `#[cfg(test)]` modules; 0 in a file of tests.
    pub(crate) production: usize,
}

impl Source {
    /// A file at `path` that holds `text`.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = if path.ends_with(".rs") { blanked(text) } else { String::new() };
        let production = if is_test(path) { 0 } else { before_tests(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, production }
    }

    /// The name without directories.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Lines of code with their numbers.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Lines of production code with their numbers.
    pub(crate) fn production_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code_lines().take(self.production)
    }

    /// The top-level module of `crates/server` it belongs to, and how deep it is below the crate's root.
    pub(crate) fn module(&self) -> Option<(&str, usize)> {
        let inside = self.path.strip_prefix("crates/server/src/")?.strip_suffix(".rs")?;
        let inside = inside.strip_suffix("/mod").unwrap_or(inside);
        let mut parts = inside.split('/');
        Some((parts.next()?, 1 + parts.count()))
    }
}

/// Every file of the workspace that is ours, but not what is generated.
pub(crate) fn all(root: &Path) -> io::Result<Vec<Source>> {
    let mut found = Vec::new();
    walk(root, "", &mut found)?;
    Ok(found)
}

fn walk(directory: &Path, prefix: &str, found: &mut Vec<Source>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && !is_generated(&name) {
            walk(&entry.path(), &format!("{path}/"), found)?;
        }
        // Binary files have no lines to check.
        if let (true, Ok(text)) = (kind.is_file(), fs::read_to_string(entry.path())) {
            found.push(Source::new(&path, &text));
        }
    }
    Ok(())
}

fn is_generated(name: &str) -> bool {
    matches!(name, "target" | ".git" | "snapshots" | "__pycache__" | "node_modules" | ".pytest_cache")
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.starts_with("tests/")
}

fn before_tests(code: &str) -> usize {
    let lines: Vec<&str> = code.lines().collect();
    let starts = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ");
    lines.windows(2).position(starts).unwrap_or(lines.len())
}

/// Rust code with the same lines, but blanks for comments and literals.
fn blanked(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hidden = hidden_length(rest);
        let (seen, after) = rest.split_at(if hidden == 0 { first.len_utf8() } else { hidden });
        if hidden == 0 {
            code.push_str(seen);
        } else {
            code.extend(seen.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = after;
        if first.is_alphanumeric() || first == '_' {
            // The rest of a word cannot begin a raw string: `for"` is not `r"`.
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (seen, after) = rest.split_at(word);
            code.push_str(seen);
            rest = after;
        }
    }
    code
}

/// How many bytes of a comment or literal `rest` begins with; 0 where it begins with code.
fn hidden_length(rest: &str) -> usize {
    let until = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at);
    if rest.starts_with("//") {
        return until("\n", 2);
    }
    if rest.starts_with("/*") {
        return (until("*/", 2) + 2).min(rest.len());
    }
    if rest.starts_with('"') {
        return quoted(rest, '"');
    }
    if rest.starts_with('\'') {
        return character(rest);
    }
    let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'));
    let Some(raw) = raw else {
        return 0;
    };
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    if !raw[hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let from = rest.len() - raw.len() + hashes + 1;
    (until(&end, from) + end.len()).min(rest.len())
}

/// The length of a quoted literal with backslash escapes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal; 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(rest, '\''),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::blanked;

    #[test]
    fn comments_and_literals_are_blanked_and_nothing_else() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b\nb */ c", "a     \n     c"),
            (r#"f("a\"b", c)"#, "f(      , c)"),
            (r##"f(r#"a"b"#, c)"##, "f(        , c)"),
            ("f('\"', '\\'', c)", "f(   ,     , c)"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("for_r(x)", "for_r(x)"),
        ];
        for (text, code) in cases {
            assert_eq!(blanked(text), code, "{text}");
        }
    }
}
