//! What a tag means for the text.

use html5gum::State;

use super::line_break::Break;

/// The beginning of a tag's name, long enough to tell the names of HTML apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TagName([u8; 12]);

impl TagName {
    /// The name, which is in lower case.
    pub(super) fn new(name: &[u8]) -> Self {
        let mut start = [0; 12];
        let length = name.len().min(start.len());
        start[..length].copy_from_slice(&name[..length]);
        Self(start)
    }

    fn as_bytes(&self) -> &[u8] {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        &self.0[..length]
    }

    /// How the text in an element is to be read, if it is not HTML (HTML, section 13.2.6.2).
    pub(super) fn content_state(self) -> Option<State> {
        match self.as_bytes() {
            b"script" => Some(State::ScriptData),
            b"style" | b"iframe" | b"noembed" | b"noframes" | b"xmp" => Some(State::RawText),
            b"title" | b"textarea" => Some(State::RcData),
            b"plaintext" => Some(State::PlainText),
            _ => None,
        }
    }

    /// What an element of this name does to the text.
    pub(super) fn role(self) -> Role {
        match self.as_bytes() {
            b"script" | b"style" | b"title" | b"template" | b"iframe" | b"noembed" | b"noframes"
            | b"datalist" => Role::Hidden,
            b"svg" | b"math" => Role::Foreign,
            b"area" | b"base" | b"basefont" | b"bgsound" | b"col" | b"embed" | b"frame" | b"input"
            | b"link" | b"meta" | b"param" | b"source" | b"track" | b"wbr" => Role::Void,
            b"br" => Role::LineBreak,
            b"hr" => Role::Rule,
            b"img" | b"image" => Role::Image,
            b"a" => Role::Link,
            b"ul" | b"menu" | b"dir" => Role::List { is_ordered: false },
            b"ol" => Role::List { is_ordered: true },
            b"li" => Role::Item,
            b"blockquote" => Role::Quote,
            b"pre" | b"listing" | b"xmp" | b"plaintext" => Role::Preformatted,
            b"table" => Role::Table,
            b"tr" => Role::Row,
            b"td" | b"th" => Role::Cell,
            b"tbody" | b"thead" | b"tfoot" => Role::RowGroup,
            b"dt" | b"dd" | b"option" => Role::Entry,
            b"p" => Role::Paragraph,
            b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"dl" | b"fieldset" | b"figure" => Role::Spaced,
            b"address" | b"article" | b"aside" | b"body" | b"caption" | b"center" | b"details"
            | b"dialog" | b"div" | b"figcaption" | b"footer" | b"form" | b"header" | b"hgroup" | b"html"
            | b"legend" | b"main" | b"nav" | b"optgroup" | b"search" | b"section" | b"summary" => Role::Block,
            _ => Role::Inline,
        }
    }
}

/// What an element does to the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    Inline,
    Link,
    /// Lines of its own.
    Block,
    /// Lines of its own, between empty lines.
    Spaced,
    Paragraph,
    Preformatted,
    Quote,
    List {
        is_ordered: bool,
    },
    Item,
    Table,
    RowGroup,
    Row,
    Cell,
    /// A line whose end tag may be omitted.
    Entry,
    /// Its content is not shown.
    Hidden,
    /// Not HTML, and not shown.
    Foreign,
    Image,
    LineBreak,
    Rule,
    /// Neither content nor effect.
    Void,
}

impl Role {
    /// How the element's lines are separated from those before and after.
    pub(super) fn separation(self) -> Break {
        match self {
            Self::Block | Self::Item | Self::Entry | Self::RowGroup | Self::Row => Break::Line,
            Self::Spaced
            | Self::Paragraph
            | Self::Preformatted
            | Self::Quote
            | Self::List { .. }
            | Self::Table => Break::Paragraph,
            _ => Break::None,
        }
    }

    /// Whether an element has content and an end (HTML, section 13.1.2: the others are void).
    pub(super) fn has_content(self) -> bool {
        !matches!(self, Self::Image | Self::LineBreak | Self::Rule | Self::Void)
    }

    /// Whether an element nested too deep is counted, so that its end tag is known to be its own.
    pub(super) fn is_counted(self) -> bool {
        self.has_content() && self != Self::Inline
    }

    /// Whether the content is not shown.
    pub(super) fn is_hidden(self) -> bool {
        matches!(self, Self::Hidden | Self::Foreign)
    }

    /// Whether the element belongs to the structure of a table.
    pub(super) fn is_table_part(self) -> bool {
        matches!(self, Self::Table | Self::RowGroup | Self::Row | Self::Cell)
    }

    /// Whether an open element of this role, whose end tag may be omitted, ends where `next` begins (HTML, section 13.1.2.4).
    pub(super) fn ends_before(self, next: Self) -> bool {
        match self {
            Self::Paragraph => next == Self::Rule || next.separation() != Break::None || next == Self::Cell,
            Self::Item | Self::Entry | Self::Link => next == self,
            Self::Cell => matches!(next, Self::Cell | Self::Row | Self::RowGroup),
            Self::Row => matches!(next, Self::Row | Self::RowGroup),
            Self::RowGroup => next == Self::RowGroup,
            _ => false,
        }
    }
}
