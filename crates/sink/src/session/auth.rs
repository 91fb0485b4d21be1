//! The exchange of a login (RFC 4954).

use std::io;

use tokio::time::timeout;

use super::{AUTH_LIMIT, Flow, Session};
use crate::behavior::{AuthMechanism, Extension, Login, Stage, Tls};
use crate::client_stream::InputLine;
use crate::event::EventKind;
use crate::reply::Reply;
use crate::sasl::{self, LoginAttempt};

impl Session {
    pub(super) async fn auth(&mut self, mechanism: &str, initial: Option<String>) -> io::Result<Flow> {
        let behavior = self.behavior();
        if let Some(refusal) = self.auth_error() {
            return Ok(self.send_reply(refusal));
        }
        let known = behavior.mechanisms.iter().find(|known| known.name() == mechanism);
        let (Some(mechanism), Some(login)) = (known, &behavior.login) else {
            return Ok(self.send_reply(Reply::new(504, "5.5.4", "unknown mechanism")));
        };
        let attempt = match mechanism {
            AuthMechanism::Plain => self.plain(initial, login).await?,
            AuthMechanism::Login => self.login_mechanism(initial, login).await?,
            AuthMechanism::CramMd5 => self.cram_md5(initial.as_deref(), login).await?,
        };
        let Some(attempt) = attempt else {
            return Ok(self.send_reply(Reply::new(501, "5.5.2", "cancelled, or not understood")));
        };
        self.finish_auth(attempt).await
    }

    /// Why AUTH is out of sequence here, if it is.
    fn auth_error(&self) -> Option<Reply> {
        let behavior = self.behavior();
        if !behavior.offers(Extension::Auth) {
            return Some(Reply::new(502, "5.5.1", "AUTH is not offered"));
        }
        if !self.secured && behavior.tls == Tls::StartTls {
            return Some(Reply::new(538, "5.7.11", "STARTTLS first"));
        }
        if !self.offers(Extension::Auth) {
            return Some(Reply::new(503, "5.5.1", "EHLO first"));
        }
        if self.login.is_some() || self.transaction.is_some() {
            return Some(Reply::new(503, "5.5.1", "not after a login, and not within a mail"));
        }
        None
    }

    async fn finish_auth(&mut self, attempt: LoginAttempt) -> io::Result<Flow> {
        let default_reply = match attempt.ok {
            true => Reply::new(235, "2.7.0", "welcome"),
            false => Reply::new(535, "5.7.8", "user name or password is wrong"),
        };
        let reply = self.reply_at(Stage::Login, default_reply).await;
        let ok = attempt.ok && reply.as_ref().is_ok_and(Reply::is_positive);
        self.record(EventKind::Login { user: attempt.user.clone(), ok });
        if ok {
            self.login = Some(attempt.user);
        }
        reply.map(|reply| self.send_reply(reply))
    }

    async fn plain(&mut self, initial: Option<String>, login: &Login) -> io::Result<Option<LoginAttempt>> {
        let response = self.first_response(initial, "").await?;
        Ok(response.and_then(|response| sasl::plain(&response, login)))
    }

    async fn login_mechanism(
        &mut self,
        initial: Option<String>,
        login: &Login,
    ) -> io::Result<Option<LoginAttempt>> {
        let Some(user) = self.first_response(initial, "Username:").await? else {
            return Ok(None);
        };
        let password = self.ask("Password:").await?;
        Ok(password.map(|password| sasl::password(user, &password, login)))
    }

    /// The server speaks first here, so an initial response is an error (RFC 4954 section 4).
    async fn cram_md5(&mut self, initial: Option<&str>, login: &Login) -> io::Result<Option<LoginAttempt>> {
        if initial.is_some() {
            return Ok(None);
        }
        let challenge = format!("<{}.{}@{}>", std::process::id(), self.shared.number(), self.behavior().name);
        let response = self.ask(&challenge).await?;
        Ok(response.and_then(|response| sasl::cram_md5(&response, &challenge, login)))
    }

    async fn first_response(
        &mut self,
        initial: Option<String>,
        question: &str,
    ) -> io::Result<Option<String>> {
        match initial {
            Some(initial) => Ok(sasl::decode(&initial)),
            None => self.ask(question).await,
        }
    }

    /// Sends a challenge and decodes the response. None if it is `*`, too long, or not base64.
    async fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        self.send_reply(Reply::bare(334, vec![sasl::encode(question)]));
        let idle = self.behavior().idle;
        let line = timeout(idle, self.stream.line(AUTH_LIMIT))
            .await
            .unwrap_or(Err(io::ErrorKind::TimedOut.into()))?;
        let InputLine::Whole(line) = line else {
            return Ok(None);
        };
        Ok(std::str::from_utf8(&line).ok().and_then(sasl::decode))
    }
}
