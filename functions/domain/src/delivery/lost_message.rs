//! What becomes of a delivery when SQS gives up the message of its next attempt.

use std::time::Duration;

use super::Delivery;
use crate::time::Time;

/// How many messages of one attempt may be lost before its delivery ends. Without a limit, a
/// delivery that always kills the dispatcher would do so until its event expires.
pub const MAX_LOST_MESSAGES: u32 = 20;

/// An attempt may have several messages, since the sweeper sends another while the first comes back
/// again and again. They die together, and those lost within this time count as one.
pub const LOST_TOGETHER: Duration = Duration::from_secs(900);

/// The lost messages of a delivery's next attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LostMessages {
    /// How many, without those that were lost together with a counted one.
    pub count: u32,
    /// When the last one was counted.
    pub at: Option<Time>,
}

impl Delivery {
    /// The message of the next automatic attempt is in a dead-letter queue. The attempt stays due,
    /// and the sweeper enqueues it again. `None` if that has happened too often.
    #[must_use]
    pub fn after_lost_message(mut self, now: Time) -> Option<Self> {
        let LostMessages { count, at } = self.lost;
        if at.is_some_and(|at| now.since(at) < LOST_TOGETHER) {
            return Some(self);
        }
        if count >= MAX_LOST_MESSAGES {
            return None;
        }
        self.lost = LostMessages {
            count: count + 1,
            at: Some(now),
        };
        // The sweeper finds only what is due.
        self.next_attempt_at.get_or_insert(now);
        Some(self)
    }
}
