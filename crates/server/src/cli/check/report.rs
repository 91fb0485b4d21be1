//! The report of `check`, for people and as JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::settings::Settings;
use crate::cli::style::Style;
use crate::config::{Config, ConfigErrors, ConfigProvenance, ConfigSources, Mode};
use crate::upstream::report::{ConnectionTest, ServerTest};

/// What `check` found. Its fields are those of `check --json`.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Everything works.
    pub(super) success: bool,
    verdict: String,
    /// What is wrong with the settings.
    problems: Vec<String>,
    warnings: Vec<String>,
    /// The files with settings.
    files: Vec<String>,
    servers: Vec<Server>,
    /// Those of the program.
    settings: Option<Settings>,
    /// What to do next.
    next: String,
}

#[derive(Debug, Serialize)]
struct Server {
    #[serde(flatten)]
    test: ServerTest,
    settings: Settings,
}

impl Report {
    /// The report on settings that are valid, with the test of their servers.
    pub(super) fn of(
        config: &Config,
        provenance: &ConfigProvenance,
        test: ConnectionTest,
        origin: &ConfigSources,
    ) -> Self {
        let success = test.all_work();
        let settings = config.servers.iter().zip(&provenance.servers);
        let settings = settings.map(|(server, provenance)| Settings::of_server(server, provenance));
        Self {
            success,
            verdict: format!("{}{}", verdict(&test), note_of_mode(config)),
            problems: Vec::new(),
            warnings: config.warnings.clone(),
            files: config.files.iter().map(|file| file.display().to_string()).collect(),
            next: next(success, config, origin),
            servers: test
                .server_results
                .into_iter()
                .zip(settings)
                .map(|(test, settings)| Server { test, settings })
                .collect(),
            settings: Some(Settings::of_program(config, &provenance.program)),
        }
    }

    /// The report on settings that cannot be used.
    pub(super) fn invalid(problems: ConfigErrors, origin: &ConfigSources) -> Self {
        let is_warning = |line: &String| line.starts_with("warning: ");
        let (warnings, problems): (Vec<_>, Vec<_>) = problems.0.into_iter().partition(is_warning);
        let verdict = match problems.as_slice() {
            [] => "The settings cannot be used.".to_owned(),
            [one] => format!("The settings cannot be used: {one}"),
            [first, others @ ..] => {
                format!("The settings cannot be used: {first} (and {} more)", others.len())
            }
        };
        let is_unset = problems.iter().any(|problem| problem.starts_with("SMTP_HOST: not set"));
        let next = if is_unset {
            origin.shortest_setup("run this command again")
        } else {
            "correct that, and run this command again".to_owned()
        };
        let warnings = warnings.iter().map(|line| line.trim_start_matches("warning: ").to_owned()).collect();
        Self {
            success: false,
            verdict,
            problems,
            warnings,
            files: Vec::new(),
            servers: Vec::new(),
            settings: None,
            next,
        }
    }

    /// The whole report: the verdict, the servers, the settings, what to do next.
    pub(super) fn print(&self, style: Style, out: &mut impl Write) -> io::Result<()> {
        self.print_verdict(style, out)?;
        for server in self.servers_to_name() {
            writeln!(out, "  {}", server_line(&server.test, style))?;
        }
        for warning in &self.warnings {
            writeln!(out, "warning: {warning}")?;
        }
        for file in &self.files {
            writeln!(out, "read {file}")?;
        }
        for server in &self.servers {
            writeln!(out, "\nserver {}", server.test.server)?;
            server.settings.print(out)?;
        }
        if let Some(settings) = &self.settings {
            writeln!(out, "\nprogram")?;
            settings.print(out)?;
        }
        writeln!(out, "\nnext: {}", self.next)
    }

    /// Nothing, or only what does not work.
    pub(super) fn print_failures(&self, style: Style, out: &mut impl Write) -> io::Result<()> {
        if self.success {
            return Ok(());
        }
        self.print_verdict(style, out)?;
        let failed = self.servers_to_name().filter(|server| !server.test.success);
        failed.map(|server| server_line(&server.test, style)).try_for_each(|line| writeln!(out, "  {line}"))
    }

    /// The verdict names a server that fails alone.
    fn servers_to_name(&self) -> impl Iterator<Item = &Server> {
        let is_named = self.servers.len() == 1 && !self.success;
        self.servers.iter().filter(move |_| !is_named)
    }

    fn print_verdict(&self, style: Style, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{} {}", style.mark(self.success), self.verdict)?;
        self.problems.iter().skip(1).try_for_each(|problem| writeln!(out, "  {problem}"))
    }
}

/// That mail does not go to its recipients.
fn note_of_mode(config: &Config) -> String {
    let what = match config.mode {
        Mode::Live if !config.tools.read_only => return String::new(),
        Mode::Live => "With SMTP_MCP_READ_ONLY nothing is sent.",
        Mode::DryRun => "SMTP_MODE is dry_run: nothing is sent.",
        Mode::Redirect => "SMTP_MODE is redirect: every mail goes to SMTP_REDIRECT_TO alone.",
        Mode::Capture => "SMTP_MODE is capture: mails become files, and nothing is sent.",
    };
    format!(" {what}")
}

fn verdict(test: &ConnectionTest) -> String {
    match (test.successful_servers, test.total_servers) {
        (1, 1) => "The server works.".to_owned(),
        (0, 1) => {
            let error = test.server_results.iter().find_map(|server| server.error.as_deref());
            format!("The server does not work: {}", error.unwrap_or_default())
        }
        (working, all) if working == all => format!("All {all} servers work."),
        (0, all) => format!("None of the {all} servers works."),
        (working, all) => format!("{working} of {all} servers work."),
    }
}

/// One server: what it offers, or what is wrong and what to do.
pub(in crate::cli) fn server_line(test: &ServerTest, style: Style) -> String {
    let mark = style.mark(test.success);
    if let Some(error) = &test.error {
        return format!("{mark} {error}");
    }
    let (name, address) = (&test.server, &test.host);
    let message = test.message.as_deref().unwrap_or_default();
    let extensions = test.extensions.as_deref().unwrap_or_default().join(", ");
    format!("{mark} {name} ({address}): {message}; it offers {extensions}")
}

fn next(success: bool, config: &Config, origin: &ConfigSources) -> String {
    let command = format!("smtp-mcp-server{}", origin.options());
    if success {
        return format!(
            "connect a client, which starts `{command}`; or send a mail: `{command} send --to ADDRESS --subject Hello --body Hello`"
        );
    }
    let change =
        if config.from_environment_only { "the settings in the environment" } else { "the settings" };
    format!("do what is said about each server that failed, in {change}, and run this command again")
}
