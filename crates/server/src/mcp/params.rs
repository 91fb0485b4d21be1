//! What is wrong with the params of a request, for its error response.

use rmcp::model::{CallToolRequestParams, InitializeRequestParams, PaginatedRequestParams};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::arguments::shortened;

/// Why the params of a known method do not match the MCP specification. `None`: the method is unknown, or has no params to check.
pub(crate) fn problem(method: &str, params: Option<&Value>) -> Option<String> {
    let given = params.cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let problem = match method {
        "initialize" => mismatch::<InitializeRequestParams>(given),
        "tools/call" => mismatch::<CallToolRequestParams>(given),
        "tools/list" => mismatch::<PaginatedRequestParams>(given),
        _ => return None,
    };
    let problem = problem.unwrap_or_else(|| "_meta: invalid, expected an object".to_owned());
    Some(format!("the params of {method} do not match the MCP specification: {problem}"))
}

fn mismatch<T: DeserializeOwned>(given: Value) -> Option<String> {
    let error = serde_path_to_error::deserialize::<_, T>(given).err()?;
    let problem = shortened(&error.inner().to_string());
    Some(match error.path().to_string().as_str() {
        "." => problem,
        path => format!("{path}: {problem}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_is_named() {
        let table = [
            ("tools/call", json!({}), "missing field `name`"),
            ("tools/call", json!({ "name": 5 }), "name: invalid type: number, expected a string"),
            (
                "tools/call",
                json!({ "name": "a", "arguments": 5 }),
                "arguments: invalid type: number, expected a map",
            ),
            ("tools/list", json!({ "cursor": {} }), "cursor: invalid type: map, expected a string"),
            ("tools/list", json!({ "_meta": 5 }), "_meta: "),
            (
                "initialize",
                json!({ "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } }),
                "missing field `protocolVersion`",
            ),
        ];
        for (method, params, expected) in table {
            let found = problem(method, Some(&params)).unwrap();
            let beginning = format!("the params of {method} do not match the MCP specification: {expected}");
            assert!(found.starts_with(&beginning), "{found}");
        }
        assert_eq!(problem("other", None), None);
    }
}
