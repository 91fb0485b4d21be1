//! The template language, case by case, and its properties.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Escaping, Unfilled, fill};
use crate::request::Var;

fn vars() -> BTreeMap<String, Var> {
    let text = |text: &str| Var::Text(text.to_owned());
    let number = |text: &str| Var::Number(text.to_owned());
    let all = [
        ("name", text("Ada")),
        ("empty", text("")),
        ("html", text("<b>\"O'B\" & co</b>")),
        ("tpl", text("{name}{?x}")),
        ("zero", number("0")),
        ("pi", number("3.14")),
        ("yes", Var::Bool(true)),
        ("no", Var::Bool(false)),
        ("nil", Var::Null),
    ];
    all.into_iter().map(|(name, var)| (name.to_owned(), var)).collect()
}

fn rendered(text: &str, escaping: Escaping) -> (Result<String, String>, Vec<String>) {
    let mut missing = BTreeSet::new();
    let result = fill(text, &vars(), escaping, 1 << 20, &mut missing).map_err(|unfilled| match unfilled {
        Unfilled::Broken(problem) => problem,
        Unfilled::TooLong => "too long".to_owned(),
    });
    (result, missing.into_iter().collect())
}

#[test]
fn values_and_conditionals() {
    let table = [
        ("Hi {name}!", "Hi Ada!"),
        ("{name}{name}", "AdaAda"),
        ("{zero} {pi} {yes} {no} [{empty}]", "0 3.14 true false []"),
        ("{?name}N{/name}{?zero}Z{/zero}{?yes}Y{/yes}", "NZY"),
        ("a{?empty}E{/empty}{?no}N{/no}{?nil}L{/nil}{?gone}G {gone} {other}{/gone}b", "ab"),
        ("{?name}a{?gone}b{?name}c{/name}d{/gone}e{/name}", "ae"),
        ("{?name}a{?name}b{/name}c{/name}", "abc"),
        ("{tpl}", "{name}{?x}"),
        ("{html|raw} {html}", "<b>\"O'B\" & co</b> <b>\"O'B\" & co</b>"),
        // any other brace is literal
        (
            "p { color: red } {} { name } {na-me} {1a} {{name}} {name",
            "p { color: red } {} { name } {na-me} {1a} {Ada} {name",
        ),
        (
            "{\"a\": {\"b\": 1}} {?} {/} {? name} {name|html} {name|} }{",
            "{\"a\": {\"b\": 1}} {?} {/} {? name} {name|html} {name|} }{",
        ),
        ("{grüße} {?name|raw}", "{grüße} {?name|raw}"),
        ("", ""),
    ];
    for (text, expected) in table {
        assert_eq!(rendered(text, Escaping::Plain), (Ok(expected.to_owned()), vec![]), "{text}");
    }
    let (html, _) = rendered("<i>{html}</i>{html|raw}", Escaping::Html);
    assert_eq!(html.unwrap(), "<i>&lt;b&gt;&quot;O&#39;B&quot; &amp; co&lt;/b&gt;</i><b>\"O'B\" & co</b>");
}

#[test]
fn missing_names_are_all_told_sorted() {
    let (_, missing) =
        rendered("{z} {a} {nil} {?gone}{dropped}{/gone} {?name}{kept}{/name} {z}", Escaping::Plain);
    assert_eq!(missing, ["a", "kept", "nil", "z"]);
}

#[test]
fn broken_conditionals_are_told_with_their_place() {
    let table = [
        ("a\nbü{?name}c", "line 2, column 3: {?name} is never closed by {/name}"),
        ("{/name}", "line 1, column 1: {/name} closes nothing"),
        (
            "{?a}x{?b}y\n{/a}{/b}",
            "line 2, column 1: {/a} crosses {?b} of line 1, column 6, which is still open",
        ),
        ("{?a}{/a}{/a}", "line 1, column 9: {/a} closes nothing"),
    ];
    for (text, expected) in table {
        assert_eq!(rendered(text, Escaping::Plain).0, Err(expected.to_owned()));
    }
    let deep = "{?name}".repeat(100_000) + &"{/name}".repeat(100_000);
    assert_eq!(rendered(&deep, Escaping::Plain).0, Ok(String::new()));
}

#[test]
fn a_template_never_fills_more_than_it_may() {
    let many = BTreeMap::from([("v".to_owned(), Var::Text("\"".repeat(1000)))]);
    for (text, escaping, most, fits) in [
        ("{v}", Escaping::Plain, 1000, true),
        ("{v}", Escaping::Plain, 999, false),
        ("{v}", Escaping::Html, 5999, false),
        ("{v}{v}", Escaping::Plain, 2000, true),
        ("{v}.{v}", Escaping::Plain, 2000, false),
        ("{?v}ab{/v}", Escaping::Plain, 1, false),
        ("{?no}ab{/no}", Escaping::Plain, 1, true),
    ] {
        let rendered = fill(text, &many, escaping, most, &mut BTreeSet::new());
        assert_eq!(rendered.is_ok(), fits, "{text} {most}");
    }
    // a hundred gigabytes, if it were rendered
    let bomb = "{v}".repeat(1 << 20);
    let huge = BTreeMap::from([("v".to_owned(), Var::Text("x".repeat(100 << 10)))]);
    assert_eq!(fill(&bomb, &huge, Escaping::Plain, 1 << 20, &mut BTreeSet::new()), Err(Unfilled::TooLong));
}

proptest! {
    #[test]
    fn templates_never_panic(text in "[{}?/|a-z_ü\n]{0,60}|(\\{\\?name\\}|\\{/name\\}|\\{name\\}|\\{x\\}|ü| ){0,20}") {
        let _ = rendered(&text, Escaping::Html);
    }

    #[test]
    fn text_without_tags_stays(text in "[{} .:;0-9ü\n\"]{0,60}") {
        prop_assert_eq!(rendered(&text, Escaping::Html), (Ok(text), vec![]));
    }
}
