//! What must hold in every state.

use stateright::Property;

use crate::Scenario;
use crate::actions::is_indexed;
use crate::guards::Guard;
use crate::state::{Broken, DeadLetters, Owner, State, Status};
use crate::steps::Step;

pub const NOTHING_LOST: &str = "at rest everything is delivered or dead";
pub const ONE_LEASE: &str = "no two workers hold the same lease";
pub const ONE_POST: &str =
    "no attempt is sent twice unless its worker died, failed or outlived its lease";
pub const NOT_EARLY: &str = "no attempt before its time";
pub const DEAD_HAS_LETTER: &str =
    "a dead delivery has its dead letter, and a dead letter its dead delivery";
pub const STAYS_DELIVERED: &str = "what was delivered stays delivered";
pub const OWN_DEATH: &str = "a delivery is given up only for the message of its present attempt";
pub const NO_SWEEPER_NEEDED: &str = "while the queue is faithful nothing waits for the sweeper";
pub const NO_IDLE_LEASE: &str = "a lease without a worker only after a death or a failed call";
pub const SWITCHED_BY_ITS_OWN: &str =
    "a webhook is switched off by a failure of its present version only";
pub const SWITCHED_AT_LAST: &str =
    "while the queue is faithful a webhook whose present version failed to the end is off";
pub const ASKED_IS_DONE: &str = "a manual attempt that was promised is made";

#[must_use]
pub fn all() -> Vec<Property<Scenario>> {
    vec![
        Property::always(NOTHING_LOST, |scenario: &Scenario, state: &State| {
            !is_terminal(scenario, state) || is_done(scenario, state)
        }),
        Property::always(ONE_LEASE, |_, state: &State| one_lease(state)),
        Property::always(ONE_POST, |_, state: &State| {
            state.seen.broken != Some(Broken::PostedTwice)
        }),
        Property::always(NOT_EARLY, |_, state: &State| {
            state.seen.broken != Some(Broken::PostedEarly)
        }),
        Property::always(DEAD_HAS_LETTER, |scenario: &Scenario, state: &State| {
            (0..scenario.deliveries).all(|d| letters_fit(state, d))
        }),
        Property::always(STAYS_DELIVERED, |scenario: &Scenario, state: &State| {
            (0..scenario.deliveries).all(|d| !state.seen.delivered[d] || is_delivered(state, d))
        }),
        Property::always(OWN_DEATH, |_, state: &State| {
            state.seen.broken != Some(Broken::EndedForAnother)
        }),
        Property::always(NO_SWEEPER_NEEDED, |scenario: &Scenario, state: &State| {
            state.seen.unfaithful || !is_quiet(state) || is_done(scenario, state)
        }),
        Property::always(NO_IDLE_LEASE, |_, state: &State| {
            let is_idle = |row: &crate::state::Row| {
                row.lease
                    .is_some_and(|l| l.owner == Owner::Nobody && !l.over)
            };
            state.seen.abandoned || !state.rows.iter().flatten().any(is_idle)
        }),
        Property::always(SWITCHED_BY_ITS_OWN, |_, state: &State| {
            state.seen.broken != Some(Broken::SwitchedOffForAnother)
        }),
        Property::always(SWITCHED_AT_LAST, |scenario: &Scenario, state: &State| {
            let is_off = |d: usize| {
                let config = state.configs[d];
                let is_to_be_off = |row: crate::state::Row| {
                    row.is.status == Status::Failed && row.is.decided == Some(config.version)
                };
                !config.on || !state.rows[d].is_some_and(is_to_be_off)
            };
            state.seen.unfaithful || !is_quiet(state) || (0..scenario.deliveries).all(is_off)
        }),
        Property::always(ASKED_IS_DONE, |scenario: &Scenario, state: &State| {
            // What the queue itself loses, or a worker that outlived its lease cannot record, is
            // made when it is asked for again.
            state.spent.queue > 0
                || state.spent.clocks > 0
                || !is_terminal(scenario, state)
                || !state.seen.promised
        }),
    ]
}

/// Nobody works and no message is left.
fn is_quiet(state: &State) -> bool {
    state.messages.is_empty()
        && state.workers.iter().all(Option::is_none)
        && state.request.is_none()
}

/// Nothing will happen any more.
fn is_terminal(scenario: &Scenario, state: &State) -> bool {
    is_quiet(state)
        && !(scenario.has(Guard::Sweeper) && (0..scenario.deliveries).any(|d| is_indexed(state, d)))
}

fn is_done(scenario: &Scenario, state: &State) -> bool {
    (0..scenario.deliveries).all(|d| match state.rows[d] {
        Some(row) => matches!(row.is.status, Status::Completed | Status::Failed),
        None => state.event.is_some_and(|event| event.done[d]) || state.event_dead,
    })
}

fn is_delivered(state: &State, d: usize) -> bool {
    match state.rows[d] {
        Some(row) => row.is.status == Status::Completed,
        None => state.event.is_some_and(|event| event.done[d]),
    }
}

fn letters_fit(state: &State, d: usize) -> bool {
    let letters = state.letters[d];
    let Some(row) = state.rows[d] else {
        return letters == DeadLetters::default();
    };
    match row.is.dead {
        Some(id) => row.is.status == Status::Failed && letters.open == 1 << id,
        None => row.is.status != Status::Failed && letters.open == 0,
    }
}

fn one_lease(state: &State) -> bool {
    let mut holds = [0; crate::state::DELIVERIES];
    for job in state.workers.iter().flatten().filter(|job| !job.expired) {
        if let (Some(Step::Post(_) | Step::Commit { .. }), Some(d)) =
            (job.steps.first(), job.body.delivery())
        {
            holds[d] += 1;
        }
    }
    holds.iter().all(|n| *n < 2)
}
