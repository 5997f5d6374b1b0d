//! SQS queues and one-time schedules, as AWS documents them.
//!
//! Standard queues: at least once, in any order. A received message is hidden for the visibility
//! timeout, or for as long as its receiver sets (`ChangeMessageVisibility`); received more often
//! than `maxReceiveCount`, it moves to the dead-letter queue with its id and its sent time (Amazon
//! SQS Developer Guide, "Dead-letter queues"). An event source mapping with
//! `ReportBatchItemFailures` deletes the messages that the response does not name; a response that
//! names a message which was not in the batch, or an empty id, counts as the failure of the whole
//! batch (AWS Lambda Developer Guide, "Implementing partial batch responses").

use std::collections::BTreeMap;
use std::time::Duration;

use domain::flow::QueueKind;
use domain::time::Time;
use fastrand::Rng;

use crate::lambda::Lineage;
use crate::sharing::{Sharing, in_flight};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum QueueName {
    Events,
    Deliveries,
    Slow,
    Jobs,
    DeadEvents,
    DeadDeliveries,
}

impl QueueName {
    pub(crate) fn source(self) -> QueueKind {
        match self {
            Self::Events | Self::DeadEvents => QueueKind::Events,
            Self::Slow => QueueKind::Slow,
            Self::Deliveries | Self::Jobs | Self::DeadDeliveries => QueueKind::Deliveries,
        }
    }

    fn dead(self) -> Option<Self> {
        match self {
            Self::Events => Some(Self::DeadEvents),
            Self::Deliveries | Self::Slow | Self::Jobs => Some(Self::DeadDeliveries),
            Self::DeadEvents | Self::DeadDeliveries => None,
        }
    }

    /// The template's: six times the time limit of the function that reads it.
    pub(crate) fn visibility(self) -> Duration {
        Duration::from_secs(match self {
            Self::Events | Self::Deliveries | Self::Slow | Self::Jobs => 480,
            Self::DeadEvents | Self::DeadDeliveries => 180,
        })
    }
}

/// `maxReceiveCount`, the template's default.
pub(crate) const MAX_RECEIVES: u32 = 20;
/// The maximum number of messages in one batch.
pub(crate) const MAX_BATCH: usize = 10;

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) sender: String,
    pub(crate) sent: Time,
    /// When it can first be received.
    pub(crate) due: Time,
    pub(crate) visible: Time,
    pub(crate) receives: u32,
    /// The receipt handle: only the latest may delete.
    pub(crate) receipt: u64,
    /// How many more times it may be delivered in excess: without a limit, copies of copies would
    /// never end.
    pub(crate) copies: u32,
    /// Its trace header.
    pub(crate) lineage: Lineage,
    /// Its `MessageGroupId`.
    pub(crate) group: Option<String>,
}

pub(crate) struct Queues {
    queues: BTreeMap<QueueName, Vec<Stored>>,
    pub(crate) schedules: BTreeMap<String, (Time, String)>,
    receipts: u64,
    /// `maxReceiveCount`.
    pub(crate) max_receives: u32,
    /// The visibility timeout of queues other than dead-letter queues, if it is not
    /// [`QueueName::visibility`].
    pub(crate) visibility: Option<Duration>,
    /// SQS's and the mappings' limits, if the history has any.
    pub(crate) sharing: Option<Sharing>,
    /// The most messages that one queue had in flight.
    pub(crate) max_in_flight: usize,
}

impl Default for Queues {
    fn default() -> Self {
        Self {
            queues: BTreeMap::new(),
            schedules: BTreeMap::new(),
            receipts: 0,
            max_receives: MAX_RECEIVES,
            visibility: None,
            sharing: None,
            max_in_flight: 0,
        }
    }
}

impl Queues {
    pub(crate) fn put(&mut self, to: QueueName, message: Stored) {
        self.queues.entry(to).or_default().push(message);
    }

    /// Up to `most` of the visible messages, in any order, hidden from now on. A message that was
    /// received too often moves on instead.
    pub(crate) fn receive(
        &mut self,
        from: QueueName,
        most: usize,
        rng: &mut Rng,
        now: Time,
    ) -> (Vec<Stored>, bool) {
        let max_receives = self.max_receives;
        let visibility = from.dead().and(self.visibility);
        let visibility = visibility.unwrap_or_else(|| from.visibility());
        let queue = self.queues.entry(from).or_default();
        let mut moved = Vec::new();
        if from.dead().is_some() {
            let mut at = 0;
            while at < queue.len() {
                let is_dead = queue
                    .get(at)
                    .is_some_and(|m| m.visible <= now && m.receives >= max_receives);
                if is_dead {
                    moved.push(queue.swap_remove(at));
                } else {
                    at += 1;
                }
            }
        }
        let mut visible: Vec<usize> = (0..queue.len())
            .filter(|at| queue.get(*at).is_some_and(|m| m.visible <= now))
            .collect();
        rng.shuffle(&mut visible);
        let mut most = most;
        if from.dead().is_some() {
            let sharing = self.sharing.as_ref();
            most = sharing.map_or(most, |s| s.share(queue, &mut visible, most, now));
        }
        let mut taken = Vec::new();
        for at in visible.into_iter().take(most) {
            if let Some(message) = queue.get_mut(at) {
                self.receipts += 1;
                message.receives += 1;
                message.receipt = self.receipts;
                message.visible = now.plus(visibility);
                taken.push(message.clone());
                message.copies = message.copies.saturating_sub(1);
            }
        }
        self.max_in_flight = self.max_in_flight.max(in_flight(queue, now).count());
        let any_moved = !moved.is_empty();
        if let Some(dead) = from.dead() {
            for mut message in moved {
                message.receives = 0;
                message.visible = now;
                self.put(dead, message);
            }
        }
        (taken, any_moved)
    }

    pub(crate) fn delete(&mut self, from: QueueName, receipt: u64) {
        self.queues
            .entry(from)
            .or_default()
            .retain(|m| m.receipt != receipt);
    }

    /// Hides a received message until this time, instead of for its queue's visibility timeout.
    pub(crate) fn hide(&mut self, of: QueueName, receipt: u64, until: Time) {
        let queue = self.queues.entry(of).or_default();
        for message in queue.iter_mut().filter(|m| m.receipt == receipt) {
            message.visible = until;
        }
    }

    /// A second copy of a message that was just received.
    pub(crate) fn copy(&mut self, of: QueueName, message: &Stored, visible: Time) {
        let mut copy = message.clone();
        (copy.visible, copy.receipt, copy.copies) = (visible, 0, 0);
        self.put(of, copy);
    }

    /// Loses one message, if any.
    pub(crate) fn lose(&mut self, from: QueueName, rng: &mut Rng) -> Option<Stored> {
        let queue = self.queues.entry(from).or_default();
        (!queue.is_empty()).then(|| queue.swap_remove(rng.usize(0..queue.len())))
    }

    /// When the next message can be received: at the limit of messages in flight, when the first of
    /// them becomes visible.
    pub(crate) fn next_visible(&self, of: QueueName, now: Time) -> Option<Time> {
        let queue = self.queues.get(&of)?;
        let full = self.sharing.as_ref().is_some_and(|s| s.is_full(queue, now));
        let all = queue.iter().map(|m| m.visible);
        all.filter(|at| !full || *at > now).min()
    }

    pub(crate) fn len(&self) -> usize {
        self.queues.values().map(Vec::len).sum()
    }
}

/// The messages of a batch that a response deletes.
pub(crate) fn deleted<'a>(batch: &'a [Stored], failed: &[String]) -> Vec<&'a Stored> {
    let knows = |id: &String| batch.iter().any(|m| m.id == *id);
    if !failed.iter().all(knows) {
        return Vec::new();
    }
    batch.iter().filter(|m| !failed.contains(&m.id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str) -> Stored {
        Stored {
            id: id.to_owned(),
            body: String::new(),
            sender: String::new(),
            sent: Time::from_millis(0),
            due: Time::from_millis(0),
            visible: Time::from_millis(0),
            receives: 1,
            receipt: 0,
            copies: 0,
            lineage: Lineage::default(),
            group: None,
        }
    }

    #[test]
    fn an_unknown_or_empty_id_in_the_answer_brings_the_whole_batch_back() {
        let batch = [message("a"), message("b")];
        let ids = |failed: &[&str]| {
            let failed: Vec<String> = failed.iter().map(|id| (*id).to_owned()).collect();
            deleted(&batch, &failed)
                .iter()
                .map(|m| m.id.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&[]), ["a", "b"]);
        assert_eq!(ids(&["a"]), ["b"]);
        assert!(ids(&["a", ""]).is_empty());
        assert!(ids(&["c"]).is_empty());
    }

    /// A queue with ten messages, and all of them as one batch.
    fn ten(rng: &mut Rng) -> (Queues, Vec<Stored>) {
        let mut queues = Queues::default();
        for number in 0..10 {
            let mut fresh = message(&number.to_string());
            fresh.receives = 0;
            queues.put(QueueName::Events, fresh);
        }
        let (batch, _) = queues.receive(QueueName::Events, 10, rng, Time::from_millis(0));
        (queues, batch)
    }

    /// The visible messages at a moment, and how often each was received, including this time.
    fn there(queues: &mut Queues, seconds: u64, rng: &mut Rng) -> Vec<(String, u32)> {
        let at = Time::from_millis(0).plus(Duration::from_secs(seconds));
        let (batch, _) = queues.receive(QueueName::Events, 10, rng, at);
        let mut found: Vec<_> = batch.into_iter().map(|m| (m.id, m.receives)).collect();
        found.sort_unstable();
        found
    }

    fn all(ids: &[&str], receives: u32) -> Vec<(String, u32)> {
        let ids = ids.iter().map(|id| (*id).to_owned());
        ids.map(|id| (id, receives)).collect()
    }

    /// AWS Lambda Developer Guide, services-sqs-errorhandling.html, "Implementing partial batch
    /// responses".
    #[test]
    fn messages_named_in_a_response_come_back_after_the_timeout_and_others_are_gone() {
        let mut rng = Rng::with_seed(1);
        let (mut queues, batch) = ten(&mut rng);
        let failed = ["3", "5", "8"].map(str::to_owned);
        for message in deleted(&batch, &failed) {
            queues.delete(QueueName::Events, message.receipt);
        }
        assert_eq!(there(&mut queues, 479, &mut rng), []);
        let found = there(&mut queues, 480, &mut rng);
        assert_eq!(found, all(&["3", "5", "8"], 2));
    }

    /// Amazon SQS Developer Guide, sqs-visibility-timeout.html: a changed timeout counts from the
    /// change on, for that message alone.
    #[test]
    fn what_its_receiver_hides_for_less_comes_back_sooner() {
        let mut rng = Rng::with_seed(1);
        let (mut queues, batch) = ten(&mut rng);
        let three = batch.iter().find(|m| m.id == "3").unwrap();
        let soon = Time::from_millis(10_000);
        queues.hide(QueueName::Events, three.receipt, soon);
        assert_eq!(there(&mut queues, 9, &mut rng), []);
        assert_eq!(there(&mut queues, 10, &mut rng), all(&["3"], 2));
        // Hidden again, for the whole timeout, and not deleted by the earlier receipt.
        queues.delete(QueueName::Events, three.receipt);
        let found = there(&mut queues, 480, &mut rng);
        let others = ["0", "1", "2", "4", "5", "6", "7", "8", "9"];
        assert_eq!(found, all(&others, 2));
        assert_eq!(there(&mut queues, 490, &mut rng), all(&["3"], 3));
    }

    /// The same page of Lambda's guide: a function that throws, or times out, fails the whole
    /// batch.
    #[test]
    fn a_batch_without_an_answer_comes_back_whole() {
        let mut rng = Rng::with_seed(1);
        let (mut queues, _) = ten(&mut rng);
        for round in 1..5 {
            let found = there(&mut queues, round * 480, &mut rng);
            assert_eq!(found.len(), 10);
            assert!(found.iter().all(|(_, r)| u64::from(*r) == round + 1));
        }
    }

    #[test]
    fn a_message_that_was_received_too_often_moves_to_the_dead_letter_queue() {
        let (mut queues, mut rng) = (Queues::default(), Rng::with_seed(1));
        queues.put(QueueName::Events, message("a"));
        let mut now = Time::from_millis(0);
        for _ in 1..MAX_RECEIVES {
            assert_eq!(
                queues.receive(QueueName::Events, 10, &mut rng, now).0.len(),
                1
            );
            now = now.plus(QueueName::Events.visibility());
        }
        assert!(
            queues
                .receive(QueueName::Events, 10, &mut rng, now)
                .0
                .is_empty()
        );
        assert_eq!(
            queues
                .receive(QueueName::DeadEvents, 10, &mut rng, now)
                .0
                .len(),
            1
        );
    }
}
