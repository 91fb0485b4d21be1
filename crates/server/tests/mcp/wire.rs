//! MCP on the wire, with hand-written lines: both eras, invalid lines, unknown tools and arguments.

use crate::client::{Client, modern_meta};
use serde_json::{Value, json};

const LEGACY: &str = "2025-11-25";

#[tokio::test]
async fn the_older_era_shakes_hands_lists_and_calls() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", LEGACY] {
        let mut client = Client::connect();
        let hello = client.handshake(version).await;
        assert_eq!(hello["protocolVersion"], version);
        assert_eq!(hello["serverInfo"]["name"], "smtp-mcp-server");
        assert_eq!(hello["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
        assert!(hello["instructions"].as_str().unwrap().contains("never send the same mail again"));

        let list = client.ask("tools/list", json!({})).await;
        assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 11);
        let status = client.call("get_smtp_status", json!({})).await;
        assert_eq!(status["structuredContent"]["success"], true);
        assert_eq!(status["isError"], false);
        assert_eq!(status.get("resultType"), None);
        assert_eq!(status.get("_meta"), None);
    }
}

#[tokio::test]
async fn the_newer_era_needs_no_handshake_and_every_result_says_who_made_it() {
    let mut client = Client::connect();
    let found = client.ask("server/discover", json!({ "_meta": modern_meta() })).await;
    let versions = found["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")), "{found}");

    let list = client.ask("tools/list", json!({ "_meta": modern_meta() })).await;
    let params = json!({ "name": "get_smtp_status", "arguments": {}, "_meta": modern_meta() });
    let status = client.ask("tools/call", params).await;
    for answer in [found, list, status] {
        let result = &answer["result"];
        assert_eq!(result["resultType"], "complete", "{answer}");
        let server = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
        assert_eq!(server["name"], "smtp-mcp-server", "{answer}");
    }
}

#[tokio::test]
async fn what_comes_before_the_handshake_does_not_end_the_session() {
    let mut client = Client::connect();
    client.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    client.say(r#"{"jsonrpc":"2.0","id":9,"result":{}}"#).await;
    assert_eq!(client.ask("ping", json!({})).await["result"], json!({}));
    assert!(client.ask("tools/list", json!({})).await["error"]["message"].is_string());
    client.say(r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#).await;
    assert_eq!(client.handshake(LEGACY).await["protocolVersion"], LEGACY);
}

#[tokio::test]
async fn an_unknown_tool_is_a_protocol_error_that_names_the_known_ones() {
    let mut client = Client::legacy().await;
    let answer = client.ask("tools/call", json!({ "name": "send_mail" })).await;
    assert_eq!(answer["error"]["code"], -32602);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("\"send_mail\"") && message.contains("send_email"), "{message}");
}

#[tokio::test]
async fn malformed_params_and_unknown_methods_are_told_apart() {
    let mut client = Client::legacy().await;
    let answer = client.ask("tools/call", json!({ "name": "send_email", "arguments": "x" })).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("tools/call"), "{answer}");
    for unknown in ["mails/send", "prompts/get", "prompts/list", "logging/setLevel", "completion/complete"] {
        let answer = client.ask(unknown, json!({})).await;
        assert_eq!(answer["error"]["code"], -32601, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(unknown), "{answer}");
    }
}

#[tokio::test]
async fn an_unknown_argument_is_a_result_that_names_it_unless_the_tool_has_no_parameters() {
    let mut client = Client::legacy().await;
    for tool in client.tools().await {
        let name = tool["name"].as_str().unwrap();
        let known = tool["inputSchema"]["properties"].as_object().unwrap();
        let result = client.call(name, json!({ "surprise": 1 })).await;
        if known.is_empty() {
            assert!(!result.to_string().contains("surprise"), "{name}: {result}");
            continue;
        }
        assert_eq!(result["isError"], true, "{name}");
        let body = &result["structuredContent"];
        assert_eq!(body["success"], false, "{name}");
        let error = body["error"].as_str().unwrap();
        assert!(result["content"][0]["text"].as_str().unwrap().starts_with(error), "{name}");
        assert!(error.contains("\"surprise\""), "{name}: {error}");
        for known in known.keys() {
            assert!(error.contains(known.as_str()), "{name}: {error}");
        }
    }
    let result = client.call("send_email", json!({ "surprise": 1 })).await;
    assert_eq!(result["structuredContent"]["state"], "refused");
    assert!(result["content"][0]["text"].as_str().unwrap().starts_with("Not sent: unknown argument"));
}

#[tokio::test]
async fn bad_lines_are_answered_and_the_session_goes_on() {
    let mut client = Client::legacy().await;
    let table = [
        ("not json", -32700, Value::Null),
        (r#"{"jsonrpc":"2.0","id":1"#, -32700, Value::Null),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600, Value::Null),
        (r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, -32600, json!(7)),
        (r#"{"foo":"bar"}"#, -32600, Value::Null),
    ];
    for (line, code, id) in table {
        client.say(line).await;
        let answer = client.receive().await;
        assert_eq!(answer["error"]["code"], code, "{line}");
        assert_eq!(answer.get("id"), Some(&id), "{line}");
        assert_eq!(client.ask("ping", json!({})).await["result"], json!({}));
    }
    client.say("").await;
    client.say(r#"{"jsonrpc":"2.0","method":"notifications/of/its/own"}"#).await;
    assert_eq!(client.ask("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn a_line_of_72_mib_is_read_and_a_longer_one_is_answered_and_skipped() {
    const LIMIT: usize = 72 << 20;
    let mut client = Client::legacy().await;
    let request = |id: u32, size: usize| {
        let head = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"get_smtp_status","arguments":{{"x":""#
        );
        let tail = r#""}}}"#;
        let filling = "x".repeat(size - head.len() - tail.len());
        format!("{head}{filling}{tail}")
    };
    client.say(&request(100, LIMIT)).await;
    let answer = client.receive().await;
    assert_eq!(answer["id"], 100);
    assert_eq!(answer["result"]["isError"], false);

    client.say(&request(101, LIMIT + 1)).await;
    let answer = client.receive().await;
    assert_eq!(answer["id"], Value::Null);
    assert!(answer["error"]["message"].as_str().unwrap().contains("72 MiB"), "{answer}");
    assert_eq!(client.ask("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn the_end_of_input_ends_the_session_with_the_last_request_answered() {
    let mut client = Client::legacy().await;
    client.say_raw(r#"{"jsonrpc":"2.0","id":"last","method":"tools/list"}"#).await;
    client.close().await;
    assert_eq!(client.receive().await["id"], "last");
    client.ended().await;
}
