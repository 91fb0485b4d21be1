//! Logins: until one has worked, one is tried at a time, and a refusal stops all further ones.

use super::Shared;
use crate::{Delivery, Error, HealthImpact, Session};

impl Shared {
    /// Opens a session. Until a login has worked, one is tried at a time, and its refusal applies to all callers.
    pub(super) async fn open(&self) -> Result<Session, Error> {
        if self.server.credentials.is_none() {
            return Session::open(&self.server).await;
        }
        let alone = if self.slots().login_works { None } else { Some(self.first_login.lock().await) };
        if let Some(refused) = self.slots().login_refused.clone() {
            return Err(refused);
        }
        // After the first success the waiting callers need not wait for each other.
        let _alone = alone.filter(|_| !self.slots().login_works);
        let opened = Session::open(&self.server).await;
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

    pub(super) fn learn(&self, delivery: &Delivery) {
        delivery.errors().for_each(|error| self.note_refusal(error));
    }
}
