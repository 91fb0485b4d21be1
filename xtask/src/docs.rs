//! `cargo xtask docs`: the generated blocks of the documents, written or checked.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{paths, shell, tools};

const END: &str = "<!-- end generated -->";

/// Rewrites every block; with `check` only compares, and fails if one is out of date.
pub(crate) fn run(check: bool) -> Result<()> {
    shell::run(&mut shell::cargo(&["build", "--workspace"]))?;
    if !check {
        // The tables of variables and of replies are tests: they know them without running the program.
        let test = ["test", "--package", "smtp-mcp-server", "--lib", "is_in_step"];
        shell::run(shell::cargo(&test).env("UPDATE_DOCS", "1"))?;
    }
    let table = tools::table(&tools::list()?);
    let mut stale = Vec::new();
    for document in documents()? {
        let old = fs::read_to_string(&document)?;
        let new = with_block(&old, "tools", &table).with_context(|| document.display().to_string())?;
        if new == old {
            continue;
        }
        if !check {
            fs::write(&document, new)?;
        }
        let name = document.strip_prefix(paths::root()).unwrap_or(&document);
        stale.push(name.display().to_string());
    }
    close(check, &stale)
}

fn close(check: bool, stale: &[String]) -> Result<()> {
    match (check, stale) {
        (_, []) => eprintln!("docs: every generated block is up to date"),
        (false, written) => eprintln!("docs: wrote {}", written.join(", ")),
        (true, stale) => bail!("out of date: {}. Run `cargo xtask docs`", stale.join(", ")),
    }
    Ok(())
}

/// README.md and every document in docs.
fn documents() -> Result<Vec<PathBuf>> {
    let mut found = vec![paths::root().join("README.md")];
    for entry in fs::read_dir(paths::root().join("docs"))? {
        found.push(entry?.path());
    }
    found.retain(|path| path.extension() == Some(Path::new("md").as_os_str()));
    found.sort();
    Ok(found)
}

/// `text` with `content` between the markers of block `name`; unchanged where it has no such block.
pub(crate) fn with_block(text: &str, name: &str, content: &str) -> Result<String> {
    let begin = format!("<!-- generated: {name} -->\n");
    let Some(at) = text.find(&begin) else {
        return Ok(text.to_owned());
    };
    let start = at + begin.len();
    let Some(length) = text[start..].find(END) else {
        bail!("block {name} has no `{END}`");
    };
    Ok(format!("{}\n{content}\n{}", &text[..start], &text[start + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_replaced_and_nothing_else() {
        let old = "a\n<!-- generated: tools -->\nold\n<!-- end generated -->\nb\n";
        let new = with_block(old, "tools", "| new |\n").expect("a block");
        assert_eq!(new, "a\n<!-- generated: tools -->\n\n| new |\n\n<!-- end generated -->\nb\n");
        assert_eq!(with_block(&new, "tools", "| new |\n").expect("a block"), new);
    }

    #[test]
    fn a_document_without_the_block_stays() {
        assert_eq!(with_block("a\n", "tools", "x").expect("no block"), "a\n");
    }

    #[test]
    fn a_block_without_an_end_is_an_error() {
        assert!(with_block("<!-- generated: tools -->\n", "tools", "x").is_err());
    }
}
