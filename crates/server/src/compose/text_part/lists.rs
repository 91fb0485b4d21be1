//! The lists around the current line: their indentation and the marks of their items.

use super::line_break::Break;

/// Lists nested deeper are not indented further.
const LEVELS: usize = 8;

/// The lists that are open, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Lists {
    open: Vec<List>,
    /// The mark of an item whose first word is still to come.
    mark: Option<String>,
}

#[derive(Debug)]
enum List {
    Bulleted,
    /// With the number of its next item.
    Ordered(i64),
}

impl Lists {
    /// How a list is separated from the text around it: one within a list is not.
    pub(super) fn separation(&self) -> Break {
        if self.open.is_empty() { Break::Paragraph } else { Break::Line }
    }

    pub(super) fn begin(&mut self, is_ordered: bool, start: Option<i64>) {
        self.open.push(if is_ordered { List::Ordered(start.unwrap_or(1)) } else { List::Bulleted });
    }

    pub(super) fn end(&mut self) {
        self.open.pop();
        self.mark = None;
    }

    pub(super) fn begin_item(&mut self, number: Option<i64>) {
        self.mark = Some(match self.open.last_mut() {
            Some(List::Ordered(next)) => {
                let number = number.unwrap_or(*next);
                *next = number.saturating_add(1);
                format!("{number}. ")
            }
            _ => "* ".to_owned(),
        });
    }

    /// Writes what stands before the words of a line.
    pub(super) fn write_indent(&mut self, text: &mut String, is_indented: bool) {
        let levels = if is_indented { self.open.len().min(LEVELS) } else { 0 };
        let mark = self.mark.take();
        let before_mark = if mark.is_some() { levels.saturating_sub(1) } else { levels };
        for list in &self.open[..before_mark] {
            text.push_str(match list {
                List::Bulleted => "  ",
                List::Ordered(_) => "   ",
            });
        }
        text.push_str(&mark.unwrap_or_default());
    }
}
