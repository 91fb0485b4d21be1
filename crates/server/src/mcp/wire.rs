//! One message a line: what rmcp reads and writes. Bad lines are answered here, and the end comes only when all answers are out.
//!
//! rmcp's own transport is silent about bad lines, and gives handlers 2 or 5 s at the end before it drops their answers.

use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, GetMeta, JsonRpcMessage, ProtocolVersion,
    RequestId, ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::complaint::{Complaint, read};
use super::flight::Flight;
use super::lines::{Line, Lines};

/// The longest request, in bytes: 50 MiB of attachments in base64, and the rest.
pub(super) const LIMIT: usize = 72 << 20;

/// A larger line is parsed away from the thread that serves the protocol.
pub(super) const LARGE: usize = 1 << 20;

type Parsed = Result<Option<ClientJsonRpcMessage>, Complaint>;

/// A client's input and output.
pub(super) struct Wire<R, W> {
    lines: Lines<R>,
    output: Arc<Mutex<W>>,
    flight: Arc<Flight>,
    /// Work of `receive` that must survive it: rmcp drops it whenever something else happens.
    parsing: Option<JoinHandle<Parsed>>,
    complaining: Option<JoinHandle<()>>,
    /// rmcp ends the session if anything but a request comes before it has begun.
    has_begun: bool,
    ends: Ends,
}

/// How a session ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Ends {
    /// Nothing more is to be read.
    pub(super) stop: CancellationToken,
    /// Nothing more will be read: stopped, or the client closed its end.
    pub(super) reached: CancellationToken,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin + Send + 'static> Wire<R, W> {
    pub(super) fn new(input: R, output: W, ends: Ends) -> Self {
        Self {
            lines: Lines::new(input, LIMIT),
            output: Arc::new(Mutex::new(output)),
            flight: Arc::default(),
            parsing: None,
            complaining: None,
            has_begun: false,
            ends,
        }
    }

    /// The next message that rmcp shall see, or nothing at the end.
    async fn next(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(complaining) = &mut self.complaining {
                let _ = complaining.await;
                self.complaining = None;
            }
            match self.next_parsed().await? {
                Ok(Some(message)) if self.repeats(&message) => self.complain(&Complaint::repeated()),
                Ok(Some(message)) if self.note(&message) => return Some(message),
                Ok(_) => {}
                Err(complaint) => self.complain(&complaint),
            }
        }
    }

    async fn next_parsed(&mut self) -> Option<Parsed> {
        if self.parsing.is_none() {
            match self.next_line().await? {
                Line::TooLong => return Some(Err(Complaint::too_long(LIMIT))),
                Line::Whole(line) if line.len() <= LARGE => return Some(read(&line)),
                Line::Whole(line) => {
                    self.parsing = Some(tokio::task::spawn_blocking(move || read(&line)));
                }
            }
        }
        let parsed = self.parsing.as_mut()?.await;
        self.parsing = None;
        Some(parsed.unwrap_or(Ok(None)))
    }

    async fn next_line(&mut self) -> Option<Line> {
        let line = tokio::select! {
            biased;
            () = self.ends.stop.cancelled() => return None,
            line = self.lines.next() => line,
        };
        line.unwrap_or_else(|error| {
            warn!(%error, "the client's input broke off");
            None
        })
    }

    /// Whether it is a request whose id still waits for its answer. rmcp would run both and answer one: a mail would leave twice.
    fn repeats(&self, message: &ClientJsonRpcMessage) -> bool {
        matches!(message, JsonRpcMessage::Request(request) if self.flight.has(&request.id))
    }

    /// Notes what a message means for the session; false: rmcp shall not see it.
    fn note(&mut self, message: &ClientJsonRpcMessage) -> bool {
        match message {
            JsonRpcMessage::Request(request) => {
                self.has_begun |= begins(&request.request);
                self.flight.take_off(request.id.clone());
                true
            }
            JsonRpcMessage::Notification(notification) => {
                // rmcp throws away the answer to a cancelled request; its work goes on.
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.flight.land(id);
                }
                self.has_begun
            }
            _ => self.has_begun,
        }
    }

    fn complain(&mut self, complaint: &Complaint) {
        let output = Arc::clone(&self.output);
        let line = complaint.to_line();
        self.complaining = Some(tokio::spawn(async move {
            if let Err(error) = write(&output, line.as_bytes()).await {
                warn!(%error, "an error answer could not be written");
            }
        }));
    }
}

impl<R, W> Transport<RoleServer> for Wire<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Error = std::io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let output = Arc::clone(&self.output);
        let flight = Arc::clone(&self.flight);
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let written = write(&output, &line).await;
            if let Some(id) = answered(&message) {
                flight.land(id);
            }
            written
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        if !self.ends.reached.is_cancelled() {
            let message = self.next().await;
            if message.is_some() {
                return message;
            }
            self.ends.reached.cancel();
        }
        self.flight.all_landed().await;
        None
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.output.lock().await.flush().await
    }
}

/// A whole line at once: answers of concurrent calls never mix.
async fn write<W: AsyncWrite + Unpin>(output: &Mutex<W>, line: &[u8]) -> std::io::Result<()> {
    let mut output = output.lock().await;
    output.write_all(line).await?;
    output.flush().await
}

fn answered(message: &ServerJsonRpcMessage) -> Option<&RequestId> {
    match message {
        JsonRpcMessage::Response(response) => Some(&response.id),
        JsonRpcMessage::Error(error) => error.id.as_ref(),
        _ => None,
    }
}

/// Whether rmcp takes this request as the beginning of a session: the handshake of the older era, or a request that carries
/// everything itself. Before that it answers requests, and gives up at anything else.
fn begins(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
        other => {
            let meta = other.get_meta();
            let version = meta.protocol_version();
            meta.missing_required_keys(&ProtocolVersion::V_2026_07_28).is_empty()
                && version.is_some_and(|version| ProtocolVersion::KNOWN_VERSIONS.contains(&version))
        }
    }
}
