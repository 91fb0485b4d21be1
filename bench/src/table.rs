//! Markdown tables, and the format of figures.

use crate::sample::Sample;

/// A table that grows row by row.
pub(crate) struct Table(String);

impl Table {
    /// A table with these columns.
    pub(crate) fn new(columns: &[&str]) -> Self {
        let mut table = Self(String::new());
        table.row(columns);
        table.row(&vec!["---"; columns.len()]);
        table
    }

    /// One row more.
    pub(crate) fn row(&mut self, cells: &[impl AsRef<str>]) {
        for cell in cells {
            self.0.push_str("| ");
            self.0.push_str(cell.as_ref());
            self.0.push(' ');
        }
        self.0.push_str("|\n");
    }

    /// As text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// Median and spread: from what 5 % to what 95 % of the rounds stayed below.
pub(crate) fn spread(sample: &Sample, decimals: usize) -> String {
    let figure = |value| rounded(value, decimals);
    let (low, high) = (sample.quantile(5), sample.quantile(95));
    format!("{} ({} – {})", figure(sample.median()), figure(low), figure(high))
}

/// A figure, in thousands with commas.
pub(crate) fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.char_indices() {
        let left = whole.len() - at;
        if at > 0 && left % 3 == 0 && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_rounded_and_grouped() {
        let table = [
            (0.0, 0, "0"),
            (999.6, 0, "1,000"),
            (1_234_567.0, 0, "1,234,567"),
            (-123_456.0, 0, "-123,456"),
            (12.345, 2, "12.35"),
        ];
        for (value, decimals, text) in table {
            assert_eq!(rounded(value, decimals), text);
        }
    }

    #[test]
    fn a_table_has_a_line_below_its_head() {
        let mut table = Table::new(&["a", "b"]);
        table.row(&["1", "2"]);
        assert_eq!(table.into_text(), "| a | b |\n| --- | --- |\n| 1 | 2 |\n");
    }
}
