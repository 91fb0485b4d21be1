//! How the lines of an element are separated from those around it.

/// How an element's lines are separated from those before and after. Of several the largest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Break {
    /// Not at all.
    None,
    /// By a line end.
    Line,
    /// By an empty line.
    Paragraph,
}
