//! The SMTP engine beside other clients, against a real Postfix, at a distance and without.

mod contest;
mod distance;
mod engine;
mod first;
mod lab;
mod options;
mod plot;
mod round_trip;
mod round_trips;
mod throughput;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::kernel;

pub(crate) use distance::carry;
pub(crate) use engine::run as run_engine;
pub(crate) use options::EngineOptions;
pub(crate) use round_trip::{Endpoint, connect_time};

/// The round trip between the namespaces.
const ROUND_TRIP: Duration = Duration::from_millis(20);

/// Where the peers are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Peers {
    /// A program that sends with lettre.
    #[arg(long)]
    lettre: PathBuf,
    /// Node.
    #[arg(long)]
    node: PathBuf,
    /// The directory in whose `node_modules` nodemailer is.
    #[arg(long)]
    nodemailer: PathBuf,
    /// Where to write the plot.
    #[arg(long)]
    plot: PathBuf,
}

/// Measures everything; Markdown, and the plot as a file.
pub(crate) fn measure(peers: &Peers) -> Result<String> {
    let before = kernel::load();
    let lab = lab::Lab::up(ROUND_TRIP)?;
    let throughput = throughput::measure(peers)?;
    let tables = [throughput.tables(), round_trips::measure()?, first::measure(&lab, peers)?];
    std::fs::write(&peers.plot, plot::bars(&throughput.away()))?;
    let name = peers.plot.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let machine = kernel::machine();
    let head = format!("{machine}; load {before} before and {} after.", kernel::load());
    let plot = format!("![Messages a second over one connection, 20 ms away]({name})\n");
    Ok(format!("{head}\n\n{}\n{plot}", tables.join("\n")))
}
