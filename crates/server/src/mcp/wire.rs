//! One message a line: what rmcp reads and writes. Bad lines are answered here, and the end comes only when all answers are out.
//!
//! rmcp's own transport is silent about bad lines, and gives handlers 2 or 5 s at the end before it drops their answers.

use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, GetExtensions, GetMeta, JsonRpcMessage,
    ProtocolVersion, RequestId, ServerJsonRpcMessage,
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
use super::load::{Load, Share};
use super::queue::{Queue, Queued};

/// The longest request, in bytes: 50 MiB of attachments in base64, and the rest.
pub(super) const LIMIT: usize = 72 << 20;

/// A larger line is parsed away from the thread that serves the protocol.
pub(super) const LARGE: usize = 1 << 20;

/// Calls that may be under way at the same time, and their bytes; a client that writes on has to wait.
pub(super) const CALLS: usize = 256;
const CALL_BYTES: usize = 128 << 20;

/// The same for other requests: a ping must be answered while calls wait for slow servers.
const OTHERS: usize = 256;
const OTHER_BYTES: usize = 8 << 20;

/// What a line holds.
type Parsed = Result<Option<ClientJsonRpcMessage>, Complaint>;

/// What was read: a line's content and length.
type Heard = (Parsed, usize);

/// A client's input and output.
pub(super) struct Wire<R, W> {
    lines: Lines<R>,
    output: Arc<Mutex<W>>,
    flight: Arc<Flight>,
    calls: Load,
    others: Load,
    queue: Queue,
    /// Work of `receive` that must survive it: rmcp drops it whenever something else happens.
    parsing: Option<JoinHandle<Heard>>,
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
            calls: Load::of(CALLS, CALL_BYTES),
            others: Load::of(OTHERS, OTHER_BYTES),
            queue: Queue::default(),
            parsing: None,
            complaining: None,
            has_begun: false,
            ends,
        }
    }

    /// The next message that rmcp shall see, or nothing at the end.
    ///
    /// While too much is under way, requests wait here and only so much is read ahead: then the client has to wait, too.
    async fn next(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let is_open = !self.ends.reached.is_cancelled();
            let Some(first) = self.queue.first() else {
                if !is_open {
                    return None;
                }
                let heard = self.next_heard().await;
                if let Some(message) = self.take(heard) {
                    return Some(message);
                }
                continue;
            };
            let (load, bytes) = (self.load(&first.message).clone(), first.bytes);
            let reads_on = is_open && self.queue.has_room();
            tokio::select! {
                biased;
                share = load.share(bytes) => return self.queue.pop().map(|first| self.begin(first, share)),
                heard = self.next_heard(), if reads_on => if let Some(message) = self.take(heard) {
                    return Some(message);
                },
            }
        }
    }

    /// What comes next from the client, once complaints about what came before are out.
    async fn next_heard(&mut self) -> Option<Heard> {
        if let Some(complaining) = &mut self.complaining {
            let _ = complaining.await;
            self.complaining = None;
        }
        if self.parsing.is_none() {
            match self.next_line().await? {
                Line::TooLong => return Some((Err(Complaint::too_long(LIMIT)), 0)),
                Line::Whole(line) if line.len() <= LARGE => return Some((read(&line), line.len())),
                Line::Whole(line) => {
                    self.parsing = Some(tokio::task::spawn_blocking(move || (read(&line), line.len())));
                }
            }
        }
        let parsed = self.parsing.as_mut()?.await;
        self.parsing = None;
        Some(parsed.unwrap_or((Ok(None), 0)))
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

    /// Takes what was heard: notes its end, answers what is no message, lets a request wait; the message, if rmcp shall see it now.
    fn take(&mut self, heard: Option<Heard>) -> Option<ClientJsonRpcMessage> {
        let Some((parsed, bytes)) = heard else {
            self.ends.reached.cancel();
            return None;
        };
        match parsed {
            Ok(Some(JsonRpcMessage::Request(request))) if self.flight.has(&request.id) => {
                // rmcp would run both and answer one: a mail would leave twice.
                self.complain(&Complaint::repeated());
                None
            }
            Ok(Some(JsonRpcMessage::Request(request))) => {
                let id = request.id.clone();
                self.flight.check_in(id.clone());
                self.admit(Queued { id, message: JsonRpcMessage::Request(request), bytes })
            }
            Ok(Some(message)) => self.passes(&message).then_some(message),
            Ok(None) => None,
            Err(complaint) => {
                self.complain(&complaint);
                None
            }
        }
    }

    /// A request begins at once if it may; calls keep their order, and nothing else waits for them.
    fn admit(&mut self, request: Queued) -> Option<ClientJsonRpcMessage> {
        let is_first = self.queue.first().is_none() || !is_call(&request.message);
        let share = is_first.then(|| self.load(&request.message).share_at_once(request.bytes)).flatten();
        match share {
            Some(share) => Some(self.begin(request, share)),
            None => {
                self.queue.push(request);
                None
            }
        }
    }

    /// The request's share goes along with it to the end of its work, which may come after the end of whoever waits for it.
    fn begin(&mut self, request: Queued, share: Share) -> ClientJsonRpcMessage {
        self.flight.take_off(request.id, share.clone());
        let mut message = request.message;
        if let JsonRpcMessage::Request(request) = &mut message {
            self.has_begun |= begins(&request.request);
            request.request.extensions_mut().insert(share);
        }
        message
    }

    fn load(&self, message: &ClientJsonRpcMessage) -> &Load {
        if is_call(message) { &self.calls } else { &self.others }
    }

    /// Notes what a message that is no request means for the session; whether rmcp shall see it.
    fn passes(&mut self, message: &ClientJsonRpcMessage) -> bool {
        if let JsonRpcMessage::Notification(notification) = message
            && let ClientNotification::CancelledNotification(cancelled) = &notification.notification
            && let Some(id) = &cancelled.params.request_id
        {
            // rmcp throws away the answer to a cancelled request; its work goes on, unless it never began.
            self.flight.land(id);
            if self.queue.cancel(id) {
                return false;
            }
        }
        self.has_begun
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
        let message = self.next().await;
        if message.is_some() {
            return message;
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
