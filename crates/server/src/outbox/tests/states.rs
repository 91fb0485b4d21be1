//! The state in SQL, the state in Rust and the one in `docs/outbox-states.md` are the same function; and the tables refuse what
//! cannot be.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::super::operations::STATE;
use super::super::operations::columns::status;
use crate::outcome::RecipientStatus::{self, Accepted, Deferred, Rejected, Unknown};
use crate::outcome::State;

fn tables() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(include_str!("../schema.sql")).unwrap();
    db.execute_batch(
        "INSERT INTO lane VALUES (1, x'00'); INSERT INTO message(seq, id, lane, state, created_ms, due_ms, expires_ms, principal, \
         request_digest, message_id, sender, subject, size, content_type, attachments, taken_by, on_unknown) VALUES \
         (1, zeroblob(16), 1, 'queued', 0, 0, 0, 'local', zeroblob(32), '', '', '', 0, '', 0, x'00', 'manual')",
    )
    .unwrap();
    db
}

#[test]
fn the_state_is_derived_alike_in_sql_and_in_rust() {
    let db = tables();
    let all = [Accepted, Deferred, Rejected, Unknown];
    let one = all.iter().map(|a| vec![*a]);
    let two = all.iter().flat_map(|a| all.map(|b| vec![*a, b]));
    let three = all.iter().flat_map(|a| all.iter().flat_map(|b| all.map(|c| vec![*a, *b, c])));
    for statuses in one.chain(two).chain(three) {
        db.execute("DELETE FROM recipient", []).unwrap();
        for (n, one) in statuses.iter().enumerate() {
            let (code, reply) = (*one == Accepted).then_some((250, "ok")).unzip();
            db.execute(
                "INSERT INTO recipient(seq, n, address, status, code, reply) VALUES (1, ?, '', ?, ?, ?)",
                params![n, status(*one), code, reply],
            )
            .unwrap();
        }
        let sql = format!("SELECT {STATE} FROM message");
        let derived: String = db.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(State::parse(&derived), Some(State::of(statuses.iter().copied())), "{statuses:?}");
    }
}

#[test]
fn impossible_rows_are_refused() {
    let db = tables();
    db.execute_batch("INSERT INTO recipient(seq, n, address) VALUES (1, 0, '')").unwrap();
    for impossible in [
        "UPDATE message SET state = 'sending'",
        "UPDATE message SET owner = x'00'",
        "UPDATE message SET state = 'sent'",
        "UPDATE message SET ended_ms = 1",
        "UPDATE message SET state = 'lost'",
        "UPDATE recipient SET code = 250",
        "UPDATE recipient SET status = 'accepted'",
        "UPDATE recipient SET status = 'accepted', code = 550, reply = ''",
        "UPDATE recipient SET status = 'rejected', doubt = 1",
    ] {
        assert!(db.execute(impossible, []).is_err(), "{impossible}");
    }
}

/// The document about the states.
const DOCUMENT: &str = include_str!("../../../../../docs/outbox-states.md");

/// The transitions of the document's diagram, without the first one.
pub(super) fn documented_transitions() -> BTreeSet<(State, State)> {
    let arrows = DOCUMENT.lines().filter_map(|line| line.trim().split_once(" --> "));
    let state = |word: &str| State::parse(word).unwrap_or_else(|| panic!("{word} is no state"));
    let from_a_state = arrows.filter(|(from, _)| *from != "[*]");
    from_a_state.map(|(from, to)| (state(from), state(to.split(':').next().unwrap()))).collect()
}

#[test]
fn the_documents_table_is_the_function() {
    let (_, table) = DOCUMENT.split_once("| recipients | state |\n| --- | --- |\n").unwrap();
    let rows: Vec<_> = table.lines().map_while(|line| line.strip_prefix("| ")).collect();
    let derived = |statuses: &[RecipientStatus]| {
        let row = rows.iter().find(|row| match row.split(" |").next().unwrap() {
            "at least one pending" => statuses.contains(&Deferred),
            "at least one unknown" => statuses.contains(&Unknown),
            "all accepted" => statuses.iter().all(|one| *one == Accepted),
            "at least one accepted" => statuses.contains(&Accepted),
            "none accepted" => true,
            other => panic!("{other}"),
        });
        State::parse(row.unwrap().split("| ").nth(1).unwrap().trim_end_matches(" |")).unwrap()
    };
    assert_eq!(rows.len(), 5);
    let all = [Accepted, Deferred, Rejected, Unknown];
    for statuses in all.iter().flat_map(|a| all.iter().flat_map(|b| all.map(|c| [*a, *b, c]))) {
        assert_eq!(derived(&statuses), State::of(statuses), "{statuses:?}");
    }
}
