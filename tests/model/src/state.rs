//! The log, the dead letters and the queues, and who works on what.

use crate::steps::Step;
use crate::{Door, Scenario};

pub const DELIVERIES: usize = 2;
pub const WORKERS: usize = 2;

/// Who wrote or holds something. The names that the code draws at random are told apart only while
/// their worker lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    Nobody,
    Worker(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    Retrying,
    Processing,
    Completed,
    Failed,
}

/// When the next automatic attempt is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Due {
    Never,
    Later,
    Now,
}

/// Which time the index of due deliveries has for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Index {
    Absent,
    /// The next attempt's.
    Due,
    /// The lease's end.
    Lease,
    /// A moment that is over, or will be by itself: asked for by hand, or looked at by the sweeper.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lease {
    pub owner: Owner,
    pub over: bool,
}

/// What a claim reads and a commit writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Delivery {
    pub status: Status,
    pub sequence: u8,
    /// Automatic attempts of this round.
    pub made: u8,
    pub due: Due,
    /// Whether so many messages of the next attempt were lost that one more ends the delivery.
    pub lost: bool,
    /// The token of a manual attempt that waits.
    pub manual: Option<u8>,
    /// Its dead letter, named by the sequence it died of.
    pub dead: Option<u8>,
    /// The version of the webhook that the attempt was made with which ended it. A manual attempt
    /// takes its place.
    pub decided: Option<u8>,
}

/// A webhook's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Config {
    pub version: u8,
    pub on: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Row {
    pub is: Delivery,
    pub lease: Option<Lease>,
    pub index: Index,
    pub by: Owner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stored {
    /// Successes of first attempts, inside the event's item.
    pub done: [bool; DELIVERIES],
    pub by: Owner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Body {
    Event,
    Scheduled(u8, u8),
    /// A sequence on the slow lane.
    Slow(u8, u8),
    Manual(u8, u8),
}

impl Body {
    /// What it asks for, wherever it lies.
    #[must_use]
    pub fn task(self) -> Self {
        match self {
            Self::Slow(d, sequence) => Self::Scheduled(d, sequence),
            other => other,
        }
    }

    #[must_use]
    pub fn delivery(self) -> Option<usize> {
        match self {
            Self::Event => None,
            Self::Scheduled(d, _) | Self::Slow(d, _) | Self::Manual(d, _) => Some(usize::from(d)),
        }
    }
}

/// Until when a message is not to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Delay {
    None,
    Due,
    Lease,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Message {
    pub body: Body,
    pub delay: Delay,
    pub receives: u8,
    /// How many live workers hold it.
    pub hands: u8,
    /// Whether it lies in a dead-letter queue.
    pub died: bool,
}

/// Dead letters of one delivery, a bit for each sequence that names one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeadLetters {
    pub open: u16,
    pub redriven: u16,
}

impl DeadLetters {
    #[must_use]
    pub fn is_open(self, id: u8) -> bool {
        self.open >> id & 1 == 1
    }

    pub fn write(&mut self, id: u8) {
        self.open |= 1 << id;
    }

    pub fn redrive(&mut self, id: u8) {
        self.open &= !(1 << id);
        self.redriven |= 1 << id;
    }
}

/// A worker's message and the steps still to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Job {
    pub body: Body,
    /// Its place in the queue; none if another's acknowledgement has deleted it.
    pub message: Option<u8>,
    pub receives: u8,
    pub is_dlq: bool,
    pub steps: Vec<Step>,
    /// A fault of an event's delivery: the others are kept all the same, then the message goes
    /// back.
    pub failed: bool,
    /// The lease has ended: the worker gave it back, or outlived it.
    pub expired: bool,
    /// The webhook's version as it was read.
    pub version: u8,
    /// Deliveries whose POST has left and is not on record; a manual one among them.
    pub posted: [bool; DELIVERIES],
}

/// What a user's request still has to do: a process of its own, which may die too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Request {
    /// The token waits; its message is to be sent.
    CarryManual(u8, u8),
    /// The dead delivery was read; it is to be redriven.
    Revive(u8, u8),
    CarryScheduled(u8, u8),
}

/// How much has gone wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spent {
    pub crashes: u8,
    pub queue: u8,
    pub calls: u8,
    pub clocks: u8,
    pub asks: u8,
    pub redrives: u8,
    pub moves: u8,
}

/// What is not in the system and tells whether its promises hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seen {
    /// POSTs of the present sequence that no record and no death accounts for.
    pub posts: [u8; DELIVERIES],
    pub manual_posts: u8,
    /// Manual attempts up to this token are on record.
    pub manual_recorded: u8,
    /// Tickets below are on record.
    pub recorded: [u8; DELIVERIES],
    /// The log has said that it was delivered.
    pub delivered: [bool; DELIVERIES],
    /// The event's own message was in two hands.
    pub event_twice: bool,
    /// The queue lost or doubled a message, gave one up, or a worker outlived its lease: from here
    /// on the sweeper may be needed.
    pub unfaithful: bool,
    /// A worker died or gave up: from here on a lease may have nobody.
    pub abandoned: bool,
    /// Versions of each webhook, a bit for each, whose attempt failed to the end.
    pub failed: [u8; DELIVERIES],
    /// A manual attempt was promised and not yet made.
    pub promised: bool,
    pub broken: Option<Broken>,
}

/// What only a step itself can see going wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Broken {
    PostedTwice,
    PostedEarly,
    EndedForAnother,
    SwitchedOffForAnother,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    pub event: Option<Stored>,
    /// The event's message was given up.
    pub event_dead: bool,
    pub rows: [Option<Row>; DELIVERIES],
    pub letters: [DeadLetters; DELIVERIES],
    pub configs: [Config; DELIVERIES],
    pub messages: Vec<Message>,
    pub workers: [Option<Job>; WORKERS],
    pub request: Option<Request>,
    pub spent: Spent,
    pub seen: Seen,
}

impl State {
    #[must_use]
    pub fn first(scenario: &Scenario) -> Self {
        let message = |body, delay| Message {
            body,
            delay,
            receives: 0,
            hands: 0,
            died: false,
        };
        let stored = Stored {
            done: [false; DELIVERIES],
            by: Owner::Nobody,
        };
        let mut state = Self {
            event: (scenario.door != Door::Sqs).then_some(stored),
            event_dead: false,
            rows: [None; DELIVERIES],
            letters: Default::default(),
            configs: [Config {
                version: 0,
                on: true,
            }; DELIVERIES],
            messages: vec![message(Body::Event, Delay::None)],
            workers: Default::default(),
            request: None,
            spent: Spent::default(),
            seen: Seen {
                posts: [0; DELIVERIES],
                manual_posts: 0,
                manual_recorded: 0,
                recorded: [0; DELIVERIES],
                delivered: [false; DELIVERIES],
                event_twice: false,
                unfaithful: false,
                abandoned: false,
                failed: [0; DELIVERIES],
                promised: false,
                broken: None,
            },
        };
        if scenario.door == Door::Retrying {
            state.messages.clear();
            for d in 0..scenario.deliveries {
                let is = Delivery {
                    status: Status::Retrying,
                    sequence: 1,
                    made: 1,
                    due: Due::Later,
                    // So that the next lost message ends it.
                    lost: true,
                    manual: None,
                    dead: None,
                    decided: None,
                };
                state.rows[d] = Some(Row {
                    is,
                    lease: None,
                    index: Index::Due,
                    by: Owner::Nobody,
                });
                state.seen.recorded[d] = 1;
                state.messages.push(message(
                    Body::Scheduled(u8::try_from(d).unwrap(), 1),
                    Delay::Due,
                ));
            }
        }
        state
    }

    #[must_use]
    pub fn troubles(&self) -> u8 {
        self.spent.crashes + self.spent.queue + self.spent.calls + self.spent.clocks
    }

    pub fn send(&mut self, body: Body, delay: Delay) {
        let message = Message {
            body,
            delay,
            receives: 0,
            hands: 0,
            died: false,
        };
        // More than two of a kind that wait do no more than two.
        if self
            .messages
            .iter()
            .filter(|m| m.body == body && !m.died && m.hands == 0)
            .count()
            < 2
        {
            self.messages.push(message);
        }
    }

    /// The message is deleted for all who hold it.
    pub fn delete(&mut self, place: u8) {
        self.messages.remove(usize::from(place));
        for job in self.workers.iter_mut().flatten() {
            job.message = match job.message {
                Some(at) if at == place => None,
                Some(at) if at > place => Some(at - 1),
                at => at,
            };
        }
    }

    /// The worker is done with its message, or dead: its name means nothing any more.
    pub fn leave(&mut self, worker: usize) {
        self.workers[worker] = None;
        let gone = Owner::Worker(u8::try_from(worker).unwrap());
        let forget = |owner: &mut Owner| {
            if *owner == gone {
                *owner = Owner::Nobody;
            }
        };
        for row in self.rows.iter_mut().flatten() {
            forget(&mut row.by);
            if let Some(lease) = &mut row.lease {
                forget(&mut lease.owner);
            }
        }
        if let Some(event) = &mut self.event {
            forget(&mut event.by);
        }
    }

    /// The message is to be seen again; after too many times, in the dead-letter queue.
    pub fn put_back(&mut self, place: Option<u8>, scenario: &Scenario) {
        let Some(place) = place else { return };
        let message = &mut self.messages[usize::from(place)];
        message.hands -= 1;
        if message.hands == 0 && !message.died && message.receives >= scenario.max_receives {
            (message.died, message.receives) = (true, 0);
            self.seen.unfaithful = true;
        }
    }

    /// One for many states that differ only in names: which worker, which delivery, which of two
    /// like messages. What two states are not brought together though they might be costs time and
    /// nothing else.
    #[must_use]
    pub fn canonical(mut self, deliveries: usize) -> Self {
        if deliveries == 2 && self.key(1) < self.key(0) {
            self = self.with_deliveries_swapped();
        }
        let order = |job: &Option<Job>| {
            job.as_ref().map(|j| {
                (
                    j.body,
                    j.receives,
                    j.is_dlq,
                    j.steps.len(),
                    j.steps.first().copied(),
                )
            })
        };
        if order(&self.workers[1]) < order(&self.workers[0]) {
            self = self.with_workers_swapped();
        }
        self.sorted()
    }

    /// What is one delivery's.
    fn key(&self, d: usize) -> impl Ord {
        let row = self.rows[d].map(|row| {
            (
                row.is,
                row.lease
                    .map(|lease| (lease.owner == Owner::Nobody, lease.over)),
                row.index,
            )
        });
        let messages = self
            .messages
            .iter()
            .filter(|m| m.body.delivery() == Some(d));
        let messages: (usize, u8) =
            messages.fold((0, 0), |(n, receives), m| (n + 1, receives + m.receives));
        let hands = self
            .workers
            .iter()
            .flatten()
            .filter(|job| job.body.delivery() == Some(d))
            .count();
        (
            row,
            self.letters[d],
            self.event.map(|e| e.done[d]),
            self.seen.posts[d],
            messages,
            hands,
        )
    }

    fn sorted(mut self) -> Self {
        let mut order: [usize; 16] = std::array::from_fn(|place| place);
        let order = &mut order[..self.messages.len()];
        // Like messages are told apart by who holds them.
        let holder = |place: usize| {
            self.workers.iter().position(|job| {
                job.as_ref()
                    .is_some_and(|j| j.message.map(usize::from) == Some(place))
            })
        };
        order.sort_by_key(|&place| (self.messages[place], holder(place)));
        let mut to = [0u8; 16];
        for (new, &old) in order.iter().enumerate() {
            to[old] = u8::try_from(new).unwrap();
        }
        self.messages = order.iter().map(|&old| self.messages[old]).collect();
        for job in self.workers.iter_mut().flatten() {
            job.message = job.message.map(|old| to[usize::from(old)]);
        }
        self
    }

    fn with_workers_swapped(mut self) -> Self {
        self.workers.swap(0, 1);
        let swap = |owner: &mut Owner| {
            if let Owner::Worker(w) = owner {
                *w = 1 - *w;
            }
        };
        for row in self.rows.iter_mut().flatten() {
            swap(&mut row.by);
            if let Some(lease) = &mut row.lease {
                swap(&mut lease.owner);
            }
        }
        if let Some(event) = &mut self.event {
            swap(&mut event.by);
        }
        self
    }

    fn with_deliveries_swapped(mut self) -> Self {
        self.rows.swap(0, 1);
        self.letters.swap(0, 1);
        self.configs.swap(0, 1);
        self.seen.failed.swap(0, 1);
        self.seen.posts.swap(0, 1);
        self.seen.recorded.swap(0, 1);
        self.seen.delivered.swap(0, 1);
        if let Some(event) = &mut self.event {
            event.done.swap(0, 1);
        }
        let body = |body: &mut Body| match body {
            Body::Event => {}
            Body::Scheduled(d, _) | Body::Slow(d, _) | Body::Manual(d, _) => *d = 1 - *d,
        };
        for message in &mut self.messages {
            body(&mut message.body);
        }
        for job in self.workers.iter_mut().flatten() {
            body(&mut job.body);
            job.posted.swap(0, 1);
            for step in &mut job.steps {
                step.swap_deliveries();
            }
        }
        if let Some(request) = &mut self.request {
            match request {
                Request::CarryManual(d, _)
                | Request::Revive(d, _)
                | Request::CarryScheduled(d, _) => *d = 1 - *d,
            }
        }
        self
    }
}
