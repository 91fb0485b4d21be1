//! The text made of HTML, element by element, and what hostile HTML costs.

use super::of_html;

fn text(html: &str) -> String {
    of_html(html, 1 << 20)
}

#[test]
fn each_element_is_shown_as_text() {
    let table: &[(&str, &str)] = &[
        ("", ""),
        ("a  b\n\tc&nbsp;d", "a b c d\n"),
        ("<b>Hel</b>lo<i>, you</i>", "Hello, you\n"),
        ("<p>a</p><p>b", "a\n\nb\n"),
        ("<div>a<div>b</div></div>c", "a\nb\nc\n"),
        ("a<br>b<br><br><br>c", "a\nb\n\nc\n"),
        ("<h1>T</h1>x<hr>y", "T\n\nx\n\n---\n\ny\n"),
        ("1 < 2 <3 << <>", "1 < 2 <3 << <>\n"),
        ("&lt;b&gt; &amp; &eacute; &#x1F600; &notit; &unknown; &#8;", "<b> & é 😀 ¬it; &unknown;\n"),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e", "* a\n* b\n  * c\n* d\n\ne\n"),
        ("<ol start=9><li>a<li value=20>b<li>c</ol>", "9. a\n20. b\n21. c\n"),
        ("<ol><li><p>a</p><p>b</p></li></ol>", "1. a\n\n   b\n"),
        ("<li>a", "* a\n"),
        ("a<blockquote>b<p>c<blockquote>d</blockquote></blockquote>e", "a\n\n> b\n>\n> c\n>\n> > d\n\ne\n"),
        ("<a href=https://x.org/a?b&amp;c>see</a>.", "see <https://x.org/a?b&c>.\n"),
        ("<a href='https://x.org/'>x.org</a>", "x.org\n"),
        ("<a href=mailto:a@x.org>a@x.org</a> <a href=tel:1>call</a>", "a@x.org call <tel:1>\n"),
        ("<a href='#top'>a</a> <a href=' JavaScript:x()'>b</a> <a name=c>c</a>", "a b c\n"),
        ("<a href='https://x.org/a b>'>a</a>", "a <https://x.org/a%20b%3E>\n"),
        ("<a href=https://x.org/1>a<a href=https://x.org/2>b", "a <https://x.org/1> b <https://x.org/2>\n"),
        ("<a href=https://x.org><img alt=' Shop '></a><img><img alt=''>", "[Shop] <https://x.org>\n"),
        ("<table><tr><th>Item<th>Price<tr><td>Tea<td>5 €</table>z", "Item | Price\nTea | 5 €\n\nz\n"),
        ("<table><tr><td><p>a</p></td><td><p>b</p></td></tr><tr><td></td><td>c</table>", "a | b\n\nc\n"),
        ("<table><tr><td>a<br>b</td><td>c</td></tr></table>", "a\nb\nc\n"),
        ("<td>a<td><table><tr><td>b<td>c</table>d", "a | b | c\n\nd\n"),
        ("x<pre>\na\tb  c\n\n d</pre>y", "x\n\na\tb  c\n\n d\n\ny\n"),
        ("<div style='White-Space: pre-wrap'>a\n  b</div> c", "a\n  b\nc\n"),
        ("<dl><dt>a<dd>b<dt>c</dl>", "a\nb\nc\n"),
        ("<textarea><b></textarea><xmp><i></xmp>", "<b>\n\n<i>\n"),
        ("<noscript>a <b>b</b></noscript>", "a b\n"),
        ("<!-- no --><!DOCTYPE html><!--[if mso]>no<![endif]--><![if !mso]>yes<![endif]>", "yes\n"),
        ("a\u{200B}\u{FEFF} \u{200C} b&shy;c 👩\u{200D}👩", "a\u{200B}\u{FEFF} bc 👩\u{200D}👩\n"),
    ];
    for (html, expected) in table {
        assert_eq!(text(html), *expected, "{html}");
    }
}

#[test]
fn what_is_not_displayed_is_left_out() {
    let table: &[(&str, &str)] = &[
        ("<head><title>t</title><style>p {}</style></head><script>'</p>'</script>a", "a\n"),
        ("<div style='color: red; display : none'>x<div>y</div>z</div>a", "a\n"),
        ("<p hidden>x<span>y<p>a", "a\n"),
        ("<span style=visibility:hidden>x<span>y</span>z</span>a", "a\n"),
        ("<table><tr hidden><td>x<tr><td>a</table>", "a\n"),
        ("<ul><li hidden>x<li>a</ul>", "* a\n"),
        ("<img hidden alt=x><br hidden>a", "a\n"),
        ("<svg><path/><text>x</text></svg><svg/><math>y</math>a", "a\n"),
        ("<template><p>x</p></template><iframe>y</iframe>a", "a\n"),
        ("<p style='font-size:0;max-height:0'>a", "a\n"),
    ];
    for (html, expected) in table {
        assert_eq!(text(html), *expected, "{html}");
    }
}

#[test]
fn lines_are_wrapped_between_words() {
    let words = "word ".repeat(40);
    let quoted = text(&format!("<blockquote><ul><li>{words}</ul></blockquote>"));
    let lines: Vec<_> = quoted.lines().collect();
    assert!(lines.iter().all(|line| line.len() <= 76 && line.len() > 20), "{quoted}");
    assert!(lines[0].starts_with("> * word") && lines[1].starts_with(">   word"), "{quoted}");
    let row = text(&format!("<tr><td>{words}<td>{words}<td>c</tr>")).replace(['\n', ' '], " ");
    assert_eq!(row, format!("{words}| {words}| c "), "cells of one wrapped line each");
    let long = "x".repeat(500);
    assert_eq!(text(&format!("a {long} b")), format!("a\n{long}\nb\n"));
}
