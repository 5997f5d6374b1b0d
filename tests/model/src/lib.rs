//! Postel's protocol as a model, for a checker that walks through all of its states.
//!
//! What is modelled is claim, commit, enqueue, acknowledge, sweep and consume dead messages as
//! functions/domain/src/flow and functions/adapters/src/delivery_store have them, one step for each
//! call to the outside: between any two steps a worker may die, a message may be handed out twice
//! or lost, an answer may be lost or a call fail. Left out is what has no part in the promise:
//! contracts, signatures, mails, what a webhook that is off does not get, and time except "not yet"
//! and "now". An event that may have two messages has a model of its own.
//!
//! | here | there |
//! |---|---|
//! | [`state`] | the log's rows, the dead letters, the queues |
//! | [`steps`] | what a worker does with a message: dispatcher and dlq |
//! | [`transitions`] | what an attempt, a redrive or an end makes of a delivery |
//! | [`actions`] | what the world does: faults, time, sweeper, a user who redrives and retries |
//! | [`properties`] | what must hold in every state |
//! | [`guards`] | the conditions that the protocol rests on, each a switch |
//! | [`bounds`] | what a tenant may have at once: models of their own |
//! | [`possible_duplicate`] | first attempts of an event that may have two messages: a model of its own |

pub mod actions;
pub mod bounds;
pub mod guards;
pub mod possible_duplicate;
pub mod properties;
pub mod state;
pub mod steps;
pub mod transitions;

use guards::Guard;

/// How the history begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A tenant's message lies in the events queue; nothing is stored.
    Sqs,
    /// The HTTP API has stored the event and announced it.
    Http,
    /// A first attempt has failed and is recorded; its next one lies in the queue.
    Retrying,
}

/// One model: how it begins, and how much may go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub door: Door,
    /// Webhooks that want the event, at most two.
    pub deliveries: usize,
    /// Whether they are slow: no attempt is made but from the slow lane.
    pub slow: bool,
    /// Automatic attempts of a round.
    pub attempts: u8,
    /// A message received so often moves to the dead-letter queue.
    pub max_receives: u8,
    /// Most of each kind of trouble, and of all together.
    pub crashes: u8,
    /// Messages that vanish, or are handed out to two workers.
    pub queue: u8,
    /// Calls whose answer is lost or that fail.
    pub calls: u8,
    /// Workers that outlive their lease, and messages before their time.
    pub clocks: u8,
    pub troubles: u8,
    /// What a user does: manual retries and redrives.
    pub asks: u8,
    pub redrives: u8,
    /// Whether the last failure switches the webhook off, and how often its owner moves it.
    pub disables: bool,
    pub moves: u8,
    /// The guard that is taken away.
    pub without: Option<Guard>,
}

impl Scenario {
    #[must_use]
    pub fn has(&self, guard: Guard) -> bool {
        self.without != Some(guard)
    }
}
