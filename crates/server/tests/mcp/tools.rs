//! The tools as clients see them: committed snapshots, limits, a fixed order, small size.

use crate::client::Client;

#[tokio::test]
async fn every_tool_is_as_its_snapshot_says() {
    let mut client = Client::legacy().await;
    for tool in client.tools().await {
        insta::assert_json_snapshot!(tool["name"].as_str().unwrap(), tool);
    }
}

#[tokio::test]
async fn tools_keep_their_order_and_the_limits_of_clients() {
    let mut client = Client::legacy().await;
    let tools = client.tools().await;
    assert_eq!(tools, client.tools().await);
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "cancel_email",
            "get_email",
            "get_smtp_status",
            "list_emails",
            "preview_email",
            "reconnect_smtp_servers",
            "reload_smtp_configuration",
            "retry_email",
            "send_email",
            "switch_smtp_server",
            "test_smtp_connection",
        ]
    );
    for tool in &tools {
        let length = |key: &str| tool[key].as_str().map_or(0, str::len);
        assert!((1..=64).contains(&length("name")), "{tool}");
        assert!((1..=40).contains(&length("title")), "{tool}");
        assert!((1..=320).contains(&length("description")), "{tool}");
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{tool}");
        }
        assert_eq!(tool["outputSchema"]["type"], "object", "{tool}");
    }
}

#[tokio::test]
async fn input_schemas_have_only_what_every_client_converts() {
    const PLAIN: [&str; 6] = ["type", "description", "properties", "required", "items", "default"];
    fn check(schema: &serde_json::Value) {
        for (keyword, value) in schema.as_object().unwrap() {
            assert!(PLAIN.contains(&keyword.as_str()), "{keyword} in {schema}");
            match keyword.as_str() {
                "type" => assert!(value.is_string(), "{schema}"),
                "properties" => value.as_object().unwrap().values().for_each(check),
                "items" => check(value),
                _ => {}
            }
        }
    }
    Client::legacy().await.tools().await.iter().for_each(|tool| check(&tool["inputSchema"]));
}

#[tokio::test]
async fn the_list_of_tools_costs_few_tokens() {
    let mut client = Client::legacy().await;
    let tools = client.tools().await;
    let size = |tool: &serde_json::Value| tool.to_string().len();
    for tool in &tools {
        println!("{:>6} {}", size(tool), tool["name"]);
    }
    let total: usize = tools.iter().map(size).sum();
    println!("{total:>6} in all");
    assert!(total < 14_000, "tools/list has {total} bytes");
}
