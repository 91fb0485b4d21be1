//! Wrong tokens: the more come from an address, the longer its requests wait until their token is looked at.
//!
//! All requests of the address wait, because a right token that was answered at once could be told from a wrong one without waiting.
//! A right one ends the wait of its address, so that clients behind one proxy do not suffer for long from one that guesses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

/// Wrong tokens that cost nothing: someone tries a setting.
const FREE: u32 = 3;
/// The first wait; it doubles with each further wrong token.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest wait, in which a client with an old token does not give up.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// An address that shows no wrong token for this long starts anew.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// Addresses that are remembered at the same time.
const ADDRESSES: usize = 4096;
/// Between two lines in the log.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The wrong tokens of all addresses. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct TokenThrottle(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    wrong: HashMap<IpAddr, Wrong>,
    /// Those that no line of the log tells of yet.
    unlogged: u64,
    is_logging: bool,
}

#[derive(Debug)]
struct Wrong {
    count: u32,
    last: Instant,
}

impl TokenThrottle {
    /// Waits until the token of a request from `address` may be looked at.
    pub(super) async fn wait(&self, address: IpAddr) {
        let wait = self.wait_for(address);
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }

    fn wait_for(&self, address: IpAddr) -> Duration {
        match self.state().wrong.get(&address) {
            Some(wrong) if wrong.last.elapsed() < FORGOTTEN_AFTER && wrong.count >= FREE => {
                let doublings = (wrong.count - FREE).min(16);
                FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
            }
            _ => Duration::ZERO,
        }
    }

    /// A request from `address` had a wrong token.
    pub(super) fn failed(&self, address: IpAddr) {
        let mut state = self.state();
        state.count(address);
        state.unlogged += 1;
        if !std::mem::replace(&mut state.is_logging, true) {
            state.log();
            tokio::spawn(self.clone().go_on_logging());
        }
    }

    /// A request from `address` had the right token.
    pub(super) fn succeeded(&self, address: IpAddr) {
        self.state().wrong.remove(&address);
    }

    /// One line a minute, as long as there are wrong tokens.
    async fn go_on_logging(self) {
        loop {
            sleep(LOG_INTERVAL).await;
            let mut state = self.state();
            if state.unlogged == 0 {
                state.is_logging = false;
                return;
            }
            state.log();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, address: IpAddr) {
        if self.wrong.len() >= ADDRESSES {
            self.wrong.retain(|_, wrong| wrong.last.elapsed() < FORGOTTEN_AFTER);
        }
        if self.wrong.len() >= ADDRESSES && !self.wrong.contains_key(&address) {
            return;
        }
        let last = Instant::now();
        let wrong = self.wrong.entry(address).or_insert(Wrong { count: 0, last });
        if wrong.last.elapsed() >= FORGOTTEN_AFTER {
            wrong.count = 0;
        }
        *wrong = Wrong { count: wrong.count.saturating_add(1), last };
    }

    fn log(&mut self) {
        let refused = std::mem::take(&mut self.unlogged);
        let newest = self.wrong.iter().max_by_key(|(_, wrong)| wrong.last).map(|(address, _)| address);
        let address = newest.map_or_else(|| "unknown".to_owned(), IpAddr::to_string);
        warn!(refused, last_from = address, "requests with a wrong token (one line a minute)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(throttle: &TokenThrottle, address: &str) -> u128 {
        throttle.wait_for(address.parse().unwrap()).as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_of_an_address_grows_until_it_is_right_or_silent() {
        let throttle = TokenThrottle::default();
        let address = "192.0.2.1".parse().unwrap();
        let mut seen = Vec::new();
        for _ in 0..10 {
            seen.push(waits(&throttle, "192.0.2.1"));
            throttle.failed(address);
        }
        assert_eq!(seen, [0, 0, 0, 50, 100, 200, 400, 800, 1600, 2000]);
        assert_eq!(waits(&throttle, "192.0.2.2"), 0);
        tokio::time::advance(FORGOTTEN_AFTER).await;
        assert_eq!(waits(&throttle, "192.0.2.1"), 0);
        (0..4).for_each(|_| throttle.failed(address));
        assert_eq!(waits(&throttle, "192.0.2.1"), 100, "it starts anew");
        throttle.succeeded(address);
        assert_eq!(waits(&throttle, "192.0.2.1"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_is_bounded() {
        let throttle = TokenThrottle::default();
        let addresses = || (0..2 * ADDRESSES as u128).map(|number| std::net::Ipv6Addr::from(number << 64));
        addresses().for_each(|address| throttle.failed(address.into()));
        assert_eq!(throttle.state().wrong.len(), ADDRESSES);
        tokio::time::advance(FORGOTTEN_AFTER).await;
        throttle.failed("192.0.2.1".parse().unwrap());
        assert_eq!(throttle.state().wrong.len(), 1, "old ones make room");
    }
}
