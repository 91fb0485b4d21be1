//! `demo`: one whole send that can be watched. The capture server and this very program as a child, driven by a client.

mod arrival;
mod letter;
mod stage;
mod story;

use std::io;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, JsonObject};
use rmcp::service::RunningService;
use serde_json::Value;

use crate::clock::Clock;
use arrival::Arrival;
use stage::Stage;
use story::Story;

/// Shows a whole send, without an account and without a network: what a client asks, what the server answers, what arrives.
#[derive(Debug, Args)]
pub struct DemoArgs {}

type Client = RunningService<RoleClient, ()>;

/// Tells the story on stdout. Exit code 0 only if what arrived is what was sent.
///
/// # Errors
/// When the folder cannot be made, the child not be started, or a call gets no answer.
pub async fn demo(_args: DemoArgs) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout();
    let mut story = Story::new(&mut out, Clock::System);
    let stage = Stage::set(Clock::System).await?;
    story.step("A mail server is running on this machine; it passes nothing on")?;
    story.fact("address", &format!("localhost:{}, STARTTLS, login as {}", stage.port(), stage::USER))?;
    story.fact("its CA", &stage.ca_file().display().to_string())?;
    let told = tell(&stage, &mut story).await;
    if told.is_err() {
        story.fact("log", &format!("what the child said: {}", stage.log_file().display()))?;
    }
    let arrived = told?;
    go_on(&mut story)?;
    Ok(if arrived { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything between the start of the child and the look at what arrived.
async fn tell(stage: &Stage, story: &mut Story<'_>) -> anyhow::Result<bool> {
    let client =
        rmcp::serve_client((), stage.child()?).await.context("the child did not answer as an MCP server")?;
    story.step("This program runs as a child and speaks MCP over stdio, as under any client")?;
    let tools = client.list_all_tools().await?;
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    story.step("The client asks which tools there are")?;
    story.fact("tools", &names.join(", "))?;
    let tested = call(&client, "test_smtp_connection", JsonObject::new()).await?;
    story.step("test_smtp_connection: connect, TLS, login, no mail")?;
    story.fact("success", &tested["success"].to_string())?;
    let sent = call(&client, "send_email", letter::arguments()).await?;
    story.step("send_email: a templated HTML mail, a file, an image, three recipients")?;
    answer(story, &sent)?;
    client.cancel().await?;
    arrived(stage, story, &sent)
}

/// Calls a tool and returns its structured answer.
async fn call(client: &Client, tool: &'static str, arguments: JsonObject) -> anyhow::Result<Value> {
    let result = client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await?;
    result.structured_content.with_context(|| format!("{tool} gave no structured answer"))
}

/// The main lines of an answer to `send_email`.
fn answer(story: &mut Story<'_>, sent: &Value) -> io::Result<()> {
    story.fact("state", story::word(&sent["state"]))?;
    for address in sent["accepted"].as_array().into_iter().flatten() {
        story.fact("accepted", story::word(address))?;
    }
    for refused in sent["rejected"].as_array().into_iter().flatten() {
        let [address, status, reply] =
            ["address", "enhanced_code", "reply"].map(|key| story::word(&refused[key]));
        story.fact("refused", &format!("{address}: {} {status} {reply}", refused["code"]))?;
    }
    if let Some(error) = sent["error"].as_str() {
        story.fact("error", error)?;
    }
    story.fact("id", story::word(&sent["message_id"]))
}

/// Shows what the mail server got, and says whether it is what was asked for.
fn arrived(stage: &Stage, story: &mut Story<'_>, sent: &Value) -> anyhow::Result<bool> {
    let files = stage.keep_mails()?;
    let mails = stage.mails();
    story.step(&format!("What arrived: {} mail{}", mails.len(), if mails.len() == 1 { "" } else { "s" }))?;
    let mut faults = Vec::new();
    for (mail, file) in mails.iter().zip(&files) {
        let arrival = Arrival::read(mail)?;
        arrival.show(story)?;
        story.fact("file", &file.display().to_string())?;
        faults.extend(arrival.faults());
    }
    if mails.len() != 1 {
        faults.push(format!("one mail was sent, {} arrived", mails.len()));
    }
    if sent["state"] != "partial" {
        faults.push("the answer should be \"partial\": one of three recipients was refused".to_owned());
    }
    story.verdict(&faults)?;
    Ok(faults.is_empty())
}

/// How to go on with a real account.
fn go_on(story: &mut Story<'_>) -> io::Result<()> {
    story.heading("With an account of yours")?;
    story.line("1. export SMTP_HOST=smtp.example.org SMTP_USERNAME=you@example.org SMTP_PASSWORD=…   (port 587, STARTTLS)")?;
    story.line("2. smtp-mcp-server check   (shows the settings and tries to log in; sends nothing)")?;
    story.line(r#"3. in your client: {"mcpServers": {"email": {"command": "smtp-mcp-server", "env": {"SMTP_HOST": "…", …}}}}"#)
}
