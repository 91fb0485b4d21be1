//! Which tools are offered: by name, or by group.

/// Every tool, and its group.
const TOOLS: [(&str, &str); 11] = [
    ("send_email", "send"),
    ("preview_email", "send"),
    ("retry_email", "send"),
    ("cancel_email", "send"),
    ("get_email", "status"),
    ("list_emails", "status"),
    ("get_smtp_status", "status"),
    ("test_smtp_connection", "status"),
    ("switch_smtp_server", "admin"),
    ("reload_smtp_configuration", "admin"),
    ("reconnect_smtp_servers", "admin"),
];

/// The tools that send nothing and change nothing.
const READING: [&str; 5] =
    ["preview_email", "get_email", "list_emails", "get_smtp_status", "test_smtp_connection"];

/// Tools, by name or by group. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolNames(Vec<&'static str>);

/// Which tools are offered: all, unless some are chosen or excluded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolSelection {
    /// Only these.
    pub only: Option<ToolNames>,
    /// Not these.
    pub excluded: Option<ToolNames>,
    /// None that sends or changes anything.
    pub read_only: bool,
}

impl ToolNames {
    /// The tool called `word`, or those of the group.
    pub(super) fn of(word: &str) -> Option<Vec<&'static str>> {
        let found: Vec<_> = TOOLS.iter().filter(|(name, group)| word == *name || word == *group).collect();
        (!found.is_empty()).then(|| found.into_iter().map(|(name, _)| *name).collect())
    }

    pub(super) fn new(names: &[Vec<&'static str>]) -> Self {
        Self(names.concat())
    }

    /// The names, for display.
    pub fn names(&self) -> &[&'static str] {
        &self.0
    }
}

impl ToolSelection {
    /// Whether the tool called `name` is offered.
    pub fn offers(&self, name: &str) -> bool {
        let has = |names: &ToolNames| names.0.contains(&name);
        let is_permitted = !self.read_only || READING.contains(&name);
        is_permitted && self.only.as_ref().is_none_or(has) && !self.excluded.as_ref().is_some_and(has)
    }

    /// Whether no tool is offered.
    pub(super) fn is_empty(&self) -> bool {
        !TOOLS.iter().any(|(name, _)| self.offers(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_chosen_by_name_and_by_group() {
        let names = |words: &[&str]| {
            (!words.is_empty()).then(|| {
                ToolNames::new(&words.iter().filter_map(|word| ToolNames::of(word)).collect::<Vec<_>>())
            })
        };
        let table: [(&[&str], &[&str], &[&str]); 5] = [
            (&["send"], &[], &["send_email", "preview_email", "retry_email", "cancel_email"]),
            (
                &["send_email", "admin"],
                &["reload_smtp_configuration"],
                &["send_email", "switch_smtp_server", "reconnect_smtp_servers"],
            ),
            (&["status"], &["status"], &[]),
            (&[], &["admin", "status"], &["send_email", "preview_email", "retry_email", "cancel_email"]),
            (&["get_email"], &["list_emails"], &["get_email"]),
        ];
        for (only, excluded, expected) in table {
            let selection = ToolSelection { only: names(only), excluded: names(excluded), read_only: false };
            let offered: Vec<_> =
                TOOLS.iter().map(|(name, _)| *name).filter(|name| selection.offers(name)).collect();
            assert_eq!(offered, expected);
            assert_eq!(selection.is_empty(), expected.is_empty());
        }
        assert_eq!(ToolNames::of("sent"), None);
        let reading = ToolSelection { read_only: true, ..ToolSelection::default() };
        let offered: Vec<_> = TOOLS.iter().filter(|(name, _)| reading.offers(name)).collect();
        assert_eq!(offered.len(), READING.len());
    }
}
