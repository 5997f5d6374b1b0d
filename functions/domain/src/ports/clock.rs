//! Time and chance.

use std::future::Future;
use std::time::Duration;

use crate::time::Time;
use crate::ulid::Ulid;

/// Time and randomness.
pub trait Clock {
    /// Now.
    fn now(&self) -> Time;
    /// Waits.
    fn pause(&self, length: Duration) -> impl Future<Output = ()> + Send;
    /// In 0..1.
    fn fraction(&self) -> f64;
    /// Sixteen random bytes.
    fn entropy(&self) -> [u8; 16];

    /// A new log key.
    fn ulid(&self) -> Ulid {
        let mut short = [0u8; 10];
        short
            .iter_mut()
            .zip(self.entropy())
            .for_each(|(to, from)| *to = from);
        Ulid::new(self.now(), short)
    }

    /// A random word that marks our own writes: 48 bits in hex, enough to tell apart the few that meet at one item.
    fn owner(&self) -> String {
        hex::encode(self.entropy().get(..6).unwrap_or_default())
    }
}
