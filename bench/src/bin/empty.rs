//! A tool server that does nothing, built on rmcp like the program: the cost of any MCP server.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rmcp::handler::server::tool::ToolRouter;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService, stdio_pipes};
use rmcp::{ServerHandler, ServiceExt as _, tool, tool_handler, tool_router};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

/// Threads for HTTP, as the program has them.
const HTTP_THREADS: usize = 4;

#[derive(Clone)]
struct Empty {
    tools: Arc<ToolRouter<Self>>,
}

#[tool_router]
impl Empty {
    fn new() -> Self {
        Self { tools: Arc::new(Self::tool_router()) }
    }

    /// Does nothing.
    #[tool]
    async fn nothing(&self) -> String {
        String::new()
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Empty {}

fn main() -> ExitCode {
    let served = match std::env::args().nth(1).as_deref() {
        Some("http") => on_many_threads(),
        _ => on_one_thread(),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn on_one_thread() -> anyhow::Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        match sockets() {
            Some((input, output)) => Empty::new().serve((input, output)).await?.waiting().await?,
            None => Empty::new().serve(stdio_pipes()).await?.waiting().await?,
        };
        Ok(())
    })
}

/// Standard input and output if they are sockets: rmcp would read them on a thread of their own.
#[cfg(unix)]
fn sockets() -> Option<(tokio::net::UnixStream, tokio::net::UnixStream)> {
    Some((socket(std::io::stdin())?, socket(std::io::stdout())?))
}

#[cfg(unix)]
fn socket(stream: impl std::os::fd::AsFd) -> Option<tokio::net::UnixStream> {
    let socket = std::os::unix::net::UnixStream::from(stream.as_fd().try_clone_to_owned().ok()?);
    socket.local_addr().ok()?;
    socket.set_nonblocking(true).ok()?;
    tokio::net::UnixStream::from_std(socket).ok()
}

#[cfg(not(unix))]
fn sockets() -> Option<(tokio::io::Stdin, tokio::io::Stdout)> {
    None
}

fn on_many_threads() -> anyhow::Result<()> {
    let runtime = Builder::new_multi_thread().worker_threads(HTTP_THREADS).enable_all().build()?;
    runtime.block_on(serve_http())
}

async fn serve_http() -> anyhow::Result<()> {
    let config =
        StreamableHttpServerConfig::default().with_legacy_session_mode(true).with_json_response(true);
    let empty = Empty::new();
    let service =
        StreamableHttpService::new(move || Ok(empty.clone()), Arc::<LocalSessionManager>::default(), config);
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no port")?;
    writeln!(std::io::stderr(), "url=\"http://{}/mcp\"", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
