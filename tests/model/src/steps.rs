//! What a worker does with a message, one outside call at a time.

use crate::guards::Guard;
use crate::state::{
    Body, Broken, DELIVERIES, Delay, Delivery, Due, Index, Job, Lease, Owner, Row, State, Status,
    Stored,
};
use crate::{Door, Scenario};

/// First attempts: what the receiver answered, where one was asked.
pub type Outcomes = [Option<bool>; DELIVERIES];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// An event that may be on record is looked up.
    Read,
    /// First attempts, all at once; of an event that is not stored yet?
    FirstPosts {
        wanted: [bool; DELIVERIES],
        new: bool,
    },
    Store(Outcomes),
    /// Somebody else stored it: what is on record?
    TwinRead(Outcomes),
    Open {
        delivery: u8,
        success: bool,
    },
    /// Records a delivery that nobody has tried.
    PutOff(u8),
    Claim,
    Post(Delivery),
    Commit {
        why: Why,
        before: Delivery,
        after: Delivery,
    },
    /// Only without the guard that makes it part of the commit.
    WriteDeadLetter(u8, u8),
    /// The webhook of a delivery goes off, if it is of this version.
    SwitchOff {
        delivery: u8,
        version: u8,
    },
    Carry(Body, Delay),
    EndEvent,
    Forget,
    Ack,
    Return,
}

/// Why a lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    Attempt,
    TooEarly,
    NoTime,
    GivenUp,
    /// dlq.rs: its message was lost, and the attempt is left to the sweeper.
    Lost,
}

/// How an outside call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    Works,
    /// It lands, the answer is lost, and the SDK calls again.
    Repeats,
    /// It lands, and no answer ever comes.
    LandsAndFails,
    Fails,
}

impl Step {
    pub fn swap_deliveries(&mut self) {
        match self {
            Self::FirstPosts { wanted, .. } => wanted.swap(0, 1),
            Self::Store(outcomes) | Self::TwinRead(outcomes) => outcomes.swap(0, 1),
            Self::Open { delivery, .. }
            | Self::SwitchOff { delivery, .. }
            | Self::PutOff(delivery)
            | Self::WriteDeadLetter(delivery, _) => *delivery = 1 - *delivery,
            Self::Carry(
                Body::Scheduled(delivery, _) | Body::Slow(delivery, _) | Body::Manual(delivery, _),
                _,
            ) => *delivery = 1 - *delivery,
            _ => {}
        }
    }

    /// In how many ways it may go.
    #[must_use]
    pub fn ways(&self) -> &'static [How] {
        use How::{Fails, LandsAndFails, Repeats, Works};
        match self {
            // The answer of a read changes nothing. A transaction that the SDK repeats under the
            // same token does nothing twice.
            Self::Read | Self::TwinRead(_) | Self::EndEvent | Self::Forget => &[Works, Fails],
            Self::Commit { before, after, .. } if before.dead != after.dead => {
                &[Works, LandsAndFails, Fails]
            }
            Self::Store(_)
            | Self::Open { .. }
            | Self::PutOff(_)
            | Self::Claim
            | Self::Commit { .. }
            | Self::SwitchOff { .. }
            | Self::Carry(..) => &[Works, Repeats, LandsAndFails, Fails],
            // A POST that the invocation has no time for does not leave. A first one neither: its
            // message simply comes back.
            Self::Post(_) => &[Works, Fails],
            Self::FirstPosts { .. } | Self::WriteDeadLetter(..) | Self::Ack | Self::Return => {
                &[Works]
            }
        }
    }

    /// What receivers may answer: a bit for each POST.
    #[must_use]
    pub fn answers(&self) -> u8 {
        match self {
            Self::FirstPosts { wanted, .. } => 1 << wanted.iter().filter(|w| **w).count(),
            Self::Post(_) => 2,
            _ => 1,
        }
    }
}

/// The steps that a message begins with.
#[must_use]
pub fn begin(scenario: &Scenario, body: Body, receives: u8, is_dlq: bool) -> Vec<Step> {
    let mut all = [false; DELIVERIES];
    all[..scenario.deliveries].fill(true);
    match (body, is_dlq) {
        (Body::Event, true) => vec![Step::EndEvent, Step::Ack],
        (Body::Event, false) => {
            let is_known = receives > 1 && scenario.has(Guard::ReturnedIsRead);
            if is_known || scenario.door == Door::Http {
                vec![Step::Read]
            } else if scenario.slow {
                vec![Step::Store([None; DELIVERIES])]
            } else {
                vec![Step::FirstPosts {
                    wanted: all,
                    new: true,
                }]
            }
        }
        (Body::Manual(..), true) => vec![Step::Forget, Step::Ack],
        (Body::Scheduled(d, sequence), false) if scenario.slow => {
            vec![Step::Carry(Body::Slow(d, sequence), Delay::None), Step::Ack]
        }
        (Body::Scheduled(..) | Body::Slow(..) | Body::Manual(..), _) => vec![Step::Claim],
    }
}

/// One step of one worker. None if it changes nothing.
#[must_use]
pub fn run(
    state: &State,
    scenario: &Scenario,
    worker: usize,
    how: How,
    answers: u8,
) -> Option<State> {
    let mut state = state.clone();
    let mut job = state.workers[worker].take()?;
    let step = job.steps.remove(0);
    if how == How::Fails {
        return Some(fault(state, scenario, worker, job, step));
    }
    let mut work = Work {
        scenario,
        me: Owner::Worker(u8::try_from(worker).unwrap()),
        state,
        job,
    };
    let next = work.land(step, answers);
    let Work {
        mut state, mut job, ..
    } = work;
    if how == How::LandsAndFails {
        return Some(fault(state, scenario, worker, job, step));
    }
    let next = if how == How::Repeats {
        vec![step]
    } else {
        next
    };
    job.steps.splice(0..0, next);
    if !scenario.has(Guard::QueueBeforeAck) {
        // Whatever is enqueued comes after the acknowledgement.
        job.steps
            .sort_by_key(|step| matches!(step, Step::Carry(..)));
    }
    if job.steps.is_empty() {
        state.leave(worker);
    } else {
        state.workers[worker] = Some(job);
    }
    Some(state)
}

/// A call failed: the message goes back. An event's other deliveries are kept first.
fn fault(mut state: State, scenario: &Scenario, worker: usize, mut job: Job, step: Step) -> State {
    if let Step::Post(before) = step {
        let back = Step::Commit {
            why: Why::NoTime,
            before,
            after: before,
        };
        job.steps = vec![back, Step::Return];
        state.workers[worker] = Some(job);
        return state;
    }
    let goes_on = job.body == Body::Event
        && matches!(
            step,
            Step::Open { .. } | Step::PutOff(_) | Step::SwitchOff { .. } | Step::Carry(..)
        );
    if goes_on && !job.steps.is_empty() {
        job.failed = true;
        state.workers[worker] = Some(job);
        return state;
    }
    give_up(&mut state, scenario, &job);
    state.leave(worker);
    state
}

/// A worker that dies or fails after its POST leaves it unrecorded: that POST may be made again.
pub fn give_up(state: &mut State, scenario: &Scenario, job: &Job) {
    excuse(state, job);
    state.seen.abandoned = true;
    state.put_back(job.message, scenario);
}

/// The POSTs that have left and are not on record count no more.
pub fn excuse(state: &mut State, job: &Job) {
    for (posts, posted) in state.seen.posts.iter_mut().zip(job.posted) {
        if posted && !matches!(job.body, Body::Manual(..)) {
            *posts = posts.saturating_sub(1);
        }
    }
    if matches!(job.body, Body::Manual(..)) && job.posted.contains(&true) {
        state.seen.manual_posts = state.seen.manual_posts.saturating_sub(1);
    }
}

/// A step in progress.
struct Work<'a> {
    scenario: &'a Scenario,
    me: Owner,
    state: State,
    job: Job,
}

impl Work<'_> {
    fn has(&self, guard: Guard) -> bool {
        self.scenario.has(guard)
    }

    /// What the call does, and what follows if its answer arrives.
    fn land(&mut self, step: Step, answers: u8) -> Vec<Step> {
        match step {
            Step::Read => self.read(),
            Step::FirstPosts { wanted, new } => self.first_posts(wanted, new, answers),
            Step::Store(outcomes) => self.store(outcomes),
            Step::TwinRead(outcomes) => self.twin_read(outcomes),
            Step::Open { delivery, success } => self.open(delivery, success),
            Step::PutOff(delivery) => self.put_off(delivery),
            Step::Claim => self.claim(),
            Step::Post(before) => self.post(before, answers == 1),
            Step::Commit { why, before, after } => self.commit(why, before, after),
            Step::WriteDeadLetter(delivery, id) => {
                self.state.letters[usize::from(delivery)].write(id);
                Vec::new()
            }
            Step::SwitchOff { delivery, version } => {
                self.switch_off(usize::from(delivery), version);
                Vec::new()
            }
            Step::Carry(body, delay) => {
                self.state.send(body, delay);
                Vec::new()
            }
            Step::EndEvent => {
                let event = self.state.event;
                let is_done = event.is_some()
                    && self.recorded()[..self.scenario.deliveries]
                        .iter()
                        .all(|r| *r);
                if !is_done && self.has(Guard::DeadEventIsKept) {
                    self.state.event_dead = true;
                }
                Vec::new()
            }
            Step::Forget => {
                if let Body::Manual(d, token) = self.job.body
                    && let Some(row) = &mut self.state.rows[usize::from(d)]
                    && row.is.manual == Some(token)
                {
                    row.is.manual = None;
                    self.state.seen.promised = false;
                }
                Vec::new()
            }
            Step::Ack if self.job.failed => self.give_back(),
            Step::Ack => {
                if let Some(place) = self.job.message.take() {
                    self.state.delete(place);
                }
                Vec::new()
            }
            Step::Return => self.give_back(),
        }
    }

    fn switch_off(&mut self, d: usize, version: u8) {
        let checks = self.has(Guard::SwitchOffChecksVersion);
        let State { configs, seen, .. } = &mut self.state;
        let config = &mut configs[d];
        if !config.on || (checks && config.version != version) {
            return;
        }
        config.on = false;
        if seen.failed[d] >> config.version & 1 == 0 {
            seen.broken = Some(Broken::SwitchedOffForAnother);
        }
    }

    /// What the end of a delivery entails for its webhook.
    fn end_of(&self, delivery: u8, is: &Delivery) -> Option<Step> {
        let mut version = is.decided.filter(|_| is.status == Status::Failed)?;
        if !self.has(Guard::OutcomeCarriesItsVersion) {
            version = self.state.configs[usize::from(delivery)].version;
        }
        Some(Step::SwitchOff { delivery, version })
    }

    fn end_again(&self, delivery: u8, is: &Delivery) -> Option<Step> {
        let is_done_again = self.has(Guard::SwitchOffIsDoneAgain);
        self.end_of(delivery, is).filter(|_| is_done_again)
    }

    fn give_back(&mut self) -> Vec<Step> {
        give_up(&mut self.state, self.scenario, &self.job);
        Vec::new()
    }

    fn recorded(&self) -> [bool; DELIVERIES] {
        let done = self
            .state
            .event
            .map_or([false; DELIVERIES], |event| event.done);
        std::array::from_fn(|d| done[d] || self.state.rows[d].is_some())
    }

    fn read(&mut self) -> Vec<Step> {
        let mut all = [false; DELIVERIES];
        all[..self.scenario.deliveries].fill(true);
        if self.state.event.is_none() && self.scenario.slow {
            return vec![Step::Store([None; DELIVERIES])];
        }
        if self.state.event.is_none() {
            return vec![Step::FirstPosts {
                wanted: all,
                new: true,
            }];
        }
        let recorded = self.recorded();
        let wanted: [bool; DELIVERIES] = std::array::from_fn(|d| all[d] && !recorded[d]);
        let mut steps = Vec::new();
        if self.scenario.slow {
            steps.extend(self.put_offs());
        } else if wanted.contains(&true) {
            steps.push(Step::FirstPosts { wanted, new: false });
        }
        if self.job.receives > 1 && self.has(Guard::SettleFollowsUp) {
            for (d, row) in self.state.rows.iter().enumerate() {
                let delivery = u8::try_from(d).unwrap();
                steps.extend(row.and_then(|row| self.end_again(delivery, &row.is)));
                if let Some(row) = row
                    && row.is.status == Status::Retrying
                    && (row.is.made > 0 || self.has(Guard::PutOffIsCarriedAgain))
                {
                    steps.extend(schedule_next(delivery, &row.is));
                }
            }
        }
        steps.push(Step::Ack);
        steps
    }

    fn first_posts(&mut self, wanted: [bool; DELIVERIES], new: bool, answers: u8) -> Vec<Step> {
        let mut outcomes = [None; DELIVERIES];
        for (bit, d) in (0..DELIVERIES).filter(|d| wanted[*d]).enumerate() {
            outcomes[d] = Some(answers >> bit & 1 == 1);
            let seen = &mut self.state.seen;
            if !seen.event_twice {
                // Nothing is read before the POST of a fresh message: two who hold it at once both
                // send.
                if seen.recorded[d] > 0 || seen.posts[d] > 0 {
                    seen.broken = Some(Broken::PostedTwice);
                }
                seen.posts[d] += 1;
            }
            self.job.posted[d] = true;
        }
        if new {
            return vec![Step::Store(outcomes)];
        }
        let opens = (0..DELIVERIES).filter_map(|d| {
            let delivery = u8::try_from(d).unwrap();
            Some(Step::Open {
                delivery,
                success: outcomes[d]?,
            })
        });
        opens.collect()
    }

    fn on_record(&mut self, d: usize, sequence: u8, delivered: bool) {
        let seen = &mut self.state.seen;
        seen.recorded[d] = seen.recorded[d].max(sequence + 1);
        seen.posts[d] = 0;
        seen.delivered[d] |= delivered;
        self.job.posted[d] = false;
    }

    fn store(&mut self, outcomes: Outcomes) -> Vec<Step> {
        let is_free = self.state.event.is_none() || !self.has(Guard::StoreIsNew);
        if is_free {
            let done = outcomes.map(|outcome| outcome == Some(true));
            self.state.event = Some(Stored { done, by: self.me });
            for d in (0..DELIVERIES).filter(|d| done[*d]) {
                self.on_record(d, 0, true);
            }
        } else if self.state.event.is_some_and(|event| event.by != self.me) {
            return vec![Step::TwinRead(outcomes)];
        }
        if self.scenario.slow {
            return self.put_offs().chain([Step::Ack]).collect();
        }
        let opens = (0..DELIVERIES).filter(|d| outcomes[*d] == Some(false));
        let mut steps: Vec<Step> = opens
            .map(|d| Step::Open {
                delivery: u8::try_from(d).unwrap(),
                success: false,
            })
            .collect();
        steps.push(Step::Ack);
        steps
    }

    /// Slow webhooks' deliveries that are not on record.
    fn put_offs(&self) -> impl Iterator<Item = Step> + use<> {
        let recorded = self.recorded();
        (0..self.scenario.deliveries)
            .filter(move |d| !recorded[*d])
            .map(|d| Step::PutOff(u8::try_from(d).unwrap()))
    }

    fn twin_read(&mut self, outcomes: Outcomes) -> Vec<Step> {
        if self.scenario.slow {
            return self.put_offs().chain([Step::Ack]).collect();
        }
        let recorded = self.recorded();
        let mut steps = Vec::new();
        for d in 0..DELIVERIES {
            let Some(success) = outcomes[d] else { continue };
            if recorded[d] && (success || self.has(Guard::TwinSkipsRecorded)) {
                self.job.posted[d] = false;
            } else {
                steps.push(Step::Open {
                    delivery: u8::try_from(d).unwrap(),
                    success,
                });
            }
        }
        // Failures first, then successes, as the code has it; no promise hangs on it.
        steps.push(Step::Ack);
        steps
    }

    fn open(&mut self, delivery: u8, success: bool) -> Vec<Step> {
        let d = usize::from(delivery);
        let is = Delivery::first(success);
        let ours = match &self.state.rows[d] {
            Some(row) if self.has(Guard::OpenIsNew) => {
                row.by == self.me && self.has(Guard::OpenKnowsItsOwn)
            }
            _ => {
                let index = if success { Index::Absent } else { Index::Due };
                self.state.rows[d] = Some(Row {
                    is,
                    lease: None,
                    index,
                    by: self.me,
                });
                self.on_record(d, 0, success);
                true
            }
        };
        self.job.posted[d] = false;
        if ours && !success {
            return schedule_next(delivery, &is).into_iter().collect();
        }
        Vec::new()
    }

    fn put_off(&mut self, delivery: u8) -> Vec<Step> {
        let d = usize::from(delivery);
        let ours = match &self.state.rows[d] {
            Some(row) => row.by == self.me,
            None => {
                self.state.rows[d] = Some(Row {
                    is: Delivery::put_off(),
                    lease: None,
                    index: Index::Due,
                    by: self.me,
                });
                true
            }
        };
        let next = Step::Carry(Body::Slow(delivery, 0), Delay::None);
        ours.then_some(next).into_iter().collect()
    }

    fn claim(&mut self) -> Vec<Step> {
        let d = self.job.body.delivery().unwrap();
        let (me, scenario, body) = (self.me, self.scenario, self.job.body);
        let Some(row) = &mut self.state.rows[d] else {
            return vec![Step::Ack];
        };
        let is_live = row.lease.is_some_and(|lease| !lease.over);
        let is_free = !is_live || !scenario.has(Guard::ClaimChecksLease);
        let waits = matches!(row.is.status, Status::Retrying | Status::Processing);
        let (is_wanted, fits) = match body {
            Body::Scheduled(_, sequence) => {
                let same = row.is.sequence == sequence;
                let fits = (same || !scenario.has(Guard::ClaimChecksTicket))
                    && (waits || !scenario.has(Guard::ClaimChecksStatus));
                (same, fits)
            }
            Body::Manual(_, token) => {
                let same = row.is.manual == Some(token);
                (same, same || !scenario.has(Guard::ClaimChecksToken))
            }
            Body::Event | Body::Slow(..) => unreachable!("not a task"),
        };
        let is_ticket = matches!(body, Body::Scheduled(..));
        if fits && is_free {
            let before = before_lease(row.is);
            row.lease = Some(Lease {
                owner: me,
                over: false,
            });
            row.index = Index::Lease;
            if is_ticket {
                row.is.status = Status::Processing;
            }
            return self.claimed(before);
        }
        if row.lease.is_some_and(|lease| lease.owner == me) && scenario.has(Guard::ClaimKnowsItsOwn)
        {
            let before = before_lease(row.is);
            return self.claimed(before);
        }
        if is_live && is_wanted && (waits || !is_ticket) {
            return match self.job.is_dlq {
                true => vec![Step::Return],
                false if self.has(Guard::BusyIsCarried) => {
                    vec![Step::Carry(body, Delay::Lease), Step::Ack]
                }
                false => vec![Step::Ack],
            };
        }
        let stale = before_lease(row.is);
        let mut steps = Vec::new();
        let follows = !self.job.is_dlq && self.job.receives > 1 && self.has(Guard::StaleFollowsUp);
        if follows && stale.status == Status::Retrying {
            steps.extend(schedule_next(u8::try_from(d).unwrap(), &stale));
        }
        if follows {
            steps.extend(self.end_again(u8::try_from(d).unwrap(), &stale));
        }
        steps.push(Step::Ack);
        steps
    }

    fn claimed(&mut self, before: Delivery) -> Vec<Step> {
        if self.job.is_dlq {
            if !matches!(self.job.body, Body::Scheduled(_, sequence) if sequence == before.sequence)
            {
                self.state.seen.broken = Some(Broken::EndedForAnother);
            }
            let (why, after) = match before.after_lost_message() {
                Some(after) => (Why::Lost, after),
                None => {
                    let after = before.abandoned();
                    let dead = Some(after.sequence);
                    let manual = None;
                    (
                        Why::GivenUp,
                        Delivery {
                            manual,
                            dead,
                            ..after
                        },
                    )
                }
            };
            return vec![Step::Commit { why, before, after }, Step::Ack];
        }
        let is_early = before.due == Due::Later && matches!(self.job.body, Body::Scheduled(..));
        if is_early && self.has(Guard::EarlyIsPutBack) {
            let back = Step::Commit {
                why: Why::TooEarly,
                before,
                after: before,
            };
            let delivery = u8::try_from(self.job.body.delivery().unwrap()).unwrap();
            return [back]
                .into_iter()
                .chain(schedule_next(delivery, &before))
                .chain([Step::Ack])
                .collect();
        }
        vec![Step::Post(before), Step::Ack]
    }

    fn post(&mut self, before: Delivery, success: bool) -> Vec<Step> {
        let d = self.job.body.delivery().unwrap();
        let seen = &mut self.state.seen;
        self.job.posted[d] = true;
        if let Body::Manual(_, token) = self.job.body {
            if token <= seen.manual_recorded || seen.manual_posts > 0 {
                seen.broken = Some(Broken::PostedTwice);
            }
            seen.manual_posts += 1;
            return vec![Step::Commit {
                why: Why::Attempt,
                before,
                after: before.after_manual(success),
            }];
        }
        if before.due == Due::Later {
            seen.broken = Some(Broken::PostedEarly);
        }
        if before.sequence < seen.recorded[d] || seen.posts[d] > 0 {
            seen.broken = Some(Broken::PostedTwice);
        }
        seen.posts[d] += 1;
        let mut after = before.after_automatic(success, self.scenario.attempts);
        if after.status == Status::Failed {
            after.dead = Some(after.sequence);
            if self.scenario.disables {
                after.decided = Some(self.job.version);
                seen.failed[d] |= 1 << self.job.version;
            }
        }
        let commit = Step::Commit {
            why: Why::Attempt,
            before,
            after,
        };
        if self.has(Guard::StateBeforeQueue) {
            return vec![commit];
        }
        let next = schedule_next(u8::try_from(d).unwrap(), &after);
        next.into_iter().chain([commit]).collect()
    }

    fn commit(&mut self, why: Why, before: Delivery, after: Delivery) -> Vec<Step> {
        let d = self.job.body.delivery().unwrap();
        let delivery = u8::try_from(d).unwrap();
        let (me, scenario) = (self.me, self.scenario);
        let Some(row) = &mut self.state.rows[d] else {
            return Vec::new();
        };
        let is_ours = row.lease.is_some_and(|lease| lease.owner == me);
        if !is_ours && scenario.has(Guard::CommitChecksOwner) {
            let landed_before = row.by == me && scenario.has(Guard::CommitKnowsItsOwn);
            // It landed, its answer was lost, and another has signed since: what follows is left to
            // the sweeper.
            self.state.seen.unfaithful |= row.by != me;
            return if landed_before {
                self.committed(why, delivery, after)
            } else {
                Vec::new()
            };
        }
        let after = if scenario.has(Guard::CommitIsRebased) {
            after.rebased(before, before_lease(row.is))
        } else {
            after
        };
        // A time that was set before goes on coming nearer meanwhile.
        let due = if before.due == after.due && row.is.due == Due::Now && after.due != Due::Never {
            Due::Now
        } else {
            after.due
        };
        let is_asked_for = before.manual.is_some() && after.manual.is_none();
        let manual = if is_asked_for { None } else { row.is.manual };
        let waits = manual.is_some() && scenario.has(Guard::WaitingTokenIsDue);
        let index = if due == Due::Never && !waits {
            Index::Absent
        } else {
            Index::Due
        };
        *row = Row {
            is: Delivery {
                due,
                manual,
                ..after
            },
            lease: None,
            index,
            by: me,
        };
        self.job.expired = true;
        let mut steps = Vec::new();
        if let Some(id) = after.dead.filter(|_| before.dead.is_none()) {
            if scenario.has(Guard::DeadLetterInTheSameWrite) {
                self.state.letters[d].write(id);
            } else {
                steps.push(Step::WriteDeadLetter(delivery, id));
            }
        }
        if let (Some(id), None, Status::Completed) = (before.dead, after.dead, after.status)
            && scenario.has(Guard::DeliveredByHandResolves)
        {
            self.state.letters[d].redrive(id);
        }
        if is_asked_for {
            self.state.seen.promised = false;
        }
        match (why, self.job.body) {
            (Why::Attempt, Body::Manual(_, token)) => {
                let seen = &mut self.state.seen;
                (seen.manual_recorded, seen.manual_posts) = (seen.manual_recorded.max(token), 0);
                seen.delivered[d] |= after.status == Status::Completed;
                self.job.posted[d] = false;
            }
            (Why::Attempt, _) => {
                self.on_record(d, before.sequence, after.status == Status::Completed)
            }
            (Why::GivenUp, _) => self.on_record(d, before.sequence, false),
            (Why::TooEarly | Why::NoTime | Why::Lost, _) => {}
        }
        steps.extend(self.committed(why, delivery, after));
        steps
    }

    /// What follows a commit that is known to have landed.
    fn committed(&self, why: Why, delivery: u8, after: Delivery) -> Vec<Step> {
        let is_automatic = matches!(self.job.body, Body::Scheduled(..));
        if why == Why::Attempt && is_automatic && after.status == Status::Failed {
            return self.end_of(delivery, &after).into_iter().collect();
        }
        let follows = why == Why::Attempt && is_automatic && after.status == Status::Retrying;
        if follows && self.has(Guard::StateBeforeQueue) {
            return schedule_next(delivery, &after).into_iter().collect();
        }
        Vec::new()
    }
}

fn before_lease(is: Delivery) -> Delivery {
    match is.status {
        Status::Processing => Delivery {
            status: Status::Retrying,
            ..is
        },
        _ => is,
    }
}

fn schedule_next(delivery: u8, is: &Delivery) -> Option<Step> {
    let delay = match is.due {
        Due::Never => return None,
        Due::Later => Delay::Due,
        Due::Now => Delay::None,
    };
    // What nobody has tried yet was put off to the slow lane.
    let body = match is.sequence {
        0 => Body::Slow(delivery, 0),
        sequence => Body::Scheduled(delivery, sequence),
    };
    Some(Step::Carry(body, delay))
}
