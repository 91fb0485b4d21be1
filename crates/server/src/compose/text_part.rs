//! The text part of an HTML mail, if the call gave none.

use html2text::config;
use mail_parser::decoders::html::html_to_text;

/// Lines of the text part, in characters: short enough to be sent unencoded.
const WIDTH: usize = 76;
/// How deep elements may nest: the work grows with the square of the depth, and no mail that people write comes near.
const DEPTH: usize = 256;
/// Tags, lines and invalid bytes: each takes the memory of a node, some kilobytes at worst.
const PIECES: usize = 100_000;
/// Separators of attributes within one tag: every attribute is compared with every other.
const SEPARATORS: usize = 20_000;
/// Bytes times depth: each line of a nested quotation repeats all its markers.
const AREA: usize = 128 << 20;
/// Elements without an end tag, or whose end tag is optional: repeating them does not nest.
const OPEN_ENDED: &[&str] = &[
    "area", "base", "body", "br", "col", "colgroup", "dd", "dt", "embed", "head", "hr", "html", "img",
    "input", "li", "link", "meta", "option", "p", "param", "source", "tbody", "td", "tfoot", "th", "thead",
    "tr", "track", "wbr",
];

/// Plain text for `html`, of at most `most` bytes.
///
/// Links become numbered notes. HTML that would take too much time or memory is instead reduced in one pass to its
/// words: better than no text part, and better than no mail.
pub(super) fn of_html(html: &str, most: usize) -> String {
    let rendered = if is_costly(html) { None } else { rendered(html).filter(|text| text.len() <= most) };
    let text = rendered.unwrap_or_else(|| bare_words(html));
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + if lines.is_empty() { "" } else { "\n" }
}

fn rendered(html: &str) -> Option<String> {
    let renderer = config::plain().allow_width_overflow().no_link_wrapping().link_footnotes(true);
    renderer.string_from_read(html.as_bytes(), WIDTH).ok()
}

/// The words of cells, items and blocks are kept apart, whatever else is lost.
fn bare_words(html: &str) -> String {
    html_to_text(&html.replace("</t", " </t").replace("</l", " </l").replace("</d", " </d"))
}

/// Whether rendering `html` would take too much time or memory.
fn is_costly(html: &str) -> bool {
    let pieces = html.bytes().filter(|b| matches!(b, b'<' | b'\n' | b'\r' | b'\0')).count();
    if pieces > PIECES {
        return true;
    }
    let depth = depth(html);
    let is_crowded = |tag: &str| tag.bytes().filter(|b| is_separator(*b)).count() > SEPARATORS;
    depth > DEPTH
        || depth * html.len() > AREA
        || html.split('<').skip(1).any(|tag| is_crowded(tag.split('>').next().unwrap_or_default()))
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'')
}

/// The depth by counting start and end tags, never lower than the real depth of ordinary HTML.
fn depth(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        let name = tag.strip_prefix('/').unwrap_or(tag);
        let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if name.is_empty() || OPEN_ENDED.iter().any(|open| open.eq_ignore_ascii_case(name)) {
            continue;
        }
        depth = if tag.starts_with('/') { depth.saturating_sub(1) } else { depth + 1 };
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_cost_too_much_becomes_bare_words() {
        let attributes: String = (0..40_000).map(|number| format!("a{number}=1 ")).collect();
        let table = [
            ("<li>one</li>".repeat(100_000), "one one one"),
            ("<tr><td>a</td><td>b</td></tr>".repeat(30_000), "a b a b"),
            ("<div>".repeat(300) + "deep", "deep"),
            ("<blockquote>".repeat(100) + &"word ".repeat(400_000), "word word"),
            (format!("<a {attributes}>x &amp; y</a>"), "x & y"),
        ];
        for (html, words) in table {
            assert!(is_costly(&html), "{words}");
            assert!(of_html(&html, 10 << 20).starts_with(words), "{words}");
        }
        let quoted = "<blockquote><p>word word</p></blockquote>";
        assert_eq!((is_costly(quoted), of_html(quoted, 8)), (false, "word word\n".to_owned()));
    }

    #[test]
    fn large_but_simple_html_becomes_text() {
        let image = format!("<img alt=\"a chart\" src=\"data:image/png;base64,{}\">", "A".repeat(4 << 20));
        assert_eq!(of_html(&image, 1000), "[a chart]\n");
        assert!(!is_costly(&"<p>word word</p>".repeat(40_000)));
    }
}
