//! From a request to rmcp's answer: admitted, read, examined; and counted until its answer is out.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body_util::Full;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::HttpLimits;
use super::counted::Counted;
use super::refusal::{Refusal, how_to_connect};
use super::{body, gate};
use crate::config::HttpConfig;
use crate::mcp::complaint::{Complaint, Envelope, examine};
use crate::mcp::load::{Load, SMALL};
use crate::mcp::server::Server;
use crate::mcp::wire::LARGE;

/// What all requests share.
pub(super) struct Desk {
    pub(super) server: Server,
    config: HttpConfig,
    limits: HttpLimits,
    rmcp: StreamableHttpService<Server, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    stopping: CancellationToken,
    requests: TaskTracker,
    load: Load,
}

impl Desk {
    pub(super) fn new(
        server: Server,
        config: HttpConfig,
        limits: HttpLimits,
        stopping: CancellationToken,
        rmcp: StreamableHttpServerConfig,
    ) -> Self {
        let mut sessions = LocalSessionManager::default();
        sessions.session_config.keep_alive = Some(limits.silence);
        let sessions = Arc::new(sessions);
        let each = server.clone();
        let rmcp = StreamableHttpService::new(move || Ok(each.clone()), Arc::clone(&sessions), rmcp);
        let load = Load::of(limits.requests, limits.bytes_together);
        Self { server, config, limits, rmcp, sessions, stopping, requests: TaskTracker::new(), load }
    }

    /// Waits until the answer to every POST is out.
    pub(super) async fn all_answered(&self) {
        self.requests.close();
        self.requests.wait().await;
    }

    async fn respond(&self, request: Request) -> Result<Response, Refusal> {
        let (mut head, body) = request.into_parts();
        gate::judge(&self.config, &head)?;
        // rmcp keeps the head with the call.
        head.headers.remove(header::AUTHORIZATION);
        match head.method {
            Method::POST => self.post(head, body).await,
            Method::GET if !accepts_events(&head.headers) => Ok(how_to_connect()),
            Method::DELETE => Ok(self.delete(head, body).await),
            _ => Ok(self.rmcp.handle(Request::from_parts(head, body)).await.map(Body::new)),
        }
    }

    /// rmcp says 202 when the session has ended; some clients take that for a failure.
    async fn delete(&self, head: Parts, body: Body) -> Response {
        let response = self.rmcp.handle(Request::from_parts(head, body)).await;
        match response.status() {
            StatusCode::ACCEPTED => StatusCode::NO_CONTENT.into_response(),
            _ => response.map(Body::new),
        }
    }

    async fn post(&self, mut head: Parts, body: Body) -> Result<Response, Refusal> {
        let underway = self.requests.token();
        if !is_json(&head.headers) {
            return Err(Refusal::media_type());
        }
        let (body, share) = tokio::select! {
            read = body::read(&head, body, &self.limits, &self.load) => read?,
            () = self.stopping.cancelled() => return Err(Refusal::stopping()),
        };
        // rmcp keeps the head with the call, and a call goes on when its client went away.
        head.extensions.insert(share);
        let (body, envelope) = examined(body).await.map_err(Refusal::of)?;
        self.judge_handshake(&envelope, body.len()).await?;
        let response = self.rmcp.handle(Request::from_parts(head, Full::new(body))).await;
        if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            return Err(Refusal::of(Complaint::no_message(envelope.id)));
        }
        Ok(response.map(|body| Body::new(Counted { body, _underway: underway })))
    }

    /// There is an end to sessions, and to what each keeps: rmcp holds the words of its handshake until it ends.
    async fn judge_handshake(&self, envelope: &Envelope, bytes: usize) -> Result<(), Refusal> {
        if envelope.method.as_deref() != Some("initialize") {
            return Ok(());
        }
        if bytes > SMALL {
            return Err(Refusal::handshake_too_long());
        }
        let open = self.sessions.sessions.read().await.len();
        if open < self.limits.sessions { Ok(()) } else { Err(Refusal::too_many_sessions()) }
    }
}

/// `/mcp`.
pub(super) async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    desk.respond(request).await.unwrap_or_else(|refusal| {
        debug!(%refusal, "refused a request");
        refusal.into_response()
    })
}

/// A large body is examined away from the threads that serve the protocol.
async fn examined(body: Bytes) -> Result<(Bytes, Envelope), Complaint> {
    if body.len() <= LARGE {
        return examine(&body).map(|envelope| (body, envelope));
    }
    let examining = tokio::task::spawn_blocking(move || examine(&body).map(|envelope| (body, envelope)));
    examining.await.unwrap_or_else(|_| Err(Complaint::no_message(serde_json::Value::Null)))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn accepts_events(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| range.trim().starts_with("text/event-stream"))
}
