//! Resources: the mails of a caller, as records in JSON and as they are or were sent.

mod subscriptions;
mod uri;
mod watch;

use rmcp::ErrorData;
use rmcp::model::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate, ServerCapabilities,
};
use serde_json::json;
use uuid::Uuid;

use super::context::ToolContext;
use super::email_view::{EmailView, EventView, email_line, parse_id};
use super::retry_refusal::why_gone;
use crate::address::character::quoted;
use crate::outbox::{Email, Filter, OutboxError};

pub(super) use subscriptions::{Subscriptions, accepted, listen};
use uri::MailUri;

/// Mails on a page.
const PAGE: usize = 50;

/// What the server can do, with or without resources.
pub(super) fn capabilities(with_resources: bool) -> ServerCapabilities {
    let tools = ServerCapabilities::builder().enable_tools();
    if !with_resources {
        return tools.build();
    }
    tools.enable_resources().enable_resources_list_changed().enable_resources_subscribe().build()
}

/// What the URIs of resources look like.
pub(super) fn templates() -> ListResourceTemplatesResult {
    ListResourceTemplatesResult::with_all_items(vec![
        ResourceTemplate::new("mail://outbox/{id}", "record")
            .with_title("The record of a mail")
            .with_description("State, every recipient's status, and history, as get_email shows them")
            .with_mime_type(uri::JSON),
        ResourceTemplate::new("mail://outbox/{id}.eml", "mail")
            .with_title("A mail")
            .with_description(
                "As its first server gets it, without the Bcc addresses, as long as its content is kept",
            )
            .with_mime_type(uri::EML),
    ])
}

/// A page of the caller's mails, newest first.
pub(super) async fn list(
    context: &ToolContext,
    cursor: Option<String>,
) -> Result<ListResourcesResult, ErrorData> {
    let before = cursor.map(|cursor| parse_id(&cursor)).transpose();
    let before = before.map_err(|_| ErrorData::invalid_params("cursor: not one of this list", None))?;
    // One more tells whether there is another page.
    let filter = Filter { principal: Some(context.principal), before, limit: PAGE + 1, ..Filter::default() };
    let mut emails = context.outbox().list(filter).await.map_err(|error| failed(&error))?;
    let is_last = emails.len() <= PAGE;
    emails.truncate(PAGE);
    let now = context.clock.now().to_utc();
    let of_email = |email: &Email| {
        Resource::new(MailUri::Record(email.id).to_string(), email.id.simple().to_string())
            .with_title(email.subject.clone())
            .with_description(email_line(email, now))
            .with_mime_type(uri::JSON)
    };
    let mut result = ListResourcesResult::with_all_items(emails.iter().map(of_email).collect());
    result.next_cursor = emails.last().filter(|_| !is_last).map(|email| email.id.simple().to_string());
    Ok(result)
}

/// One of the caller's mails.
pub(super) async fn read(context: &ToolContext, text: &str) -> Result<ReadResourceResult, ErrorData> {
    let uri = parse(text)?;
    let email = record(context, text, uri.id()).await?;
    let outbox = context.outbox();
    let contents = match uri {
        MailUri::Record(id) => {
            let history = outbox.history(id).await.map_err(|error| failed(&error))?;
            let history: Vec<_> = history.into_iter().map(EventView::of).collect();
            let record = json!({ "email": EmailView::of(&email), "history": history });
            ResourceContents::text(record.to_string(), text).with_mime_type(uri::JSON)
        }
        MailUri::Mail(id) => {
            let message = outbox.message(id).await.map_err(|error| failed(&error))?;
            let no_content = || {
                let problem =
                    format!("the content of {} is no longer kept ({})", quoted(text), why_gone(outbox));
                not_found(text, problem)
            };
            uri::eml(text, message.ok_or_else(no_content)?.eml())
        }
    };
    Ok(ReadResourceResult::new(vec![contents]))
}

/// The record of one of the caller's mails.
async fn record(context: &ToolContext, text: &str, id: Uuid) -> Result<Email, ErrorData> {
    let found = context.outbox().get(id, Some(context.principal)).await.map_err(|error| failed(&error))?;
    let gone = || not_found(text, format!("there is no mail at {}", quoted(text)));
    found.ok_or_else(gone)
}

/// The URI in a request.
fn parse(text: &str) -> Result<MailUri, ErrorData> {
    MailUri::parse(text).ok_or_else(|| {
        let problem = format!("uri: {}: expected mail://outbox/ID or mail://outbox/ID.eml", quoted(text));
        not_found(text, problem)
    })
}

fn not_found(uri: &str, problem: String) -> ErrorData {
    ErrorData::resource_not_found(problem, Some(json!({ "uri": uri })))
}

fn failed(error: &OutboxError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
