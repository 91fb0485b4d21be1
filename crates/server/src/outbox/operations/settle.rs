//! What an attempt came to: for each recipient, and then for the message.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, named_params, params};

use super::withdraw::withdraw_stopped;
use super::{ENDED, STATE, add_event, columns};
use crate::config::OnUnknown;
use crate::outbox::owner::OwnerId;
use crate::outbox::types::Queued;
use crate::outcome::{RecipientOutcome, RecipientStatus, State};

/// A claim as the database knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::outbox) struct ClaimKey {
    pub(in crate::outbox) seq: i64,
    pub(in crate::outbox) token: i64,
    pub(in crate::outbox) owner: OwnerId,
}

/// Records the outcome of a claimed attempt, and gives up the claim. Open recipients wait until `due`. Returns the state, or
/// `None` if the claim is no longer this process's.
pub(in crate::outbox) fn record(
    db: &Connection,
    now: i64,
    key: ClaimKey,
    recipients: &[RecipientOutcome],
    due: i64,
) -> rusqlite::Result<Option<State>> {
    if !is_in_effect(db, key)? {
        return recorded_before(db, key);
    }
    end(db, now, key, recipients, due, &recorded(key.token)).map(Some)
}

/// Gives up the claim of a process that will not: what its open recipients came to is unknown. Not the same event as
/// [`record`]: if the process is alive after all, what it records later still counts.
pub(super) fn give_up(
    db: &Connection,
    now: i64,
    key: ClaimKey,
    unknown: &[RecipientOutcome],
) -> rusqlite::Result<bool> {
    let is_in_effect = is_in_effect(db, key)?;
    if is_in_effect {
        end(db, now, key, unknown, now, "given up")?;
    }
    Ok(is_in_effect)
}

fn end(
    db: &Connection,
    now: i64,
    key: ClaimKey,
    recipients: &[RecipientOutcome],
    due: i64,
    event: &str,
) -> rusqlite::Result<State> {
    write_outcomes(db, now, key.seq, recipients)?;
    let state = settle(db, now, key.seq, due)?;
    add_event(db, key.seq, now, event, Some(&summary(recipients)))?;
    Ok(state)
}

/// After a commit whose result was lost the outcome may be there already.
fn recorded_before(db: &Connection, key: ClaimKey) -> rusqlite::Result<Option<State>> {
    let sql = "SELECT state FROM message WHERE seq = ?1 AND token = ?2 \
        AND EXISTS (SELECT 1 FROM event WHERE event.seq = ?1 AND kind = ?3)";
    db.prepare_cached(sql)?
        .query_row(params![key.seq, key.token, recorded(key.token)], |row| columns::state(row, "state"))
        .optional()
}

/// The kind of the event that ends the attempt with this token.
fn recorded(token: i64) -> String {
    format!("attempt {token} ended")
}

/// Records what is known of some recipients while the attempt goes on. False: it must not go on with the others, because the claim
/// is no longer this process's, or the message was cancelled.
pub(in crate::outbox) fn note(
    db: &Connection,
    now: i64,
    key: ClaimKey,
    recipients: &[RecipientOutcome],
) -> rusqlite::Result<bool> {
    let is_own = is_in_effect(db, key)?;
    if is_own {
        write_outcomes(db, now, key.seq, recipients)?;
    }
    let is_stopped = db.prepare_cached("SELECT 1 FROM message WHERE seq = ? AND stop")?.exists([key.seq])?;
    Ok(is_own && !is_stopped)
}

/// Whether the claim is still what permits sending.
pub(super) fn is_in_effect(db: &Connection, key: ClaimKey) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM message WHERE seq = ? AND token = ? AND owner = ? AND state = 'sending'";
    db.prepare_cached(sql)?.exists(params![key.seq, key.token, key.owner.0.as_bytes()])
}

/// Gives up a claim under which certainly nothing was sent: the attempt does not count.
pub(in crate::outbox) fn release(
    db: &Connection,
    now: i64,
    key: ClaimKey,
    due: i64,
) -> rusqlite::Result<bool> {
    let sql = "UPDATE message SET state = 'queued', owner = NULL, due_ms = :due, attempts = attempts - 1 \
        WHERE seq = :seq AND token = :token AND owner = :owner AND state = 'sending'";
    let released = db.prepare_cached(sql)?.execute(named_params! {
        ":due": due, ":seq": key.seq, ":token": key.token, ":owner": key.owner.0.as_bytes(),
    })?;
    if released > 0 {
        // What an earlier server accepted or refused within the attempt was noted, and may have been the last.
        settle(db, now, key.seq, due)?;
        add_event(db, key.seq, now, "released", Some("nothing was sent"))?;
    }
    Ok(released > 0)
}

/// Records that no server could be had, without a claim: nothing was sent. Recipients are deferred or refused. `None`: the
/// message is not waiting any more.
pub(in crate::outbox) fn postpone(
    db: &Connection,
    now: i64,
    queued: &Queued,
    recipients: &[RecipientOutcome],
    due: i64,
) -> rusqlite::Result<Option<State>> {
    let sql = "UPDATE message SET attempts = attempts + 1 WHERE seq = ? AND token = ? AND attempts = ? AND state = 'queued'";
    if db.prepare_cached(sql)?.execute(params![queued.seq, queued.token, queued.attempts])? == 0 {
        return Ok(None);
    }
    write_outcomes(db, now, queued.seq, recipients)?;
    let state = settle(db, now, queued.seq, due)?;
    add_event(db, queued.seq, now, "postponed", Some(&summary(recipients)))?;
    Ok(Some(state))
}

/// What became known after the claim was lost: acceptance counts, as long as nobody has claimed the message since. Whoever has
/// read its recipients before and not claimed it yet cannot claim it any more: the token moves on.
pub(in crate::outbox) fn late(
    db: &Connection,
    now: i64,
    key: ClaimKey,
    recipients: &[RecipientOutcome],
) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM message WHERE seq = ? AND token = ? AND state IN ('unknown', 'queued')";
    if !db.prepare_cached(sql)?.exists(params![key.seq, key.token])? {
        return Ok(false);
    }
    let accepted: Vec<_> =
        recipients.iter().filter(|one| one.status == RecipientStatus::Accepted).cloned().collect();
    let reopen = "UPDATE recipient SET status = 'open' WHERE seq = ? AND address = ? AND status = 'unknown'";
    for recipient in &accepted {
        db.prepare_cached(reopen)?.execute(params![key.seq, recipient.address.to_string()])?;
    }
    write_outcomes(db, now, key.seq, &accepted)?;
    let due: i64 = db
        .prepare_cached("UPDATE message SET token = token + 1 WHERE seq = ? RETURNING due_ms")?
        .query_row([key.seq], |row| row.get(0))?;
    settle(db, now, key.seq, due)?;
    add_event(db, key.seq, now, "late reply", Some(&summary(&accepted)))?;
    Ok(true)
}

/// Writes the outcomes of recipients that are open. While an earlier attempt may have delivered a copy, only acceptance is
/// certain: a refusal of the copy sent now reads unknown.
fn write_outcomes(
    db: &Connection,
    now: i64,
    seq: i64,
    recipients: &[RecipientOutcome],
) -> rusqlite::Result<()> {
    let on_unknown: String = db
        .prepare_cached("SELECT on_unknown FROM message WHERE seq = ?")?
        .query_row([seq], |row| row.get(0))?;
    let on_unknown = OnUnknown::parse(&on_unknown).unwrap_or_default();
    let sql = "UPDATE recipient SET status = CASE WHEN :status = 'rejected' AND doubt THEN 'unknown' ELSE :status END, \
        doubt = CASE WHEN :status = 'accepted' THEN 0 ELSE max(doubt, :doubt) END, phase = :phase, code = :code, \
        enhanced_code = :enhanced, reply = :reply, reason = :reason, server = :server, host = :host, updated_ms = :now \
        WHERE seq = :seq AND n = :n AND status = 'open'";
    let mut statement = db.prepare_cached(sql)?;
    let numbers = open_recipients(db, seq)?;
    for recipient in recipients {
        let Some(n) = numbers.get(&recipient.address.to_string()) else { continue };
        let is_unknown = recipient.status == RecipientStatus::Unknown;
        let (status, phase) = match on_unknown {
            OnUnknown::AssumeSent if is_unknown => ("accepted", columns::ASSUMED.to_owned()),
            OnUnknown::Retry if is_unknown => ("open", columns::phase(recipient.phase)),
            _ => (columns::status(recipient.status), columns::phase(recipient.phase)),
        };
        // A code needs a reply: where the server's text is empty, that is its text.
        let reply = recipient.reply.clone().or_else(|| recipient.code.map(|_| String::new()));
        let enhanced = recipient.enhanced_code.as_ref().filter(|_| recipient.code.is_some());
        statement.execute(named_params! {
            ":status": status,
            ":doubt": is_unknown,
            ":phase": phase,
            ":code": recipient.code,
            ":enhanced": enhanced,
            ":reply": reply,
            ":reason": recipient.reason,
            ":server": recipient.server.as_ref().map(|server| &server.name),
            ":host": recipient.server.as_ref().map(|server| &server.host),
            ":now": now,
            ":seq": seq,
            ":n": n,
        })?;
    }
    Ok(())
}

/// The open recipients' numbers by their addresses, for which there is no index within a message.
fn open_recipients(db: &Connection, seq: i64) -> rusqlite::Result<HashMap<String, i64>> {
    let sql = "SELECT address, n FROM recipient WHERE seq = ? AND status = 'open'";
    let mut statement = db.prepare_cached(sql)?;
    statement.query_map([seq], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Derives the message's state from its recipients. One that is still queued after its time is over expires here: after an
/// attempt, never by the clock alone.
pub(super) fn settle(db: &Connection, now: i64, seq: i64, due: i64) -> rusqlite::Result<State> {
    let derived = derive(db, now, seq, due)?;
    if derived == State::Queued && withdraw_stopped(db, now, seq)? {
        return derive(db, now, seq, due);
    }
    let sql = "SELECT 1 FROM message WHERE seq = ? AND expires_ms <= ?";
    if derived != State::Queued || !db.prepare_cached(sql)?.exists(params![seq, now])? {
        return Ok(derived);
    }
    let sql = "UPDATE recipient SET status = CASE WHEN doubt THEN 'unknown' ELSE 'rejected' END, updated_ms = :now, \
        reason = 'given up, because it could not be sent in time' || CASE WHEN reason = '' THEN '' ELSE ': ' || reason END \
        WHERE seq = :seq AND status = 'open'";
    db.prepare_cached(sql)?.execute(named_params! { ":now": now, ":seq": seq })?;
    add_event(db, seq, now, "expired", None)?;
    derive(db, now, seq, due)
}

fn derive(db: &Connection, now: i64, seq: i64, due: i64) -> rusqlite::Result<State> {
    // RETURNING would make a temporary table each time.
    let sql = format!(
        "UPDATE message SET owner = NULL, due_ms = :due, ended_ms = {ENDED}, state = {STATE} WHERE seq = :seq"
    );
    db.prepare_cached(&sql)?.execute(named_params! { ":due": due, ":now": now, ":seq": seq })?;
    db.prepare_cached("SELECT state FROM message WHERE seq = ?")?
        .query_row([seq], |row| columns::state(row, "state"))
}

/// How many recipients came to what, without their addresses.
fn summary(recipients: &[RecipientOutcome]) -> String {
    let count =
        |wanted: &[RecipientStatus]| recipients.iter().filter(|one| wanted.contains(&one.status)).count();
    let counts = [
        (count(&[RecipientStatus::Accepted]), "accepted"),
        (count(&[RecipientStatus::Rejected]), "rejected"),
        (count(&[RecipientStatus::Unknown]), "unknown"),
        (count(&[RecipientStatus::TryNext, RecipientStatus::Deferred]), "deferred"),
    ];
    let named = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    named.collect::<Vec<_>>().join(", ")
}
