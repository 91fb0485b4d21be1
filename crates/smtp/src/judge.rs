//! What a failure means: one pure function, and the words it answers with.
//!
//! The table it follows is `docs/failures.md`; a test walks every row.

use crate::{Cause, Phase, Reply};

/// Whom a failure concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The server, whatever the message.
    Server,
    /// The message, for every recipient still open.
    Message,
    /// One recipient.
    Recipient,
}

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
    /// Whom it concerns.
    pub scope: Scope,
    /// What becomes of them.
    pub verdict: Verdict,
    /// What becomes of the server.
    pub health: Health,
}

/// Judges what happened in `phase`. `another` tells whether another server is left to try.
#[must_use]
pub fn judge(phase: Phase, cause: &Cause, another: bool) -> Judgement {
    let Judgement { scope, verdict, health } = verdict_of(phase, cause);
    let verdict = match verdict {
        Verdict::NextServer if !another => last_resort(cause),
        other => other,
    };
    Judgement { scope, verdict, health }
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
    use Scope::{Message, Recipient, Server};
    use Verdict::{Accepted, NextServer, Refused, Unknown};
    let means = |scope, verdict, health| Judgement { scope, verdict, health };

    match (phase, cause) {
        (Phase::Quit, _) => means(Server, Accepted, Unhurt),
        (_, Cause::Stopped | Cause::Busy(_)) => means(Message, NextServer, Unhurt),
        (_, Cause::LineEnds) => means(Message, Refused, Unhurt),
        (_, Cause::TooLarge { .. } | Cause::NeedsSmtpUtf8 | Cause::Needs8BitMime) => {
            means(Message, NextServer, Unhurt)
        }
        (_, Cause::Reply(Reply { code: 421, .. })) => means(Server, NextServer, HurtBriefly),
        (Phase::Connect | Phase::Greeting | Phase::Hello | Phase::Tls, _) => means(Server, NextServer, Hurt),
        (Phase::Auth, Cause::Reply(Reply { code: 530 | 534 | 535, .. }))
        | (Phase::Mail, Cause::Reply(Reply { code: 530, .. })) => means(Server, NextServer, Paused),
        (Phase::Auth, _) => means(Server, NextServer, Hurt),
        (Phase::Mail | Phase::Content, Cause::Reply(reply)) if reply.is_permanent() => {
            means(Message, Refused, Unhurt)
        }
        (Phase::Mail | Phase::Content, Cause::Reply(reply)) if reply.is_transient() => {
            means(Message, NextServer, Unhurt)
        }
        (Phase::Rcpt, Cause::Reply(reply)) if reply.is_permanent() => means(Recipient, Refused, Unhurt),
        (Phase::Rcpt, Cause::Reply(reply)) if reply.is_transient() => means(Recipient, NextServer, Unhurt),
        (Phase::End, Cause::Reply(reply)) if reply.is_positive() => means(Recipient, Accepted, Healthy),
        (Phase::End, Cause::Reply(reply)) if reply.is_permanent() => means(Message, Refused, Unhurt),
        (Phase::End, Cause::Reply(reply)) if reply.is_transient() => means(Message, NextServer, Unhurt),
        (Phase::End, _) => means(Message, Unknown, Hurt),
        (Phase::Mail | Phase::Rcpt | Phase::Content, _) => means(Message, NextServer, Hurt),
    }
}

#[cfg(test)]
mod tests;
