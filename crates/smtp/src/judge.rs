//! What a failure means: one pure function, and the words it answers with.
//!
//! The table it follows is `docs/failures.md`; a test walks every row.

use crate::{Cause, Phase, Reply};

/// What becomes of the recipients concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The server took responsibility for the message.
    Accepted,
    /// Another server may try.
    NextServer,
    /// No server is left: try again later.
    Later,
    /// Nobody should try again.
    Refused,
    /// Nobody can know whether the server took it: never sent again unless someone chooses so.
    Unknown,
}

/// What becomes of the server's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Healthy,
    /// Nothing learnt.
    Unhurt,
    /// It failed: back-off.
    Hurt,
    /// It said that it goes away for a moment: the shortest back-off.
    HurtBriefly,
    /// It refused the login: no mail and no probe until the configuration changes or a login succeeds.
    Paused,
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// What becomes of them.
    pub verdict: Verdict,
    /// What becomes of the server.
    pub health: Health,
}

/// Judges what happened in `phase`. `another` tells whether another server is left to try.
pub fn judge(phase: Phase, cause: &Cause, another: bool) -> Judgement {
    let Judgement { verdict, health } = verdict_of(phase, cause);
    let verdict = match verdict {
        Verdict::NextServer if !another => last_resort(cause),
        other => other,
    };
    Judgement { verdict, health }
}

/// What is left when no other server is: what no time can cure is refused, the rest waits.
fn last_resort(cause: &Cause) -> Verdict {
    match cause {
        Cause::TooLarge { .. } | Cause::NeedsSmtpUtf8 | Cause::Needs8BitMime => Verdict::Refused,
        _ => Verdict::Later,
    }
}

fn verdict_of(phase: Phase, cause: &Cause) -> Judgement {
    use Health::{Healthy, Hurt, HurtBriefly, Paused, Unhurt};
    use Verdict::{Accepted, NextServer, Refused, Unknown};
    let means = |verdict, health| Judgement { verdict, health };

    match (phase, cause) {
        (_, Cause::Stopped | Cause::Busy(_)) => means(NextServer, Unhurt),
        (_, Cause::LineEnds) => means(Refused, Unhurt),
        (_, Cause::TooLarge { .. } | Cause::NeedsSmtpUtf8 | Cause::Needs8BitMime) => {
            means(NextServer, Unhurt)
        }
        (_, Cause::Reply(Reply { code: 421, .. })) => means(NextServer, HurtBriefly),
        (Phase::Connect | Phase::Greeting | Phase::Hello | Phase::Tls, _) => means(NextServer, Hurt),
        (Phase::Auth, Cause::Reply(Reply { code: 530 | 534 | 535, .. }))
        | (Phase::Mail, Cause::Reply(Reply { code: 530, .. })) => means(NextServer, Paused),
        (Phase::Auth, _) => means(NextServer, Hurt),
        (Phase::Mail | Phase::Content, Cause::Reply(reply)) if reply.is_permanent() => means(Refused, Unhurt),
        (Phase::Mail | Phase::Content, Cause::Reply(reply)) if reply.is_transient() => {
            means(NextServer, Unhurt)
        }
        (Phase::Rcpt, Cause::Reply(reply)) if reply.is_permanent() => means(Refused, Unhurt),
        (Phase::Rcpt, Cause::Reply(reply)) if reply.is_transient() => means(NextServer, Unhurt),
        (Phase::End, Cause::Reply(reply)) if reply.is_positive() => means(Accepted, Healthy),
        (Phase::End, Cause::Reply(reply)) if reply.is_permanent() => means(Refused, Unhurt),
        (Phase::End, Cause::Reply(reply)) if reply.is_transient() => means(NextServer, Unhurt),
        (Phase::End, _) => means(Unknown, Hurt),
        (Phase::Mail | Phase::Rcpt | Phase::Content, _) => means(NextServer, Hurt),
    }
}

#[cfg(test)]
mod tests;
