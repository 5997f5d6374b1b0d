//! External events of a history: publications, requests of users, accidents.

use std::time::Duration;

use domain::dead_letter::Body;
use domain::event;
use domain::flow::{
    Dispatcher, DlqConsumer, FailingReceivers, Publisher, QueueMessage, RedriveRunner,
};
use domain::flow::{erase, redrive_delivery, request_manual_attempt};
use domain::ids::{DeliveryId, EventId, TenantId, WebhookId};
use domain::ports::{
    Clock as _, DeadLetterFilter, DeliveryStore as _, Fault, RedriveJob, RedriveJobMessage,
    RedriveJobStatus, Stage, Tally,
};
use domain::time::Time;
use domain::ulid::Ulid;

use crate::directory::publisher;
use crate::faults::Outage;
use crate::owner::{Change, Wish, make};
use crate::ports::{OURSELVES, Ports, Received};
use crate::queues::QueueName;
use crate::simulation::{Act, Door, Finish, Planned, Publication, RunKind, Simulation, policy};

/// The dispatcher's timeout plus the difference of two clocks.
const MAX_STEP_TIME: Duration = Duration::from_secs(85);

/// The work of the functions' crates around the flows.
pub(crate) async fn work_off(
    kind: RunKind,
    ports: Ports,
    messages: Vec<QueueMessage>,
    batch: (QueueName, Vec<Received>),
    deadline: Time,
) -> Finish {
    let policy = policy();
    let mut failed = Vec::new();
    let end = deadline;
    let given_back = ports.clone();
    match kind {
        RunKind::Dlq => {
            let consumer = DlqConsumer {
                deps: ports,
                policy,
            };
            for message in &messages {
                if let Err(fault) = consumer.consume(message).await {
                    failed.push((message.id.clone(), fault));
                }
            }
        }
        RunKind::RedriveJob => {
            let runner = RedriveRunner { deps: ports };
            let reserve = 8_000;
            let deadline = Time::from_millis(deadline.millis() - reserve);
            for message in messages {
                let worked = match serde_json::from_str::<RedriveJobMessage>(&message.body) {
                    Ok(task) => runner.run(&task, message.receives, deadline).await,
                    Err(e) => Err(Fault::corrupt(Stage::ReadMessage, e)),
                };
                if let Err(fault) = worked {
                    failed.push((message.id, fault));
                }
            }
        }
        _ => {
            let slow_receivers = ports.slow_receivers();
            failed = Dispatcher {
                deps: ports,
                policy,
                slow_receivers,
                failing_receivers: FailingReceivers::default(),
            }
            .batch(&messages, deadline)
            .await
        }
    }
    if kind != RunKind::Dlq {
        given_back.give_back(&batch, &failed, end).await;
    }
    Finish::Batch(failed)
}

impl Simulation {
    pub(crate) fn begin(&mut self, number: usize) {
        match self.plan.get(number) {
            Some(Planned::Publish(publication)) => {
                let publication = publication.clone();
                let now = self.world().now;
                self.begun.entry(number).or_insert(now);
                match publication.door {
                    Door::Http => self.by_http(number, &publication),
                    Door::Sqs => self.by_sqs(number, &publication),
                }
            }
            Some(Planned::Act(act)) => {
                let act = *act;
                self.do_act(number, act);
            }
            Some(Planned::Wish(wish)) => {
                let wish = wish.clone();
                self.start(RunKind::Button, None, Some(number), move |ports, _| {
                    Box::pin(async move { Finish::Granted(number, make(&ports, &wish).await) })
                });
            }
            None => {}
        }
    }

    fn by_http(&mut self, number: usize, publication: &Publication) {
        let body = body(publication, None);
        let (Ok(event), Some(tenant)) = (
            event::parse(body.as_bytes()),
            self.tenants.get(publication.tenant).cloned(),
        ) else {
            return;
        };
        self.start(RunKind::Http, None, Some(number), move |ports, _| {
            Box::pin(async move {
                let publisher = Publisher {
                    store: &ports,
                    events: &ports,
                    clock: &ports,
                    since: Time::from_millis(0),
                };
                let answer = publisher.publish(&tenant, event, ports.new_ulid()).await;
                Finish::Published(number, Box::new(answer))
            })
        });
    }

    fn by_sqs(&mut self, number: usize, publication: &Publication) {
        let Some(tenant) = self.tenants.get(publication.tenant).cloned() else {
            return;
        };
        if self.world().out_until(Outage::Queues).is_some() {
            self.world().count("sends refused to a tenant");
            self.again(number);
            return;
        }
        let body = body(publication, Some(tenant.as_str()));
        let key = {
            let mut world = self.world();
            let sender = format!("{}:session", publisher(&tenant));
            let id = world.send(QueueName::Events, body, &sender, Duration::ZERO);
            Ulid::derived(world.now, &id)
        };
        let name = publication
            .id
            .clone()
            .unwrap_or_else(|| EventId::generated(key).to_string());
        self.accept(number, name, Some(key));
    }

    fn do_act(&mut self, number: usize, act: Act) {
        match act {
            Act::Manual(times) => self.retry(times),
            Act::Redrive(times) => self.redrive(times),
            Act::RedriveAll => self.redrive_all(),
            Act::Change(change) => {
                let picked = self.some_webhook();
                self.change(change, picked);
            }
            Act::ChangeTogether(one, other) => {
                let picked = self.some_webhook();
                self.change(one, picked.clone());
                self.change(other, picked);
            }
            Act::SwitchOn => {
                let known: Vec<_> = self.world().directory.places().collect();
                self.change(Change::Switch(true), known);
            }
            Act::ChangeUnderWay(change) => {
                let met = self.world().met.remove(&number);
                match met {
                    Some(place) => self.change(change, [place]),
                    None => self.world().meets.push(number),
                }
            }
            Act::Mark => self.mark(),
            Act::Erase(times) => self.erase(times),
            Act::Garbage => {
                let mut world = self.world();
                let id = world.send(
                    QueueName::Events,
                    "{\"tenantId\": \"tenant0\", \"type\": 5".to_owned(),
                    "AIDAnobody",
                    Duration::ZERO,
                );
                let key = Ulid::derived(world.now, &id);
                drop(world);
                self.garbage.push(key);
            }
            Act::LoseJob => {
                let mut guard = self.world();
                let world = &mut *guard;
                if let Some(lost) = world.queues.lose(QueueName::Jobs, &mut world.rng) {
                    world.note(|| format!("lost: {}", lost.body));
                    world.count("messages of jobs lost");
                }
            }
            Act::LoseMessage => {
                let mut guard = self.world();
                let world = &mut *guard;
                let (queues, rng) = (&mut world.queues, &mut world.rng);
                let lost = queues.lose(QueueName::Deliveries, rng);
                if let Some(lost) = lost.or_else(|| queues.lose(QueueName::Slow, rng)) {
                    world.note(|| format!("lost: {}", lost.body));
                    world.count("messages lost");
                }
            }
        }
    }

    fn retry(&mut self, times: u32) {
        let picked = {
            let mut world = self.world();
            let mut known: Vec<_> = Vec::new();
            let events: Vec<_> = world
                .tables
                .deliveries
                .events()
                .map(|event| (event.tenant.clone(), event.key))
                .collect();
            for (tenant, key) in events {
                let record = world.tables.deliveries.get_stored_event(&tenant, key);
                for recorded in record.into_iter().flat_map(|r| r.deliveries) {
                    known.push((tenant.clone(), recorded.delivery.id));
                }
            }
            if known.is_empty() {
                return;
            }
            let at = world.rng.usize(0..known.len());
            known.swap_remove(at)
        };
        for _ in 0..times {
            let (tenant, id): (_, DeliveryId) = picked.clone();
            self.start(RunKind::Button, None, None, move |ports, _| {
                Box::pin(async move {
                    // A fault is a 503, which the user sees.
                    if let Ok(Some(record)) = ports.get_stored_event(&tenant, id.event).await
                        && let Some(found) =
                            record.deliveries.into_iter().find(|d| d.delivery.id == id)
                    {
                        drop(request_manual_attempt(&ports, &ports, &ports, found).await);
                    }
                    Finish::Quiet
                })
            });
        }
    }

    fn erase(&mut self, times: u32) {
        let picked = {
            let mut world = self.world();
            let events: Vec<_> = world
                .tables
                .deliveries
                .events()
                .map(|event| (event.tenant.clone(), event.key))
                .collect();
            let picked = world.rng.choice(events);
            world.count(if picked.is_some() {
                "erasures"
            } else {
                "nothing to erase"
            });
            picked
        };
        for (tenant, key) in std::iter::repeat_n(picked, times as usize).flatten() {
            self.start(RunKind::Button, None, None, move |ports, _| {
                Box::pin(async move {
                    let now = ports.now();
                    let what = (&tenant, key);
                    // A fault is a 503: the caller asks again, or the sweeper finds what was begun.
                    drop(erase(&ports, &ports, what, now, MAX_STEP_TIME).await);
                    Finish::Quiet
                })
            });
        }
    }

    fn redrive(&mut self, times: u32) {
        let picked = {
            let mut world = self.world();
            let waiting: Vec<_> = world
                .tables
                .dead_letters
                .kept
                .values()
                .filter(|kept| {
                    kept.redriven_at.is_none() && matches!(kept.dead.body, Body::Delivery(_))
                })
                .map(|kept| kept.dead.clone())
                .collect();
            if waiting.is_empty() {
                return;
            }
            let at = world.rng.usize(0..waiting.len());
            waiting.get(at).cloned()
        };
        for dead in std::iter::repeat_n(picked, times as usize).flatten() {
            self.start(RunKind::Button, None, None, move |ports, _| {
                Box::pin(async move {
                    drop(redrive_delivery(&ports, &ports, ports.now(), &dead).await);
                    Finish::Quiet
                })
            });
        }
    }

    fn redrive_all(&mut self) {
        let mut world = self.world();
        let at = world.rng.usize(0..self.tenants.len().max(1));
        let Some(tenant) = self.tenants.get(at).cloned() else {
            return;
        };
        let mut short = [0; 10];
        world.rng.fill(&mut short);
        let (id, now) = (Ulid::new(world.now, short), world.now);
        let filter = DeadLetterFilter {
            until: Some(now),
            ..DeadLetterFilter::default()
        };
        let (letters, _) = world
            .tables
            .dead_letters
            .step(&tenant, id, Some(now), None, usize::MAX);
        let job = RedriveJob {
            id,
            tenant: tenant.clone(),
            filter,
            rate: 5,
            status: RedriveJobStatus::Running,
            total: letters.len() as u64,
            tally: Tally::default(),
            cursor: None,
            turn: 0,
            next_at: now,
            ended_at: None,
        };
        let body = serde_json::to_string(&job.message());
        world.jobs.jobs.insert(id, job);
        if let Ok(body) = body {
            world.send(QueueName::Jobs, body, OURSELVES, Duration::ZERO);
        }
    }

    fn mark(&mut self) {
        let mut world = self.world();
        let known: Vec<_> = world.directory.places().collect();
        let now = world.now;
        for (tenant, id) in known {
            world.directory.mark(&tenant, &id, None, now);
        }
    }

    fn some_webhook(&self) -> Option<(TenantId, WebhookId)> {
        let mut world = self.world();
        let known: Vec<_> = world.directory.places().collect();
        world.rng.choice(known)
    }

    /// The owners of these webhooks request a change.
    fn change(&mut self, change: Change, of: impl IntoIterator<Item = (TenantId, WebhookId)>) {
        for (tenant, webhook) in of {
            let place = self.plan.len();
            self.plan.push(Planned::Wish(Wish {
                tenant,
                webhook,
                change,
                number: place + 1,
            }));
            self.begin(place);
        }
    }
}

pub(crate) fn body(publication: &Publication, tenant: Option<&str>) -> String {
    let mut body = serde_json::json!({"type": "item.created", "data": {"n": publication.data}});
    if let Some(object) = body.as_object_mut() {
        if let Some(id) = &publication.id {
            object.insert("id".to_owned(), id.as_str().into());
        }
        if let Some(tenant) = tenant {
            object.insert("tenantId".to_owned(), tenant.into());
        }
    }
    body.to_string()
}
