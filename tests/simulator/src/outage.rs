//! A history in which the tables or another service is unavailable for a while; receivers and
//! callers work.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::contract::{Contract, Overrides, builtin};
use domain::dead_letter::Reason;
use domain::delivery::Status;
use domain::ids::WebhookId;
use domain::time::Time;
use fastrand::Rng;

use crate::account::Totals;
use crate::directory::Subscriber;
use crate::faults::{Faults, Guard, Outage};
use crate::receivers::ReceiverBehaviour;
use crate::sharing::Sharing;
use crate::simulation::{Act, Door, Publication, Simulation};

/// Before the outage, so that retries become due in it.
const BEFORE: Duration = Duration::from_secs(1_200);
/// Events are published until this long after it.
const AFTER: Duration = Duration::from_secs(120);

/// The plan of an outage.
#[derive(Clone, Copy, Debug)]
pub struct OutageStory {
    /// What fails, and how.
    pub outage: Outage,
    pub length: Duration,
    /// The maximum number of receives, if not the template's.
    pub max_receives: Option<u32>,
    /// The probability that the visibility timeout of a batch's failed messages cannot be
    /// shortened.
    pub stays_hidden: f64,
    /// A removed guard.
    pub without: Option<Guard>,
    /// How many messages each queue may have in flight, if that is limited.
    pub in_flight: Option<usize>,
}

/// The result of an outage.
#[derive(Debug)]
pub struct Survived {
    pub broken: Vec<String>,
    pub totals: Totals,
    /// How long after the end of the outage the last work was done that was due before it.
    pub backlog: Duration,
    /// How many POSTs were repeated because their record was refused.
    pub repeated: u32,
    /// The maximum of them for one event and one webhook.
    pub max_repeats: u32,
    /// The most messages that one queue had in flight.
    pub max_in_flight: usize,
    /// The trace, on request.
    pub trace: Vec<String>,
}

impl OutageStory {
    /// Runs the history of a seed.
    #[must_use]
    pub fn tell(&self, seed: u64, trace: bool) -> Survived {
        let mut rng = Rng::with_seed(seed);
        let mut world = Simulation::new(rng.u64(..));
        if trace {
            world.keep_trace();
        }
        self.without.into_iter().for_each(|g| world.take_away(g));
        if let Some(in_flight) = self.in_flight {
            world.set_sharing(Sharing {
                in_flight,
                concurrency: usize::MAX,
                noisy_from: 30,
            });
        }
        self.max_receives
            .into_iter()
            .for_each(|count| world.set_max_receives(count));
        world.set_faults(Faults {
            stays_hidden: self.stays_hidden,
            late: 0.1,
            lost_schedule: 0.1,
            skew_millis: if rng.bool() { 2_000 } else { 0 },
            ..Faults::default()
        });
        world.set_outage(self.outage, BEFORE, self.length);
        world.add_tenant(&[takes_all(), fails_always()]);
        world.add_tenant(&[takes_all(), fails_often(), dies_at_once()]);
        let end = BEFORE + self.length + AFTER;
        for number in 0..12 {
            // One in three of them in the first or last minute of the outage.
            let at = match number % 6 {
                0 => BEFORE - Duration::from_secs(30) + some(&mut rng, Duration::from_secs(60)),
                3 => {
                    BEFORE + self.length - Duration::from_secs(30)
                        + some(&mut rng, Duration::from_secs(60))
                }
                _ => some(&mut rng, end),
            };
            publish(&mut world, &mut rng, number, at);
        }
        // Earlier dead letters are redriven just as it begins.
        world.act(
            BEFORE - some(&mut rng, Duration::from_secs(4)),
            Act::RedriveAll,
        );
        let (mut broken, totals) = world.settle();
        world.judge(&mut broken);
        let backlog = world.backlog();
        let again: Vec<u32> = world.world().unrecorded.values().copied().collect();
        Survived {
            broken,
            totals,
            backlog,
            repeated: again.iter().sum(),
            max_repeats: again.into_iter().max().unwrap_or(0),
            max_in_flight: world.max_in_flight(),
            trace: world.trace(),
        }
    }
}

fn some(rng: &mut Rng, below: Duration) -> Duration {
    Duration::from_millis(rng.u64(0..u64::try_from(below.as_millis()).unwrap_or(u64::MAX)))
}

/// An event on one path, or with one id on both.
fn publish(world: &mut Simulation, rng: &mut Rng, number: u32, at: Duration) {
    let tenant = rng.usize(0..2);
    let both = rng.u32(0..6) == 0;
    let by_http = rng.u32(0..3) == 0;
    let id = (both || by_http || rng.bool()).then(|| format!("order-{number}"));
    for door in [Door::Http, Door::Sqs] {
        if both || by_http == (door == Door::Http) {
            let publication = Publication {
                tenant,
                door,
                id: id.clone(),
                data: number,
            };
            world.publish(at + some(rng, Duration::from_secs(20)), publication);
        }
    }
}

fn contract(delays: &[u32]) -> Contract {
    #[expect(clippy::expect_used, reason = "a built-in contract")]
    let standard = builtin("standard").expect("a contract");
    let overrides = Overrides {
        timeout_seconds: None,
        retry_delays_seconds: Some(delays.to_vec()),
    };
    standard.with(&overrides, Duration::from_secs(60))
}

const DELAYS: [u32; 4] = [60, 600, 1_800, 3_600];

fn takes_all() -> Subscriber {
    Subscriber {
        contract: contract(&DELAYS),
        manner: ReceiverBehaviour::default(),
    }
}

fn fails_always() -> Subscriber {
    Subscriber {
        contract: contract(&DELAYS),
        manner: ReceiverBehaviour {
            fails: 1.0,
            ..ReceiverBehaviour::default()
        },
    }
}

fn fails_often() -> Subscriber {
    Subscriber {
        contract: contract(&DELAYS),
        manner: ReceiverBehaviour {
            fails: 0.4,
            resets: 0.1,
            hangs: 0.1,
            drags: 0.1,
            ..ReceiverBehaviour::default()
        },
    }
}

fn dies_at_once() -> Subscriber {
    Subscriber {
        contract: contract(&[]),
        ..fails_always()
    }
}

impl Simulation {
    /// No delivery fails because of an outage: each is completed or exhausted, by a receiver that
    /// failed as often as its contract tries.
    fn judge(&self, broken: &mut Vec<String>) {
        let world = self.world();
        for kept in world.tables.dead_letters.kept.values() {
            if kept.dead.reason != Reason::Exhausted {
                let what = (&kept.dead.id, kept.dead.reason);
                broken.push(format!("{what:?} is no right reason to die"));
            }
        }
        if world.counts.contains_key("moved to a dead-letter queue") {
            broken.push("a message was received too often".to_owned());
        }
        for event in world.tables.deliveries.events() {
            let record = world.tables.get_stored_event(&event.tenant, event.key);
            for recorded in record.into_iter().flat_map(|record| record.deliveries) {
                let delivery = recorded.delivery;
                let webhook = &delivery.id.webhook;
                let manner = world.receivers.manners.get(webhook);
                let may_fail = manner.is_some_and(|manner| manner.fails > 0.0);
                let contract = world.promises.contract(webhook);
                let tries = contract.map_or(0, |contract| contract.retry_delays_seconds.len() + 1);
                let is_right = match delivery.status {
                    Status::Completed => true,
                    Status::Failed => may_fail && delivery.attempts_this_round as usize == tries,
                    _ => false,
                };
                if !is_right {
                    broken.push(format!(
                        "{} ended {:?} ({:?}) after {} of {tries} attempts",
                        delivery.id, delivery.status, delivery.reason, delivery.attempts_this_round
                    ));
                }
            }
        }
    }

    /// How long after the outage there was work that was due in it: a message, an attempt, or the
    /// first attempt of an event published in it.
    #[must_use]
    pub fn backlog(&self) -> Duration {
        let world = self.world();
        let Some((_, _, until)) = world.outage else {
            return Duration::ZERO;
        };
        let mut first: BTreeMap<(&str, &WebhookId), Time> = BTreeMap::new();
        for post in &world.receivers.posts {
            let of = (post.event.as_str(), &post.webhook);
            first.entry(of).or_insert(post.at);
        }
        let published = self.accepted.iter().filter(|a| a.begun <= until);
        let waited = published.flat_map(|accepted| {
            let webhooks = world.promises.webhooks(&accepted.tenant);
            webhooks.filter_map(|webhook| first.get(&(accepted.event.as_str(), webhook)))
        });
        let last = waited.copied().chain(world.caught_up).max();
        last.map_or(Duration::ZERO, |last| last.since(until))
    }
}
