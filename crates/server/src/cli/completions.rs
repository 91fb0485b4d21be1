//! `completions`: what a shell needs to complete this program's command line.

use std::io;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

/// Print the completions for a shell, such as `completions bash > ~/.local/share/bash-completion/completions/smtp-mcp-server`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the completions of `command` to stdout.
pub fn completions(args: &CompletionsArgs, mut command: Command) -> ExitCode {
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut io::stdout());
    ExitCode::SUCCESS
}
