//! `demo`: one complete send, shown step by step: the capture server, and this program as a child process, driven by a client.

mod fixture;
mod received;
mod report;
mod sample_message;

use std::io;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, JsonObject};
use rmcp::service::RunningService;
use serde_json::Value;

use crate::clock::Clock;
use fixture::Fixture;
use received::Received;
use report::Report;

/// Shows a complete send, without an account or a network: the client's calls, the server's answers, the received mail.
#[derive(Debug, Args)]
pub struct DemoArgs {}

type Client = RunningService<RoleClient, ()>;

/// Prints the report to stdout. Exit code 0 only if what arrived is what was sent.
///
/// # Errors
/// The folder cannot be created, the child cannot be started, or a call gets no answer.
pub async fn demo(_args: DemoArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout();
    let mut report = Report::new(&mut out, Clock::System);
    let fixture = Fixture::set(Clock::System).await?;
    report.step("A mail server is running on this machine; it passes nothing on")?;
    report.fact("address", &format!("localhost:{}, STARTTLS, login as {}", fixture.port(), fixture::USER))?;
    report.fact("its CA", &fixture.ca_file().display().to_string())?;
    let result = run_steps(&fixture, &mut report).await;
    if result.is_err() {
        report.fact("log", &format!("what the child said: {}", fixture.log_file().display()))?;
    }
    let arrived = result?;
    go_on(&mut report)?;
    Ok(if arrived { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything between the start of the child and the check of what arrived.
async fn run_steps(fixture: &Fixture, report: &mut Report<'_>) -> anyhow::Result<bool> {
    let client = rmcp::serve_client((), fixture.child()?)
        .await
        .context("the child did not answer as an MCP server")?;
    report.step("This program runs as a child and speaks MCP over stdio, as under any client")?;
    let tools = client.list_all_tools().await?;
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    report.step("The client asks which tools there are")?;
    report.fact("tools", &names.join(", "))?;
    let tested = call(&client, "test_smtp_connection", JsonObject::new()).await?;
    report.step("test_smtp_connection: connect, TLS, login, no mail")?;
    report.fact("success", &tested["success"].to_string())?;
    let sent = call(&client, "send_email", sample_message::arguments()).await?;
    report.step("send_email: a templated HTML mail, a file, an image, three recipients")?;
    answer(report, &sent)?;
    client.cancel().await?;
    arrived(fixture, report, &sent)
}

/// Calls a tool and returns its structured content.
async fn call(client: &Client, tool: &'static str, arguments: JsonObject) -> anyhow::Result<Value> {
    let result = client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await?;
    result.structured_content.with_context(|| format!("{tool} gave no structured answer"))
}

/// The main facts of a `send_email` result.
fn answer(report: &mut Report<'_>, sent: &Value) -> io::Result<()> {
    report.fact("state", report::word(&sent["state"]))?;
    for address in sent["accepted"].as_array().into_iter().flatten() {
        report.fact("accepted", report::word(address))?;
    }
    for refused in sent["rejected"].as_array().into_iter().flatten() {
        let [address, status, reply] =
            ["address", "enhanced_code", "reply"].map(|key| report::word(&refused[key]));
        report.fact("refused", &format!("{address}: {} {status} {reply}", refused["code"]))?;
    }
    if let Some(error) = sent["error"].as_str() {
        report.fact("error", error)?;
    }
    report.fact("id", report::word(&sent["message_id"]))
}

/// Shows what the mail server received, and whether it is what was sent.
fn arrived(fixture: &Fixture, report: &mut Report<'_>, sent: &Value) -> anyhow::Result<bool> {
    let files = fixture.keep_mails()?;
    let mails = fixture.mails();
    report.step(&format!("What arrived: {} mail{}", mails.len(), if mails.len() == 1 { "" } else { "s" }))?;
    let mut faults = Vec::new();
    for (mail, file) in mails.iter().zip(&files) {
        let received = Received::read(mail)?;
        received.show(report)?;
        report.fact("file", &file.display().to_string())?;
        faults.extend(received.faults());
    }
    if mails.len() != 1 {
        faults.push(format!("one mail was sent, {} arrived", mails.len()));
    }
    if sent["state"] != "partial" {
        faults.push("the answer should be \"partial\": one of three recipients was refused".to_owned());
    }
    report.conclusion(&faults)?;
    Ok(faults.is_empty())
}

/// A password on the command line would stay in the shell's history, and in the process list.
const WITH_AN_ACCOUNT: &[&str] = &[
    "1. With an editor, write a file that only you can read (chmod 600), such as /home/you/smtp.env. A password typed into a command",
    "   would stay in the shell's history:",
    "       SMTP_HOST=smtp.example.org",
    "       SMTP_USERNAME=you@example.org",
    "       SMTP_PASSWORD='…'",
    "2. smtp-mcp-server --env-file /home/you/smtp.env check     (tries to log in; sends nothing)",
    "3. smtp-mcp-server --env-file /home/you/smtp.env send --to you@example.org --subject Hello --body Hello",
    r#"4. In your client: {"mcpServers": {"smtp": {"command": "smtp-mcp-server", "args": ["--env-file", "/home/you/smtp.env"]}}}"#,
];

/// How to continue with a real account.
fn go_on(report: &mut Report<'_>) -> io::Result<()> {
    report.heading("With an account of yours")?;
    for line in WITH_AN_ACCOUNT {
        report.line(line)?;
    }
    Ok(())
}
