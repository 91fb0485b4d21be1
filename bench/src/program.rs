//! The program as a whole, beside a tool server that does nothing.

mod attachment;
mod calls;
mod idle;
mod mail;
mod start;

use anyhow::Result;

use crate::kernel;

/// Measures everything; Markdown.
pub(crate) fn measure() -> Result<String> {
    let before = kernel::load();
    let tables =
        [start::measure()?, idle::measure()?, attachment::measure()?, mail::measure()?, calls::measure()?];
    let machine = kernel::machine();
    let head = format!("{machine}; load {before} before and {} after.", kernel::load());
    Ok(format!("{head}\n\n{}", tables.join("\n")))
}
