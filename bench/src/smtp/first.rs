//! The first mail: connecting, TLS, the login and the message.

use anyhow::Result;

use super::contest::{Contestant, Task};
use super::lab::{IMPLICIT_TLS, Lab, PLAIN, Place};
use super::options::{Link, Mode};
use super::{Peers, round_trip};
use crate::progress;
use crate::sample::{Sample, interleaved};
use crate::table::{Table, rounded};

const ROUNDS: usize = 9;

const CONTESTANTS: [Contestant; 4] =
    [Contestant::Engine(Mode::Single), Contestant::Nodemailer, Contestant::Smtplib, Contestant::Lettre];

pub(crate) fn measure(lab: &Lab, peers: &Peers) -> Result<String> {
    progress("the first mail");
    let head = [
        "the first mail, 20 ms, TLS and a login",
        "implicit TLS, ms",
        "round trips (aim ≤ 7.5)",
        "STARTTLS, ms",
        "round trips (aim ≤ 10)",
    ];
    let mut table = Table::new(&head);
    let implicit = times(lab, peers, Link::Implicit, IMPLICIT_TLS)?;
    let starttls = times(lab, peers, Link::Starttls, PLAIN)?;
    for (contestant, (implicit, starttls)) in CONTESTANTS.iter().zip(implicit.iter().zip(&starttls)) {
        let cells = [implicit, starttls].map(|times: &Vec<(f64, f64)>| {
            let milliseconds = Sample::of(times, |(seconds, _)| seconds * 1e3).median();
            let trips = Sample::of(times, |(seconds, trip)| seconds / trip).median();
            [rounded(milliseconds, 0), rounded(trips, 1)]
        });
        let row: Vec<String> = std::iter::once(contestant.name().to_owned()).chain(cells.concat()).collect();
        table.row(&row);
    }
    Ok(table.into_text())
}

/// Seconds to the end of the first mail, and of a round trip, for each contestant.
fn times(lab: &Lab, peers: &Peers, link: Link, port: u16) -> Result<[Vec<(f64, f64)>; CONTESTANTS.len()]> {
    let task = Task { place: Place::Away, port, link, connections: 1, messages: 1, size: 2_000 };
    interleaved(ROUNDS, |contestant| {
        let trip = round_trip::measure()?;
        let taken = CONTESTANTS[contestant].run(task, Some(peers), Some(&lab.ca()))?;
        Ok((taken.first, trip))
    })
}
