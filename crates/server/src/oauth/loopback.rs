//! The page on this machine to which the browser returns after a sign-in (RFC 8252, section 7.3).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, StatusCode, header};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::authorization::{Authorization, Returned};
use super::{OauthError, ProviderError};

/// For the last answer to reach the browser.
const FAREWELL: Duration = Duration::from_secs(1);

/// Listens on a free port of this machine.
pub struct Loopback {
    listeners: Vec<TcpListener>,
    port: u16,
}

impl Loopback {
    /// Listens on 127.0.0.1, and on `[::1]` where there is one, because `localhost` may mean either.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn bind() -> io::Result<Self> {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = first.local_addr()?.port();
        let second = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await.ok();
        Ok(Self { listeners: std::iter::once(first).chain(second).collect(), port })
    }

    /// Its URL, with `host` as the provider wants it. Without a path, as it is registered at Microsoft.
    pub fn redirect_uri(&self, host: &str) -> String {
        format!("http://{host}:{}", self.port)
    }

    /// Waits for the browser: the code, or the provider's refusal. Requests that belong to no sign-in of ours change nothing.
    ///
    /// # Errors
    /// As the provider reported.
    pub async fn wait(self, authorization: &Arc<Authorization>) -> Result<SecretString, OauthError> {
        let (sender, mut returned) = mpsc::channel(1);
        let page = Router::new().fallback(arrived).with_state((Arc::clone(authorization), sender));
        let stop = CancellationToken::new();
        let mut servers = JoinSet::new();
        for listener in self.listeners {
            let server =
                axum::serve(listener, page.clone()).with_graceful_shutdown(stop.clone().cancelled_owned());
            servers.spawn(server.into_future());
        }
        let end = returned.recv().await;
        stop.cancel();
        // A browser that keeps a connection open without a request is not waited for.
        let _ = timeout(FAREWELL, servers.join_all()).await;
        let closed = || OauthError::Unsuitable("the port that the browser returns to was closed".to_owned());
        end.ok_or_else(closed)?.map_err(OauthError::Refused)
    }
}

/// The sign-in under way, and where its end is reported.
type SignIn = (Arc<Authorization>, mpsc::Sender<Result<SecretString, ProviderError>>);

type Page = (StatusCode, [(HeaderName, &'static str); 3], &'static str);

async fn arrived(State(sign_in): State<SignIn>, RawQuery(query): RawQuery) -> Page {
    let (authorization, sender) = sign_in;
    let (end, text) = match authorization.read(query.as_deref().unwrap_or_default()) {
        Returned::Code(code) => {
            (Ok(code), "You are signed in. Close this page and go back to the terminal.\n")
        }
        Returned::Refused(error) => (Err(error), "You are not signed in. The terminal says why.\n"),
        Returned::Foreign => {
            let text = "This page belongs to a sign-in that is not under way.\n";
            return page(StatusCode::BAD_REQUEST, text);
        }
    };
    // A second answer to the same sign-in changes nothing.
    let _ = sender.try_send(end);
    page(StatusCode::OK, text)
}

fn page(status: StatusCode, text: &'static str) -> Page {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, text)
}
