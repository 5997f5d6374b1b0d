//! One request for many who ask the same at the same time: the first caller makes the request, and
//! the others wait and find its result in the cache.
//!
//! A batch of ten messages of one tenant starts at once; without this each of them would read the
//! same webhooks and open the same secrets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::OwnedMutexGuard;

/// Turns, by key. Whoever has a key's turn looks whether the answer is there by now before asking
/// the world.
#[derive(Default)]
pub(crate) struct SingleFlight {
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl SingleFlight {
    /// Waits for the turn of a key. None if nobody can keep order, after another's panic: then each
    /// caller makes its own request.
    pub(crate) async fn lock(&self, key: &str) -> Option<OwnedMutexGuard<()>> {
        let turn = {
            let mut turns = self.turns.lock().ok()?;
            // Those that nobody waits for are done.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(key.to_owned()).or_default())
        };
        Some(turn.lock_owned().await)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn many_who_ask_the_same_at_once_make_one_request() {
        let (single_flight, answer, asked) = (
            SingleFlight::default(),
            Mutex::new(None),
            AtomicUsize::new(0),
        );
        let ask = || async {
            let _turn = single_flight.lock("a").await;
            if answer.lock().unwrap().is_none() {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                *answer.lock().unwrap() = Some(1);
            }
        };
        join_all((0..10).map(|_| ask())).await;
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}
