//! Handles HTTP requests: access, body, checks, rmcp; each counts as in flight until its response is out.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body_util::Full;
use rmcp::model::JsonRpcMessage;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::debug;

use super::HttpLimits;
use super::accept;
use super::access;
use super::body::Bodies;
use super::error::{HttpError, how_to_connect};
use super::in_flight_body::InFlightBody;
use super::places::ClientAddress;
use super::sessions::{SessionUse, Sessions};
use super::token_throttle::TokenThrottle;
use crate::budget::{MemoryBudget, MemoryPermit, SMALL};
use crate::config::HttpConfig;
use crate::mcp::{McpHandler, ParsePermit};
use crate::transport::handshake;
use crate::transport::jsonrpc_error::{JsonRpcError, examine, repaired, repaired_value};
use crate::transport::message_head::MessageHead;
use crate::transport::params_shape::ParamsShape;
use crate::transport::stdio_transport::LARGE;

/// Large requests that are parsed at the same time: fewer than there are threads, so that small ones need not wait.
const PARSING: usize = 2;

/// What all requests share.
pub(super) struct HttpHandler {
    pub(super) server: McpHandler,
    pub(super) config: HttpConfig,
    rmcp: StreamableHttpService<McpHandler, LocalSessionManager>,
    sessions: Sessions,
    throttle: TokenThrottle,
    stopping: CancellationToken,
    requests: TaskTracker,
    bodies: Bodies,
    /// Large requests that are parsed.
    parsing: MemoryBudget,
    /// Requests whose params are put right.
    repairing: MemoryBudget,
}

/// What a request holds until its response is written.
type Held = (TaskTrackerToken, MemoryPermit, Option<SessionUse>);

impl HttpHandler {
    pub(super) fn new(
        server: McpHandler,
        config: HttpConfig,
        limits: HttpLimits,
        stopping: CancellationToken,
        rmcp: StreamableHttpServerConfig,
    ) -> Self {
        let sessions = Sessions::new(limits.sessions, limits.session_idle);
        let each = server.clone();
        let rmcp =
            StreamableHttpService::new(move || Ok(each.for_client()), Arc::clone(&sessions.manager), rmcp);
        let bodies = Bodies::new(limits, server.memory());
        let parsing = MemoryBudget::new(PARSING, 0);
        let repairing = MemoryBudget::new(1, 0);
        Self {
            server,
            config,
            rmcp,
            sessions,
            throttle: TokenThrottle::default(),
            stopping,
            requests: TaskTracker::new(),
            bodies,
            parsing,
            repairing,
        }
    }

    /// Waits until the response to every POST is out.
    pub(super) async fn all_answered(&self) {
        self.requests.close();
        self.requests.wait().await;
    }

    async fn respond(&self, request: Request) -> Result<Response, HttpError> {
        let (mut head, body) = request.into_parts();
        access::check(&self.config, &head)?;
        self.check_token(&head).await?;
        // rmcp keeps the head with the call.
        head.headers.remove(header::AUTHORIZATION);
        match head.method {
            Method::POST => self.post(head, body).await,
            Method::GET if !accept::accepts_events(&head.headers) => Ok(how_to_connect()),
            Method::DELETE => Ok(self.delete(head, body).await),
            _ => Ok(self.stream(head, body).await),
        }
    }

    async fn check_token(&self, head: &Parts) -> Result<(), HttpError> {
        let Some(token) = self.config.token() else {
            return Ok(());
        };
        let shown = access::shown_token(&head.headers)?;
        let ClientAddress(address) = *head.extensions.get().unwrap_or(&ClientAddress::UNKNOWN);
        tokio::select! {
            () = self.throttle.wait(address) => {}
            () = self.stopping.cancelled() => return Err(HttpError::stopping()),
        }
        if shown.is_some_and(|shown| token.is(shown)) {
            self.throttle.succeeded(address);
            return Ok(());
        }
        self.throttle.failed(address);
        Err(HttpError::token_wrong())
    }

    /// The stream of a session on which the server would call.
    async fn stream(&self, head: Parts, body: Body) -> Response {
        let session = self.sessions.used(&head.headers);
        let response = self.rmcp.handle(Request::from_parts(head, body)).await;
        response.map(|body| Body::new(InFlightBody::new(body, session)))
    }

    /// rmcp responds 202 when the session has ended, which some clients treat as a failure.
    async fn delete(&self, head: Parts, body: Body) -> Response {
        let response = self.rmcp.handle(Request::from_parts(head, body)).await;
        match response.status() {
            StatusCode::ACCEPTED => StatusCode::NO_CONTENT.into_response(),
            _ => response.map(Body::new),
        }
    }

    async fn post(&self, mut head: Parts, body: Body) -> Result<Response, HttpError> {
        let (token, session) = (self.requests.token(), self.sessions.used(&head.headers));
        if !is_json(&head.headers) {
            return Err(HttpError::media_type());
        }
        accept::complete(&mut head.headers);
        let (body, permit) = tokio::select! {
            read = self.bodies.read(&head, body) => read?,
            () = self.stopping.cancelled() => return Err(HttpError::stopping()),
        };
        let (body, message, memory) = examined(body).await.map_err(HttpError::of)?;
        let permit = permit.and(self.bodies.values_permit(memory - body.len()).await?);
        // rmcp keeps the head with the call, and a call goes on if its client disconnects.
        head.extensions.insert(permit.clone());
        if memory > SMALL {
            head.extensions.insert(ParsePermit::new(self.parsing.permit(0).await));
        }
        let is_handshake = message.method() == Some("initialize");
        let body = match (is_handshake, message.params.is_odd) {
            (true, _) => self.handshake(&body).await?,
            (false, true) => self.repaired(body).await,
            (false, false) => body,
        };
        let response = self.rmcp.handle(Request::from_parts(head, Full::new(body))).await;
        if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            return Err(HttpError::of(JsonRpcError::no_message(message.id.into_value())));
        }
        if is_handshake {
            self.sessions.begun(response.headers());
        }
        let held: Held = (token, permit, session);
        Ok(response.map(|body| Body::new(InFlightBody::new(body, held))))
    }

    /// Limits the number of sessions, and what each keeps. An invalid handshake is left to rmcp.
    async fn handshake(&self, body: &Bytes) -> Result<Bytes, HttpError> {
        if body.len() > SMALL {
            return Err(HttpError::handshake_too_long());
        }
        let Some(mut message) = repaired(body) else { return Ok(body.clone()) };
        if let JsonRpcMessage::Request(request) = &message
            && let Some(error) = JsonRpcError::of_handshake(request)
        {
            return Err(HttpError::of(error));
        }
        self.sessions.make_room().await;
        handshake::reduce(&mut message);
        Ok(serde_json::to_vec(&message).map_or_else(|_| body.clone(), Bytes::from))
    }

    /// The message with its params put right. One at a time on a blocking thread, because it takes several times its size.
    async fn repaired(&self, body: Bytes) -> Bytes {
        let permit = self.repairing.permit(0).await;
        let repairing = tokio::task::spawn_blocking(move || {
            let Some(repaired) = repaired_value(&body) else { return body };
            drop(body);
            let repaired = serde_json::to_vec(&repaired).unwrap_or_default();
            drop(permit);
            Bytes::from(repaired)
        });
        repairing.await.unwrap_or_default()
    }
}

/// `/mcp`.
pub(super) async fn answer(State(handler): State<Arc<HttpHandler>>, request: Request) -> Response {
    handler.respond(request).await.unwrap_or_else(|error| {
        debug!(%error, "refused a request");
        error.into_response()
    })
}

/// A large body is examined on a blocking thread.
async fn examined(body: Bytes) -> Result<(Bytes, MessageHead<ParamsShape>, usize), JsonRpcError> {
    if body.len() <= LARGE {
        return examine(&body).map(|(message, memory)| (body, message, memory));
    }
    let examining =
        tokio::task::spawn_blocking(move || examine(&body).map(|(message, memory)| (body, message, memory)));
    examining.await.unwrap_or_else(|_| Err(JsonRpcError::no_message(serde_json::Value::Null)))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
