//! `man`: manual pages, of the program and of each subcommand.

use std::io;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command};

/// Print a manual page, such as `man > smtp-mcp-server.1`, or `man send > smtp-mcp-server-send.1`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The subcommand; without it, the page of the program
    #[arg(value_name = "SUBCOMMAND")]
    subcommand: Vec<String>,
}

/// Prints the page to stdout.
///
/// # Errors
/// There is no such subcommand, or stdout cannot be written.
pub fn man(args: &ManArgs, mut program: Command) -> anyhow::Result<ExitCode> {
    program.build();
    let mut command = &program;
    for name in &args.subcommand {
        let found = command.find_subcommand(name);
        command = found.with_context(|| format!("there is no subcommand {name:?}; `--help` lists them"))?;
    }
    clap_mangen::Man::new(command.clone()).render(&mut io::stdout())?;
    Ok(ExitCode::SUCCESS)
}
