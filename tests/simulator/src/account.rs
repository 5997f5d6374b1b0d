//! The books: compares what was accepted with what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::contract::MAX_RETRY_DELAYS;
use domain::dead_letter::{Body, Reason};
use domain::delivery::{Delivery, Status};
use domain::event::Event;
use domain::ids::{DeadLetterId, TenantId, WebhookId};
use domain::outcome::Outcome;
use domain::ports::RedriveJobStatus;
use domain::time::Time;
use domain::ulid::Ulid;

use crate::explained;
use crate::lambda::Looping;
use crate::simulation::{Accepted, Ended, Simulation};
use crate::world::World;

/// The skew of two clocks, and one call.
const CLOCKS_MILLIS: i64 = 7_000;

/// Counters of what happened.
#[derive(Clone, Debug, Default)]
pub struct Totals(pub BTreeMap<&'static str, u64>);

impl Totals {
    /// Adds the counters of another history.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    #[must_use]
    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

impl Simulation {
    /// Runs to the end and closes the books. Returns every broken promise, and the counters.
    pub fn settle(&mut self) -> (Vec<String>, Totals) {
        let ended = self.run();
        let world = self.world();
        let mut broken = world.violations.clone();
        let mut totals = Totals(world.counts.clone());
        if ended == Ended::Restless {
            broken.push("it never comes to rest".to_owned());
        }
        if world.queues.len() > 0 {
            broken.push(format!("{} messages are left", world.queues.len()));
        }
        broken.extend(
            world
                .processes
                .taken_too_much(|id| world.promises.is_changed(id)),
        );
        // Each attempt of the contract may invoke it twice: once on the way to the slow lane and
        // once there. So may each task that the Scheduler refused.
        let longest = world.lambda.longest.get(&Looping::Dispatcher);
        let early = world.counts.get("sent early").copied().unwrap_or(0);
        let bound = 2 * (MAX_RETRY_DELAYS + 1) + usize::try_from(early).unwrap_or(usize::MAX);
        if longest.is_some_and(|times| *times as usize > bound) {
            broken.push(format!(
                "a chain of requests invoked the dispatcher {longest:?} times, not {bound}"
            ));
        }
        let books = Books::new(&world, &self.accepted);
        let mut owed = 0;
        for accepted in &self.accepted {
            books.of_event(accepted, &world, &mut broken, &mut owed);
        }
        books.of_deliveries(&world, &mut broken);
        books.of_letters(&world, &mut broken);
        Books::of_erased(&world, &mut broken);
        Books::of_jobs(&world, &mut broken);
        for key in &self.garbage {
            if !world
                .tables
                .dead_letters
                .kept
                .contains_key(&DeadLetterId(*key))
            {
                broken.push("a message that is no event vanished".to_owned());
            }
        }
        for job in world.jobs.jobs.values() {
            if job.status != RedriveJobStatus::Completed {
                broken.push(format!(
                    "a job of {} ended {:?} with {} done and {} failed",
                    job.total, job.status, job.tally.done, job.tally.failed
                ));
            }
        }
        let explained = explained::settled(&world, &self.accepted, &mut broken);
        let mut add = |what, count: usize| *totals.0.entry(what).or_default() += count as u64;
        add("explanations compared", explained);
        add("events accepted", self.accepted.len());
        add("deliveries", books.deliveries.len());
        let untried =
            |d: &&Delivery| d.attempt_count == 0 && d.reason == Some(Reason::WebhookInactive);
        add(
            "deliveries whose webhook went off before they were tried",
            books.deliveries.values().filter(untried).count(),
        );
        let completed = |d: &&Delivery| d.status == Status::Completed;
        add(
            "delivered",
            books.deliveries.values().filter(completed).count(),
        );
        add(
            "deliveries owed by webhooks that were off at another time",
            owed,
        );
        add("mails", world.mails as usize);
        let taken = usize::try_from(world.processes.taken().as_secs()).unwrap_or(usize::MAX);
        add("seconds taken from the common lanes", taken);
        (broken, totals)
    }
}

/// Whether a message publishes an event with the same id.
fn says(text: &str, accepted: &Accepted) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|body| {
        body["id"].as_str() == Some(&accepted.event)
            && body["tenantId"].as_str() == Some(accepted.tenant.as_str())
            && body["data"]["n"] == accepted.data
    })
}

/// All deliveries by tenant, event's id and webhook; all events by tenant and id.
struct Books {
    deliveries: BTreeMap<(TenantId, String, WebhookId), Delivery>,
    /// The content of each; `None` if it was erased.
    events: BTreeMap<(TenantId, String), Vec<Option<String>>>,
    /// The keys of each, and of the messages that contained it.
    keys: BTreeMap<(TenantId, String), Vec<Ulid>>,
    /// When each was accepted, from its key.
    stored: BTreeMap<(TenantId, String), Time>,
}

impl Books {
    fn new(world: &World, accepted: &[Accepted]) -> Self {
        let (mut deliveries, mut events) = (BTreeMap::new(), BTreeMap::new());
        let mut keys: BTreeMap<_, Vec<Ulid>> = BTreeMap::new();
        let mut stored = BTreeMap::new();
        for accepted in accepted {
            let name = (accepted.tenant.clone(), accepted.event.clone());
            keys.entry(name).or_default().extend(accepted.or_dead);
        }
        for event in world.tables.deliveries.events() {
            let name = (event.tenant.clone(), event.id.to_string());
            stored.insert(name.clone(), event.key.time());
            keys.entry(name).or_default().push(event.key);
            let named: &mut Vec<Option<String>> = events
                .entry((event.tenant.clone(), event.id.to_string()))
                .or_default();
            named.push(event.payload.content().map(|content| content.data.clone()));
            for recorded in world
                .tables
                .deliveries
                .get_stored_event(&event.tenant, event.key)
                .into_iter()
                .flat_map(|record| record.deliveries)
            {
                let key = (
                    event.tenant.clone(),
                    event.id.to_string(),
                    recorded.delivery.id.webhook.clone(),
                );
                deliveries.insert(key, recorded.delivery);
            }
        }
        Self {
            deliveries,
            events,
            keys,
            stored,
        }
    }

    /// An accepted event is stored once, with a delivery to every webhook that was active all the
    /// time; or it is a dead letter.
    fn of_event(
        &self,
        accepted: &Accepted,
        world: &World,
        broken: &mut Vec<String>,
        owed: &mut usize,
    ) {
        // Its own message, or another with the same id: the second publisher is told that the first
        // event counts.
        let died = world.tables.dead_letters.kept.values().any(|kept| {
            accepted.or_dead.map(DeadLetterId) == Some(kept.dead.id)
                || matches!(&kept.dead.body, Body::Message { text: Some(text), .. } if says(text, accepted))
        });
        // An announcement that died is a dead letter of the operator, and names the stored event.
        let announcement_died = world.tables.dead_letters.kept.values().any(|kept| {
            matches!(&kept.dead.body, Body::Message { text: Some(text), .. } if self.announces(text, accepted, world))
        });
        let wanted = format!("{{\"n\":{}}}", accepted.data);
        let found = self
            .events
            .get(&(accepted.tenant.clone(), accepted.event.clone()));
        match found.map(Vec::as_slice) {
            // Its message may have died before every webhook had its delivery.
            Some([None]) => return,
            Some([Some(data)]) if *data == wanted => {}
            Some([_]) if died => return,
            Some([_]) => broken.push(format!("{} says something else", accepted.event)),
            Some(many) => broken.push(format!("{} is there {} times", accepted.event, many.len())),
            None if died => return,
            None => broken.push(format!("{} is lost", accepted.event)),
        }
        let (on, there) = self.owed(accepted, world);
        for webhook in world.promises.webhooks(&accepted.tenant) {
            let key = (
                accepted.tenant.clone(),
                accepted.event.clone(),
                webhook.clone(),
            );
            let is_owed = world.promises.is_on_throughout(webhook, on)
                && world.promises.is_there_throughout(webhook, there);
            if !world.promises.passes(webhook, accepted.data) {
                if self.deliveries.contains_key(&key) {
                    broken.push(format!("{} passed {webhook}'s filter", accepted.event));
                }
                continue;
            }
            if died || announcement_died || !is_owed {
                continue;
            }
            if !self.deliveries.contains_key(&key) {
                broken.push(format!("{} has no delivery to {webhook}", accepted.event));
            }
            if world.promises.has_wavered(webhook) {
                *owed += 1;
            }
        }
    }

    /// The times during which a webhook must be active and exist for the event to be owed to it:
    /// from before its acceptance until it was handled, as far as clocks can tell.
    fn owed(&self, accepted: &Accepted, world: &World) -> ((Time, Time), (Time, Time)) {
        let name = (accepted.tenant.clone(), accepted.event.clone());
        let keys = self.keys.get(&name).into_iter().flatten();
        let handled = keys.filter_map(|key| world.handled.get(key)).max();
        let from = Time::from_millis(accepted.begun.millis() - CLOCKS_MILLIS);
        let stored = self.stored.get(&name).copied().unwrap_or(world.now);
        let accepted = stored.plus(Duration::from_millis(CLOCKS_MILLIS.unsigned_abs()));
        let handled = handled.copied().unwrap_or(world.now);
        ((from, accepted), (from, handled.max(accepted)))
    }

    fn announces(&self, text: &str, accepted: &Accepted, world: &World) -> bool {
        let key = world
            .tables
            .deliveries
            .events()
            .find(|e| e.tenant == accepted.tenant && e.id.as_str() == accepted.event)
            .map(|e| e.key.to_string());
        text.contains("\"stored\"") && key.is_some_and(|key| text.contains(&key))
    }

    fn of_deliveries(&self, world: &World, broken: &mut Vec<String>) {
        let mut posts: BTreeMap<(String, WebhookId), (u32, u32)> = BTreeMap::new();
        for post in &world.receivers.posts {
            let entry = posts
                .entry((post.event.clone(), post.webhook.clone()))
                .or_default();
            entry.0 += 1;
            entry.1 += u32::from(post.taken);
        }
        for ((_, event, webhook), delivery) in &self.deliveries {
            let key = (event.clone(), webhook.clone());
            let (sent, taken) = posts.remove(&key).unwrap_or_default();
            let extra = world.unrecorded.get(&key).copied().unwrap_or(0)
                + world.twins.get(&key).copied().unwrap_or(0);
            match delivery.status {
                Status::Completed if taken == 0 => {
                    broken.push(format!(
                        "{event} to {webhook} counts as delivered and was not"
                    ));
                }
                Status::Completed => {}
                Status::Failed => {
                    let letter = delivery
                        .dead_letter_id
                        .and_then(|id| world.tables.dead_letters.kept.get(&id));
                    if letter.is_none_or(|kept| kept.redriven_at.is_some()) {
                        broken.push(format!("{event} to {webhook} failed without a dead letter"));
                    }
                }
                other => broken.push(format!("{event} to {webhook} is left {other:?}")),
            }
            if sent != delivery.attempt_count + extra {
                broken.push(format!(
                    "{event} to {webhook} has {} attempts on record and {sent} were sent, {extra} of them interrupted",
                    delivery.attempt_count
                ));
            }
            let contract = world.promises.contract(webhook);
            let most = contract.map_or(0, |contract| contract.retry_delays_seconds.len() + 1);
            if delivery.attempts_this_round as usize > most {
                broken.push(format!(
                    "{event} to {webhook} was tried {} times",
                    delivery.attempts_this_round
                ));
            }
            if delivery.pending_manual_token.is_some() {
                broken.push(format!(
                    "{event} to {webhook} waits for a manual attempt for ever"
                ));
            }
        }
        for ((event, webhook), (sent, _)) in posts {
            let extra = world.unrecorded.get(&(event.clone(), webhook.clone()));
            if extra.copied().unwrap_or(0) < sent {
                broken.push(format!(
                    "{event} to {webhook} was sent and is nowhere on record"
                ));
            }
        }
        for row in world.tables.deliveries.rows.values() {
            if row.due_at.is_some() || row.lease.is_some() {
                broken.push(format!(
                    "{} is still in the index or leased",
                    row.delivery.id
                ));
            }
        }
    }

    /// A job redrives a delivery once, even if it dies again while the job runs. (With a clock that
    /// is behind, it may seem to have died before.)
    fn of_jobs(world: &World, broken: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for kept in world
            .tables
            .dead_letters
            .kept
            .values()
            .filter(|_| !world.skewed)
        {
            if let (Some(job), Body::Delivery(died)) = (kept.redriven_by, &kept.dead.body)
                && !seen.insert((job, died.id.to_string()))
            {
                broken.push(format!("{} was redriven twice by one job", died.id));
            }
        }
    }

    /// Nothing is left of an erased event's content, nor of the responses to it.
    fn of_erased(world: &World, broken: &mut Vec<String>) {
        for delivery in world.tables.deliveries.erased() {
            let said = delivery.last_attempt.as_ref().is_some_and(|attempt| {
                matches!(&attempt.outcome, Outcome::Response { body, .. } if !body.is_empty())
            });
            if said || delivery.erased_at.is_none() {
                broken.push(format!("{} was not erased with its event", delivery.id));
            }
        }
        let erased = |event: &&Event| event.payload.erased_at().is_some();
        for event in world.tables.deliveries.events().filter(erased) {
            let kept = world.tables.dead_letters.kept.get(&DeadLetterId(event.key));
            if kept
                .is_some_and(|kept| matches!(&kept.dead.body, Body::Message { text: Some(_), .. }))
            {
                broken.push(format!("the message of {} was not erased", event.id));
            }
        }
    }

    /// A dead letter that is not redriven belongs to a delivery that failed with it. No delivery
    /// ends because its messages were lost: no history loses as many as that takes.
    fn of_letters(&self, world: &World, broken: &mut Vec<String>) {
        let failed: BTreeSet<_> = self
            .deliveries
            .values()
            .filter_map(|d| d.dead_letter_id)
            .collect();
        for kept in world.tables.dead_letters.kept.values() {
            let of_delivery = matches!(kept.dead.body, Body::Delivery(_));
            if of_delivery && kept.dead.reason == Reason::Undeliverable {
                broken.push(format!(
                    "{:?} ended because of Postel's own faults, with attempts left",
                    kept.dead.id
                ));
            }
            if of_delivery && kept.redriven_at.is_none() && !failed.contains(&kept.dead.id) {
                broken.push(format!(
                    "{:?} is dead and its delivery is not",
                    kept.dead.id
                ));
            }
        }
    }
}
