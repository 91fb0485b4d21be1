//! rmcp's transport over stdio: one message a line. Invalid lines are answered here, and the session ends only when all answers are out.
//!
//! rmcp's own transport does not answer invalid lines, and at the end drops answers that take longer than 2 or 5 s.
//!
//! Each request takes a permit from a `MemoryBudget` and keeps it until its answer is written. A call beyond the budget waits
//! in `pending`, and only so much is read ahead that pings are answered, cancellations seen and the end of the input noticed;
//! beyond that the client has to wait. A call that is cancelled while it waits never runs. At the end of the input, waiting
//! calls are run and answered like the others.
//!
//! A JSON value of two bytes takes hundreds in memory, so `json_limits` counts a request's values before they are parsed, and a
//! permit covers what they take.

use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, GetExtensions, GetMeta, JsonRpcMessage,
    JsonRpcRequest, ProtocolVersion, RequestId, ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::handshake;
use super::in_flight::InFlight;
use super::jsonrpc_error::{JsonRpcError, read};
use super::line_reader::{Line, LineReader};
use super::pending::{PendingRequest, PendingRequests};
use crate::budget::{MemoryBudget, MemoryPermit};
use crate::memory::MemoryLimit;

/// The longest request, in bytes: 50 MiB of attachments in base64, and the rest.
pub(super) const LIMIT: usize = 72 << 20;

/// A larger line is parsed on a blocking thread.
pub(super) const LARGE: usize = 1 << 20;

/// Calls that may be in flight at the same time, and their bytes; beyond that the client has to wait.
pub(super) const CALLS: usize = 256;
const CALL_BYTES: usize = 128 << 20;

/// The same for other requests: a ping must be answered while calls wait for slow servers.
const OTHERS: usize = 256;
const OTHER_BYTES: usize = 8 << 20;

/// The message of a line, and how much memory it takes.
type ReadLine = Result<Option<(ClientJsonRpcMessage, usize)>, JsonRpcError>;

/// A client's input and output.
pub(super) struct StdioTransport<R, W> {
    lines: LineReader<R>,
    output: Arc<Mutex<W>>,
    in_flight: Arc<InFlight>,
    memory: MemoryLimit,
    calls: MemoryBudget,
    others: MemoryBudget,
    pending: PendingRequests,
    /// Work of `receive` that must survive it: rmcp drops the future whenever something else happens.
    parsing: Option<JoinHandle<ReadLine>>,
    sending_error: Option<JoinHandle<()>>,
    /// rmcp ends the session if anything but a request comes before it has begun.
    has_begun: bool,
    end_of_session: SessionEnd,
}

/// The end of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionEnd {
    /// Nothing more is to be read.
    pub(super) stop: CancellationToken,
    /// Nothing more will be read: stopped, or the client closed its end.
    pub(super) reached: CancellationToken,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin + Send + 'static> StdioTransport<R, W> {
    pub(super) fn new(input: R, output: W, memory: MemoryLimit, end_of_session: SessionEnd) -> Self {
        Self {
            memory,
            lines: LineReader::new(input, LIMIT),
            output: Arc::new(Mutex::new(output)),
            in_flight: Arc::default(),
            calls: MemoryBudget::new(CALLS, CALL_BYTES),
            others: MemoryBudget::new(OTHERS, OTHER_BYTES),
            pending: PendingRequests::default(),
            parsing: None,
            sending_error: None,
            has_begun: false,
            end_of_session,
        }
    }

    /// The next message for rmcp, or `None` at the end.
    ///
    /// While too much is in flight, requests wait here and reading ahead is limited: then the client has to wait.
    async fn next(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let is_open = !self.end_of_session.reached.is_cancelled();
            let Some(first) = self.pending.first() else {
                if !is_open {
                    return None;
                }
                let read = self.next_parsed().await;
                if let Some(message) = self.take(read) {
                    return Some(message);
                }
                continue;
            };
            let (budget, bytes) = (self.budget(&first.message).clone(), first.bytes);
            let reads_on = is_open && self.pending.has_room();
            tokio::select! {
                biased;
                permit = budget.permit(bytes) => return self.pending.pop().map(|first| self.begin(first, permit)),
                read = self.next_parsed(), if reads_on => if let Some(message) = self.take(read) {
                    return Some(message);
                },
            }
        }
    }

    /// The next line from the client, after the error responses to earlier lines were written.
    async fn next_parsed(&mut self) -> Option<ReadLine> {
        if let Some(sending_error) = &mut self.sending_error {
            let _ = sending_error.await;
            self.sending_error = None;
        }
        if self.parsing.is_none() {
            match self.next_line().await? {
                Line::TooLong => return Some(Err(JsonRpcError::too_long(LIMIT))),
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
            () = self.end_of_session.stop.cancelled() => return None,
            line = self.lines.next() => line,
        };
        line.unwrap_or_else(|error| {
            warn!(%error, "the client's input broke off");
            None
        })
    }

    /// Handles what was read: records the end, answers invalid lines, queues requests. Returns the message if it goes to rmcp now.
    fn take(&mut self, read: Option<ReadLine>) -> Option<ClientJsonRpcMessage> {
        let Some(read) = read else {
            self.end_of_session.reached.cancel();
            return None;
        };
        match read {
            Ok(Some((JsonRpcMessage::Request(request), bytes))) => match self.refusal(&request, bytes) {
                Some(error) => {
                    self.send_error(&error);
                    None
                }
                None => {
                    let id = request.id.clone();
                    self.in_flight.register(id.clone());
                    self.admit(PendingRequest { id, message: JsonRpcMessage::Request(request), bytes })
                }
            },
            Ok(Some((message, _))) => self.passes(&message).then_some(message),
            Ok(None) => None,
            Err(error) => {
                self.send_error(&error);
                None
            }
        }
    }

    /// Why a request is not taken, if it is not.
    fn refusal(&self, request: &JsonRpcRequest<ClientRequest>, bytes: usize) -> Option<JsonRpcError> {
        if self.in_flight.contains(&request.id) {
            // rmcp would run both and answer one: a mail would be sent twice.
            return Some(JsonRpcError::repeated());
        }
        if !self.has_begun
            && let Some(error) = JsonRpcError::of_handshake(request)
        {
            return Some(error);
        }
        let is_call = matches!(request.request, ClientRequest::CallToolRequest(_));
        (is_call && !self.memory.has_room(bytes))
            .then(|| JsonRpcError::no_memory(request.id.clone().into_json_value()))
    }

    /// A request starts at once if it can; calls keep their order, and other requests do not wait for them.
    fn admit(&mut self, request: PendingRequest) -> Option<ClientJsonRpcMessage> {
        let is_first = self.pending.first().is_none() || !is_call(&request.message);
        let permit = is_first.then(|| self.budget(&request.message).try_permit(request.bytes)).flatten();
        match permit {
            Some(permit) => Some(self.begin(request, permit)),
            None => {
                self.pending.push(request);
                None
            }
        }
    }

    /// The permit moves with the request to the end of its work, which may outlast the client.
    fn begin(&mut self, request: PendingRequest, permit: MemoryPermit) -> ClientJsonRpcMessage {
        self.in_flight.start(request.id, permit.clone());
        let mut message = request.message;
        handshake::reduce(&mut message);
        if let JsonRpcMessage::Request(request) = &mut message {
            self.has_begun |= begins(&request.request);
            request.request.extensions_mut().insert(permit);
        }
        message
    }

    fn budget(&self, message: &ClientJsonRpcMessage) -> &MemoryBudget {
        if is_call(message) { &self.calls } else { &self.others }
    }

    /// Handles a message that is not a request; whether it goes to rmcp.
    fn passes(&mut self, message: &ClientJsonRpcMessage) -> bool {
        if let JsonRpcMessage::Notification(notification) = message
            && let ClientNotification::CancelledNotification(cancelled) = &notification.notification
            && let Some(id) = &cancelled.params.request_id
        {
            // rmcp discards the answer to a cancelled request; its work goes on, unless it never started.
            self.in_flight.finish(id);
            if self.pending.cancel(id) {
                return false;
            }
        }
        self.has_begun
    }

    fn send_error(&mut self, error: &JsonRpcError) {
        let output = Arc::clone(&self.output);
        let line = error.to_line();
        self.sending_error = Some(tokio::spawn(async move {
            if let Err(error) = write(&output, line.as_bytes()).await {
                warn!(%error, "an error answer could not be written");
            }
        }));
    }
}

impl<R, W> Transport<RoleServer> for StdioTransport<R, W>
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
        let in_flight = Arc::clone(&self.in_flight);
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let written = write(&output, &line).await;
            if let Some(id) = answered(&message) {
                in_flight.finish(id);
            }
            written
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let message = self.next().await;
        if message.is_some() {
            return message;
        }
        self.in_flight.drained().await;
        None
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.output.lock().await.flush().await
    }
}

/// Writes a whole line at once, so that concurrent answers never mix.
async fn write<W: AsyncWrite + Unpin>(output: &Mutex<W>, line: &[u8]) -> std::io::Result<()> {
    let mut output = output.lock().await;
    output.write_all(line).await?;
    output.flush().await
}

fn is_call(message: &ClientJsonRpcMessage) -> bool {
    matches!(message, JsonRpcMessage::Request(request) if matches!(request.request, ClientRequest::CallToolRequest(_)))
}

fn answered(message: &ServerJsonRpcMessage) -> Option<&RequestId> {
    match message {
        JsonRpcMessage::Response(response) => Some(&response.id),
        JsonRpcMessage::Error(error) => error.id.as_ref(),
        _ => None,
    }
}

/// Whether rmcp treats this request as the beginning of a session: the handshake of the older era, or a request that carries
/// everything itself. Before that it answers requests, and fails at anything else.
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
