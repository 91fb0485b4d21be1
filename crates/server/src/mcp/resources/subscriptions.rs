//! Telling a client what has changed: whichever process changed it, within a second.

use std::sync::{Arc, Weak};
use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{ResourceUpdatedNotificationParam, SubscriptionFilter};
use rmcp::service::{Peer, RoleServer, SubscriptionContext};
use tokio::sync::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::uri::MailUri;
use super::watch::{Change, Watch};
use super::{failed, parse};
use crate::mcp::context::ToolContext;

/// How often it is looked what has changed.
const TICK: Duration = Duration::from_secs(1);

/// Mails that a client can subscribe to at the same time.
const MAX_SUBSCRIPTIONS: usize = 100;

/// The subscriptions of one client of the older era (`resources/subscribe`). Clones share them; they end with the last one.
#[derive(Clone, Default)]
pub(in crate::mcp) struct Subscriptions(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    watch: Watch,
    is_watching: bool,
}

impl Subscriptions {
    /// The client has seen the list: from now on it is told when there is another mail.
    pub(in crate::mcp) async fn add_list(
        &self,
        context: &ToolContext,
        peer: &Peer<RoleServer>,
    ) -> Result<(), ErrorData> {
        let mut state = self.0.lock().await;
        let added = state.watch.add_list(context.outbox(), context.principal).await;
        added.map_err(|error| failed(&error))?;
        self.start(&mut state, context, peer);
        Ok(())
    }

    /// From now on the client is told when this mail changes.
    pub(in crate::mcp) async fn add(
        &self,
        context: &ToolContext,
        peer: &Peer<RoleServer>,
        text: &str,
    ) -> Result<(), ErrorData> {
        let uri = visible(context, text).await?;
        let mut state = self.0.lock().await;
        if state.watch.len() >= MAX_SUBSCRIPTIONS {
            let problem =
                format!("more than {MAX_SUBSCRIPTIONS} subscriptions; end some with resources/unsubscribe");
            return Err(ErrorData::invalid_request(problem, None));
        }
        let added = state.watch.add(context.outbox(), context.principal, text, uri).await;
        added.map_err(|error| failed(&error))?;
        self.start(&mut state, context, peer);
        Ok(())
    }

    pub(in crate::mcp) async fn remove(&self, text: &str) {
        self.0.lock().await.watch.remove(text);
    }

    fn start(&self, state: &mut State, context: &ToolContext, peer: &Peer<RoleServer>) {
        if !state.is_watching {
            state.is_watching = true;
            tokio::spawn(tell(Arc::downgrade(&self.0), context.clone(), peer.clone()));
        }
    }
}

/// Tells a client what has changed, as long as it is there and wants to hear of anything.
async fn tell(state: Weak<Mutex<State>>, context: ToolContext, peer: Peer<RoleServer>) {
    loop {
        sleep(TICK).await;
        let Some(state) = state.upgrade() else { return };
        let mut state = state.lock().await;
        if state.watch.is_empty() || peer.is_transport_closed() {
            state.is_watching = false;
            return;
        }
        let changes = look(&mut state.watch, &context).await;
        drop(state);
        for change in changes {
            // A client that is gone needs no notification.
            let _ = match change {
                Change::List => peer.notify_resource_list_changed().await,
                Change::Resource(uri) => {
                    peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await
                }
            };
        }
    }
}

/// What of a subscription of the newer era is accepted: as much as in the older one.
pub(in crate::mcp) fn accepted(requested: &SubscriptionFilter) -> SubscriptionFilter {
    let mut accepted = requested.clone();
    if let Some(uris) = &mut accepted.resource_subscriptions {
        uris.truncate(MAX_SUBSCRIPTIONS);
    }
    accepted
}

/// Serves a subscription of the newer era (`subscriptions/listen`), until it ends or the program stops.
pub(in crate::mcp) async fn listen(
    context: &ToolContext,
    subscription: SubscriptionContext,
    stopping: &CancellationToken,
) -> Result<(), ErrorData> {
    let mut watch = Watch::default();
    let accepted = subscription.accepted();
    if accepted.resources_list_changed == Some(true) {
        let added = watch.add_list(context.outbox(), context.principal).await;
        added.map_err(|error| failed(&error))?;
    }
    for text in accepted.resource_subscriptions.iter().flatten() {
        let uri = visible(context, text).await?;
        let added = watch.add(context.outbox(), context.principal, text, uri).await;
        added.map_err(|error| failed(&error))?;
    }
    loop {
        tokio::select! {
            () = subscription.cancelled() => return Ok(()),
            () = stopping.cancelled() => return Ok(()),
            () = sleep(TICK) => {}
        }
        for change in look(&mut watch, context).await {
            let told = match change {
                Change::List => subscription.sink().notify_resource_list_changed().await,
                Change::Resource(uri) => subscription.sink().notify_resource_updated(uri).await,
            };
            if told.is_err() {
                return Ok(());
            }
        }
    }
}

/// The URI, if it is one of a mail that the caller may see.
async fn visible(context: &ToolContext, text: &str) -> Result<MailUri, ErrorData> {
    let uri = parse(text)?;
    super::record(context, text, uri.id()).await?;
    Ok(uri)
}

async fn look(watch: &mut Watch, context: &ToolContext) -> Vec<Change> {
    watch.look(context.outbox(), context.principal).await.unwrap_or_else(|error| {
        warn!("subscriptions: {error}");
        Vec::new()
    })
}
