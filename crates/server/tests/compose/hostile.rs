//! Requests made to be expensive or to lose something silently.

use serde_json::{Value, json};
use smtp_mcp_server::request::Var;

use crate::requests::{parse, with};

#[test]
fn a_number_arrives_with_the_digits_that_were_given() {
    for number in [
        "1.10",
        "0.50",
        "1.0",
        "0.1",
        "123456789012345678901234567890",
        "0.1234567890123456789",
        "-9223372036854775808",
    ] {
        let vars: Value = serde_json::from_str(&format!("{{\"a\": {number}}}")).unwrap();
        let parsed = parse(with(json!({ "body": "{a}", "template_vars": vars })));
        assert_eq!(parsed.unwrap().vars["a"], Var::Number(number.to_owned()));
    }
}

#[test]
fn nothing_is_taken_without_end() {
    let small = json!({ "content": "", "filename": "a" });
    assert!(parse(with(json!({ "attachments": vec![small.clone(); 1000] }))).is_ok());
    assert!(parse(with(json!({ "attachments": vec![small; 1001] }))).unwrap_err().contains("1001"));
    let endless = json!({ "subject": "{a}".repeat(4000), "template_vars": { "a": "" } });
    assert!(parse(with(endless)).unwrap_err().contains("9980 characters"));
    let endless = format!("text/plain; a={}", "x".repeat(900));
    let file = json!({ "content": "", "filename": "a", "mime_type": endless });
    assert!(parse(with(json!({ "attachments": [file] }))).unwrap_err().contains("at most 500"));
}
