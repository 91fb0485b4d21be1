//! The template's grammar, and the position of errors.

/// One step of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instruction<'t> {
    /// Literal text.
    Text(&'t str),
    /// A value.
    Value {
        /// Its name.
        name: &'t str,
        /// Without escaping.
        raw: bool,
    },
    /// What follows is rendered only if the value is true; else rendering goes on at `end`.
    If {
        /// Its name.
        name: &'t str,
        /// The instruction after the matching end.
        end: usize,
    },
    /// The end of a conditional.
    End,
}

/// The contents of a pair of braces.
enum Tag<'t> {
    Value { name: &'t str, raw: bool },
    Open(&'t str),
    Close(&'t str),
}

/// A conditional that is still open.
struct Open<'t> {
    name: &'t str,
    step: usize,
    at: usize,
}

/// Parses a text into steps.
pub(super) fn parse(text: &str) -> Result<Vec<Instruction<'_>>, String> {
    let mut steps = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    let (mut written, mut at) = (0, 0);
    while let Some(brace) = memchr::memchr(b'{', &text.as_bytes()[at..]).map(|found| at + found) {
        let Some((tag, end)) = tag(text, brace) else {
            at = brace + 1;
            continue;
        };
        if written < brace {
            steps.push(Instruction::Text(&text[written..brace]));
        }
        match tag {
            Tag::Value { name, raw } => steps.push(Instruction::Value { name, raw }),
            Tag::Open(name) => {
                open.push(Open { name, step: steps.len(), at: brace });
                steps.push(Instruction::If { name, end: 0 });
            }
            Tag::Close(name) => {
                let opened = matching(open.pop(), name, text, brace)?;
                steps.push(Instruction::End);
                steps[opened.step] = Instruction::If { name, end: steps.len() };
            }
        }
        (written, at) = (end, end);
    }
    if let Some(Open { name, at, .. }) = open.pop() {
        return Err(format!("{}: {{?{name}}} is never closed by {{/{name}}}", position(text, at)));
    }
    if written < text.len() {
        steps.push(Instruction::Text(&text[written..]));
    }
    Ok(steps)
}

fn matching<'t>(opened: Option<Open<'t>>, name: &str, text: &str, brace: usize) -> Result<Open<'t>, String> {
    match opened {
        None => Err(format!("{}: {{/{name}}} closes nothing", position(text, brace))),
        Some(opened) if opened.name != name => Err(format!(
            "{}: {{/{name}}} crosses {{?{}}} of {}, which is still open",
            position(text, brace),
            opened.name,
            position(text, opened.at)
        )),
        Some(opened) => Ok(opened),
    }
}

/// The tag that begins at `brace`, and where it ends; `None` if the brace is literal.
fn tag(text: &str, brace: usize) -> Option<(Tag<'_>, usize)> {
    let inside = &text[brace + 1..];
    let sign = inside.as_bytes().first().copied().filter(|first| matches!(first, b'?' | b'/'));
    let start = usize::from(sign.is_some());
    let length = name_length(&inside[start..]);
    if length == 0 {
        return None;
    }
    let name = &inside[start..start + length];
    let rest = &inside[start + length..];
    let (tag, closing) = match sign {
        Some(b'?') => (Tag::Open(name), "}"),
        Some(_) => (Tag::Close(name), "}"),
        None if rest.starts_with('|') => (Tag::Value { name, raw: true }, "|raw}"),
        None => (Tag::Value { name, raw: false }, "}"),
    };
    rest.starts_with(closing).then(|| (tag, brace + 1 + start + length + closing.len()))
}

/// How many bytes at the head of `text` are a name: `[A-Za-z_][A-Za-z0-9_]*`.
pub(super) fn name_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes.first().is_none_or(u8::is_ascii_digit) {
        return 0;
    }
    bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
}

/// Line and column of a byte, both from 1, the column in characters.
fn position(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}
