//! Places for connections: so many together, so many for one address, and a few only for `/health`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Places that are used when there are no others, so that `/health` is answered.
const RESERVED: usize = 16;
/// How many of them one address may use.
const RESERVED_PER_ADDRESS: usize = 4;

/// The places. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Places {
    most: usize,
    per_address: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    regular: Section,
    reserved: Section,
}

/// Places of one kind that are taken: all of them, and by address.
#[derive(Debug, Default)]
struct Section {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place, free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) is_reserved: bool,
    pub(super) address: IpAddr,
    taken: Arc<Mutex<Taken>>,
}

/// The address that a request comes from, as places count it: of IPv6 the network.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientAddress(pub(super) IpAddr);

impl ClientAddress {
    /// Of a request without a connection.
    pub(super) const UNKNOWN: Self = Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
}

impl Places {
    /// `most` places, of which one address gets at most `per_address`.
    pub(super) fn new(most: usize, per_address: usize) -> Self {
        Self { most, per_address, taken: Arc::default() }
    }

    /// A place for a connection from `address`; a reserved one if there is no other.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let address = network(address);
        let mut taken = lock(&self.taken);
        let is_reserved = !taken.regular.add(address, self.most, self.per_address);
        if is_reserved && !taken.reserved.add(address, RESERVED, RESERVED_PER_ADDRESS) {
            return None;
        }
        Some(Place { is_reserved, address, taken: Arc::clone(&self.taken) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if self.is_reserved {
            taken.reserved.remove(self.address);
        } else {
            taken.regular.remove(self.address);
        }
    }
}

impl Section {
    /// Takes a place if there is one.
    fn add(&mut self, address: IpAddr, most: usize, per_address: usize) -> bool {
        if self.all >= most || self.by_address.get(&address).is_some_and(|count| *count >= per_address) {
            return false;
        }
        self.all += 1;
        *self.by_address.entry(address).or_default() += 1;
        true
    }

    fn remove(&mut self, address: IpAddr) {
        self.all -= 1;
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What counts as one address: of IPv6 the first 64 bits, all of which one host usually has.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(places: &Places, address: &str) -> Option<Place> {
        places.take(address.parse().unwrap())
    }

    #[test]
    fn an_address_gets_its_share_and_the_reserved_places_come_last() {
        let places = Places::new(5, 3);
        let mut held: Vec<_> = (0..7).map_while(|_| take(&places, "192.0.2.1")).collect();
        assert_eq!(
            held.iter().map(|place| place.is_reserved).collect::<Vec<_>>(),
            [false, false, false, true, true, true, true]
        );
        assert!(take(&places, "192.0.2.1").is_none());
        assert!(take(&places, "::ffff:192.0.2.1").is_none(), "the same address");
        let others = [take(&places, "192.0.2.2"), take(&places, "2001:db8::1"), take(&places, "2001:db8::2")];
        let kinds = others.each_ref().map(|place| place.as_ref().map(|place| place.is_reserved));
        assert_eq!(kinds, [Some(false), Some(false), Some(true)], "all five are taken");
        held.remove(0);
        assert_eq!(take(&places, "192.0.2.1").map(|place| place.is_reserved), Some(false), "free again");
    }

    #[test]
    fn one_network_of_ipv6_is_one_address() {
        let places = Places::new(5, 1);
        let held = take(&places, "2001:db8::1");
        assert_eq!(take(&places, "2001:db8::2").map(|place| place.is_reserved), Some(true));
        assert_eq!(take(&places, "2001:db8:0:1::1").map(|place| place.is_reserved), Some(false));
        drop(held);
        assert_eq!(take(&places, "2001:db8::2").map(|place| place.is_reserved), Some(false));
    }
}
