//! The end of a session with a call in flight, on a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, ServerHandler};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::transport::stdio_transport::CALLS;

/// A server whose only tool waits until it is released.
#[derive(Clone, Default)]
struct Slow {
    begun: Arc<Notify>,
    count: Arc<AtomicUsize>,
    go_on: CancellationToken,
    ended: Arc<AtomicBool>,
}

impl ServerHandler for Slow {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.begun.notify_one();
        self.go_on.cancelled().await;
        self.ended.store(true, Ordering::Release);
        Ok(CallToolResult::success(Vec::new()).into())
    }
}

struct Client {
    slow: Slow,
    stop: CancellationToken,
    input: BufReader<ReadHalf<DuplexStream>>,
    output: Option<WriteHalf<DuplexStream>>,
    session: JoinHandle<()>,
}

const HELLO: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"slow"}}"#;

impl Client {
    /// A client after the handshake. The shutdown deadline lets the slow call end if `hurries`.
    async fn connect(hurries: bool) -> Self {
        let slow = Slow::default();
        let stop = CancellationToken::new();
        let (ours, theirs) = tokio::io::duplex(4096);
        let (input, output) = tokio::io::split(theirs);
        let deadline_passed = slow.go_on.clone();
        let session = tokio::spawn(serve_streams(
            slow.clone(),
            (input, output),
            MemoryLimit::default(),
            stop.clone().cancelled_owned(),
            OnStop {
                stopping: || {},
                shutdown_deadline: move || {
                    if hurries {
                        deadline_passed.cancel();
                    }
                },
            },
        ));
        let (input, output) = tokio::io::split(ours);
        let mut client = Self { slow, stop, input: BufReader::new(input), output: Some(output), session };
        client.say(HELLO).await;
        assert!(client.receive().await.contains("protocolVersion"));
        client
    }

    async fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.output.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    async fn receive(&mut self) -> String {
        let mut line = String::new();
        self.input.read_line(&mut line).await.unwrap();
        line
    }

    async fn call(&mut self) {
        self.say(CALL).await;
        self.slow.begun.notified().await;
    }

    /// As many calls as may be in flight, and these beyond that; all of them were read.
    async fn call_too_often(&mut self, beyond: &[&str]) {
        for number in 0..CALLS {
            self.say(&CALL.replace("\"c\"", &number.to_string())).await;
        }
        for id in beyond {
            self.say(&CALL.replace("\"c\"", &format!("\"{id}\""))).await;
        }
        self.say(r#"{"jsonrpc":"2.0","id":"last","method":"ping"}"#).await;
        // it waits for no call
        assert!(self.receive().await.contains(r#""id":"last""#));
        assert_eq!(self.slow.count.load(Ordering::Acquire), CALLS);
    }

    /// The ids of everything that was answered.
    async fn answered(&mut self) -> Vec<String> {
        let mut ids = Vec::new();
        loop {
            let line = self.receive().await;
            let Ok(answer) = serde_json::from_str::<serde_json::Value>(&line) else {
                return ids;
            };
            assert!(answer.get("result").is_some(), "{line}");
            ids.push(answer["id"].to_string().replace('"', ""));
        }
    }

    /// No more input, like a closed pipe.
    async fn close(&mut self) {
        self.output.take().unwrap().shutdown().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_input_waits_for_the_answer() {
    let mut client = Client::connect(false).await;
    client.call().await;
    client.close().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!client.session.is_finished());
    client.slow.go_on.cancel();
    assert!(client.receive().await.contains(r#""id":"c","result""#));
    client.session.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_signal_waits_for_the_answer_and_takes_no_further_call() {
    let mut client = Client::connect(false).await;
    client.call().await;
    client.stop.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.say(r#"{"jsonrpc":"2.0","id":"late","method":"tools/list"}"#).await;
    client.slow.go_on.cancel();
    assert!(client.receive().await.contains(r#""id":"c","result""#));
    (&mut client.session).await.unwrap();
    assert_eq!(client.receive().await, "");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_hurried_and_answered_within_8_s() {
    let mut client = Client::connect(true).await;
    client.call().await;
    let began = Instant::now();
    client.stop.cancel();
    assert!(client.receive().await.contains(r#""id":"c","result""#));
    client.session.await.unwrap();
    assert!(began.elapsed() <= CALLS_GRACE_PERIOD + ANSWERS_GRACE_PERIOD);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_hurried_does_not_hold_up_the_end() {
    let mut client = Client::connect(false).await;
    client.call().await;
    let began = Instant::now();
    client.close().await;
    client.session.await.unwrap();
    assert_eq!(began.elapsed(), CALLS_GRACE_PERIOD + ANSWERS_GRACE_PERIOD);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_goes_on_to_its_end() {
    let began = Instant::now();
    let mut client = Client::connect(false).await;
    client.call().await;
    client.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c"}}"#).await;
    client.say(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await;
    assert!(client.receive().await.contains(r#""id":1"#));
    client.close().await;
    client.slow.go_on.cancel();
    client.session.await.unwrap();
    assert!(client.slow.ended.load(Ordering::Acquire));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_still_waits_is_not_taken_twice() {
    let mut client = Client::connect(false).await;
    client.call().await;
    client.say(CALL).await;
    let error = client.receive().await;
    assert!(error.contains("\"id\":null") && error.contains("-32600"), "{error}");
    client.slow.go_on.cancel();
    assert!(client.receive().await.contains(r#""id":"c""#));
    // answered: the same id may come again
    client.say(CALL).await;
    assert!(client.receive().await.contains(r#""id":"c""#));
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_session_ends_at_once() {
    let began = Instant::now();
    let mut client = Client::connect(false).await;
    client.close().await;
    client.session.await.unwrap();
    let client = Client::connect(false).await;
    client.stop.cancel();
    client.session.await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

fn numbers_and(beyond: &[&str]) -> Vec<String> {
    (0..CALLS).map(|number| number.to_string()).chain(beyond.iter().map(|id| (*id).to_owned())).collect()
}

fn by_status(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

#[tokio::test(start_paused = true)]
async fn a_call_too_many_waits_for_another_one_and_is_never_run_when_it_is_cancelled() {
    let mut client = Client::connect(false).await;
    client.call_too_often(&["second", "third"]).await;
    client
        .say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"second"}}"#)
        .await;
    client.say(&CALL.replace("\"c\"", "\"third\"")).await;
    let error = client.receive().await;
    assert!(error.contains("\"id\":null") && error.contains("-32600"), "{error}");
    client.slow.go_on.cancel();
    client.close().await;
    assert_eq!(by_status(client.answered().await), by_status(numbers_and(&["third"])));
    client.session.await.unwrap();
    assert_eq!(client.slow.count.load(Ordering::Acquire), CALLS + 1);
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_to_begin_do_not_hold_up_the_end() {
    for by_signal in [true, false] {
        let mut client = Client::connect(true).await;
        client.call_too_often(&["second", "third"]).await;
        let began = Instant::now();
        if by_signal {
            client.stop.cancel();
        } else {
            client.close().await;
        }
        assert_eq!(by_status(client.answered().await), by_status(numbers_and(&["second", "third"])));
        client.session.await.unwrap();
        assert!(began.elapsed() <= CALLS_GRACE_PERIOD + ANSWERS_GRACE_PERIOD);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_has_to_wait_with_writing() {
    let mut client = Client::connect(false).await;
    client.slow.go_on.cancel();
    let mut output = client.output.take().unwrap();
    let all = 20 * CALLS;
    let writing = tokio::spawn(async move {
        for number in 0..all {
            let line = CALL.replace("\"c\"", &number.to_string()) + "\n";
            output.write_all(line.as_bytes()).await.unwrap();
        }
        output.shutdown().await.unwrap();
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let run = client.slow.count.load(Ordering::Acquire);
    assert!(run <= CALLS + 100, "{run} calls were run, and nobody hears their answers");
    assert!(!writing.is_finished());
    assert_eq!(client.answered().await.len(), all);
    writing.await.unwrap();
}

/// An input whose implementation panics.
struct Faulty;

impl AsyncRead for Faulty {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        panic!("text-of-great-secrecy");
    }
}

#[tokio::test]
async fn a_panic_of_the_session_is_logged_without_its_words() {
    let (mut logged, log) = std::io::pipe().unwrap();
    let lines = tracing_subscriber::fmt().with_writer(std::sync::Mutex::new(log)).finish();
    let logging = tracing::subscriber::set_default(lines);
    let input = std::io::Cursor::new(format!("{HELLO}\n").into_bytes()).chain(Faulty);
    serve_streams(
        Slow::default(),
        (input, tokio::io::sink()),
        MemoryLimit::default(),
        std::future::pending(),
        OnStop { stopping: || {}, shutdown_deadline: || {} },
    )
    .await;
    drop(logging);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut logged, &mut said).unwrap();
    assert!(said.contains("an error inside this program"), "{said}");
    assert!(!said.contains("secrecy"), "{said}");
}
