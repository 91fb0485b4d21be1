//! What the layers above the engine add to one mail: the program beside the bare engine, on the same bytes.

use anyhow::{Result, bail};
use bytes::Bytes;
use serde_json::{Value, json};
use smtp_submission::{CommitPoint, Content, Envelope, Limits, Mail, Path, Pool, Security, ServerParams};
use tokio::runtime::{Builder, Runtime};

use crate::mail_server::MailServer;
use crate::process::{Between, Process, Program};
use crate::sample::{Sample, interleaved};
use crate::table::{Table, spread};
use crate::{progress, stdio, stopwatch};

/// Length of the body, and rounds.
const SIZES: [(usize, usize); 3] = [(2_000, 1000), (50_000, 500), (1_000_000, 100)];

pub(super) fn measure() -> Result<String> {
    progress("what is added to one mail");
    let head = ["one mail on loopback", "aim", "`send_email`, ms", "bare engine, ms", "added, ms"];
    let mut table = Table::new(&head);
    for (size, rounds) in SIZES {
        let [program, engine] = compare(size, rounds)?;
        let added = program.with(&engine, |program, engine| program - engine);
        let aim = if size == SIZES[0].0 { "< 1" } else { "" };
        let name = format!("text of {} kB", size / 1000);
        table.row(&[&name, aim, &spread(&program, 3), &spread(&engine, 3), &spread(&added, 3)]);
    }
    Ok(table.into_text())
}

/// Both in milliseconds.
fn compare(size: usize, rounds: usize) -> Result<[Sample; 2]> {
    let server = MailServer::start()?;
    let settings = in_memory(server.settings());
    let (_process, streams) = Process::with_client(Program::Ours, &settings, Between::Pipes)?;
    let mut client = stdio::Client::begin(streams)?;
    let mail = mail(size);
    // The first one opens the session, and shows the bytes that the engine shall send by itself.
    client.call("send_email", &mail)?;
    let engine = Engine::new(server.port(), &server.last_mail()?.bytes)?;
    engine.send()?;
    let results = interleaved::<_, 2>(rounds, |contestant| {
        let (took, sent) = stopwatch::time(|| match contestant {
            0 => client.call("send_email", &mail).map(drop),
            _ => engine.send(),
        });
        sent?;
        Ok(took.as_secs_f64() * 1e3)
    })?;
    Ok(results.map(|results| Sample::of(&results, |took| *took)))
}

/// The mails themselves, not the disk: `cargo xtask bench outbox` has both.
fn in_memory(mut settings: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    settings.push(("SMTP_MCP_OUTBOX", "memory".to_owned()));
    settings
}

fn mail(size: usize) -> Value {
    let line = "The quick brown fox jumps over the lazy dog, and the dog does not mind.\n";
    let body: String = line.chars().cycle().take(size).collect();
    json!({ "to": "grace@example.org", "subject": "Measured", "body": body, "allow_duplicate": true })
}

/// The engine alone, with a reused session.
struct Engine {
    runtime: Runtime,
    pool: Pool,
    envelope: Envelope,
    content: Content,
}

impl Engine {
    fn new(port: u16, message: &[u8]) -> Result<Self> {
        let server = ServerParams {
            host: "127.0.0.1".to_owned(),
            port,
            security: Security::None,
            credentials: None,
            allow_plaintext_login: false,
            ehlo_name: None,
            pipelining: true,
            chunking: true,
            limits: Limits::default(),
        };
        Ok(Self {
            runtime: Builder::new_current_thread().enable_all().build()?,
            pool: Pool::new(server, 1),
            envelope: Envelope {
                sender: Some(Path::new("ada@example.org")?),
                recipients: vec![Path::new("grace@example.org")?],
            },
            content: Content { chunks: vec![Bytes::copy_from_slice(message)], smtputf8: false },
        })
    }

    fn send(&self) -> Result<()> {
        self.runtime.block_on(async {
            let ready = self.pool.connect().await?;
            let delivery = ready
                .deliver(Mail::new(self.envelope.clone(), self.content.clone(), CommitPoint::new()))
                .await;
            if delivery.accepted() { Ok(()) } else { bail!("the engine: {delivery:?}") }
        })
    }
}
