//! Asks the built program for its tools, as an MCP client does, and formats them as a table.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::paths;

/// The program, with a configuration that is valid and never used.
pub(crate) fn program() -> Result<Command> {
    let empty = paths::scratch("xtask-empty")?;
    let mut program = Command::new(paths::program());
    program.current_dir(&empty).env("XDG_CONFIG_HOME", &empty);
    program.env("SMTP_HOST", "mail.example.org").env("SMTP_FROM_EMAIL", "ada@example.org");
    Ok(program)
}

/// The tools as `tools/list` gives them.
pub(crate) fn list() -> Result<Vec<Value>> {
    let mut program = program()?;
    program.env("LOG_LEVEL", "ERROR").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = program.spawn().context("cannot start the built program")?;
    let mut to = child.stdin.take().context("no stdin")?;
    let from = BufReader::new(child.stdout.take().context("no stdout")?);
    for message in conversation() {
        writeln!(to, "{message}")?;
    }
    let answer = answer_to(2, from);
    drop(to);
    child.wait()?;
    match answer?.pointer_mut("/result/tools").map(Value::take) {
        Some(Value::Array(tools)) if !tools.is_empty() => Ok(tools),
        _ => bail!("tools/list named no tools"),
    }
}

/// A table: name, title and description, parameters (required ones in bold).
pub(crate) fn table(tools: &[Value]) -> String {
    let head = "| tool | what it does | parameters |\n| --- | --- | --- |\n";
    tools.iter().map(row).fold(head.to_owned(), |table, row| table + &row)
}

fn row(tool: &Value) -> String {
    let name = text(tool, "/name");
    let title = text(tool, "/title");
    let description = cell(&first_sentence(text(tool, "/description")));
    format!("| `{name}` | **{title}.** {description} | {} |\n", parameters(tool))
}

/// Required parameters in the schema's own order, the others by name.
fn parameters(tool: &Value) -> String {
    let required = tool.pointer("/inputSchema/required").and_then(Value::as_array);
    let required: Vec<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = tool.pointer("/inputSchema/properties").and_then(Value::as_object);
    let optional = properties.into_iter().flat_map(|all| all.keys());
    let optional = optional.filter(|name| !required.contains(&name.as_str()));

    let must = required.iter().map(|name| format!("**`{name}`**"));
    let may = optional.map(|name| format!("`{name}`"));
    let shown: Vec<String> = must.chain(may).collect();
    match shown.as_slice() {
        [] => "none".to_owned(),
        _ => shown.join(", "),
    }
}

/// The handshake, and tools/list.
fn conversation() -> [Value; 3] {
    let client = json!({ "name": "xtask", "version": env!("CARGO_PKG_VERSION") });
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {} }),
    ]
}

fn answer_to(id: u64, from: impl BufRead) -> Result<Value> {
    for line in from.lines() {
        let message: Value = serde_json::from_str(&line?).context("stdout holds a line that is no JSON")?;
        if message["id"] == id {
            return Ok(message);
        }
    }
    bail!("the program closed its output before it answered")
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn first_sentence(text: &str) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.find(". ") {
        Some(end) => one_line[..=end].to_owned(),
        None => one_line,
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_what_is_required_first() {
        let tool = json!({
            "name": "send_email", "title": "Send an e-mail",
            "description": "Sends a|b.\nThen more. And more.",
            "inputSchema": { "properties": { "body": {}, "cc": {}, "to": {} }, "required": ["to", "body"] },
        });
        let row = "| `send_email` | **Send an e-mail.** Sends a\\|b. | **`to`**, **`body`**, `cc` |\n";
        assert!(table(&[tool]).ends_with(row));
    }

    #[test]
    fn a_tool_without_parameters_says_so() {
        let row = row(&json!({ "name": "x", "title": "X", "description": "Does it", "inputSchema": {} }));
        assert_eq!(row, "| `x` | **X.** Does it | none |\n");
    }

    #[test]
    fn other_messages_before_the_answer_are_passed_over() {
        let lines = "{\"method\":\"log\"}\n{\"id\":1}\n{\"id\":2,\"result\":7}\n";
        let answer = answer_to(2, lines.as_bytes()).expect("an answer");
        assert_eq!(answer["result"], 7);
        assert!(answer_to(3, lines.as_bytes()).is_err());
    }
}
