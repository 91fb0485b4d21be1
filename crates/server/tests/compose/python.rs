//! Composed messages as Python's `email` parses them with its default policy: every header, part, name and byte.

use crate::fixture::{bytes, config, made, make};
use crate::oracle::{assert_sound, parsed_by_python, parsed_bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

fn one(arguments: Value) -> Option<Value> {
    let seen = parsed_by_python(&[made(arguments)])?.remove(0);
    assert_sound(&seen);
    Some(seen)
}

#[test]
fn a_plain_mail_is_one_text_part() {
    let Some(seen) =
        one(json!({ "to": "bob@example.org", "subject": "Hello", "body": "Hi Bob,\n\nall well.\n" }))
    else {
        return;
    };
    let names = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "MIME-Version",
        "X-Mailer",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];
    assert_eq!(seen["keys"], json!(names));
    assert_eq!(seen["shape"], "text/plain");
    assert_eq!(seen["mailboxes"]["From"], json!([["Ada", "ada@example.org"]]));
    assert_eq!(seen["fields"]["Date"], "Sun, 22 Nov 2026 19:00:00 +0100");
    assert_eq!(seen["fields"]["Message-ID"], "<01935f3c7d107000800000000000002a@example.org>");
    assert_eq!(seen["parts"][0]["encoding"], "7bit");
    assert_eq!(seen["parts"][0]["text"], "Hi Bob,\r\n\r\nall well.\r\n");
}

#[test]
fn bodies_arrive_exactly() {
    let long = "a word and ".repeat(300);
    let bodies = [
        "",
        "Hello",
        "Hello\n",
        "Hello\n\n",
        "\n",
        " ",
        "trailing \nspaces\t\n",
        ".\n..\nFrom me\n",
        "a=b =3D =\n",
        "Grüße aus Köln",
        "日本語のメール本文です。\n二行目\n",
        "one\rtwo\r\nthree\nfour",
        "\u{7}bell\u{c}feed\u{0}null\u{7f}",
        "emoji 👩‍👩‍👧 and \u{2028} separators \u{85}",
        &long,
        "--=_01935f3c7d107000800000000000002a_\n",
        "نص عربي\n",
    ];
    let messages: Vec<_> = bodies.iter().flat_map(|body| {
        let plain = made(json!({ "to": "b@x.org", "subject": "s", "body": body }));
        let file = json!([{ "filename": "a.bin", "content": "AAEC" }]);
        let with_file = made(json!({ "to": "b@x.org", "subject": "s", "body": body, "attachments": file }));
        let html = made(json!({ "to": "b@x.org", "subject": "s", "body": body, "html": true, "text": format!("T{body}") }));
        [plain, with_file, html]
    }).collect();
    let Some(seen) = parsed_by_python(&messages) else {
        return;
    };
    for (body, seen) in bodies.iter().zip(seen.chunks(3)) {
        seen.iter().for_each(assert_sound);
        let expected = body.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
        assert_eq!(seen[0]["parts"][0]["text"], expected);
        assert_eq!(seen[1]["parts"][0]["text"], expected);
        assert_eq!(seen[2]["parts"][0]["text"], format!("T{expected}"));
        assert_eq!(seen[2]["parts"][1]["text"], expected);
        assert!(seen.iter().all(|seen| seen["ascii"] == true));
    }
}

#[test]
fn levels_stand_in_the_right_order_and_only_where_needed() {
    let logo = json!({ "filename": "logo.png", "content": "iVBORw0KGgo=", "content_id": "logo" });
    let csv = json!({ "filename": "a.csv", "content": STANDARD.encode("a;b\r\n1;2\n\r") });
    let table = [
        (false, json!([]), "text/plain"),
        (true, json!([]), "alternative(text/plain, text/html)"),
        (false, json!([csv]), "mixed(text/plain, text/csv)"),
        (false, json!([logo]), "mixed(text/plain, image/png)"),
        (true, json!([csv]), "mixed(alternative(text/plain, text/html), text/csv)"),
        (true, json!([logo]), "related(alternative(text/plain, text/html), image/png)"),
        (true, json!([csv, logo]), "mixed(related(alternative(text/plain, text/html), image/png), text/csv)"),
    ];
    for (html, attachments, shape) in table {
        let arguments = json!({ "to": "b@x.org", "subject": "s", "body": "<p>Hi</p>", "html": html, "attachments": attachments });
        let Some(seen) = one(arguments) else { return };
        assert_eq!(seen["shape"], shape);
        for part in seen["parts"].as_array().unwrap() {
            match part["type"].as_str().unwrap() {
                "image/png" => {
                    assert_eq!(part["disposition"], if html { "inline" } else { "attachment" });
                    assert_eq!(part["content_id"], "<logo>");
                    assert_eq!(part["base64"], "iVBORw0KGgo=");
                }
                "text/csv" => {
                    assert_eq!(part["disposition"], "attachment");
                    assert_eq!(part["charset"], "utf-8");
                    assert_eq!(part["base64"], STANDARD.encode("a;b\r\n1;2\n\r"));
                }
                _ => assert_eq!(part["disposition"], Value::Null),
            }
        }
    }
}

#[test]
fn file_names_in_any_script_arrive_exactly() {
    let long = format!("{}.txt", "x".repeat(200));
    let long_script = format!("{}.pdf", "報告書".repeat(25));
    let names = [
        "report.pdf",
        "Quartalsbericht März.pdf",
        "日本語の名前.txt",
        "a \"quoted\" name.txt",
        "semi;colon=equals.txt",
        "it's 100% (done).txt",
        "مرفق.pdf",
        "семь.docx",
        "💾👩‍👧.bin",
        "no_extension",
        "two  spaces.txt",
        "=?utf-8?q?x?=.txt",
        "a'b''c.txt",
        "%41.txt",
        "comma,name.txt",
        &long,
        &long_script,
        "é\u{301}.txt",
        "[x]@y.txt",
        ".hidden",
    ];
    let messages: Vec<_> = names.iter().map(|name| {
        made(json!({ "to": "b@x.org", "subject": "s", "body": "b", "attachments": [{ "filename": name, "content": "AAECAw==" }] }))
    }).collect();
    let Some(seen) = parsed_by_python(&messages) else {
        return;
    };
    for (name, seen) in names.iter().zip(seen) {
        assert_sound(&seen);
        assert_eq!(seen["parts"][1]["filename"], **name);
        assert_eq!(seen["parts"][1]["base64"], "AAECAw==");
        assert_eq!(seen["ascii"], true);
    }
}

#[test]
fn subjects_arrive_exactly() {
    let long =
        "A very long subject that goes on and on, with words enough to need more than one line. ".repeat(9);
    let long_script = "Grüße und 日本語 ".repeat(30);
    let texts = [
        "Hello",
        "Grüße",
        "日本語の件名",
        "a  b   c",
        " leading",
        "trailing ",
        "=?utf-8?q?x?=",
        "x =?utf-8?B?eA==?= y",
        "100% \"quoted\" \\ <a@b>, c;",
        "👩‍👩‍👧 family",
        long.trim_end(),
        &long_script,
        "Re: [list] (comment) a:b",
        "ﬁ ligature \u{a0} nbsp",
        "?=",
        "_under_score_",
    ];
    let messages: Vec<_> =
        texts.iter().map(|text| made(json!({ "to": "b@x.org", "subject": text, "body": "b" }))).collect();
    let Some(seen) = parsed_by_python(&messages) else {
        return;
    };
    for (text, seen) in texts.iter().zip(seen) {
        assert_sound(&seen);
        assert_eq!(seen["fields"]["Subject"], **text);
        assert_eq!(seen["ascii"], true);
    }
}

#[test]
fn display_names_arrive_exactly() {
    let names = [
        "Ada",
        "Lovelace, Ada",
        "Ada \"Enchantress\" King",
        "Jürgen Müller",
        "山田 太郎",
        "محمد",
        "O'Brien (Sales)",
        "a\\b",
        "J. R. R.",
        "Константин Петров",
    ];
    let messages: Vec<_> = names.iter().map(|name| {
        let quoted = format!("\"{}\" <b@x.org>", name.replace('\\', "\\\\").replace('"', "\\\""));
        made(json!({ "to": [quoted, "c@y.org"], "cc": quoted, "reply_to": [quoted], "subject": "s", "body": "b" }))
    }).collect();
    let Some(seen) = parsed_by_python(&messages) else {
        return;
    };
    for (name, seen) in names.iter().zip(seen) {
        assert_sound(&seen);
        assert_eq!(seen["mailboxes"]["To"], json!([[name, "b@x.org"], ["", "c@y.org"]]));
        assert_eq!(seen["mailboxes"]["Cc"], json!([[name, "b@x.org"]]));
        assert_eq!(seen["mailboxes"]["Reply-To"], json!([[name, "b@x.org"]]));
    }
}

#[test]
fn international_addresses_go_as_a_labels_and_utf8() {
    let Some(seen) = one(json!({ "to": "Jörg <joerg@bücher.example>", "subject": "s", "body": "b" }))
    else {
        return;
    };
    assert_eq!(seen["mailboxes"]["To"], json!([["Jörg", "joerg@xn--bcher-kva.example"]]));
    assert_eq!(seen["ascii"], true);

    let message = made(json!({ "to": "संपर्क@डाटामेल.भारत", "subject": "नमस्ते", "body": "b" }));
    assert!(message.needs_smtputf8);
    let Some(mut seen) = parsed_by_python(&[message]) else {
        return;
    };
    let seen = seen.remove(0);
    assert_eq!(seen["mailboxes"]["To"], json!([["", "संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c"]]));
    assert_eq!(seen["fields"]["Subject"], "नमस्ते");
    assert_eq!(
        seen["defects"],
        json!(["To: NonASCIILocalPartDefect('local-part contains non-ASCII characters)')"])
    );
}

#[test]
fn quoted_local_parts_arrive_exactly() {
    let locals = [r#""a b""#, r#""7A(""#, r#""(x)""#, r#""a\"b""#, r#""a.b:""#];
    let messages: Vec<_> = locals
        .iter()
        .map(|local| made(json!({ "to": [format!("{local}@x.org"), format!("Ada <{local}@y.org>")], "subject": "s", "body": "b" })))
        .collect();
    let Some(seen) = parsed_by_python(&messages) else {
        return;
    };
    for (local, seen) in locals.iter().zip(seen) {
        assert_sound(&seen);
        let expected = json!([["", format!("{local}@x.org")], ["Ada", format!("{local}@y.org")]]);
        assert_eq!(seen["mailboxes"]["To"], expected);
    }
}

#[test]
fn threads_copies_and_hidden_copies() {
    let long: Vec<String> =
        (0..40).map(|n| format!("message-number-{n}-in-a-long-thread@mail.example.org")).collect();
    let arguments = json!({
        "to": ["b@x.org", "b@X.ORG"], "cc": "c@x.org, b@x.org", "bcc": "hidden@x.org", "subject": "s", "body": "b",
        "in_reply_to": "parent@x.org", "references": long,
    });
    let message = made(arguments.clone());
    let recipients: Vec<String> = message.recipients.iter().map(ToString::to_string).collect();
    assert_eq!(recipients, ["b@x.org", "c@x.org", "hidden@x.org"]);
    let Some(seen) = one(arguments) else { return };
    assert_eq!(seen["fields"]["In-Reply-To"], "<parent@x.org>");
    let mut expected: Vec<String> = long.iter().map(|id| format!("<{id}>")).collect();
    expected.push("<parent@x.org>".to_owned());
    assert_eq!(seen["fields"]["References"], expected.join(" "));
    assert!(!seen.to_string().contains("hidden"), "{seen:#}");
}

#[test]
fn one_header_for_each_identity_over_one_content() {
    let two = config(&["Ada <ada@one.org>", "bob@two.org", "Ada <ada@one.org>"]);
    let message = make(&two, json!({ "to": "c@x.org", "subject": "s", "body": "b" })).unwrap();
    assert_eq!(message.header_variants.len(), 2);
    assert!(!message.sender_chosen);
    assert!(message.message_id.ends_with("@one.org>"));
    let raws: Vec<_> = message.header_variants.iter().map(|variant| bytes(&message, variant)).collect();
    let Some(seen) = parsed_bytes(&raws) else {
        return;
    };
    assert_eq!(seen[0]["mailboxes"]["From"], json!([["Ada", "ada@one.org"]]));
    assert_eq!(seen[1]["mailboxes"]["From"], json!([["", "bob@two.org"]]));
    assert_eq!(seen[0]["fields"]["Message-ID"], seen[1]["fields"]["Message-ID"]);
}
