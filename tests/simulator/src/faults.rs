//! Faults, and when they occur.

use std::time::Duration;

use domain::ports::Stage;
use fastrand::Rng;

use crate::simulation::RunKind;

/// The fault of one outside call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// AWS refuses it, and the SDK gives up: it has no effect.
    Refused,
    /// It is executed, and no response ever comes.
    Unanswered,
    /// It is executed, its response is lost, and the SDK sends it again.
    Repeated,
}

/// The probability of each fault, from 0 to 1.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Only in runs of this kind, for both crashes and calls.
    pub only: Option<RunKind>,
    /// The process dies, at each moment at which it waits for an outside call.
    pub crash: f64,
    pub refused: f64,
    /// A call is executed without a response.
    pub unanswered: f64,
    /// A call is executed twice.
    pub repeated: f64,
    /// A request or a response is slow.
    pub slow: f64,
    /// The maximum delay. A call is still executed if the SDK no longer waits for it.
    pub slowest: Duration,
    /// A message is delivered again although it was deleted, or while it is being processed.
    pub duplicate: f64,
    /// A message is late.
    pub late: f64,
    /// The function cannot shorten the visibility timeout of a failed message.
    pub stays_hidden: f64,
    /// A schedule never fires.
    pub lost_schedule: f64,
    /// A schedule fires up to an hour late.
    pub late_schedule: f64,
    /// A schedule cannot be sent for an hour, and the Scheduler puts it in the dead-letter queue.
    pub dropped_schedule: f64,
    /// A schedule fires twice: the Scheduler delivers at least once.
    pub repeated_schedule: f64,
    /// A message vanishes: the queue was purged, or the message reached its retention.
    pub lost_message: f64,
    /// The maximum difference of a process's clock, in milliseconds, in either direction.
    pub skew_millis: i64,
}

/// What fails during an outage, and how. Everything else works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    Refused,
    /// No call gets a response, and the SDK waits until it gives up. Half of the calls are
    /// executed.
    Unanswered,
    /// Reads work, and every write is refused.
    WritesRefused,
    /// Reads work, and no write gets a response. Half of the writes are executed.
    WritesUnanswered,
    /// SQS: nothing is sent, received, deleted or hidden.
    Queues,
    /// KMS: nothing is decrypted, and no process has a key in its cache.
    Keys,
    /// The Scheduler: nothing is scheduled, and no schedule fires.
    Scheduler,
}

impl Outage {
    /// Those of services other than the tables.
    pub const OF_SERVICES: [Self; 3] = [Self::Queues, Self::Keys, Self::Scheduler];

    /// Those of the tables.
    pub const ALL: [Self; 4] = [
        Self::Refused,
        Self::Unanswered,
        Self::WritesRefused,
        Self::WritesUnanswered,
    ];

    /// Whether reads fail as well.
    #[must_use]
    pub fn of_reads(self) -> bool {
        matches!(self, Self::Refused | Self::Unanswered)
    }

    /// Whether a call that uses this fails.
    pub(crate) fn meets(self, access: Access) -> bool {
        match access {
            Access::Read => self.of_reads(),
            Access::Write => Self::ALL.contains(&self),
            Access::Queue => self == Self::Queues,
            Access::Key => self == Self::Keys,
            Access::Schedule => self == Self::Scheduler,
            Access::Elsewhere => false,
        }
    }

    pub(crate) fn is_silent(self) -> bool {
        matches!(self, Self::Unanswered | Self::WritesUnanswered)
    }
}

/// What a call uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// A table.
    Read,
    Write,
    /// SQS.
    Queue,
    /// KMS.
    Key,
    /// The Scheduler.
    Schedule,
    /// Another service.
    Elsewhere,
}

impl Access {
    /// What a call of this stage uses.
    pub(crate) fn of(stage: Stage) -> Self {
        match stage {
            Stage::ReadConfig | Stage::ReadStore => Self::Read,
            Stage::WriteConfig | Stage::AcquireLease | Stage::WriteOutcome | Stage::DeadLetter => {
                Self::Write
            }
            Stage::Enqueue => Self::Queue,
            Stage::Decrypt => Self::Key,
            _ => Self::Elsewhere,
        }
    }
}

/// A single fault at one point: used to test every point in turn.
#[derive(Clone, Copy, Debug)]
pub struct InjectedFault {
    /// In the first run of this kind that gets so far.
    pub kind: RunKind,
    /// At this of its moments (for a crash) or calls (for a fault), counted from 0.
    pub at: u32,
    /// `None` is a crash.
    pub trouble: Option<Trouble>,
}

impl Faults {
    /// The fault of one call, if any.
    pub(crate) fn of_call(&self, rng: &mut Rng) -> Option<Trouble> {
        let dice = rng.f64();
        let mut limit = self.refused;
        if dice < limit {
            return Some(Trouble::Refused);
        }
        limit += self.unanswered;
        if dice < limit {
            return Some(Trouble::Unanswered);
        }
        limit += self.repeated;
        (dice < limit).then_some(Trouble::Repeated)
    }
}

/// A condition that a promise to a webhook's owner depends on. A test removes each and checks that
/// the books detect the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The write that switches a webhook off succeeds only for the version that the attempt used.
    SwitchOffChecksVersion,
    /// A message that Postel failed on comes back after [`domain::flow::retry_after`], not after
    /// its queue's visibility timeout.
    FailedComesBackSoon,
    /// An owner's write keeps the dispatchers' attributes in the same row.
    PutKeepsTheWarning,
    /// An owner's write succeeds only if the row is unchanged since the owner's read.
    PutChecksWhatItRead,
    /// A rotation keeps the older secrets until their ends.
    RotationKeepsOlderSecrets,
    /// An older secret ends at the time its owner was told.
    RotationEndsOlderSecrets,
    /// A snapshot is read after the event was received.
    SnapshotIsFresh,
    /// A snapshot is at most some seconds old.
    SnapshotIsRecent,
}
