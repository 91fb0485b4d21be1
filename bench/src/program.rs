//! The program as a whole, beside a tool server that does nothing.

mod attachment;
mod calls;
mod mail;
mod rest;
mod start;

use anyhow::Result;

use crate::kernel;

/// Measures everything; Markdown.
pub(crate) fn measure() -> Result<String> {
    let before = kernel::load();
    let tables =
        [start::measure()?, rest::measure()?, attachment::measure()?, mail::measure()?, calls::measure()?];
    let machine = kernel::machine();
    let head = format!("{machine}; load {before} before and {} after.", kernel::load());
    Ok(format!("{head}\n\n{}", tables.join("\n")))
}
