//! The system clock and the kernel's random numbers.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::ports::Clock;
use domain::time::Time;

/// The system clock and the kernel's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The current time, for adapters that need it without a port.
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Random bytes from the kernel.
///
/// # Panics
/// If the kernel has none: without randomness, ids and secrets would be guessable.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "without randomness the invocation must fail; its messages are retried"
)]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).expect("the kernel gives random numbers");
    bytes
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        now()
    }

    fn sleep(&self, length: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(length)
    }

    fn random_unit(&self) -> f64 {
        f64::from(u32::from_be_bytes(random())) / f64::from(u32::MAX)
    }

    fn random_bytes(&self) -> [u8; 16] {
        random()
    }
}
