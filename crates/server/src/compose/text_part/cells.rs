//! The cells around the current position: those of a row stand in one line, as long as each is a single line.

use super::line_break::Break;

/// The rows and cells that are open, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Cells {
    rows: Vec<Break>,
    /// With the number of lines when each began.
    cells: Vec<usize>,
    /// The next word is the first of a cell that follows another in the same line.
    separates: bool,
}

impl Cells {
    pub(super) fn begin_row(&mut self) {
        self.rows.push(Break::None);
    }

    /// Ends a row; what its cells asked for before the next line.
    pub(super) fn end_row(&mut self) -> Break {
        self.separates = false;
        self.rows.pop().unwrap_or(Break::None)
    }

    /// Begins a cell in line number `count`, behind another cell or not.
    pub(super) fn begin_cell(&mut self, count: usize, is_behind: bool) {
        self.cells.push(count);
        self.separates = is_behind;
    }

    /// Ends a cell. Whether it is a single line, in which the next one follows; then the end of the row asks for the
    /// line ends that it asked for.
    pub(super) fn end_cell(&mut self, count: usize, line_ends: usize) -> bool {
        self.separates = false;
        if self.cells.pop() != Some(count) {
            return false;
        }
        if let Some(held) = self.rows.last_mut().filter(|_| line_ends > 1) {
            *held = Break::Paragraph;
        }
        true
    }

    /// Whether a cell has begun in the line of the one before, and has no words yet.
    pub(super) fn begins_in_line(&self) -> bool {
        self.separates
    }

    /// Whether the next word is to be separated from the cell before, which is asked once.
    pub(super) fn take_separator(&mut self) -> bool {
        std::mem::take(&mut self.separates)
    }
}
