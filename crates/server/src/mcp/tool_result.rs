//! The result of a tool: text for the model, the same as JSON for programs, and whether it failed.

use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A tool's result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ToolResult {
    /// The first line of the text: what happened.
    pub(super) text: String,
    /// Further lines. Many hosts show a model only the text, so together they say all that the body says.
    pub(super) lines: Vec<String>,
    pub(crate) body: Map<String, Value>,
    pub(crate) is_error: bool,
}

/// What the tools of a handler work with.
pub(super) trait Service: Send + Sync + 'static {
    /// Adds what every answer says.
    fn annotate(&self, answer: ToolResult) -> ToolResult;
}

impl ToolResult {
    /// A success.
    pub(super) fn done(text: impl Into<String>, body: &impl Serialize) -> Self {
        let mut body = object(body);
        body.insert("success".to_owned(), true.into());
        Self { text: text.into(), lines: Vec::new(), body, is_error: false }
    }

    /// With these lines after the first one.
    pub(super) fn with_lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }

    /// In the mode called `mode`, which means `what`.
    pub(super) fn in_mode(mut self, mode: &'static str, what: &str) -> Self {
        self.body.insert("mode".to_owned(), mode.into());
        self.lines.push(format!("SMTP_MODE is {mode}: {what}."));
        self
    }

    /// The whole text.
    pub(crate) fn text(&self) -> String {
        std::iter::once(&self.text).chain(&self.lines).map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// A failure: one line of text, which says what to do next.
    pub(super) fn failed(error: impl Into<String>) -> Self {
        Self::failed_with(error, &json!({}))
    }

    /// A failure with more data in `body`.
    pub(super) fn failed_with(error: impl Into<String>, body: &impl Serialize) -> Self {
        let text = one_line(&error.into());
        let mut body = object(body);
        body.insert("success".to_owned(), false.into());
        body.insert("error".to_owned(), text.clone().into());
        Self { text, lines: Vec::new(), body, is_error: true }
    }
}

impl From<ToolResult> for CallToolResult {
    fn from(answer: ToolResult) -> Self {
        let mut result = Self::success(vec![ContentBlock::text(answer.text())]);
        result.structured_content = Some(Value::Object(answer.body));
        result.is_error = Some(answer.is_error);
        result
    }
}

/// For the log: a send's state, or else whether the call worked. Never an address, never text.
pub(super) fn end_of(result: &CallToolResult) -> &str {
    let worked = if result.is_error == Some(true) { "failed" } else { "done" };
    let state = result.structured_content.as_ref().and_then(|body| body.get("state"));
    state.and_then(serde_json::Value::as_str).unwrap_or(worked)
}

fn object(body: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(body) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// Joins lines, each an error of its own.
pub(super) fn one_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_marked_for_programs_and_for_models() {
        let answer = ToolResult::failed_with("a\n  b\n", &json!({ "step": "validate" }));
        assert_eq!(
            Value::Object(answer.body.clone()),
            json!({ "success": false, "error": "a; b", "step": "validate" })
        );
        let result = CallToolResult::from(answer);
        assert_eq!(result.is_error, Some(true));
    }
}
