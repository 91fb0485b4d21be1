//! The round trip between two places: how long it takes to open a connection.

use std::net::TcpStream;

use anyhow::{Context as _, Result};
use clap::Args;

use super::lab::{Lab, PLAIN, Place};
use crate::stopwatch;

/// An address and a port.
#[derive(Debug, Clone, Args)]
pub(crate) struct Endpoint {
    host: String,
    port: u16,
}

/// How long it takes to open a connection, in seconds: the median of nine.
pub(crate) fn connect_time(endpoint: &Endpoint) -> Result<String> {
    let mut times = Vec::new();
    for _ in 0..9 {
        let (took, connected) =
            stopwatch::time(|| TcpStream::connect((endpoint.host.as_str(), endpoint.port)));
        connected?;
        times.push(took);
    }
    times.sort();
    Ok(format!("{}\n", times[4].as_secs_f64()))
}

/// From the far place, in seconds.
pub(crate) fn measure() -> Result<f64> {
    let own = std::env::current_exe()?;
    let mut command = Lab::command(Place::Away, own.to_str().context("the path is not UTF-8")?);
    command.args(["connect", Place::Away.server(), &PLAIN.to_string()]);
    let output = command.output()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().context("no round trip was measured")
}
