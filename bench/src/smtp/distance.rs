//! A distance between two network namespaces: packets that go from one device to the other, each held back for half a round trip.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::stopwatch;

/// More than a packet has, in bytes.
const PACKET: usize = 1 << 16;

/// A packet, and when it arrives.
type Packet = (Instant, Vec<u8>);

/// Carries packets between the two devices that were opened as standard input and standard output, until it is killed.
pub(crate) fn carry(round_trip: Duration) -> Result<()> {
    let near = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let far = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let delay = round_trip / 2;
    let threads = [(near.try_clone()?, far.try_clone()?), (far, near)].map(|(from, to)| {
        let (sender, receiver) = channel();
        thread::spawn(move || receive(from, delay, &sender));
        thread::spawn(move || send(to, &receiver))
    });
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

fn receive(mut from: File, delay: Duration, packets: &Sender<Packet>) {
    let mut buffer = vec![0; PACKET];
    while let Ok(length) = from.read(&mut buffer) {
        let arrives = stopwatch::now() + delay;
        if packets.send((arrives, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn send(mut to: File, packets: &Receiver<Packet>) {
    for (arrives, packet) in packets {
        thread::sleep(arrives.saturating_duration_since(stopwatch::now()));
        // A device that is down loses packets, as a wire does.
        let _ = to.write_all(&packet);
    }
}
