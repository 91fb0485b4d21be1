//! The mail of the demo: what is sent, and so what has to arrive.

use rmcp::model::JsonObject;
use serde_json::{Value, json};

pub(super) const SENDER: &str = "ada@example.org";
/// The accepted recipients, in the order of the envelope.
pub(super) const REACHED: [&str; 2] = ["zoe@example.org", "archive@example.org"];
/// The recipient that the mail server refuses.
pub(super) const UNKNOWN: &str = "nobody@example.net";
pub(super) const CSV_NAME: &str = "orders.csv";
pub(super) const CSV: &str = "order,item,price\r\n4711,\"Tea, green\",12.50\r\n4712,Cups,8.00\r\n";
pub(super) const SUBJECT: &str = "Order 4711 is on its way, Zoë & Max";
/// The rendered template, values escaped.
pub(super) const GREETING: &str = "<h1>Hello Zoë &amp; Max</h1>";
/// A conditional that is kept, and one that is dropped.
pub(super) const OFFER: &str = "Only today: 10 % off";
pub(super) const PNG_NAME: &str = "logo.png";
/// A blue cross of 16 by 16 points.
pub(super) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAUElEQVR42mOQz39NEmKAs/7jBVg04NGDbgOyEB7VEDYDXBFWPWiCKBqwSqMZga4BzblYLWTAdDeeYKCGBtKcRJqnSQtW0iKO5KRBfuIjBgEAj8ku/z1JpCYAAAAASUVORK5CYII=";

const BODY: &str = "<h1>Hello {name}</h1>\n\
    <p><img src=\"cid:logo\" alt=\"Our logo\"> your order <b>{order}</b> is on its way.</p>\n\
    {?offer}<p>Only today: {offer}</p>{/offer}{?gift}<p>With a gift: {gift}</p>{/gift}\n";

/// The arguments of `send_email`.
pub(super) fn arguments() -> JsonObject {
    let arguments = json!({
        "to": "\"Zoë Müller, sales\" <zoe@example.org>",
        "cc": UNKNOWN,
        "bcc": ["Archive <archive@example.org>"],
        "subject": "Order {order} is on its way, {name}",
        "body": BODY,
        "html": true,
        "template_vars": {"name": "Zoë & Max", "order": 4711, "offer": "10 % off", "gift": ""},
        "attachments": [
            {"path": CSV_NAME},
            {"content": PNG, "filename": PNG_NAME, "content_id": "logo"},
        ],
    });
    match arguments {
        Value::Object(arguments) => arguments,
        _ => JsonObject::new(),
    }
}
