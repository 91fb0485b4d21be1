//! The engine as a contestant, in a process of its own: `smtp-bench engine HOST PORT SECURITY CONNECTIONS MESSAGES SIZE --mode MODE`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, bail};
use bytes::Bytes;
use smtp_submission::tls::{Roots, client_config};
use smtp_submission::{
    CommitPoint, Content, Credentials, Delivery, Envelope, Limits, Mail, Path, Pool, Security, ServerParams,
    Session,
};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use super::options::{EngineOptions, Link, Mode};
use crate::stopwatch;

const LINE: &str = "The quick brown fox jumps over the lazy dog, and the dog does not mind.\r\n";

/// Sends, and returns the seconds to the end of the first message and those of all further ones.
pub(crate) fn run(options: &EngineOptions) -> Result<String> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (first, others) = runtime.block_on(send(options))?;
    Ok(format!("{first} {others}\n"))
}

async fn send(options: &EngineOptions) -> Result<(f64, f64)> {
    let server = server(options)?;
    let mail = mail(options)?;
    let began = stopwatch::now();
    if options.mode == Mode::Sequence {
        let mut session = Session::open(&server).await?;
        accepted(&session.send(&another(&mail)).await)?;
        let first = began.elapsed().as_secs_f64();
        let mails: Vec<Mail> = (0..options.messages).map(|_| another(&mail)).collect();
        let began = stopwatch::now();
        let mut refused = None;
        session.send_many(&mails, |_, delivery| refused = accepted(&delivery).err().or(refused.take())).await;
        return refused.map_or(Ok((first, began.elapsed().as_secs_f64())), Err);
    }
    let pool = Pool::new(server, options.connections);
    accepted(&pool.connect().await?.deliver(another(&mail)).await)?;
    let first = began.elapsed().as_secs_f64();
    let callers = if options.mode == Mode::Bulk { options.connections * 16 } else { options.connections };
    // The first round opens the connections.
    together(&pool, &mail, callers, 2 * callers).await?;
    let began = stopwatch::now();
    together(&pool, &mail, callers, options.messages).await?;
    Ok((first, began.elapsed().as_secs_f64()))
}

/// The same message once more, with a commit point of its own.
fn another(mail: &Mail) -> Mail {
    Mail { commit_point: CommitPoint::new(), ..mail.clone() }
}

/// Sends messages from several callers.
async fn together(pool: &Pool, mail: &Mail, callers: usize, messages: usize) -> Result<()> {
    let left = Arc::new(AtomicUsize::new(messages));
    let mut working = JoinSet::new();
    for _ in 0..callers {
        let (pool, mail, left) = (pool.clone(), mail.clone(), Arc::clone(&left));
        working.spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            {
                accepted(&pool.connect().await?.deliver(another(&mail)).await)?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(worked) = working.join_next().await {
        worked??;
    }
    Ok(())
}

fn accepted(delivery: &Delivery) -> Result<()> {
    if !delivery.accepted() {
        bail!("the engine: {delivery:?}");
    }
    Ok(())
}

fn mail(options: &EngineOptions) -> Result<Mail> {
    let envelope =
        Envelope { sender: Some(Path::new("a@lab.test")?), recipients: vec![Path::new("b@lab.test")?] };
    let text: String = LINE.chars().cycle().take(options.size - 2).collect();
    let header = "From: <a@lab.test>\r\nTo: <b@lab.test>\r\nSubject: measured\r\n\r\n";
    let content = Content { chunks: vec![Bytes::from(format!("{header}{text}\r\n"))], smtputf8: false };
    let all_or_nothing = options.mode == Mode::AllOrNothing;
    Ok(Mail { all_or_nothing, ..Mail::new(envelope, content, CommitPoint::new()) })
}

fn server(options: &EngineOptions) -> Result<ServerParams> {
    let tls = || -> Result<_> { Ok(client_config(Roots::Pem(&std::fs::read(&options.ca)?))?) };
    let login = || Credentials::password(options.user.as_str(), options.password.clone().into());
    let (security, credentials) = match options.link {
        Link::Plain => (Security::None, None),
        Link::Starttls => (Security::StartTls(tls()?), Some(login())),
        Link::Implicit => (Security::Implicit(tls()?), Some(login())),
    };
    Ok(ServerParams {
        host: options.host.clone(),
        port: options.port,
        security,
        credentials: credentials.map(|credentials| Arc::new(credentials) as _),
        allow_plaintext_login: false,
        ehlo_name: None,
        pipelining: true,
        chunking: true,
        limits: Limits::default(),
    })
}
