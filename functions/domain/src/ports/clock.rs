//! Time and randomness.

use std::future::Future;
use std::time::Duration;

use crate::time::Time;
use crate::ulid::Ulid;

/// Time and randomness.
pub trait Clock {
    /// The current time.
    fn now(&self) -> Time;
    /// Waits.
    fn sleep(&self, length: Duration) -> impl Future<Output = ()> + Send;
    /// A random number in 0..1.
    fn random_unit(&self) -> f64;
    /// Sixteen random bytes.
    fn random_bytes(&self) -> [u8; 16];

    /// A new log key.
    fn new_ulid(&self) -> Ulid {
        let mut short = [0u8; 10];
        short
            .iter_mut()
            .zip(self.random_bytes())
            .for_each(|(to, from)| *to = from);
        Ulid::new(self.now(), short)
    }

    /// A random text that marks our own writes: 48 bits in hex, enough to distinguish the few
    /// writers of one item.
    fn new_owner(&self) -> String {
        hex::encode(self.random_bytes().get(..6).unwrap_or_default())
    }
}
