//! What may happen next.

use stateright::{Model, Property};

use crate::Scenario;
use crate::guards::Guard;
use crate::properties;
use crate::state::{Body, Delay, Due, Index, Job, Message, Owner, Request, State, Status};
use crate::steps::{self, How, Step};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A message is handed out; perhaps before its time.
    Receive {
        worker: usize,
        message: usize,
        early: bool,
    },
    /// One that somebody holds is handed out again; the count of receives may know of it or not.
    ReceiveAgain {
        worker: usize,
        message: usize,
        counted: bool,
    },
    Step {
        worker: usize,
        how: How,
        answers: u8,
    },
    Crash(usize),
    Lose(usize),
    DueComes(usize),
    LeaseEnds(usize),
    Sweep(usize),
    Ask(usize),
    Redrive {
        delivery: usize,
        letter: u8,
    },
    Request,
    RequestDies,
    /// The owner of a delivery's webhook gives it another version, switched on.
    Move(usize),
}

/// The tasks that the index shows of a row.
fn tasks(state: &State, d: usize) -> Vec<Body> {
    let Some(row) = state.rows[d] else {
        return Vec::new();
    };
    let delivery = u8::try_from(d).unwrap();
    let waits = matches!(row.is.status, Status::Retrying | Status::Processing);
    let sequence = waits.then_some(Body::Scheduled(delivery, row.is.sequence));
    sequence
        .into_iter()
        .chain(row.is.manual.map(|token| Body::Manual(delivery, token)))
        .collect()
}

/// Whether the sweeper will come to look at a row, now or later.
#[must_use]
pub fn is_indexed(state: &State, d: usize) -> bool {
    state.rows[d].is_some_and(|row| row.index != Index::Absent) && !tasks(state, d).is_empty()
}

fn is_overdue(state: &State, d: usize) -> bool {
    let Some(row) = state.rows[d] else {
        return false;
    };
    match row.index {
        Index::Absent => false,
        Index::Lease => row.lease.is_none_or(|lease| lease.over),
        Index::Due | Index::Over => true,
    }
}

fn is_worked_on(state: &State, d: usize) -> bool {
    let bodies = state
        .workers
        .iter()
        .flatten()
        .map(|job| job.body.delivery());
    state.request.is_some() || bodies.into_iter().any(|of| of.is_none_or(|of| of == d))
}

fn is_carried(state: &State, body: Body) -> bool {
    state
        .messages
        .iter()
        .any(|m| m.body.task() == body && !m.died)
}

fn is_visible(state: &State, message: &Message) -> bool {
    let row = message.body.delivery().and_then(|d| state.rows[d]);
    message.hands == 0
        && match message.delay {
            Delay::None => true,
            Delay::Due => true,
            Delay::Lease => row.is_none_or(|row| row.lease.is_none_or(|lease| lease.over)),
        }
}

impl Model for Scenario {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What went wrong is found: no need to look further.
        if state.seen.broken.is_some() {
            return;
        }
        let spent = state.spent;
        let any = state.troubles() < self.troubles;
        let (crash, queue) = (
            any && spent.crashes < self.crashes,
            any && spent.queue < self.queue,
        );
        let (call, clock) = (
            any && spent.calls < self.calls,
            any && spent.clocks < self.clocks,
        );
        let idle = state.workers.iter().position(Option::is_none);
        for (place, message) in state.messages.iter().enumerate() {
            if let Some(worker) = idle {
                let visible = is_visible(state, message);
                if visible {
                    actions.push(Action::Receive {
                        worker,
                        message: place,
                        early: false,
                    });
                }
                if clock && visible && message.delay == Delay::Due {
                    actions.push(Action::Receive {
                        worker,
                        message: place,
                        early: true,
                    });
                }
                if queue && message.hands == 1 && !message.died {
                    actions.push(Action::ReceiveAgain {
                        worker,
                        message: place,
                        counted: false,
                    });
                    if message.receives < self.max_receives {
                        actions.push(Action::ReceiveAgain {
                            worker,
                            message: place,
                            counted: true,
                        });
                    }
                }
            }
            // An event's first message is the tenant's, or was acknowledged to us by SQS: it keeps
            // those.
            if queue && message.hands == 0 && !message.died && message.body != Body::Event {
                actions.push(Action::Lose(place));
            }
        }
        for (worker, job) in state.workers.iter().enumerate() {
            let Some(job) = job else { continue };
            let step = job.steps[0];
            for how in step.ways().iter().filter(|how| **how == How::Works || call) {
                let answers = if *how == How::Works {
                    step.answers()
                } else {
                    1
                };
                actions.extend((0..answers).map(|answers| Action::Step {
                    worker,
                    how: *how,
                    answers,
                }));
            }
            if crash {
                actions.push(Action::Crash(worker));
            }
        }
        for d in 0..self.deliveries {
            let Some(row) = state.rows[d] else { continue };
            // Time that nobody looks at need not pass: a message that waits for it brings it along,
            // and so does the sweeper.
            let looks = |m: &Message| {
                matches!(m.body.task(), Body::Scheduled(of, _) if usize::from(of) == d)
                    && (m.delay != Delay::Due || m.hands > 0)
            };
            if row.is.due == Due::Later && state.messages.iter().any(looks) {
                actions.push(Action::DueComes(d));
            }
            if let Some(lease) = row.lease
                && !lease.over
                && (lease.owner == Owner::Nobody || clock)
            {
                actions.push(Action::LeaseEnds(d));
            }
            if self.has(Guard::Sweeper) && is_overdue(state, d) {
                let tasks = tasks(state, d);
                let is_new = tasks.iter().any(|task| !is_carried(state, *task));
                // The sweeper's grace is longer than an attempt: whoever is still at it then is
                // slow.
                let is_slow = is_worked_on(state, d);
                if (is_new || (queue && !tasks.is_empty())) && (clock || !is_slow) {
                    actions.push(Action::Sweep(d));
                }
            }
            if spent.moves < self.moves {
                actions.push(Action::Move(d));
            }
            if state.request.is_none() && spent.asks < self.asks {
                actions.push(Action::Ask(d));
            }
            if state.request.is_none()
                && spent.redrives < self.redrives
                && let Some(letter) = row
                    .is
                    .dead
                    .filter(|letter| state.letters[d].is_open(*letter))
            {
                actions.push(Action::Redrive {
                    delivery: d,
                    letter,
                });
            }
        }
        if state.request.is_some() {
            actions.push(Action::Request);
            if crash {
                actions.push(Action::RequestDies);
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Receive {
                worker,
                message,
                early,
            } => {
                let entry = &mut state.messages[message];
                (entry.hands, entry.receives) = (1, entry.receives + 1);
                let body = entry.body;
                if early {
                    state.spent.clocks += 1;
                } else if entry.delay == Delay::Due {
                    time_comes(&mut state, body);
                }
                hand_out(&mut state, self, worker, message);
            }
            Action::ReceiveAgain {
                worker,
                message,
                counted,
            } => {
                let entry = &mut state.messages[message];
                (entry.hands, entry.receives) = (2, entry.receives + u8::from(counted));
                state.spent.queue += 1;
                state.seen.unfaithful = true;
                state.seen.event_twice |= state.messages[message].body == Body::Event;
                hand_out(&mut state, self, worker, message);
            }
            Action::Step {
                worker,
                how,
                answers,
            } => {
                state = steps::run(&state, self, worker, how, answers)?;
                state.spent.calls += u8::from(how != How::Works);
            }
            Action::Crash(worker) => {
                let job = state.workers[worker].take()?;
                steps::give_up(&mut state, self, &job);
                state.leave(worker);
                state.spent.crashes += 1;
            }
            Action::Lose(message) => {
                state.delete(u8::try_from(message).unwrap());
                state.spent.queue += 1;
                state.seen.unfaithful = true;
            }
            Action::DueComes(d) => state.rows[d].as_mut()?.is.due = Due::Now,
            Action::LeaseEnds(d) => {
                let lease = state.rows[d].as_mut()?.lease.as_mut()?;
                lease.over = true;
                if let Owner::Worker(worker) = lease.owner {
                    let mut job = state.workers[usize::from(worker)].take()?;
                    steps::excuse(&mut state, &job);
                    (job.expired, job.posted) = (true, Default::default());
                    // Its POST may still be on its way.
                    if let Some(Step::Post(_)) = job.steps.first() {
                        job.steps.splice(0..1, []);
                    }
                    state.workers[usize::from(worker)] = Some(job);
                    state.spent.clocks += 1;
                    state.seen.unfaithful = true;
                }
            }
            Action::Sweep(d) => {
                let tasks = tasks(&state, d);
                state.spent.clocks += u8::from(is_worked_on(&state, d));
                let row = state.rows[d].as_mut()?;
                if row.index == Index::Due {
                    row.is.due = Due::Now;
                }
                row.index = Index::Over;
                if tasks.iter().all(|task| is_carried(&state, *task)) {
                    state.spent.queue += 1;
                    state.seen.unfaithful = true;
                }
                for task in tasks {
                    state.send(task, Delay::None);
                }
            }
            Action::Ask(d) => ask(&mut state, d)?,
            Action::Redrive { delivery, letter } => {
                state.spent.redrives += 1;
                state.request = Some(Request::Revive(u8::try_from(delivery).unwrap(), letter));
            }
            Action::Move(d) => {
                state.spent.moves += 1;
                let config = &mut state.configs[d];
                (config.version, config.on) = (config.version + 1, true);
            }
            Action::Request => request(&mut state, self)?,
            Action::RequestDies => {
                state.request = None;
                state.spent.crashes += 1;
                state.seen.unfaithful = true;
            }
        }
        let state = state.canonical(self.deliveries);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

/// A message that waited for an attempt's time: if that attempt is still to come, its time is now.
fn time_comes(state: &mut State, body: Body) {
    if let Body::Scheduled(d, sequence) = body
        && let Some(row) = &mut state.rows[usize::from(d)]
        && row.is.sequence == sequence
        && row.is.due == Due::Later
    {
        row.is.due = Due::Now;
    }
}

fn hand_out(state: &mut State, scenario: &Scenario, worker: usize, place: usize) {
    let message = state.messages[place];
    let of = message.body.delivery();
    let steps = steps::begin(scenario, message.body, message.receives, message.died);
    state.workers[worker] = Some(Job {
        body: message.body.task(),
        message: Some(u8::try_from(place).unwrap()),
        // More than once is all that anybody asks.
        receives: message.receives.min(2),
        is_dlq: message.died,
        steps,
        failed: false,
        expired: false,
        version: of.map_or(0, |d| state.configs[d].version),
        posted: Default::default(),
    });
    if message.died {
        // A dead-letter queue of ours has no other behind it.
        state.messages[place].receives = 0;
    }
}

fn ask(state: &mut State, d: usize) -> Option<()> {
    state.spent.asks += 1;
    let (delivery, token) = (u8::try_from(d).unwrap(), state.spent.asks);
    let row = state.rows[d].as_mut()?;
    match row.is.manual {
        None => {
            row.is.manual = Some(token);
            if row.index == Index::Absent {
                row.index = Index::Over;
            }
            state.request = Some(Request::CarryManual(delivery, token));
        }
        // Answered as if the message that was sent before were still on its way.
        Some(_) => state.seen.promised = true,
    }
    Some(())
}

fn request(state: &mut State, scenario: &Scenario) -> Option<()> {
    match state.request.take()? {
        Request::CarryManual(d, token) => {
            state.send(Body::Manual(d, token), Delay::None);
            state.seen.promised |= state.rows[usize::from(d)]?.is.manual == Some(token);
        }
        Request::CarryScheduled(d, sequence) => {
            state.send(Body::Scheduled(d, sequence), Delay::None)
        }
        Request::Revive(delivery, letter) => {
            let d = usize::from(delivery);
            let row = state.rows[d].as_mut()?;
            let is_dead = row.is.dead == Some(letter) && state.letters[d].is_open(letter);
            if !is_dead && scenario.has(Guard::ReviveFindsItDead) {
                return Some(());
            }
            row.is = row.is.redriven();
            row.index = Index::Due;
            let sequence = row.is.sequence;
            state.letters[d].redrive(letter);
            state.request = Some(Request::CarryScheduled(delivery, sequence));
        }
    }
    Some(())
}
