//! What goes wrong, and when.

use std::time::Duration;

use domain::ports::Stage;
use fastrand::Rng;

use crate::simulation::RunKind;

/// What befalls one outside call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// AWS refuses it, and the SDK gives up: nothing has happened.
    Refused,
    /// It lands, and no answer ever comes.
    Unanswered,
    /// It lands, its answer is lost, and the SDK sends it again.
    Repeated,
}

/// How likely each trouble is, from 0 to 1.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Only in runs of this kind, deaths and calls alike.
    pub only: Option<RunKind>,
    /// The process dies, at each moment at which it waits for an outside call.
    pub crash: f64,
    /// A call is refused.
    pub refused: f64,
    /// A call lands without an answer.
    pub unanswered: f64,
    /// A call lands twice.
    pub repeated: f64,
    /// A request is slow to arrive, or an answer.
    pub slow: f64,
    /// How slow at most. What the SDK does not wait for any more has landed all the same.
    pub slowest: Duration,
    /// A message is delivered once more although it was deleted, or while it is worked on.
    pub duplicate: f64,
    /// A message is late.
    pub late: f64,
    /// What a function failed on cannot be brought back sooner: it stays hidden for its queue's
    /// visibility timeout.
    pub stays_hidden: f64,
    /// A schedule never fires.
    pub lost_schedule: f64,
    /// A schedule fires up to an hour late.
    pub late_schedule: f64,
    /// A schedule fires twice: the Scheduler delivers at least once.
    pub repeated_schedule: f64,
    /// A message vanishes: somebody purged, or it grew older than its queue keeps messages.
    pub lost_message: f64,
    /// How far a process's clock may be off, in milliseconds, either way.
    pub skew_millis: i64,
}

/// What the tables do with calls while they are out. All other services are well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Every call is refused.
    Refused,
    /// No call is answered, and the SDK waits until it gives up. Half of them land.
    Unanswered,
    /// Reads work, and every write is refused.
    WritesRefused,
    /// Reads work, and no write is answered. Half of them land.
    WritesUnanswered,
}

impl Outage {
    /// All of them.
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

    pub(crate) fn is_silent(self) -> bool {
        matches!(self, Self::Unanswered | Self::WritesUnanswered)
    }
}

/// What a call does with the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    /// Another service.
    Elsewhere,
}

impl Access {
    /// Of a call of this stage.
    pub(crate) fn of(stage: Stage) -> Self {
        match stage {
            Stage::ReadConfig | Stage::ReadStore => Self::Read,
            Stage::WriteConfig | Stage::AcquireLease | Stage::WriteOutcome | Stage::DeadLetter => {
                Self::Write
            }
            _ => Self::Elsewhere,
        }
    }
}

/// One thing that goes wrong at one place: how every place is tried in turn.
#[derive(Clone, Copy, Debug)]
pub struct InjectedFault {
    /// In the first run of this kind that gets so far.
    pub kind: RunKind,
    /// At this of its moments (for a crash) or calls (for a trouble), counted from 0.
    pub at: u32,
    /// A crash, or a trouble.
    pub trouble: Option<Trouble>,
}

impl Faults {
    /// The trouble of one call, if it has any.
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

/// A condition that a promise to a webhook's owner rests on. Each can be taken away; a test sees
/// that the books find what then goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The write that switches a webhook off holds only for the version that the attempt was made
    /// with.
    SwitchOffChecksVersion,
    /// What we failed on comes back after [`domain::flow::retry_after`], not after its queue's
    /// visibility timeout.
    FailedComesBackSoon,
    /// An owner's write leaves alone what dispatchers note in the same row.
    PutKeepsTheWarning,
    /// An owner's write holds only if nobody else wrote since the owner's read.
    PutChecksWhatItRead,
    /// A rotation keeps the older secrets until their ends.
    RotationKeepsOlderSecrets,
    /// An older secret ends when its owner was told.
    RotationEndsOlderSecrets,
    /// A snapshot was read after the event came in.
    SnapshotIsFresh,
    /// A snapshot is some seconds old at most.
    SnapshotIsRecent,
}
