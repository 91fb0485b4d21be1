//! Words become lines: wrapped, quoted, indented, and separated by as many line ends as the elements ask for.

use super::cells::Cells;
use super::line_break::Break;
use super::lists::Lists;

/// Lines of the text part, in characters: short enough to be sent unencoded. A longer word stays whole.
const WIDTH: usize = 76;
/// Quotation marks before a line, at most.
const QUOTES: usize = 5;

/// The text so far.
#[derive(Debug)]
pub(super) struct Lines {
    text: String,
    /// From this length on lines are not indented.
    most: usize,
    /// Characters in the last line.
    column: usize,
    /// The word at the end, which may go on after a tag.
    word: String,
    /// It is the target of a link, which only punctuation may follow.
    word_is_target: bool,
    has_space: bool,
    /// Line ends before the next word.
    line_ends: usize,
    is_preformatted: bool,
    /// The preformatted text has just begun: a line end here does not count (HTML, section 13.2.6.4.7).
    skips_line_end: bool,
    quotes: usize,
    /// Quotations around the last line.
    last_quotes: usize,
    lists: Lists,
    cells: Cells,
    /// Lines so far, not counting those that were wrapped.
    count: usize,
    /// What a link shows, without spaces.
    link_text: Option<String>,
}

impl Lines {
    /// An empty text.
    pub(super) fn new(most: usize) -> Self {
        Self {
            text: String::new(),
            most,
            column: 0,
            word: String::new(),
            word_is_target: false,
            has_space: false,
            line_ends: 0,
            is_preformatted: false,
            skips_line_end: false,
            quotes: 0,
            last_quotes: 0,
            lists: Lists::default(),
            cells: Cells::default(),
            count: 0,
            link_text: None,
        }
    }

    /// Adds text, in which whitespace only separates words, unless it is preformatted.
    pub(super) fn text(&mut self, text: &str) {
        if self.is_preformatted {
            return self.preformatted(text);
        }
        for (index, piece) in text.split(is_space).enumerate() {
            if index > 0 {
                self.end_word();
                self.has_space = true;
            }
            self.extend_word(piece);
        }
    }

    fn extend_word(&mut self, piece: &str) {
        if self.word_is_target && piece.starts_with(char::is_alphanumeric) {
            self.end_word();
            self.has_space = true;
        }
        self.word.extend(piece.chars().filter(|c| *c == '\t' || !c.is_control() && *c != SOFT_HYPHEN));
        if let Some(text) = &mut self.link_text {
            text.push_str(piece);
        }
    }

    fn preformatted(&mut self, text: &str) {
        let text = if self.skips_line_end { text.strip_prefix('\n').unwrap_or(text) } else { text };
        self.skips_line_end = false;
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.end_word();
                self.line_ends += 1;
            }
            self.extend_word(line);
        }
    }

    /// The following text is or is not preformatted.
    pub(super) fn set_preformatted(&mut self, is_preformatted: bool) {
        if self.is_preformatted != is_preformatted {
            self.end_word();
            self.has_space = false;
            self.is_preformatted = is_preformatted;
            self.skips_line_end = is_preformatted;
        }
    }

    /// At least this separates what came before from what follows.
    pub(super) fn need(&mut self, separation: Break) {
        if separation == Break::None {
            return;
        }
        self.end_word();
        if !self.cells.begins_in_line() {
            self.line_ends = self.line_ends.max(separation as usize);
        }
        self.has_space = false;
    }

    /// A line break; several in a row are an empty line.
    pub(super) fn line_break(&mut self) {
        self.end_word();
        self.line_ends = (self.line_ends + 1).min(Break::Paragraph as usize).max(self.line_ends);
        self.has_space = false;
    }

    /// A line of its own.
    pub(super) fn rule(&mut self) {
        self.need(Break::Paragraph);
        self.word.push_str("---");
        self.need(Break::Paragraph);
    }

    pub(super) fn begin_quote(&mut self) {
        self.need(Break::Paragraph);
        self.quotes += 1;
    }

    pub(super) fn end_quote(&mut self) {
        self.need(Break::Paragraph);
        self.quotes -= 1;
    }

    pub(super) fn begin_list(&mut self, is_ordered: bool, start: Option<i64>) {
        self.need(self.lists.separation());
        self.lists.begin(is_ordered, start);
    }

    pub(super) fn end_list(&mut self) {
        self.end_word();
        self.lists.end();
        self.need(self.lists.separation());
    }

    /// An item of the innermost list, with its own number if it has one.
    pub(super) fn begin_item(&mut self, number: Option<i64>) {
        self.need(Break::Line);
        self.lists.begin_item(number);
    }

    pub(super) fn begin_row(&mut self) {
        self.need(Break::Line);
        self.cells.begin_row();
    }

    pub(super) fn end_row(&mut self) {
        self.end_word();
        let held = self.cells.end_row();
        self.need(held.max(Break::Line));
    }

    pub(super) fn begin_cell(&mut self) {
        self.end_word();
        let begins_line = self.line_ends > 0 && !self.text.is_empty();
        self.cells.begin_cell(self.count + usize::from(begins_line), self.line_ends == 0 && self.column > 0);
    }

    /// A cell of one line is followed by the next one in the same line.
    pub(super) fn end_cell(&mut self) {
        self.end_word();
        if self.cells.end_cell(self.count, self.line_ends) {
            self.line_ends = 0;
        } else {
            self.need(Break::Line);
        }
    }

    pub(super) fn begin_link(&mut self) {
        self.link_text = Some(String::new());
    }

    /// Adds the target of a link, unless its text is the target.
    pub(super) fn end_link(&mut self, target: &str) {
        let text = self.link_text.take().unwrap_or_default();
        if without_scheme(text.trim()) == without_scheme(target) {
            return;
        }
        self.end_word();
        self.has_space |= !text.trim().is_empty();
        self.word = format!("<{target}>");
        self.word_is_target = true;
    }

    /// The whole text, which ends with a line end unless it is empty.
    pub(super) fn finish(mut self) -> String {
        self.end_word();
        self.text.truncate(self.text.trim_end_matches([' ', '\t']).len());
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text
    }

    /// Writes the word at the end.
    fn end_word(&mut self) {
        let mut word = std::mem::take(&mut self.word);
        let is_blank = if self.is_preformatted { word.is_empty() } else { word.chars().all(is_invisible) };
        if !is_blank {
            self.write(&word);
        }
        word.clear();
        self.word = word;
        self.word_is_target = false;
    }

    fn write(&mut self, word: &str) {
        let width = word.chars().count();
        let separator = match (self.cells.take_separator(), self.has_space) {
            (true, _) => " | ",
            (false, true) => " ",
            (false, false) => "",
        };
        if self.line_ends > 0 && !self.text.is_empty() {
            self.count += 1;
        }
        let is_in_line = self.line_ends == 0 && !self.text.is_empty();
        let fits = self.is_preformatted || self.column + separator.len() + width <= WIDTH;
        if is_in_line && (fits || separator.is_empty()) {
            self.text.push_str(separator);
            self.column += separator.len();
        } else {
            if is_in_line {
                self.text.push_str(separator);
            }
            self.begin_line();
        }
        self.text.push_str(word);
        self.column += width;
        self.has_space = false;
    }

    /// Writes the line ends that are due, and what stands before the words of a line.
    fn begin_line(&mut self) {
        if !self.text.is_empty() {
            self.text.truncate(self.text.trim_end_matches([' ', '\t']).len());
            for _ in 1..self.line_ends {
                self.text.push('\n');
                self.text.push_str(self.marks(self.quotes.min(self.last_quotes)).trim_end());
            }
            self.text.push('\n');
        }
        let start = self.text.len();
        let marks = self.marks(self.quotes);
        self.text.push_str(marks);
        let is_indented = self.text.len() < self.most;
        self.lists.write_indent(&mut self.text, is_indented);
        self.column = self.text.len() - start;
        self.line_ends = 0;
        self.last_quotes = self.quotes;
    }

    fn marks(&self, quotes: usize) -> &'static str {
        const MARKS: &str = "> > > > > ";
        if self.text.len() < self.most { &MARKS[..2 * quotes.min(QUOTES)] } else { "" }
    }
}

const SOFT_HYPHEN: char = '\u{AD}';

/// Whitespace of HTML, and the space at which no line ends.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{A0}'
}

/// What newsletters fill their preview with. Between letters some of these have a meaning.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{34F}' | '\u{61C}' | '\u{180E}' | '\u{2007}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

fn without_scheme(target: &str) -> &str {
    let schemes = ["https://", "http://", "mailto:", "tel:"];
    let rest = schemes.iter().find_map(|scheme| target.strip_prefix(scheme)).unwrap_or(target);
    rest.strip_suffix('/').unwrap_or(rest)
}
