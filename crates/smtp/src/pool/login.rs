//! Logins: until one has worked, one is tried at a time, and a refusal stops all further ones.

use std::sync::Arc;

use super::Shared;
use super::failure::{is_rate_limit, wants_fewer_connections};
use crate::{Delivery, Error, ErrorKind, HealthImpact, Session};

impl Shared {
    /// Opens a session. Until a login has worked, one is tried at a time, and its refusal applies to all callers.
    pub(super) async fn open(&self) -> Result<Session, Error> {
        if self.server.credentials.is_none() {
            return self.open_session().await;
        }
        let alone = if self.slots().login_works { None } else { Some(self.first_login.lock().await) };
        if let Some(refused) = self.slots().login_refused.clone() {
            return Err(refused);
        }
        // After the first success the waiting callers need not wait for each other.
        let _alone = alone.filter(|_| !self.slots().login_works);
        let opened = self.open_session().await;
        match &opened {
            Ok(_) => self.slots().login_works = true,
            Err(error) => self.note_refusal(error),
        }
        opened
    }

    fn note_refusal(&self, error: &Error) {
        if error.classify().health == HealthImpact::AuthFailure {
            let mut slots = self.slots();
            slots.login_works = false;
            slots.login_refused = Some(error.clone());
        }
    }

    /// Remembers a refused login, and extensions that the server offers and refuses.
    pub(super) fn learn(&self, delivery: &Delivery) {
        for error in delivery.errors() {
            self.note_refusal(error);
            if let ErrorKind::RefusesExtension(name, _) = error.kind() {
                let mut slots = self.slots();
                if !slots.refused_extensions.contains(name) {
                    slots.refused_extensions.push(name);
                }
            }
        }
    }

    /// Remembers whether the server gets too much at a time.
    pub(super) fn learn_pace(&self, delivery: &Delivery) {
        let now = (self.now)();
        let mut slots = self.slots();
        if delivery.accepted() {
            slots.pace.get_on(now);
        }
        if delivery.errors().any(is_rate_limit) {
            slots.pace.slow_down(now);
        }
        slots.wants_fewer |= delivery.errors().any(wants_fewer_connections);
    }

    /// Opens a session that uses none of the extensions that the server has refused.
    async fn open_session(&self) -> Result<Session, Error> {
        let mut session = Session::open_with(&self.server, Arc::clone(&self.counter), self.now).await?;
        session.forgo(&self.slots().refused_extensions);
        Ok(session)
    }
}
