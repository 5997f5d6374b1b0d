//! What an attempt, a redrive or an end makes of a delivery: the domain's transitions over the
//! model's small values, so that millions of states are walked through in seconds.
//!
//! tests/domain.rs compares each with `domain::delivery` for all values.

use crate::state::{Delivery, Due, Status};

impl Delivery {
    /// Before its first attempt, due at once: `Delivery::new` and `due_at`.
    #[must_use]
    pub fn put_off() -> Self {
        Self {
            status: Status::Retrying,
            sequence: 0,
            made: 0,
            due: Due::Now,
            lost: false,
            manual: None,
            dead: None,
            decided: None,
        }
    }

    /// After its first attempt.
    #[must_use]
    pub fn first(success: bool) -> Self {
        // No model has so few attempts that the first is the last.
        Self::put_off().after_automatic(success, u8::MAX)
    }

    /// After an automatic attempt, of so many in a round.
    #[must_use]
    pub fn after_automatic(self, success: bool, attempts: u8) -> Self {
        let (sequence, made) = (self.sequence + 1, self.made + 1);
        let (status, due) = match success {
            true => (Status::Completed, Due::Never),
            false if made < attempts => (Status::Retrying, Due::Later),
            false => (Status::Failed, Due::Never),
        };
        Self {
            status,
            sequence,
            made,
            due,
            lost: false,
            ..self
        }
    }

    /// After a manual attempt.
    #[must_use]
    pub fn after_manual(self, success: bool) -> Self {
        let after = Self {
            manual: None,
            decided: None,
            ..self
        };
        match success {
            true => Self {
                status: Status::Completed,
                due: Due::Never,
                dead: None,
                ..after
            },
            false => after,
        }
    }

    /// Given up without an attempt.
    #[must_use]
    pub fn abandoned(self) -> Self {
        Self {
            status: Status::Failed,
            sequence: self.sequence + 1,
            due: Due::Never,
            lost: false,
            decided: None,
            ..self
        }
    }

    /// Its message was lost: left to the sweeper, unless that has happened too often.
    #[must_use]
    pub fn after_lost_message(self) -> Option<Self> {
        let due = match self.due {
            Due::Never => Due::Now,
            due => due,
        };
        let lost = true;
        (!self.lost).then_some(Self { due, lost, ..self })
    }

    /// Redriven: a new round, at once.
    #[must_use]
    pub fn redriven(self) -> Self {
        Self {
            status: Status::Retrying,
            sequence: self.sequence + 1,
            made: 0,
            due: Due::Now,
            lost: false,
            dead: None,
            decided: None,
            ..self
        }
    }

    /// What a lease that began with `before` made of it, on top of what others made of it
    /// meanwhile.
    #[must_use]
    pub fn rebased(self, before: Self, current: Self) -> Self {
        let life = |d: Self| (d.status, d.sequence, d.made, d.due, d.lost, d.dead);
        let manual = match self.manual == before.manual {
            true => current.manual,
            false => self.manual,
        };
        if life(self) == life(before) {
            return Self {
                manual,
                decided: self.decided,
                ..current
            };
        }
        Self {
            manual,
            sequence: self.sequence.max(current.sequence),
            ..self
        }
    }
}
