//! The text about the servers' state.

use super::*;
use crate::dispatch::report::{Availability, ServerStatus};

fn server(availability: Availability) -> ServerStatus {
    ServerStatus {
        name: "a".to_owned(),
        host: "h".to_owned(),
        port: 25,
        priority: 0,
        is_current: true,
        availability,
        last_failure: None,
        backoff_remaining: None,
    }
}

#[test]
fn the_status_follows_from_the_usable_servers() {
    use Availability::{Available, BackOff, Paused};
    let table = [
        (vec![Available, Available], "ready"),
        (vec![Available, BackOff], "degraded"),
        (vec![BackOff, Paused], "unavailable"),
        (vec![], "unavailable"),
    ];
    for (conditions, expected) in table {
        let servers = conditions.into_iter().map(server).collect();
        assert_eq!(readiness(&ServersStatus { servers }), expected);
    }
}
