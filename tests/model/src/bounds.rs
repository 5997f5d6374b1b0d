//! Bounds on what a tenant has at once, each as the table keeps it: its webhooks and keys, its
//! redrives that run, its test events under way.
//!
//! Three mechanisms, a model each, small enough to walk through whole. Every step is one call to
//! the table; between any two steps a caller may die, and an answer may be lost, upon which the SDK
//! calls again (transactions under a token do nothing twice) or the caller gives up.

use stateright::{Model, Property};

/// So many may be there at once.
pub const LIMIT: u8 = 2;
pub const CALLERS: usize = 4;

pub const BOUND: &str = "never more than the limit";
pub const NO_LEAK: &str = "at rest nothing counts that is not there";

/// How the bound is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// webhooks.rs, keys.rs: the write that adds one counts it, and holds the limit.
    Counted,
    /// running.rs: one of so many slots is taken before the job is kept, and freed once it is over;
    /// who finds none looks for slots without a job.
    Slots,
    /// test_leases.rs: a list of leases, read and written on condition that nobody else wrote it
    /// meanwhile. A lease ends by itself.
    Leases,
}

/// Each can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Counted: the limit is a condition of the write, not of a read before it.
    LimitInTheWrite,
    /// Counted: the row and its count are one transaction.
    CountWithItsRow,
    /// Counted: what is deleted twice is counted once.
    DeletionFindsItsRow,
    /// Slots: a slot is taken only if it is free.
    SlotIsFree,
    /// Slots: the slot comes before the job.
    SlotBeforeJob,
    /// Slots: whoever has no job in his slot loses it only once no job can come any more.
    JobMayStillCome,
    /// Slots: a slot without a running job is freed by the next who looks.
    AbandonedIsFreed,
    /// Leases: nobody else wrote since the read.
    NobodyWroteMeanwhile,
    /// Leases: a lease that nobody ended ends by itself.
    LeaseEnds,
}

#[derive(Clone, Copy, Debug)]
pub struct Bound {
    pub kind: Kind,
    /// Deaths and lost answers in all.
    pub troubles: u8,
    pub without: Option<Guard>,
}

impl Bound {
    fn has(&self, guard: Guard) -> bool {
        self.without != Some(guard)
    }
}

/// How far a caller has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Caller {
    Waits,
    /// It has read how many there are, or which version of the list.
    Read(u8),
    /// It has counted itself, or taken this slot; its row or job is still to be written.
    Counted(u8),
    /// It is there, in this slot.
    There(u8),
    /// It is not there any more, and is still to be counted out, or its slot to be freed.
    Leaves(u8),
    Refused,
    Over,
    /// It died, and left what it had written.
    Dead {
        counted: Option<u8>,
        there: bool,
    },
}

impl Caller {
    fn is_there(self) -> bool {
        matches!(self, Self::There(_) | Self::Dead { there: true, .. })
    }

    /// Whether it may still write something.
    fn is_at_work(self) -> bool {
        !matches!(self, Self::Refused | Self::Over | Self::Dead { .. })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    pub callers: [Caller; CALLERS],
    /// The count, or how many leases there are.
    pub count: u8,
    /// Changes of the list.
    pub changes: u8,
    /// Who has each slot.
    pub slots: [Option<u8>; LIMIT as usize],
    pub troubles: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The next call works.
    Step(usize),
    /// It lands, its answer is lost, and it is made again.
    Twice(usize),
    Dies(usize),
    /// What a dead caller left is deleted by somebody, or its lease ends.
    Ends(usize),
    /// Somebody who finds no slot free looks for those without a job.
    FreeSlot(usize),
}

fn number(caller: usize) -> u8 {
    u8::try_from(caller).unwrap()
}

impl Bound {
    fn step(&self, state: &mut State, me: usize) {
        state.callers[me] = match self.kind {
            Kind::Counted => self.counted(state, me),
            Kind::Slots => self.in_slots(state, me),
            Kind::Leases => self.leased(state, me),
        };
    }

    fn counted(&self, state: &mut State, me: usize) -> Caller {
        match state.callers[me] {
            // Without the guard: it is read first, and written whatever the count is by then.
            Caller::Waits if !self.has(Guard::LimitInTheWrite) => Caller::Read(state.count),
            Caller::Waits | Caller::Read(_) => {
                let seen = match state.callers[me] {
                    Caller::Read(seen) => seen,
                    _ => state.count,
                };
                if seen >= LIMIT {
                    return Caller::Refused;
                }
                state.count += 1;
                match self.has(Guard::CountWithItsRow) {
                    true => Caller::There(0),
                    false => Caller::Counted(0),
                }
            }
            Caller::Counted(_) => Caller::There(0),
            Caller::There(_) => {
                state.count = state.count.saturating_sub(1);
                Caller::Over
            }
            other => other,
        }
    }

    fn in_slots(&self, state: &mut State, me: usize) -> Caller {
        let take = |state: &mut State| {
            let is_free = |slot: &Option<u8>| slot.is_none() || !self.has(Guard::SlotIsFree);
            let slot = state.slots.iter().position(is_free)?;
            state.slots[slot] = Some(number(me));
            Some(number(slot))
        };
        match state.callers[me] {
            Caller::Waits if !self.has(Guard::SlotBeforeJob) => Caller::There(u8::MAX),
            Caller::Waits => take(state).map_or(Caller::Refused, Caller::Counted),
            Caller::Counted(slot) => Caller::There(slot),
            Caller::There(u8::MAX) => take(state).map_or(Caller::Over, Caller::There),
            Caller::There(slot) => Caller::Leaves(slot),
            Caller::Leaves(slot) => {
                let slot = &mut state.slots[usize::from(slot)];
                if *slot == Some(number(me)) {
                    *slot = None;
                }
                Caller::Over
            }
            other => other,
        }
    }

    fn leased(&self, state: &mut State, me: usize) -> Caller {
        let checks = self.has(Guard::NobodyWroteMeanwhile);
        match state.callers[me] {
            Caller::Waits if state.count >= LIMIT => Caller::Refused,
            Caller::Waits => Caller::Read(state.changes),
            Caller::Read(seen) if checks && seen != state.changes => Caller::Waits,
            Caller::Read(_) => {
                // Whoever does not look overwrites another's lease: the list is not longer for it.
                state.count = (state.count + 1).min(LIMIT);
                state.changes += 1;
                Caller::There(0)
            }
            Caller::There(_) => {
                state.count = state.count.saturating_sub(1);
                state.changes += 1;
                Caller::Over
            }
            other => other,
        }
    }

    /// The call has landed, and is made once more. A transaction that adds is known by its token, a
    /// slot and a lease by their owner.
    fn again(&self, state: &mut State, before: Caller) {
        let deletes = self.kind == Kind::Counted && matches!(before, Caller::There(_));
        if deletes && !self.has(Guard::DeletionFindsItsRow) {
            state.count = state.count.saturating_sub(1);
        }
    }

    /// Whether a slot has no running job, nor one that may come.
    fn is_abandoned(&self, state: &State, slot: usize) -> bool {
        state.slots[slot].is_some_and(|of| match state.callers[usize::from(of)] {
            Caller::There(_) | Caller::Dead { there: true, .. } => false,
            // No job comes any more once its caller's time is over.
            Caller::Counted(_) => !self.has(Guard::JobMayStillCome),
            _ => true,
        })
    }

    fn is_terminal(&self, state: &State) -> bool {
        let mut slots = 0..state.slots.len();
        let is_to_come = match self.kind {
            Kind::Counted => false,
            Kind::Slots => {
                self.has(Guard::AbandonedIsFreed) && slots.any(|s| self.is_abandoned(state, s))
            }
            Kind::Leases => self.has(Guard::LeaseEnds) && has_lease(state),
        };
        let lives = |caller: &Caller| caller.is_at_work() || caller.is_there();
        !is_to_come && !state.callers.iter().any(lives)
    }
}

/// A dead caller's lease is not over.
fn has_lease(state: &State) -> bool {
    let lasts = |c: &Caller| {
        matches!(
            c,
            Caller::Dead {
                counted: Some(_),
                ..
            }
        )
    };
    state.callers.iter().any(lasts)
}

impl Model for Bound {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            callers: [Caller::Waits; CALLERS],
            count: 0,
            changes: 0,
            slots: [None; LIMIT as usize],
            troubles: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let any = state.troubles < self.troubles;
        for (me, caller) in state.callers.iter().enumerate() {
            if caller.is_at_work() {
                actions.push(Action::Step(me));
                if any {
                    actions.extend([Action::Twice(me), Action::Dies(me)]);
                }
            }
            match caller {
                Caller::Dead { there: true, .. } => actions.push(Action::Ends(me)),
                Caller::Dead {
                    counted: Some(_), ..
                } if self.kind == Kind::Leases && self.has(Guard::LeaseEnds) => {
                    actions.push(Action::Ends(me));
                }
                _ => {}
            }
        }
        if self.kind == Kind::Slots && self.has(Guard::AbandonedIsFreed) {
            let slots = 0..state.slots.len();
            actions.extend(
                slots
                    .filter(|slot| self.is_abandoned(state, *slot))
                    .map(Action::FreeSlot),
            );
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Step(me) => self.step(&mut state, me),
            Action::Twice(me) => {
                self.step(&mut state, me);
                self.again(&mut state, last.callers[me]);
                state.troubles += 1;
            }
            Action::Dies(me) => {
                state.troubles += 1;
                let (counted, there) = match state.callers[me] {
                    Caller::Counted(slot) | Caller::Leaves(slot) => (Some(slot), false),
                    Caller::There(slot) => (Some(slot), true),
                    _ => (None, false),
                };
                state.callers[me] = Caller::Dead { counted, there };
            }
            Action::Ends(me) => {
                // A webhook is deleted later, a job ends without its caller, a lease by time.
                state.callers[me] = match (self.kind, state.callers[me]) {
                    (Kind::Slots, Caller::Dead { counted, .. }) => {
                        if let Some(slot) = counted.filter(|slot| *slot != u8::MAX) {
                            state.slots[usize::from(slot)] = None;
                        }
                        Caller::Over
                    }
                    (Kind::Leases, _) if !self.has(Guard::LeaseEnds) => Caller::Over,
                    _ => {
                        state.count = state.count.saturating_sub(1);
                        state.changes += 1;
                        Caller::Over
                    }
                };
            }
            Action::FreeSlot(slot) => state.slots[slot] = None,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(BOUND, |_, state: &State| {
                let there = state.callers.iter().filter(|c| c.is_there()).count();
                there <= usize::from(LIMIT)
            }),
            Property::always(NO_LEAK, |bound: &Bound, state: &State| {
                let counts = state.count > 0 || state.slots.iter().any(Option::is_some);
                !bound.is_terminal(state) || !counts
            }),
        ]
    }
}
