//! Messages a second, beside other clients.

use anyhow::Result;

use super::Peers;
use super::contest::{Contestant, Task};
use super::lab::{PLAIN, Place};
use super::options::{Link, Mode};
use crate::progress;
use crate::sample::{Sample, interleaved};
use crate::table::{Table, rounded};

const ROUNDS: usize = 5;

const CONTESTANTS: [Contestant; 6] = [
    Contestant::Engine(Mode::Single),
    Contestant::Engine(Mode::Bulk),
    Contestant::Nodemailer,
    Contestant::SmtpSource,
    Contestant::Smtplib,
    Contestant::Lettre,
];

/// Size of the message, and how many are sent over each connection: beside the server, and away from it.
const SIZES: [(usize, usize, usize); 2] = [(2_000, 100, 25), (1_000_000, 15, 6)];

const CONNECTIONS: [usize; 2] = [1, 8];

/// The medians of every cell.
pub(crate) struct Throughput(Vec<Cell>);

struct Cell {
    place: Place,
    size: usize,
    connections: usize,
    medians: [f64; CONTESTANTS.len()],
}

pub(crate) fn measure(peers: &Peers) -> Result<Throughput> {
    let mut cells = Vec::new();
    for (size, beside, away) in SIZES {
        for place in Place::ALL {
            for connections in CONNECTIONS {
                progress(&format!("{size} bytes over {connections} connections, {place:?}"));
                let each = if place == Place::Away { away } else { beside };
                let task = Task {
                    place,
                    port: PLAIN,
                    link: Link::Plain,
                    connections,
                    messages: each * connections,
                    size,
                };
                cells.push(Cell { place, size, connections, medians: medians(task, peers)? });
            }
        }
    }
    Ok(Throughput(cells))
}

fn medians(task: Task, peers: &Peers) -> Result<[f64; CONTESTANTS.len()]> {
    let rates = interleaved::<_, { CONTESTANTS.len() }>(ROUNDS, |contestant| {
        let contestant = CONTESTANTS[contestant];
        // A window is only filled by more messages.
        let more = if contestant == Contestant::Engine(Mode::Bulk) && task.size < 100_000 { 10 } else { 1 };
        let task = Task { messages: task.messages * more, ..task };
        #[expect(clippy::cast_precision_loss, reason = "a few thousand messages")]
        let messages = task.messages as f64;
        Ok(messages / contestant.run(task, Some(peers), None)?.others)
    })?;
    Ok(rates.map(|rates| Sample::of(&rates, |rate| *rate).median()))
}

impl Throughput {
    pub(crate) fn tables(&self) -> String {
        let tables = SIZES.map(|(size, ..)| self.table(size));
        tables.join("\n")
    }

    fn table(&self, size: usize) -> String {
        let cells: Vec<&Cell> = self.0.iter().filter(|cell| cell.size == size).collect();
        let what = if size < 100_000 { "2 kB" } else { "1 MB" };
        let mut head = vec![format!("messages of {what}, a second")];
        for cell in &cells {
            let distance = if cell.place == Place::Away { "20 ms" } else { "0 ms" };
            let plural = if cell.connections == 1 { "" } else { "s" };
            head.push(format!("{distance}, {} connection{plural}", cell.connections));
        }
        let mut table = Table::new(&head.iter().map(String::as_str).collect::<Vec<_>>());
        for (at, contestant) in CONTESTANTS.iter().enumerate() {
            let figures = cells.iter().map(|cell| rounded(cell.medians[at], 1));
            let row: Vec<String> = std::iter::once(contestant.name().to_owned()).chain(figures).collect();
            table.row(&row);
        }
        let ratios = cells.iter().map(|cell| rounded(cell.medians[0] / best_peer(cell), 2));
        let row: Vec<String> =
            std::iter::once("this engine / the best peer".to_owned()).chain(ratios).collect();
        table.row(&row);
        table.into_text()
    }

    /// Each client's rate for small messages over one connection, away from the server.
    pub(crate) fn away(&self) -> Vec<(&'static str, f64)> {
        let is_shown =
            |cell: &&Cell| cell.place == Place::Away && cell.connections == 1 && cell.size == SIZES[0].0;
        let cell = self.0.iter().find(is_shown);
        let medians = cell.map(|cell| cell.medians).unwrap_or_default();
        CONTESTANTS.iter().map(|contestant| contestant.name()).zip(medians).collect()
    }
}

fn best_peer(cell: &Cell) -> f64 {
    let peers = CONTESTANTS.iter().zip(cell.medians).filter(|(one, _)| !matches!(one, Contestant::Engine(_)));
    peers.map(|(_, median)| median).fold(f64::MIN_POSITIVE, f64::max)
}
