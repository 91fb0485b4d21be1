//! Any server against batches of messages, in every way of sending: each outcome is the truth.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use smtp_submission::any_server::{Given, Offered, converse};

/// A server and what it is sent.
#[derive(Arbitrary, Debug)]
struct Input {
    pipelining: bool,
    chunking: bool,
    active: bool,
    knows_bdat: bool,
    obeys_reset: bool,
    batches: [Vec<Message>; 2],
    answers: Vec<Answer>,
}

#[derive(Arbitrary, Debug)]
struct Message {
    recipients: u8,
    size: u32,
    all_or_nothing: bool,
    cancelled: bool,
}

/// How one command is answered.
#[derive(Arbitrary, Debug, Clone, Copy)]
enum Answer {
    Ok,
    GoOn,
    Closing,
    Deferred,
    Refused,
    Other(u16),
    Lost,
}

impl Answer {
    /// The code; 0: the connection was lost instead.
    fn code(self) -> u16 {
        match self {
            Self::Ok => 250,
            Self::GoOn => 354,
            Self::Closing => 421,
            Self::Deferred => 450,
            Self::Refused => 550,
            Self::Other(any) => 200 + any % 400,
            Self::Lost => 0,
        }
    }
}

fuzz_target!(|input: Input| {
    let Input { pipelining, chunking, active, knows_bdat, obeys_reset, .. } = input;
    let given = |message: &Message| Given {
        recipients: 1 + usize::from(message.recipients % 4),
        size: u64::from(message.size % (1 << 20)),
        all_or_nothing: message.all_or_nothing,
        cancelled: message.cancelled,
    };
    let batches = input.batches.map(|batch| batch.iter().take(40).map(given).collect());
    let codes = input.answers.into_iter().map(Answer::code).collect();
    converse(Offered { pipelining, chunking, active, knows_bdat, obeys_reset }, codes, &batches);
});
