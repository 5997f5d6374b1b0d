//! Which webhooks keep the others waiting, and are therefore delivered on the slow lane.
//!
//! A batch lasts as long as its slowest attempt, and only so many dispatchers work at a time: a receiver that uses up its timeout is paid for by
//! everybody behind it. A webhook that waited in vain [`SLOW_AFTER`] times in a row gets a mark that all dispatchers see. From then on its attempts are
//! made from a queue of their own, until one of them is quick.
//!
//! Counted in the memory of each process, written on change only. What a process forgets when it ends, or cannot write, is noticed again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::dispatch::{Dispatcher, DispatcherPorts};
use crate::delivery::Attempt;
use crate::ids::WebhookId;
use crate::outcome::{FailureKind, Outcome};
use crate::tenant::{Subscription, WebhookVersion};
use crate::time::Time;

/// So many attempts in a row, as one process sees them, make a webhook slow.
pub const SLOW_AFTER: u32 = 3;

/// Nothing for so long, or for the whole timeout, is a wait in vain. The time within which a connection must come about.
const IN_VAIN: Duration = Duration::from_secs(5);

/// A change is not undone, nor tried again by the same process, before all dispatchers know of it: their rosters are as old at most. So a receiver that
/// wavers costs a few writes in that time, however many its events are.
const KNOWN_TO_ALL: Duration = Duration::from_secs(10);

/// How many webhooks' runs are remembered; beyond, all are forgotten.
const MOST_SEEN: usize = 10_000;

/// What an attempt says about its receiver's pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// It waited in vain.
    InVain,
    /// It ended within half of its timeout, with an answer or without.
    Quick,
    /// It ended later than that: this breaks a run of waits, and is no reason to leave the slow lane.
    Slow,
}

fn pace(outcome: &Outcome, took: Duration, timeout: Duration) -> Pace {
    let waited_in_vain = match outcome {
        // A status came, and then its body did not end.
        Outcome::Response { .. } => took >= timeout,
        Outcome::Failure { kind, .. } => *kind == FailureKind::Timeout || took >= IN_VAIN,
    };
    if waited_in_vain {
        Pace::InVain
    } else if took <= timeout / 2 {
        Pace::Quick
    } else {
        Pace::Slow
    }
}

/// A mark to be set, or taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    of: WebhookVersion,
    /// The mark that stands, if it is to go.
    since: Option<Time>,
}

/// What a process knows of a webhook's pace.
#[derive(Default)]
struct Run {
    /// Of which version of the webhook; the next one begins anew.
    version: u32,
    in_vain: u32,
    /// When this process last asked for a change.
    asked: Option<Time>,
}

/// What a process knows of its receivers' pace.
#[derive(Default)]
pub struct Paces(Mutex<(HashMap<WebhookId, Run>, Vec<Change>)>);

impl Paces {
    /// Only a counter is behind the lock: nothing is half done in it when a neighbour panics.
    fn lock(&self) -> MutexGuard<'_, (HashMap<WebhookId, Run>, Vec<Change>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of an attempt that was just made.
    pub(super) fn note(&self, to: &Subscription, attempt: &Attempt) {
        let ended = attempt.at.plus(attempt.duration);
        let pace = pace(&attempt.outcome, attempt.duration, to.contract.timeout());
        let (runs, changes) = &mut *self.lock();
        let id = &to.webhook.id;
        if pace != Pace::InVain && to.webhook.slow_since.is_none() {
            // By far the most attempts: nothing is kept of them.
            runs.remove(id);
            return;
        }
        if runs.len() >= MOST_SEEN && !runs.contains_key(id) {
            runs.clear();
        }
        let run = runs.entry(id.clone()).or_default();
        if run.version != to.webhook.version {
            *run = Run {
                version: to.webhook.version,
                ..Run::default()
            };
        }
        run.in_vain = match pace {
            Pace::InVain => run.in_vain.saturating_add(1),
            Pace::Quick | Pace::Slow => 0,
        };
        let is_wanted = match to.webhook.slow_since {
            None => run.in_vain >= SLOW_AFTER,
            Some(since) => pace == Pace::Quick && ended.since(since) >= KNOWN_TO_ALL,
        };
        let is_known = run.asked.is_some_and(|at| ended.since(at) < KNOWN_TO_ALL);
        if is_wanted && !is_known {
            run.asked = Some(ended);
            changes.push(Change {
                of: to.webhook.configuration(),
                since: to.webhook.slow_since,
            });
        }
    }

    fn changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.lock().1)
    }
}

impl<P: DispatcherPorts> Dispatcher<P> {
    /// Writes what has changed. After a message's own work: no record and no next attempt waits for a mark, and none fails with it.
    pub(super) async fn mark_changes(&self) {
        for Change { of, since } in self.paces.changes() {
            let done = match since {
                None => self.ports.mark_slow(&of, self.ports.now()).await,
                Some(since) => self.ports.unmark_slow(&of, since).await,
            };
            // A mark that could not be written is noticed again.
            if done.unwrap_or(false) {
                self.ports.paced(&of.webhook, since.is_none());
            }
        }
    }
}

#[cfg(test)]
mod tests;
