//! First attempts of an event that may have two messages, as
//! functions/domain/src/flow/possible_duplicate.rs tells it: a model of its own.
//!
//! One event with an id that its caller chose, for one webhook. Two callers publish it over HTTP,
//! one after the other or at the same time; in one of the scenarios a tenant's own SQS message has
//! the same id. Two dispatchers work. Every step is one call to the outside. Between any two steps
//! a process may crash, a call may fail, its answer may be lost, and SQS may hand a message out
//! twice.
//!
//! Time is modelled by who is still running. A delay of the dispatcher's timeout, and the queue's
//! visibility timeout, are over when all dispatchers that ran as they began have ended.
//!
//! How a message makes the first attempts is chosen by the domain's own `FirstAttempts::choose`.
//! What becomes of a delivery once its first attempt is on record is the other model's.

use std::time::Duration;

use domain::flow::{FirstAttempts, LEASE_MARGIN};
use domain::time::Time;
use stateright::{Model, Property};

/// When the event was marked, and how long a dispatcher may run: any times do.
const MARKED_AT: Time = Time::from_millis(0);
const TIMEOUT: Duration = Duration::from_secs(80);

pub const PUBLISHERS: usize = 2;
pub const WORKERS: usize = 2;

pub const NOTHING_LOST: &str = "at rest an accepted event has its first attempt on record";
pub const ONE_POST: &str = "no first attempt is sent twice unless its dispatcher died or failed";
/// Not promises, but what has to happen somewhere, or the model shows nothing.
pub const BOTH_AT_ONCE: &str = "a marked event has a first attempt without a lease under way";
pub const WITH_LEASE: &str = "a first attempt takes a lease";

/// Each can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The event is stored before its key is sent.
    StoredBeforeSent,
    /// A send without an answer is sent again.
    UnansweredIsSentAgain,
    /// Nothing but the publisher repeats a send: the SDK does not.
    NobodyElseRepeats,
    /// Whoever sends again marks the event,
    MarkedBeforeSentAgain,
    /// and does so before the send.
    MarkComesFirst,
    /// So does a publisher that takes the id over.
    SuccessorMarks,
    /// The second message is delayed by the dispatcher's timeout.
    SecondIsDelayed,
    /// The id counts as accepted once the message is sent, and not before.
    AcceptedOnceSent,
    /// A message that takes the id over knows it as its own when it comes back.
    MessageKnowsItsId,
    /// Such a message looks at what is on record before it sends anything.
    TakenOverIsRead,
    /// It marks the event,
    TakenOverIsMarked,
    /// goes back to the queue,
    TakenOverWaits,
    /// and continues when the dispatchers have ended that ran as the event was marked.
    WaitBeginsWithTheMark,
    /// First attempts of a marked event take a lease.
    MarkedTakesLease,
    /// A delivery is created once.
    CreatedOnce,
}

#[derive(Clone, Copy, Debug)]
pub struct Shared {
    pub name: &'static str,
    /// Whether an SQS message has the same id.
    pub with_message: bool,
    /// Crashes, failed calls, lost answers and messages handed out twice, in all.
    pub troubles: u8,
    pub without: Option<Guard>,
}

impl Shared {
    fn has(&self, guard: Guard) -> bool {
        self.without != Some(guard)
    }
}

/// Who has the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Claim {
    Free,
    Publisher(u8),
    /// Released, or its time is over: the next one takes it over, and the event's key with it.
    Released,
    /// The SQS message has it. That is durable: callers are told that it is accepted.
    Message {
        is_taken_over: bool,
    },
    Accepted,
}

/// What a publisher does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Publisher {
    Claim,
    Store { is_successor: bool },
    SendFirst,
    Mark,
    SendAgain,
    Accept,
    Release,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Body {
    /// The key of the stored event.
    Key,
    /// A tenant's own message with the same id.
    Own,
    /// The task of the first attempt.
    Task,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Message {
    pub body: Body,
    /// Whether it was received before.
    pub came_back: bool,
    /// Hidden until these dispatchers have ended, a bit for each.
    pub hidden_by: u8,
}

/// What a dispatcher does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    ClaimId,
    Read {
        is_taken_over: bool,
    },
    Mark,
    /// A first attempt without a lease; of an event that is not stored yet?
    Post {
        is_new: bool,
    },
    /// The event, with the outcome inside.
    Store,
    /// The outcome as an item.
    Record,
    /// The delivery as an item that is due.
    Create,
    Enqueue,
    Lease,
    PostLeased,
    Complete,
    DeadLetter,
    Acknowledge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Worker {
    pub message: Message,
    pub step: Step,
    /// A copy that SQS handed out beside the message: it does not go back.
    pub is_copy: bool,
    /// Its POST has left and is not on record.
    pub has_posted: bool,
    pub has_lease: bool,
}

/// The delivery's own item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    pub is_leased: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    pub claim: Claim,
    pub is_stored: bool,
    /// Marked; and the dispatchers that ran as it was, and have not ended.
    pub mark: Option<u8>,
    pub row: Option<Row>,
    /// The first attempt's outcome is on record.
    pub is_recorded: bool,
    pub publishers: [Publisher; PUBLISHERS],
    pub messages: Vec<Message>,
    pub workers: [Option<Worker>; WORKERS],
    pub troubles: u8,
    /// POSTs that no record and no death accounts for.
    pub posts: u8,
    pub is_posted_twice: bool,
    /// SQS handed a message to two dispatchers at once.
    pub has_copies: bool,
    /// Somebody was told that the event is accepted.
    pub is_accepted: bool,
}

/// How a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Works,
    /// It does not land, and its caller knows.
    Fails,
    /// It does not land, and its caller cannot know.
    Vanishes,
    /// It lands, and its answer is lost.
    LandsUnanswered,
    /// It lands, its answer is lost, and the SDK makes the call again.
    Repeats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Publish(usize, How),
    PublisherCrashes(usize),
    /// The claim of a publisher that has ended is over.
    ClaimEnds,
    Receive {
        worker: usize,
        message: usize,
    },
    /// A message that another dispatcher holds is handed out once more.
    ReceiveCopy {
        worker: usize,
        of: usize,
    },
    Work(usize, How),
    WorkerCrashes(usize),
    /// The lease of a dispatcher that has ended is over.
    LeaseEnds,
    /// A delivery that is due and has no task gets one.
    Sweep,
}

/// When a message comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Return {
    /// After some seconds.
    Soon,
    /// After the queue's visibility timeout.
    Hidden,
}

impl State {
    fn running(&self) -> u8 {
        let bit = |(place, worker): (usize, &Option<Worker>)| u8::from(worker.is_some()) << place;
        self.workers.iter().enumerate().map(bit).sum()
    }

    fn send(&mut self, body: Body, hidden_by: u8) {
        let message = Message {
            body,
            came_back: false,
            hidden_by,
        };
        self.messages.push(message);
    }

    fn mark(&mut self) {
        if self.is_stored && self.mark.is_none() {
            self.mark = Some(self.running());
        }
    }

    /// A dispatcher has ended: whatever waited for that waits no more.
    fn end(&mut self, place: usize) {
        let others = !(1 << place);
        self.workers[place] = None;
        self.mark = self.mark.map(|running| running & others);
        for message in &mut self.messages {
            message.hidden_by &= others;
        }
    }

    /// A dispatcher ends without having finished its message.
    fn give_up(&mut self, place: usize, worker: Worker, when: Return) {
        // What it sent and did not record may be sent again: that is the promise's exception.
        self.posts -= u8::from(worker.has_posted);
        self.end(place);
        if !worker.is_copy {
            let hidden_by = match when {
                Return::Soon => 0,
                Return::Hidden => self.running(),
            };
            self.messages.push(Message {
                came_back: true,
                hidden_by,
                ..worker.message
            });
        }
    }

    fn post(&mut self) {
        self.is_posted_twice |= !self.has_copies && (self.is_recorded || self.posts > 0);
        self.posts += 1;
    }

    fn record(&mut self, worker: &mut Worker) {
        self.is_recorded = true;
        if worker.has_posted {
            self.posts -= 1;
            worker.has_posted = false;
        }
    }

    /// Nobody publishes or dispatches, and nothing is left to receive.
    fn is_over(&self) -> bool {
        self.messages.is_empty()
            && self.workers.iter().all(Option::is_none)
            && self.publishers.iter().all(|p| *p == Publisher::Over)
            && !self.is_to_sweep()
            && self.row.is_none_or(|row| !row.is_leased)
    }

    fn is_to_sweep(&self) -> bool {
        let is_free = self.row.is_some_and(|row| !row.is_leased);
        let of_task = |message: &Message| message.body == Body::Task;
        let held = self.workers.iter().flatten().map(|w| &w.message);
        is_free && !self.is_recorded && !self.messages.iter().chain(held).any(of_task)
    }
}

impl Shared {
    /// How a publisher's next call may go.
    fn ways_to_publish(&self, state: &State, me: usize) -> &'static [How] {
        use How::{Fails, LandsUnanswered, Repeats, Vanishes, Works};
        match state.publishers[me] {
            // It asks again and again until the other has ended.
            Publisher::Claim if matches!(state.claim, Claim::Publisher(_)) => &[],
            Publisher::SendFirst if !self.has(Guard::NobodyElseRepeats) => &[Works, Repeats],
            Publisher::SendFirst => &[Works, Fails, Vanishes, LandsUnanswered],
            Publisher::Over => &[],
            _ => &[Works, Fails, LandsUnanswered],
        }
    }

    fn publish(&self, state: &mut State, me: usize, how: How) {
        let step = state.publishers[me];
        let lands = matches!(how, How::Works | How::LandsUnanswered | How::Repeats);
        let mut next = step;
        if lands {
            next = match step {
                Publisher::Claim => self.claim(state, me),
                Publisher::Store { is_successor } => {
                    state.is_stored = true;
                    self.after_store(state, is_successor)
                }
                Publisher::SendFirst => {
                    state.send(Body::Key, 0);
                    if how == How::Repeats {
                        state.send(Body::Key, 0);
                    }
                    self.after_send(false)
                }
                Publisher::Mark => {
                    state.mark();
                    match self.has(Guard::MarkComesFirst) {
                        true => Publisher::SendAgain,
                        false => Publisher::Accept,
                    }
                }
                Publisher::SendAgain => {
                    let is_delayed = self.has(Guard::SecondIsDelayed);
                    state.send(Body::Key, if is_delayed { state.running() } else { 0 });
                    self.after_send(true)
                }
                Publisher::Accept => {
                    state.claim = Claim::Accepted;
                    state.is_accepted |= how == How::Works;
                    Publisher::Over
                }
                Publisher::Release => {
                    if state.claim == Claim::Publisher(number(me)) {
                        state.claim = Claim::Released;
                    }
                    Publisher::Over
                }
                Publisher::Over => Publisher::Over,
            };
        }
        if !matches!(how, How::Works | How::Repeats) {
            next = match step {
                // Whether it has the id or not, its caller is told nothing good.
                Publisher::Claim | Publisher::Accept | Publisher::Release => Publisher::Over,
                Publisher::SendFirst if how != How::Fails => self.unanswered(),
                _ => Publisher::Release,
            };
        }
        state.publishers[me] = next;
    }

    fn after_store(&self, state: &mut State, is_successor: bool) -> Publisher {
        if !self.has(Guard::AcceptedOnceSent) {
            state.claim = Claim::Accepted;
        }
        if !self.has(Guard::StoredBeforeSent) {
            return Publisher::Accept;
        }
        match is_successor && self.has(Guard::SuccessorMarks) {
            true => self.mark_and_send(),
            false => Publisher::SendFirst,
        }
    }

    fn after_send(&self, is_second: bool) -> Publisher {
        if is_second && !self.has(Guard::MarkComesFirst) {
            return Publisher::Mark;
        }
        match self.has(Guard::StoredBeforeSent) {
            true => Publisher::Accept,
            false => Publisher::Store {
                is_successor: false,
            },
        }
    }

    fn unanswered(&self) -> Publisher {
        match self.has(Guard::UnansweredIsSentAgain) {
            true => self.mark_and_send(),
            false => Publisher::Accept,
        }
    }

    fn mark_and_send(&self) -> Publisher {
        match self.has(Guard::MarkedBeforeSentAgain) && self.has(Guard::MarkComesFirst) {
            true => Publisher::Mark,
            false => Publisher::SendAgain,
        }
    }

    fn claim(&self, state: &mut State, me: usize) -> Publisher {
        if matches!(state.claim, Claim::Accepted | Claim::Message { .. }) {
            state.is_accepted = true;
            return Publisher::Over;
        }
        let is_successor = state.claim == Claim::Released;
        state.claim = Claim::Publisher(number(me));
        match self.has(Guard::StoredBeforeSent) {
            true => Publisher::Store { is_successor },
            false => Publisher::SendFirst,
        }
    }

    /// How a dispatcher's next call may go, and when its message comes back after a failure.
    fn ways_to_work(step: Step) -> (&'static [How], Return) {
        use How::{Fails, LandsUnanswered, Works};
        match step {
            // A read changes nothing.
            Step::Read { .. } => (&[Works, Fails], Return::Soon),
            Step::ClaimId | Step::Enqueue | Step::Lease => {
                (&[Works, Fails, LandsUnanswered], Return::Soon)
            }
            Step::Mark | Step::Store | Step::Record | Step::Create | Step::Complete => {
                (&[Works, Fails, LandsUnanswered], Return::Hidden)
            }
            // A POST that leaves is what it is, and the rest has the other model.
            Step::Post { .. } | Step::PostLeased | Step::DeadLetter | Step::Acknowledge => {
                (&[Works], Return::Soon)
            }
        }
    }

    fn work(&self, state: &mut State, place: usize, how: How) {
        let Some(mut worker) = state.workers[place] else {
            return;
        };
        let (_, when) = Self::ways_to_work(worker.step);
        if how == How::Fails {
            return state.give_up(place, worker, when);
        }
        let next = self.land(state, &mut worker, 1 << place);
        if how == How::LandsUnanswered {
            // Its lease, if it took one, ends by itself.
            return state.give_up(place, worker, when);
        }
        match next {
            Next::Step(step) => state.workers[place] = Some(Worker { step, ..worker }),
            Next::Over => state.end(place),
            Next::Back(when) => state.give_up(place, worker, when),
        }
    }

    /// What the call does, and what follows.
    fn land(&self, state: &mut State, worker: &mut Worker, me: u8) -> Next {
        let next = match worker.step {
            Step::ClaimId => return self.claim_event_id(state, worker.message.came_back),
            Step::Read { is_taken_over } => return self.read(state, is_taken_over, worker, me),
            Step::Mark => {
                state.mark();
                match self.has(Guard::TakenOverWaits) {
                    true => return Next::Back(Return::Hidden),
                    false => Step::Create,
                }
            }
            Step::Post { is_new } => {
                state.post();
                worker.has_posted = true;
                if is_new { Step::Store } else { Step::Record }
            }
            Step::Store if !state.is_stored => {
                state.is_stored = true;
                state.record(worker);
                Step::Acknowledge
            }
            Step::Store | Step::Record => {
                // A twin that finds a delivery leaves it as it is.
                if state.row.is_none() && !state.is_recorded {
                    state.record(worker);
                }
                Step::Acknowledge
            }
            Step::Create => {
                let is_new = state.row.is_none() && !state.is_recorded;
                if is_new || !self.has(Guard::CreatedOnce) {
                    state.row = Some(Row { is_leased: false });
                    // Whoever overwrites a delivery overwrites its outcome.
                    state.is_recorded = false;
                    Step::Enqueue
                } else {
                    Step::Acknowledge
                }
            }
            Step::Enqueue => {
                state.send(Body::Task, 0);
                Step::Acknowledge
            }
            Step::Lease => return lease(state, worker),
            Step::PostLeased => {
                state.post();
                worker.has_posted = true;
                Step::Complete
            }
            Step::Complete => {
                state.record(worker);
                if let Some(row) = &mut state.row {
                    row.is_leased = false;
                }
                worker.has_lease = false;
                Step::Acknowledge
            }
            Step::DeadLetter => Step::Acknowledge,
            Step::Acknowledge => return Next::Over,
        };
        Next::Step(next)
    }

    fn claim_event_id(&self, state: &mut State, came_back: bool) -> Next {
        match state.claim {
            Claim::Publisher(_) => Next::Back(Return::Hidden),
            Claim::Accepted => Next::Step(Step::Acknowledge),
            Claim::Message { .. } if came_back && !self.has(Guard::MessageKnowsItsId) => {
                Next::Step(Step::Acknowledge)
            }
            Claim::Message { is_taken_over } => Next::Step(Step::Read { is_taken_over }),
            // If nobody had the id, the event is the message's own, and has no other message.
            Claim::Free | Claim::Released => {
                let is_taken_over = state.claim == Claim::Released;
                state.claim = Claim::Message { is_taken_over };
                Next::Step(Step::Read { is_taken_over })
            }
        }
    }

    fn read(&self, state: &State, is_taken_over: bool, worker: &Worker, me: u8) -> Next {
        let is_own = worker.message.body == Body::Own;
        let is_unread = is_own && is_taken_over && !self.has(Guard::TakenOverIsRead);
        if !state.is_stored || is_unread {
            return Next::Step(match is_own {
                true => Step::Post { is_new: true },
                false => Step::DeadLetter,
            });
        }
        let came_back = worker.message.came_back;
        let is_time = match state.mark {
            Some(running) if self.has(Guard::WaitBeginsWithTheMark) => running & !me == 0,
            _ => came_back,
        };
        let marked_at = state.mark.map(|_| MARKED_AT);
        let now = if is_time {
            MARKED_AT.plus(TIMEOUT + LEASE_MARGIN)
        } else {
            MARKED_AT
        };
        let waits = self.has(Guard::TakenOverWaits);
        let step = match FirstAttempts::choose(is_taken_over, marked_at, now, TIMEOUT) {
            FirstAttempts::MarkAndWait if self.has(Guard::TakenOverIsMarked) => Step::Mark,
            FirstAttempts::MarkAndWait if came_back => Step::Post { is_new: false },
            FirstAttempts::MarkAndWait => return Next::Back(Return::Hidden),
            FirstAttempts::Wait if waits => return Next::Back(Return::Hidden),
            FirstAttempts::WithLease | FirstAttempts::Wait if self.has(Guard::MarkedTakesLease) => {
                Step::Create
            }
            FirstAttempts::WithLease | FirstAttempts::WithoutLease | FirstAttempts::Wait => {
                Step::Post { is_new: false }
            }
        };
        Next::Step(match step {
            Step::Post { .. } | Step::Create if state.is_recorded || state.row.is_some() => {
                Step::Acknowledge
            }
            step => step,
        })
    }
}

/// What follows a dispatcher's call.
enum Next {
    Step(Step),
    Over,
    Back(Return),
}

fn number(place: usize) -> u8 {
    u8::try_from(place).unwrap()
}

fn lease(state: &mut State, worker: &mut Worker) -> Next {
    let Some(row) = &mut state.row else {
        return Next::Step(Step::Acknowledge);
    };
    if state.is_recorded {
        return Next::Step(Step::Acknowledge);
    }
    if row.is_leased {
        // It comes back when the lease is over.
        return Next::Back(Return::Hidden);
    }
    row.is_leased = true;
    worker.has_lease = true;
    Next::Step(Step::PostLeased)
}

impl Model for Shared {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let own = Message {
            body: Body::Own,
            came_back: false,
            hidden_by: 0,
        };
        vec![State {
            claim: Claim::Free,
            is_stored: false,
            mark: None,
            row: None,
            is_recorded: false,
            publishers: [Publisher::Claim; PUBLISHERS],
            messages: self.with_message.then_some(own).into_iter().collect(),
            workers: [None; WORKERS],
            troubles: 0,
            posts: 0,
            is_posted_twice: false,
            has_copies: false,
            // What is in SQS is accepted.
            is_accepted: self.with_message,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let any = state.troubles < self.troubles;
        for me in 0..PUBLISHERS {
            let ways = self.ways_to_publish(state, me).iter();
            let possible = ways.filter(|how| any || **how == How::Works);
            actions.extend(possible.map(|how| Action::Publish(me, *how)));
            if any && state.publishers[me] != Publisher::Over {
                actions.push(Action::PublisherCrashes(me));
            }
        }
        if let Claim::Publisher(of) = state.claim
            && state.publishers[usize::from(of)] == Publisher::Over
        {
            actions.push(Action::ClaimEnds);
        }
        for (place, worker) in state.workers.iter().enumerate() {
            let Some(worker) = worker else {
                let receivable = (0..state.messages.len())
                    .filter(|message| state.messages[*message].hidden_by == 0);
                actions.extend(receivable.map(|message| Action::Receive {
                    worker: place,
                    message,
                }));
                let held = (0..WORKERS).filter(|of| any && state.workers[*of].is_some());
                actions.extend(held.map(|of| Action::ReceiveCopy { worker: place, of }));
                continue;
            };
            let (ways, _) = Self::ways_to_work(worker.step);
            let possible = ways.iter().filter(|how| any || **how == How::Works);
            actions.extend(possible.map(|how| Action::Work(place, *how)));
            if any {
                actions.push(Action::WorkerCrashes(place));
            }
        }
        let is_held = state.workers.iter().flatten().any(|w| w.has_lease);
        if state.row.is_some_and(|row| row.is_leased) && !is_held {
            actions.push(Action::LeaseEnds);
        }
        if state.is_to_sweep() {
            actions.push(Action::Sweep);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Publish(me, how) => {
                state.troubles += u8::from(how != How::Works);
                self.publish(&mut state, me, how);
            }
            Action::PublisherCrashes(me) => {
                state.troubles += 1;
                state.publishers[me] = Publisher::Over;
            }
            Action::ClaimEnds => state.claim = Claim::Released,
            Action::Receive { worker, message } => {
                let message = state.messages.remove(message);
                state.workers[worker] = Some(received(message, false));
            }
            Action::ReceiveCopy { worker, of } => {
                state.troubles += 1;
                let message = state.workers[of].as_ref()?.message;
                // A task's first attempt takes a lease.
                state.has_copies |= message.body != Body::Task;
                state.workers[worker] = Some(received(message, true));
            }
            Action::Work(place, how) => {
                state.troubles += u8::from(how != How::Works);
                self.work(&mut state, place, how);
            }
            Action::WorkerCrashes(place) => {
                state.troubles += 1;
                let worker = state.workers[place]?;
                state.give_up(place, worker, Return::Hidden);
            }
            Action::LeaseEnds => state.row = Some(Row { is_leased: false }),
            Action::Sweep => state.send(Body::Task, 0),
        }
        state.messages.sort_unstable();
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NOTHING_LOST, |_, state: &State| {
                !state.is_over() || !state.is_accepted || state.is_recorded
            }),
            Property::always(ONE_POST, |_, state: &State| !state.is_posted_twice),
            Property::sometimes(BOTH_AT_ONCE, |_, state: &State| {
                let is_unclaimed = |w: &Worker| w.step == Step::Record;
                state.mark.is_some() && state.workers.iter().flatten().any(is_unclaimed)
            }),
            Property::sometimes(WITH_LEASE, |_, state: &State| {
                let is_leased = |w: &Worker| w.step == Step::PostLeased;
                state.workers.iter().flatten().any(is_leased)
            }),
        ]
    }
}

fn received(message: Message, is_copy: bool) -> Worker {
    let step = match message.body {
        Body::Own => Step::ClaimId,
        Body::Key => Step::Read {
            is_taken_over: false,
        },
        Body::Task => Step::Lease,
    };
    Worker {
        message,
        step,
        is_copy,
        has_posted: false,
        has_lease: false,
    }
}
