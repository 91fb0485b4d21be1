//! Any template: what comes out is what a second, simpler reading of it says, and no value is read as a template again.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use mail_parser::MessageParser;
use serde_json::{Map, Value, json};
use smtp_mcp_server::request::{Addresses, Draft, SendEmailArgs};
use smtp_mcp_server_fuzz::{composed, limits};

/// A template in pieces, one as a bare text, and the values for both.
#[derive(Arbitrary, Debug)]
struct Input {
    pieces: Vec<Piece>,
    wild: String,
    values: BTreeMap<Name, Given>,
    html: bool,
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Plain,
    Underscored,
    Numbered,
}

#[derive(Arbitrary, Debug)]
enum Given {
    Text(String),
    Number(i32),
    Bool(bool),
    Null,
}

#[derive(Arbitrary, Debug)]
enum Piece {
    Text(String),
    Value(Name),
    Raw(Name),
    If(Name, Vec<Piece>),
}

type Values = BTreeMap<Name, Given>;

fuzz_target!(|input: Input| {
    // The bare text: only that it comes to an end, with or without a complaint.
    drop(filled(&input.wild, &input.values, input.html));

    let mut expected = Some(String::new());
    expect(&input.pieces, &input.values, input.html, &mut expected);
    let is_template = !input.values.is_empty();
    let template = written(&input.pieces);
    let body = filled(&template, &input.values, input.html);
    if is_template {
        let expected = expected.filter(|text| !text.contains('\0'));
        if let Some(expected) = expected {
            assert_eq!(body.map(lines), Some(lines(expected)), "{template:?}");
        }
    }
});

fn text_of(name: Name) -> &'static str {
    match name {
        Name::Plain => "name",
        Name::Underscored => "_b",
        Name::Numbered => "C_3",
    }
}

/// The template as a caller writes it. Its texts hold no brace that opens.
fn written(pieces: &[Piece]) -> String {
    let one = |piece: &Piece| match piece {
        Piece::Text(text) => text.replace('{', "("),
        Piece::Value(name) => format!("{{{}}}", text_of(*name)),
        Piece::Raw(name) => format!("{{{}|raw}}", text_of(*name)),
        Piece::If(name, inside) => {
            let name = text_of(*name);
            format!("{{?{name}}}{}{{/{name}}}", written(inside))
        }
    };
    pieces.iter().map(one).collect()
}

/// What must come out; nothing where a value is missing.
fn expect(pieces: &[Piece], values: &Values, html: bool, out: &mut Option<String>) {
    for piece in pieces {
        let text = match piece {
            Piece::Text(text) => Some(text.replace('{', "(")),
            Piece::Value(name) if html => shown(values.get(name)).map(|text| escaped(&text)),
            Piece::Value(name) | Piece::Raw(name) => shown(values.get(name)),
            Piece::If(name, inside) => {
                if keeps(values.get(name)) {
                    expect(inside, values, html, out);
                }
                continue;
            }
        };
        *out = out.take().zip(text).map(|(before, text)| before + &text);
    }
}

fn shown(given: Option<&Given>) -> Option<String> {
    match given? {
        Given::Text(text) => Some(text.clone()),
        Given::Number(number) => Some(number.to_string()),
        Given::Bool(value) => Some(value.to_string()),
        Given::Null => None,
    }
}

fn keeps(given: Option<&Given>) -> bool {
    match given {
        None | Some(Given::Null | Given::Bool(false)) => false,
        Some(Given::Text(text)) => !text.is_empty(),
        Some(Given::Number(_) | Given::Bool(true)) => true,
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// Line ends as a mail has them, and nothing made of the last one.
fn lines(text: String) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").trim_end_matches('\n').to_owned()
}

/// The body that arrives, if the request is taken.
fn filled(body: &str, values: &Values, html: bool) -> Option<String> {
    let value = |given: &Given| match given {
        Given::Text(text) => json!(text),
        Given::Number(number) => json!(number),
        Given::Bool(value) => json!(value),
        Given::Null => Value::Null,
    };
    let vars: Map<String, Value> =
        values.iter().map(|(name, given)| (text_of(*name).to_owned(), value(given))).collect();
    let asked = SendEmailArgs {
        to: Addresses::One("ada@example.org".to_owned()),
        subject: "s".to_owned(),
        body: body.to_owned(),
        html: Some(html),
        text: html.then(|| "t".to_owned()),
        template_vars: Some(vars),
        ..SendEmailArgs::default()
    };
    let draft = Draft::parse(asked, &limits()).ok()?;
    let message = composed(&draft)?;
    let bytes = [&message.header_variants[0].header[..], &message.content[..]].concat();
    let seen = MessageParser::default().parse(&bytes)?;
    let body = if html { seen.body_html(0) } else { seen.body_text(0) };
    Some(body.unwrap_or_default().into_owned())
}
