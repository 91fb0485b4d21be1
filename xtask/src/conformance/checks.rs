//! The single checks of the conformance suite's scenarios: which failed, and which of them a list explains.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Names of checks by the names of their scenarios.
pub(super) type Checks = BTreeMap<String, BTreeSet<String>>;

/// The length of the suffix of a scenario's folder: `-2026-11-26T02-08-43-193Z`.
const STAMP: usize = 25;

/// The checks that failed in a run whose results lie in `folder`.
pub(super) fn failed(folder: &Path) -> Result<Checks> {
    let mut all = Checks::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(scenario) =
            name.strip_prefix("server-").and_then(|name| name.get(..name.len().checked_sub(STAMP)?))
        else {
            continue;
        };
        let path = entry.path().join("checks.json");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        all.insert(scenario.to_owned(), failures(&serde_json::from_str(&text)?));
    }
    Ok(all)
}

fn failures(checks: &Value) -> BTreeSet<String> {
    let is_bad = |check: &&Value| !matches!(check["status"].as_str(), Some("SUCCESS" | "INFO" | "SKIPPED"));
    let bad = checks.as_array().into_iter().flatten().filter(is_bad);
    bad.map(|check| check["id"].as_str().unwrap_or("a check without a name").to_owned()).collect()
}

/// Whether the checks that failed in each scenario of `list` are those listed above it.
pub(super) fn compare(list: &str, failed: &Checks) -> Result<()> {
    for (scenario, expected) in explained(list)? {
        let found = failed.get(&scenario).with_context(|| format!("{scenario} was not run"))?;
        if *found != expected {
            bail!("{scenario}: these checks fail: {found:?}, and these are expected to: {expected:?}");
        }
    }
    Ok(())
}

/// The scenarios of a list, and the checks that its comments name: `# The tool test_audio_content. Fails: one, another`.
fn explained(list: &str) -> Result<Checks> {
    let (_, scenarios) = list.split_once("\nserver:\n").context("it has no line `server:`")?;
    let (mut all, mut comment) = (Checks::new(), String::new());
    for line in scenarios.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix('#') {
            comment += text;
        } else if let Some(scenario) = line.strip_prefix("- ") {
            let (reason, checks) = comment.split_once(". Fails:").unwrap_or_default();
            if reason.trim().is_empty() {
                bail!("{scenario} has no reason");
            }
            let checks = checks.split([',', ' ']).filter(|check| !check.is_empty());
            all.insert(scenario.to_owned(), checks.map(str::to_owned).collect());
            comment.clear();
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIST: &str =
        "# What it is.\nserver:\n  # The tool x. Fails: a,\n  # b\n  - one\n  # Prompts. Fails: c\n  - two\n";

    type Found = &'static [(&'static str, &'static [&'static str])];

    fn checks(of: Found) -> Checks {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        of.iter().map(|(scenario, names)| ((*scenario).to_owned(), set(names))).collect()
    }

    #[test]
    fn a_list_explains_these_failures_and_no_others() {
        let table: [(Found, &str); 4] = [
            (&[("one", &["a", "b"]), ("two", &["c"]), ("three", &["d"])], ""),
            (&[("one", &["a"]), ("two", &["c"])], "one: these checks fail"),
            (&[("one", &["a", "b", "x"]), ("two", &["c"])], "one: these checks fail"),
            (&[("one", &["a", "b"])], "two was not run"),
        ];
        for (found, problem) in table {
            let said =
                compare(LIST, &checks(found)).map_or_else(|error| error.to_string(), |()| String::new());
            assert!(said.starts_with(problem) && said.is_empty() == problem.is_empty(), "{found:?}: {said}");
        }
        assert!(explained(&LIST.replace("Prompts", "")).is_err(), "a scenario without a reason");
    }

    #[test]
    fn what_did_not_succeed_has_failed() {
        let found = failures(&json!([
            { "id": "a", "status": "SUCCESS" }, { "id": "b", "status": "FAILURE" }, { "id": "b", "status": "FAILURE" },
            { "id": "c", "status": "WARNING" }, { "id": "d", "status": "INFO" }, { "id": "e", "status": "SKIPPED" },
        ]));
        assert_eq!(found, ["b", "c"].map(str::to_owned).into());
    }
}
