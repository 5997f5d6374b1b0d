//! The state that tests set on the fake ports, and helpers that process messages.

use std::task::Poll;

use super::*;

impl FakePorts {
    pub(super) fn write(&self, call: Call) {
        self.calls.lock().unwrap().push(call);
    }

    /// Yields to other tasks and counts the POSTs in flight.
    pub(super) async fn linger(&self) {
        let (under_way, most) = *self.under_way.lock().unwrap();
        *self.under_way.lock().unwrap() = (under_way + 1, most.max(under_way + 1));
        let mut is_later = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut is_later, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.under_way.lock().unwrap().0 -= 1;
    }
}

pub(super) fn webhook(number: u8, contract: &Contract) -> Subscription {
    Subscription {
        webhook: Webhook {
            id: WebhookId::new([number; 16]),
            tenant: "t".parse().unwrap(),
            name: None,
            url: format!("https://receiver.example/{number}"),
            events: vec![EventFilter::All],
            filter: None,
            active: true,
            contract: contract.name.clone(),
            overrides: crate::contract::Overrides::default(),
            context: BTreeMap::new(),
            secrets: SigningSecrets::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
            basic_auth: None,
            headers: BTreeMap::new(),
            created_at: NOW,
            updated_at: NOW,
            version: 1,
            disabled: None,
            switched: Vec::new(),
            slow_since: None,
            failing_since: None,
            since: None,
            written: None,
        },
        contract: contract.clone(),
        sealing_keys: SealingKeys::unused(),
        context: BTreeMap::new(),
    }
}

pub(super) fn answer(status: u16, body: &str) -> Outcome {
    Outcome::Response {
        status,
        headers: Vec::new(),
        body: body.to_owned(),
        truncated: false,
    }
}

pub(super) fn dispatcher(contract: &str) -> Dispatcher<FakePorts> {
    let tenant = Tenant {
        id: "t".parse().unwrap(),
        name: None,
        contract: contract.to_owned(),
        contact_email: Some("owner@example.com".to_owned()),
        publishers: vec![PUBLISHER.to_owned()],
        limits: Limits::default(),
        context: BTreeMap::new(),
        sealing_keys: SealingKeys::unused(),
        created_at: NOW,
        updated_at: NOW,
    };
    Dispatcher {
        deps: FakePorts {
            is_config_corrupt: false,
            is_log_corrupt: false,
            snapshot: Some(TenantSnapshot {
                tenant,
                subscriptions: vec![webhook(1, &builtin(contract).unwrap())],
                unreadable: Vec::new(),
            }),
            record: None,
            claim: None,
            id_claim: None,
            answer: answer(200, ""),
            wins: true,
            did: true,
            type_name: None,
            now: Mutex::new(NOW),
            takes: Duration::from_millis(200),
            lingers: false,
            under_way: Mutex::default(),
            queue_faults: Mutex::default(),
            waiting: None,
            revived: None,
            overdue: Mutex::default(),
            latencies: Mutex::default(),
            running: Some(Vec::new()),
            calls: Mutex::default(),
        },
        policy: policy(),
        slow_receivers: Arc::default(),
        failing_receivers: FailingReceivers::default(),
    }
}

pub(super) fn policy() -> Policy {
    Policy {
        trusted_senders: vec!["AROAOURSELVES".to_owned()],
        user_agent: "Postel/test".to_owned(),
    }
}

pub(super) fn event() -> Event {
    event::parse(br#"{"type":"a.b","timestamp":"2026-01-01T00:00:00Z","data":{"n":1}}"#)
        .unwrap()
        .accept("t".parse().unwrap(), Ulid::derived(NOW, "x"))
}

pub(super) fn content(event: &Event) -> &Content {
    event.payload.content().unwrap()
}

/// The same event after its tenant erased it.
pub(super) fn erased() -> Event {
    Event {
        payload: Payload::Erased(NOW),
        ..event()
    }
}

/// The event's delivery to webhook 1, before its first attempt.
pub(super) fn fresh() -> Delivery {
    Delivery::new(&event(), &WebhookId::new([1; 16]))
}

pub(super) fn attempt(number: u32, outcome: Outcome) -> Attempt {
    Attempt {
        number,
        trigger: Trigger::Automatic,
        at: NOW,
        duration: Duration::ZERO,
        webhook_version: 1,
        url: "https://receiver.example/1".to_owned(),
        contract: "standard".to_owned(),
        signature: None,
        own_headers: Vec::new(),
        type_name: None,
        context: BTreeMap::new(),
        outcome,
    }
}

/// After a failed first attempt; the second is due at `due`.
pub(super) fn retrying(due: Time) -> Delivery {
    fresh().after_automatic(attempt(1, answer(500, "")), Verdict::Retry(due.since(NOW)))
}

pub(super) fn failed() -> Delivery {
    let mut failed =
        fresh().after_automatic(attempt(1, answer(500, "")), Verdict::Dead(Reason::Refused));
    failed.dead_letter_id = Some(crate::ids::DeadLetterId(Ulid::floor(NOW)));
    failed
}

pub(super) fn record(deliveries: Vec<StoredDelivery>, again: bool) -> Option<StoredEvent> {
    Some(StoredEvent {
        event: event(),
        deliveries,
        first_attempts_need_lease_since: again.then_some(NOW),
        is_complete: true,
    })
}

pub(super) fn message(source: QueueKind, body: String, receives: u32) -> QueueMessage {
    QueueMessage {
        id: "m".to_owned(),
        source,
        body,
        sender: format!("{PUBLISHER}:session"),
        sent: NOW,
        receives,
        received: NOW,
    }
}

/// A message sent directly by a tenant.
pub(super) fn published(receives: u32) -> QueueMessage {
    let body = r#"{"tenantId":"t","type":"a.b","data":{"n":1}}"#;
    message(QueueKind::Events, body.to_owned(), receives)
}

/// A message from the HTTP API.
pub(super) fn announced(receives: u32) -> QueueMessage {
    let body = serde_json::json!({"tenantId": "t", "stored": event().key.to_string()});
    message(QueueKind::Events, body.to_string(), receives)
}

pub(super) fn task(delivery: &Delivery, kind: TaskKind) -> DeliveryTask {
    DeliveryTask {
        tenant_id: delivery.tenant.clone(),
        delivery_id: delivery.id.clone(),
        kind,
    }
}

pub(super) fn asked(task: &DeliveryTask, receives: u32) -> QueueMessage {
    let body = serde_json::to_string(task).unwrap();
    message(QueueKind::Deliveries, body, receives)
}

/// The same message from the slow lane.
pub(super) fn asked_slowly(task: &DeliveryTask) -> QueueMessage {
    let body = serde_json::to_string(task).unwrap();
    message(QueueKind::Slow, body, 1)
}

/// All calls except the read of the snapshot.
pub(super) fn told(ports: &FakePorts) -> Vec<Call> {
    let mut calls = std::mem::take(&mut *ports.calls.lock().unwrap());
    calls.retain(|call| !matches!(call, Call::TenantSnapshot(_)));
    calls
}

/// Processes one message, an hour before the invocation ends, and returns the calls it made.
pub(super) fn work(dispatcher: &Dispatcher<FakePorts>, message: &QueueMessage) -> Vec<Call> {
    let failed = process(dispatcher, message, Duration::from_secs(3600));
    assert!(failed.is_empty(), "{failed:?}");
    told(&dispatcher.deps)
}

pub(super) fn process(
    dispatcher: &Dispatcher<FakePorts>,
    message: &QueueMessage,
    left: Duration,
) -> Vec<(String, Fault)> {
    dispatcher
        .batch(std::slice::from_ref(message), NOW.plus(left))
        .now_or_never()
        .unwrap()
}

/// Acquires the lease of a delivery for a task with its sequence or with the manual token `token`,
/// and processes that task.
pub(super) fn work_claimed(
    dispatcher: &mut Dispatcher<FakePorts>,
    before: &Delivery,
    kind: TaskKind,
) -> Vec<Call> {
    dispatcher.deps.claim = Some(LeaseResult::Acquired(Box::new(before.clone())));
    work(dispatcher, &asked(&task(before, kind), 1))
}
