//! How a command's output looks: marks and colours on a terminal, plain words elsewhere.

use std::fmt;
use std::io::{IsTerminal as _, Stdout};

use anstream::{AutoStream, ColorChoice};

/// How output looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// ✓ and ✗ instead of words.
    pub(super) marks: bool,
    /// ANSI colours.
    pub(super) colours: bool,
}

/// A mark before a line: whether something works.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    style: Style,
    works: bool,
}

impl Style {
    /// For output to `out`: colours follow NO_COLOR, CLICOLOR and TERM.
    pub(super) fn of(out: &Stdout) -> Self {
        let marks = out.is_terminal();
        Self { marks, colours: marks && AutoStream::choice(out) != ColorChoice::Never }
    }

    /// The mark of something that works, or does not.
    pub(super) fn mark(self, works: bool) -> Mark {
        Mark { style: self, works }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (colour, mark, word) = if self.works { ("32", "✓", "ok:") } else { ("31", "✗", "failed:") };
        match self.style {
            Style { marks: false, .. } => f.write_str(word),
            Style { colours: false, .. } => f.write_str(mark),
            _ => write!(f, "\x1b[{colour}m{mark}\x1b[0m"),
        }
    }
}
