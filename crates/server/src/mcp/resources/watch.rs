//! What has changed since the last look: in the list, and in single mails.

use std::collections::HashMap;

use uuid::Uuid;

use super::uri::MailUri;
use crate::outbox::{Outbox, OutboxError, Principal, Version};

/// What a client wants to hear about, and what it was like at the last look.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    /// The newest mail of the list.
    newest: Option<Option<Uuid>>,
    versions: HashMap<String, (MailUri, Option<Version>)>,
}

/// What has changed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    List,
    Resource(String),
}

impl Watch {
    /// From now on changes of the list are told.
    pub(super) async fn add_list(
        &mut self,
        outbox: &Outbox,
        principal: Principal,
    ) -> Result<(), OutboxError> {
        if self.newest.is_none() {
            self.newest = Some(outbox.newest(principal).await?);
        }
        Ok(())
    }

    /// From now on changes of this mail are told.
    pub(super) async fn add(
        &mut self,
        outbox: &Outbox,
        principal: Principal,
        text: &str,
        uri: MailUri,
    ) -> Result<(), OutboxError> {
        let version = outbox.version(uri.id(), principal).await?;
        self.versions.insert(text.to_owned(), (uri, version));
        Ok(())
    }

    pub(super) fn remove(&mut self, text: &str) {
        self.versions.remove(text);
    }

    pub(super) fn len(&self) -> usize {
        self.versions.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.newest.is_none()
    }

    /// What has changed since the last look.
    pub(super) async fn look(
        &mut self,
        outbox: &Outbox,
        principal: Principal,
    ) -> Result<Vec<Change>, OutboxError> {
        let mut changes = Vec::new();
        if let Some(known) = &mut self.newest {
            let newest = outbox.newest(principal).await?;
            if *known != newest {
                *known = newest;
                changes.push(Change::List);
            }
        }
        for (text, (uri, known)) in &mut self.versions {
            let version = outbox.version(uri.id(), principal).await?;
            if *known != version {
                *known = version;
                changes.push(Change::Resource(text.clone()));
            }
        }
        Ok(changes)
    }
}
