//! A session: connected, greeted, protected, logged in, and ready to carry one message after the other.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::Instant;
use tracing::debug;

use crate::auth;
use crate::content::Examined;
use crate::dialog::{self, Dialog, Step};
use crate::mask::Mask;
use crate::wire::{Halt, Idle, Wire};
use crate::{
    Cause, Content, Delivery, Envelope, Handover, Limits, Offers, Phase, Reply, Security, Server, Trouble,
};
use crate::{command, dial, tls};

/// How long a failed write waits for the words with which the server may have explained itself.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long QUIT waits for its reply, which changes nothing.
const FAREWELL: Duration = Duration::from_secs(2);

/// The most transactions that one delivery is split into by a server that takes few recipients at a time.
const TRANSACTIONS: usize = 20;

/// In bytes: looking through more than that takes long.
const LARGE: u64 = 1 << 20;

/// One conversation with a server.
pub struct Session {
    wire: Wire,
    offers: Offers,
    limits: Limits,
    usable: bool,
    clean: bool,
    messages: u32,
}

impl Session {
    /// Connects, protects the connection as configured, and logs in.
    ///
    /// # Errors
    /// With the phase that failed. The connection is closed then.
    pub async fn open(server: &Server) -> Result<Self, Trouble> {
        let deadline = Instant::now() + server.limits.connect;
        let mut wire = Wire::plain(dial::dial(server, deadline).await?);
        if let Security::Implicit(config) = &server.security {
            wire = protect(wire, server, config, deadline).await?;
        }
        greeted(&mut wire, server).await?;
        let mut offers = hello(&mut wire, server).await?;
        if let Security::StartTls(config) = &server.security {
            wire = start_tls(wire, &offers, server, config).await?;
            // What was offered in plaintext may have been tampered with (RFC 3207, section 4.2).
            offers = hello(&mut wire, server).await?;
        }
        log_in(&mut wire, &offers, server).await?;
        Ok(Self { wire, offers, limits: server.limits, usable: true, clean: true, messages: 0 })
    }

    /// What the server offers, under TLS if there is TLS.
    pub fn offers(&self) -> &Offers {
        &self.offers
    }

    /// The version of TLS, such as `TLSv1.3`. `None`: plaintext.
    pub fn tls_version(&self) -> Option<&'static str> {
        self.wire.tls_version()
    }

    /// How many transactions it has begun.
    pub fn messages(&self) -> u32 {
        self.messages
    }

    /// Whether it is in step and may carry another message.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Whether the connection is open and nothing is waiting on it, found out without a round trip.
    pub fn looks_alive(&mut self) -> bool {
        self.usable && self.wire.idle() == Idle::Quiet
    }

    /// Sends one message. The reply to its end is waited for as long as [`Limits::end_of_data`] says.
    ///
    /// What the server cannot take by its own offers is told without touching the session. `handover` is claimed right
    /// before the last bytes and given back where the server was read to refuse the message. Dropping the future leaves a
    /// session that is not usable.
    ///
    /// Recipients that were one too many for a transaction (452 to RCPT, RFC 5321, section 4.5.3.1.10) are served in
    /// further ones, as long as each gets on. By then the message is out, and the delivery can no longer be stopped.
    pub async fn deliver(&mut self, envelope: &Envelope, content: &Content, handover: &Handover) -> Delivery {
        let examined = examine(content).await;
        let mut delivery = self.transact(envelope, content, examined, handover).await;
        let mut gets_on = delivery.accepted();
        for _ in 1..TRANSACTIONS {
            let left = too_many(&delivery);
            if left.is_empty() || !gets_on || !self.usable {
                break;
            }
            let recipients = left.iter().map(|index| envelope.recipients[*index].clone()).collect();
            let rest = Envelope { sender: envelope.sender.clone(), recipients };
            let further = self.transact(&rest, content, examined, &Handover::new()).await;
            gets_on = further.accepted();
            for (index, end) in left.into_iter().zip(further.recipients) {
                delivery.recipients[index] = end;
            }
        }
        delivery
    }

    async fn transact(
        &mut self,
        envelope: &Envelope,
        content: &Content,
        examined: Examined,
        handover: &Handover,
    ) -> Delivery {
        let declared = match dialog::check(envelope, examined, &self.offers) {
            Ok(declared) => declared,
            Err(trouble) => return Delivery::failed(envelope.recipients.len(), &trouble),
        };
        if !std::mem::replace(&mut self.usable, false) {
            let trouble = Trouble::new(Phase::Mail, Cause::Closed);
            return Delivery::failed(envelope.recipients.len(), &trouble);
        }
        self.messages += 1;
        let mut dialog = Dialog::new(envelope, &self.offers, declared, self.clean);
        let limits = self.limits;
        while let Err((phase, cause)) = run(&mut self.wire, &mut dialog, content, handover, &limits).await {
            dialog.fail(phase, cause);
        }
        self.clean = dialog.is_clean();
        // A reply that nobody asked for would be taken for the next one's.
        self.usable = dialog.is_in_step() && self.wire.idle() != Idle::Spoke;
        dialog.into_delivery()
    }

    /// Says goodbye and closes. Whatever happens here changes nothing any more.
    pub async fn quit(mut self) {
        let within = self.limits.command.min(FAREWELL);
        if self.usable && self.wire.send(b"QUIT\r\n", within).await.is_ok() {
            let _ = self.wire.read_reply(within).await;
        }
        let _ = tokio::time::timeout(within, self.wire.close()).await;
    }
}

/// Looks through the content; a large one not on the thread that serves everybody.
async fn examine(content: &Content) -> Examined {
    if content.size() <= LARGE {
        return content.examine();
    }
    let copy = content.clone();
    tokio::task::spawn_blocking(move || copy.examine()).await.unwrap_or_else(|_| content.examine())
}

/// The recipients that were one too many.
fn too_many(delivery: &Delivery) -> Vec<usize> {
    let is_452 = |trouble: &Trouble| {
        trouble.phase == Phase::Rcpt && trouble.reply().is_some_and(|reply| reply.code == 452)
    };
    let ends = delivery.recipients.iter().enumerate();
    ends.filter(|(_, end)| end.as_ref().is_err_and(is_452)).map(|(index, _)| index).collect()
}

/// Takes the dialog's steps until it is done or something fails.
async fn run(
    wire: &mut Wire,
    dialog: &mut Dialog<'_>,
    content: &Content,
    handover: &Handover,
    limits: &Limits,
) -> Result<(), (Phase, Cause)> {
    loop {
        match dialog.step() {
            Step::Done => return Ok(()),
            Step::Send(flight) => {
                let sent = wire.send(&flight, limits.command).await;
                if let Err(cause) = sent {
                    return Err((dialog.phase(), last_words(wire, cause, |reply| reply.code == 421).await));
                }
            }
            Step::Content => {
                let phase = |cause| (Phase::Content, cause);
                upload(wire, content, handover, limits).await.map_err(phase)?;
                // From here on only the server's reply can tell.
                wire.send(content.end(), limits.content).await.map_err(|cause| (Phase::End, cause))?;
            }
            Step::Read(phase) => {
                let within = if phase == Phase::End { limits.end_of_data } else { limits.command };
                let reply = wire.read_reply(within).await.map_err(|cause| (phase, cause))?;
                if phase == Phase::End && reply.code >= 400 {
                    handover.take_back();
                }
                dialog.reply(reply);
            }
        }
    }
}

/// Writes the content up to its end, and claims the hand-over of the rest.
async fn upload(
    wire: &mut Wire,
    content: &Content,
    handover: &Handover,
    limits: &Limits,
) -> Result<(), Cause> {
    let go_on = || !handover.is_stopped();
    match wire.send_all(content.stuffed(), limits.content, go_on).await {
        Ok(()) => {}
        Err(Halt::Stopped) => return Err(Cause::Stopped),
        Err(Halt::Failed(cause)) => {
            return Err(last_words(wire, cause, |reply| reply.code >= 400).await);
        }
    }
    // A server that spoke or left in mid-stream will not answer the end: told now, it is no riddle later.
    match wire.idle() {
        Idle::Gone => return Err(Cause::Closed),
        Idle::Spoke => {
            return Err(wire.read_reply(LAST_WORDS).await.map_or_else(|cause| cause, Cause::Reply));
        }
        Idle::Quiet | Idle::Unclear => {}
    }
    if handover.hand_over() { Ok(()) } else { Err(Cause::Stopped) }
}

/// The reply that explains a failed write, if one came, else the failure itself.
async fn last_words(wire: &mut Wire, cause: Cause, explains: impl Fn(&Reply) -> bool) -> Cause {
    match wire.read_reply(LAST_WORDS).await {
        Ok(reply) if explains(&reply) => Cause::Reply(reply),
        _ => cause,
    }
}

async fn greeted(wire: &mut Wire, server: &Server) -> Result<(), Trouble> {
    let greeting = wire.read_reply(server.limits.command).await;
    match greeting {
        Ok(reply) if reply.code == 220 => Ok(()),
        Ok(reply) => Err(Trouble::new(Phase::Greeting, Cause::Reply(reply))),
        Err(cause) => Err(Trouble::new(Phase::Greeting, cause)),
    }
}

/// EHLO; HELO where EHLO is refused for good. Under HELO nothing is offered.
async fn hello(wire: &mut Wire, server: &Server) -> Result<Offers, Trouble> {
    let trouble = |cause| Trouble::new(Phase::Hello, cause);
    let own = wire.own_address().map_err(|e| trouble(Cause::Io(e.to_string())))?;
    let name = command::hello_name(server.ehlo_name.as_deref(), own);
    let within = server.limits.command;
    let reply = ask(wire, &command::hello("EHLO", &name), within).await.map_err(trouble)?;
    if reply.is_positive() {
        return Ok(Offers::read(&reply));
    }
    if !reply.is_permanent() {
        return Err(trouble(Cause::Reply(reply)));
    }
    let reply = ask(wire, &command::hello("HELO", &name), within).await.map_err(trouble)?;
    if reply.is_positive() { Ok(Offers::default()) } else { Err(trouble(Cause::Reply(reply))) }
}

/// STARTTLS, required: nothing goes on in plaintext.
async fn start_tls(
    mut wire: Wire,
    offers: &Offers,
    server: &Server,
    config: &Arc<ClientConfig>,
) -> Result<Wire, Trouble> {
    let trouble = |cause| Trouble::new(Phase::Tls, cause);
    if !offers.starttls {
        return Err(trouble(Cause::StartTlsMissing));
    }
    let reply = ask(&mut wire, b"STARTTLS\r\n", server.limits.command).await.map_err(trouble)?;
    if reply.code != 220 {
        return Err(trouble(Cause::Reply(reply)));
    }
    if wire.idle() == Idle::Spoke {
        return Err(trouble(Cause::StartTlsInjected));
    }
    protect(wire, server, config, Instant::now() + server.limits.connect).await
}

async fn protect(
    wire: Wire,
    server: &Server,
    config: &Arc<ClientConfig>,
    deadline: Instant,
) -> Result<Wire, Trouble> {
    let trouble = |cause| Trouble::new(Phase::Tls, cause);
    let name = tls::server_name(&server.host).map_err(|words| trouble(Cause::Tls(words)))?;
    let within = server.limits.connect;
    let wire = wire.protect(Arc::clone(config), name, within, deadline).await.map_err(trouble)?;
    debug!(version = wire.tls_version(), "protected");
    Ok(wire)
}

async fn log_in(wire: &mut Wire, offers: &Offers, server: &Server) -> Result<(), Trouble> {
    let Some(credentials) = &server.credentials else {
        return Ok(());
    };
    if wire.tls_version().is_none() && !server.allow_plaintext_login {
        return Err(Trouble::new(Phase::Auth, Cause::PlaintextLogin));
    }
    wire.set_mask(Mask::of(credentials));
    auth::log_in(wire, offers, credentials, server.limits.command).await
}

async fn ask(wire: &mut Wire, command: &[u8], within: Duration) -> Result<Reply, Cause> {
    wire.send(command, within).await?;
    wire.read_reply(within).await
}
