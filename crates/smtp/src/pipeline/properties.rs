//! Any server, any batch, any mode: see [`any_server`](super::any_server).

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

use super::any_server::{Given, Offered, converse};

fn code() -> impl Strategy<Value = u16> {
    prop_oneof![
        12 => Just(250),
        3 => Just(354),
        1 => Just(421),
        1 => Just(554),
        1 => Just(0),
        4 => 400..600_u16,
        1 => 200..400_u16,
    ]
}

fn given() -> impl Strategy<Value = Given> {
    let size = prop_oneof![8 => Just(10_u64), 1 => Just(100 << 10), 1 => Just(1 << 20)];
    let rarely = || prop_oneof![9 => Just(false), 1 => Just(true)];
    (1..=3_usize, size, rarely(), rarely()).prop_map(|(recipients, size, all_or_nothing, cancelled)| Given {
        recipients,
        size,
        all_or_nothing,
        cancelled,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_server(
        (pipelining, chunking) in any::<(bool, bool)>(),
        (active, knows_bdat, obeys_reset) in any::<(bool, bool, bool)>(),
        codes in proptest::collection::vec(code(), 0..60),
        first in proptest::collection::vec(given(), 1..6),
        second in proptest::collection::vec(given(), 1..3),
    ) {
        let offered = Offered { pipelining, chunking, active, knows_bdat, obeys_reset };
        converse(offered, codes, &[first, second]);
    }
}
