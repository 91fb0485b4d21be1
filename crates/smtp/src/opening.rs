//! From a connection to a session that may send: greeting, EHLO, STARTTLS, login; and the way out with QUIT.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::{Instant, timeout};
use tracing::{Instrument as _, debug, debug_span};

use crate::counters::Counter;
use crate::mask::Mask;
use crate::wire::{SocketState, Wire};
use crate::{Error, ErrorKind, Extensions, Phase, Reply, Security, ServerParams};
use crate::{auth, command, connect, tls};

/// How long QUIT waits for its reply, which changes nothing.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects, negotiates TLS as configured, and logs in. After a failure the connection is closed.
pub(crate) async fn open(server: &ServerParams, counter: Arc<Counter>) -> Result<(Wire, Extensions), Error> {
    let deadline = Instant::now() + server.limits.connect;
    let connecting = connect::connect(server, deadline).instrument(debug_span!("connect"));
    let mut wire = Wire::plain(connecting.await?, counter);
    if let Some(known) = server.credentials.as_ref().and_then(|source| source.known()) {
        wire.add_mask(Mask::of(&known));
    }
    if let Security::Implicit(config) = &server.security {
        wire = handshake(wire, server, config, deadline).instrument(debug_span!("tls")).await?;
    }
    let mut extensions = match greet(&mut wire, server).await {
        Ok(extensions) => extensions,
        Err(error) => return Err(leave(wire, server, error)),
    };
    if let Security::StartTls(config) = &server.security {
        let deadline = Instant::now() + server.limits.connect;
        wire = handshake(wire, server, config, deadline).instrument(debug_span!("tls")).await?;
    }
    match log_in(&mut wire, &mut extensions, server).instrument(debug_span!("login")).await {
        Ok(()) => Ok((wire, extensions)),
        Err(error) => Err(leave(wire, server, error)),
    }
}

/// Leaves a server that is waiting for a command with QUIT; returns the error why.
fn leave(wire: Wire, server: &ServerParams, error: Error) -> Error {
    if is_in_sync(&error) {
        // Nobody has to wait for the reply.
        tokio::spawn(quit(wire, server.limits.command));
    }
    error
}

/// Sends QUIT and closes. Failures are ignored.
pub(crate) async fn quit(mut wire: Wire, limit: Duration) {
    let within = limit.min(QUIT_TIMEOUT);
    if wire.send(b"QUIT\r\n", within).await.is_ok() {
        let _ = wire.read_reply(within).await;
    }
    close(&mut wire, limit).await;
}

/// Closes the connection.
pub(crate) async fn close(wire: &mut Wire, limit: Duration) {
    let _ = timeout(limit.min(QUIT_TIMEOUT), wire.close()).await;
}

/// Whether the server waits for a command after this error. After a 421 it closes.
fn is_in_sync(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Reply(reply) => reply.code != 421,
        ErrorKind::StartTlsMissing
        | ErrorKind::NoMechanism(_)
        | ErrorKind::NoCredentials(_)
        | ErrorKind::TokenRefused(_)
        | ErrorKind::PlaintextLogin => true,
        _ => false,
    }
}

/// From the greeting to EHLO, and to STARTTLS if it is required.
async fn greet(wire: &mut Wire, server: &ServerParams) -> Result<Extensions, Error> {
    read_greeting(wire, server).await?;
    let extensions = hello(wire, server).await?;
    if matches!(server.security, Security::StartTls(_)) {
        start_tls(wire, &extensions, server).await?;
    }
    Ok(extensions)
}

async fn read_greeting(wire: &mut Wire, server: &ServerParams) -> Result<(), Error> {
    let greeting = wire.read_reply(server.limits.command).await;
    match greeting {
        Ok(reply) if reply.code == 220 => Ok(()),
        Ok(reply) => Err(Error::new(Phase::Greeting, ErrorKind::Reply(reply))),
        Err(kind) => Err(Error::new(Phase::Greeting, handshake_refused(kind))),
    }
}

/// EHLO, or HELO if EHLO is rejected permanently. Under HELO there are no extensions.
async fn hello(wire: &mut Wire, server: &ServerParams) -> Result<Extensions, Error> {
    let error = |kind| Error::new(Phase::Hello, handshake_refused(kind));
    let own = wire.local_address().map_err(|e| error(ErrorKind::Io(e.into())))?;
    let name = command::hello_name(server.ehlo_name.as_deref(), own);
    let within = server.limits.command;
    let reply = command(wire, &command::hello("EHLO", &name), within).await.map_err(error)?;
    if reply.is_positive() {
        return Ok(Extensions::read(&reply));
    }
    if !reply.is_permanent() {
        return Err(error(ErrorKind::Reply(reply)));
    }
    let reply = command(wire, &command::hello("HELO", &name), within).await.map_err(error)?;
    if reply.is_positive() { Ok(Extensions::default()) } else { Err(error(ErrorKind::Reply(reply))) }
}

/// STARTTLS, required: the session never continues in plaintext.
async fn start_tls(wire: &mut Wire, extensions: &Extensions, server: &ServerParams) -> Result<(), Error> {
    let error = |kind| Error::new(Phase::Tls, kind);
    if !extensions.starttls {
        return Err(error(ErrorKind::StartTlsMissing));
    }
    let reply = command(wire, b"STARTTLS\r\n", server.limits.command).await.map_err(error)?;
    if reply.code != 220 {
        return Err(error(ErrorKind::Reply(reply)));
    }
    if wire.socket_state() == SocketState::Readable {
        return Err(error(ErrorKind::StartTlsInjected));
    }
    Ok(())
}

async fn handshake(
    wire: Wire,
    server: &ServerParams,
    config: &Arc<ClientConfig>,
    deadline: Instant,
) -> Result<Wire, Error> {
    let error = |kind| Error::new(Phase::Tls, kind);
    let name = tls::server_name(&server.host).map_err(error)?;
    let within = server.limits.connect;
    let wire = wire.handshake(Arc::clone(config), name, within, deadline).await.map_err(error)?;
    debug!(version = wire.tls_version(), resumed = wire.is_tls_resumed(), "protected");
    Ok(wire)
}

/// Under TLS 1.3 our handshake is over before the server has judged it: its alert comes in place of the first reply.
fn handshake_refused(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::Io(error) => {
            error.tls().map_or(ErrorKind::Io(error.clone()), |tls| ErrorKind::Tls(tls.clone()))
        }
        other => other,
    }
}

/// EHLO again under STARTTLS, and the login.
async fn log_in(wire: &mut Wire, extensions: &mut Extensions, server: &ServerParams) -> Result<(), Error> {
    if matches!(server.security, Security::StartTls(_)) {
        // What was offered in plaintext may have been tampered with (RFC 3207, section 4.2).
        *extensions = hello(wire, server).await?;
    }
    let Some(source) = &server.credentials else {
        return Ok(());
    };
    if wire.tls_version().is_none() && !server.allow_plaintext_login {
        return Err(Error::new(Phase::Auth, ErrorKind::PlaintextLogin));
    }
    auth::log_in(wire, extensions, server, source.as_ref()).await
}

async fn command(wire: &mut Wire, command: &[u8], within: Duration) -> Result<Reply, ErrorKind> {
    wire.send(command, within).await?;
    wire.read_reply(within).await
}
