//! lettre as a contestant, with its pool. Prints the time to the first mail and of all further ones.

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result};
use lettre::address::Envelope;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

const LINE: &str = "The quick brown fox jumps over the lazy dog, and the dog does not mind.\r\n";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [host, port, security, connections, messages, size, ca, user, password] = arguments.as_slice() else {
        anyhow::bail!("HOST PORT SECURITY CONNECTIONS MESSAGES SIZE CA USER PASSWORD");
    };
    let (connections, messages, size) =
        (connections.parse::<usize>()?, messages.parse::<usize>()?, size.parse::<usize>()?);
    let pool = PoolConfig::new().max_size(u32::try_from(connections)?);
    let mut builder =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(port.parse()?).pool_config(pool);
    if security != "plain" {
        let ca = Certificate::from_pem(&std::fs::read(ca)?)?;
        let tls = TlsParameters::builder(host.clone()).add_root_certificate(ca).build()?;
        builder = builder.tls(if security == "implicit" { Tls::Wrapper(tls) } else { Tls::Required(tls) });
        builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
    }
    let transport = Arc::new(builder.build());
    let envelope = Arc::new(Envelope::new(Some("a@lab.test".parse()?), vec!["b@lab.test".parse()?])?);
    let text: String = LINE.chars().cycle().take(size - 2).collect();
    let message =
        Arc::new(format!("From: <a@lab.test>\r\nTo: <b@lab.test>\r\nSubject: measured\r\n\r\n{text}\r\n"));

    let began = Instant::now();
    transport.send_raw(&envelope, message.as_bytes()).await.context("first")?;
    let first = began.elapsed();
    let left = Arc::new(AtomicUsize::new(0));
    let mut began = Instant::now();
    // The first round opens the connections.
    for total in [2 * connections, messages] {
        left.store(total, Ordering::Relaxed);
        began = Instant::now();
        let mut working = tokio::task::JoinSet::new();
        for _ in 0..connections {
            let (transport, envelope) = (Arc::clone(&transport), Arc::clone(&envelope));
            let (message, left) = (Arc::clone(&message), Arc::clone(&left));
            working.spawn(async move {
                while left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_ok()
                {
                    transport.send_raw(&envelope, message.as_bytes()).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(worked) = working.join_next().await {
            worked??;
        }
    }
    println!("{} {}", first.as_secs_f64(), began.elapsed().as_secs_f64());
    Ok(())
}
