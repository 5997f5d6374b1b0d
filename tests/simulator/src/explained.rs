//! Explanations, held against what happens: who gets an event, what is sent, and when.
//!
//! An explanation is asked for whenever a request arrives at its receiver, when an event is
//! accepted, and for every event and webhook at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::contract::Contract;
use domain::dead_letter::Body;
use domain::event::Event;
use domain::explain::{ExplainReason, ExplainResult, Explained, ExplainedRequest, Explanation};
use domain::ids::{DeadLetterId, TenantId, WebhookId};
use domain::outcome::OutgoingRequest;
use domain::ports::StoredEvent;
use domain::sent_request::{MASK, joined_headers};
use domain::stats::announced_event;
use domain::time::Time;

use crate::receivers::Post;
use crate::simulation::Accepted;
use crate::world::World;

/// Sent by the dispatcher as `user-agent`.
pub(crate) const USER_AGENT: &str = "Postel/simulated";

/// Clocks that differ, and a call.
const CLOCKS: Duration = Duration::from_secs(7);
/// An attempt with the longest timeout, its record and its lease included.
const ATTEMPT: Duration = Duration::from_secs(80);

/// What was sent and what was explained, by event and webhook.
#[derive(Default)]
pub(crate) struct Explanations {
    sent: BTreeMap<(String, WebhookId), Vec<OutgoingRequest>>,
    told: BTreeMap<(String, WebhookId), Vec<ExplainedRequest>>,
    /// The attempts of the round before an attempt, and the times that its explanation gave for
    /// those after it.
    calendars: BTreeMap<(String, WebhookId), (u32, Vec<Time>)>,
}

/// What an explanation says.
struct Told {
    result: ExplainResult,
    reason: ExplainReason,
    next: Vec<Time>,
    request: Option<ExplainedRequest>,
    /// The attempts of the delivery's round.
    made: u32,
}

fn told(one: &Explanation<'_>, event: &Event, contract: Option<&Contract>) -> Told {
    Told {
        result: one.result,
        reason: one.reason,
        next: one.next_attempts.clone(),
        request: one.request(event, None, contract, USER_AGENT),
        made: one
            .delivery
            .map_or(0, |delivery| delivery.attempts_this_round),
    }
}

/// Explains an event to all webhooks of its tenant, as they are now.
fn explain(world: &World, event: &Event, record: Option<&StoredEvent>) -> Vec<(WebhookId, Told)> {
    let snapshot = world
        .directory
        .tenant_snapshot(&event.tenant, world.now, false);
    let Some(snapshot) = snapshot else {
        return Vec::new();
    };
    let explained = Explained {
        event,
        record,
        is_message_dead: record.is_some_and(|record| is_announcement_dead(world, &record.event)),
        snapshot: &snapshot,
        now: world.now,
    };
    let all = explained.webhooks();
    all.iter()
        .map(|one| {
            let contract = world.promises.contract(&one.webhook);
            (one.webhook.clone(), told(one, event, contract))
        })
        .collect()
}

fn stored(world: &World, tenant: &TenantId, event: &str) -> Option<StoredEvent> {
    let mut events = world.tables.deliveries.events();
    let found = events.find(|stored| stored.tenant == *tenant && stored.id.as_str() == event)?;
    world.tables.get_stored_event(tenant, found.key)
}

/// A request arrives. Says what is wrong with the explanation of this moment, if anything. `due` is
/// when the attempt was due, if it is an automatic one under a lease.
pub(crate) fn arrived(
    world: &mut World,
    post: &Post,
    request: &OutgoingRequest,
    due: Option<Time>,
) -> Option<String> {
    let key = (post.event.clone(), post.webhook.clone());
    let sent = world.explanations.sent.entry(key.clone());
    sent.or_default().push(request.clone());
    let tenant = world.promises.owner(&post.webhook)?;
    let record = stored(world, &tenant, &post.event)?;
    let all = explain(world, &record.event, Some(&record));
    let (_, told) = all.into_iter().find(|(id, _)| *id == post.webhook)?;
    world.count("explained when a request arrived");
    let name = || format!("{} to {}", post.event, post.webhook);
    let mut wrong = None;
    if let Some(due) = due {
        let is_right = matches!(
            told.reason,
            ExplainReason::AttemptInProgress
                | ExplainReason::WebhookInactive
                | ExplainReason::WebhookDeleted
                | ExplainReason::EventErased
        );
        if !is_right {
            wrong = Some(format!(
                "{} is attempted, and explained as {:?}",
                name(),
                told.reason
            ));
        }
        wrong = wrong.or_else(|| off_calendar(world, &key, told.made, due));
        let calendar = (told.made, told.next);
        if told.reason == ExplainReason::AttemptInProgress {
            world.explanations.calendars.insert(key.clone(), calendar);
        } else {
            world.explanations.calendars.remove(&key);
        }
    } else if told.result == ExplainResult::NotWanted && !is_changed(world, &tenant, &post.webhook)
    {
        wrong = Some(format!(
            "{} is sent, and explained as {:?}",
            name(),
            told.reason
        ));
    }
    let requests = world.explanations.told.entry(key).or_default();
    requests.extend(told.request);
    wrong
}

/// Whether anybody has changed a webhook. Then the run that sends may have seen it as it was
/// before.
fn is_changed(world: &World, tenant: &TenantId, id: &WebhookId) -> bool {
    let webhook = world.directory.webhook(tenant, id);
    webhook.is_none_or(|webhook| webhook.updated_at > webhook.created_at)
}

/// What is wrong with the time at which an attempt was due, by the explanation of the attempt
/// before it in the same round.
fn off_calendar(
    world: &mut World,
    key: &(String, WebhookId),
    made: u32,
    due: Time,
) -> Option<String> {
    let (before, next) = world.explanations.calendars.get(key).cloned()?;
    if made != before + 1 {
        // The attempt before was not recorded, or a redrive came between.
        return None;
    }
    let (event, webhook) = key;
    let Some(first) = next.first().copied() else {
        return Some(format!(
            "{event} to {webhook} has an attempt that was not explained"
        ));
    };
    let contract = world.promises.contract(webhook)?;
    let index = usize::try_from(before).unwrap_or(usize::MAX);
    let delay = contract
        .retry_delays_seconds
        .get(index)
        .copied()
        .unwrap_or(0);
    let jitter = Duration::from_secs(u64::from(delay)).mul_f64(contract.jitter);
    let is_early = due.plus(CLOCKS) < first;
    let is_late = first.plus(jitter + ATTEMPT + CLOCKS) < due;
    world.count("attempts due as explained");
    (is_early || is_late).then(|| {
        format!(
            "{event} to {webhook} was due at {}, and explained for {}",
            due.rfc3339(),
            first.rfc3339()
        )
    })
}

/// An event is accepted. A draft of it goes to the webhooks that are active now and whose filters
/// let it pass, and to no other.
pub(crate) fn accepted(world: &mut World, draft: &Event) {
    let content = draft.payload.content();
    let data = content.and_then(|content| {
        let data: serde_json::Value = serde_json::from_str(&content.data).ok()?;
        u32::try_from(data["n"].as_u64()?).ok()
    });
    let number = data.unwrap_or_default();
    for (webhook, told) in explain(world, draft, None) {
        let is_on = world
            .promises
            .is_on_throughout(&webhook, (world.now, world.now));
        let passes = world.promises.passes(&webhook, number);
        if !passes {
            world.count("drafts that a filter leaves out");
        }
        world.count("drafts explained");
        // By a clock that is behind, the event was accepted before the webhook was switched off.
        let is_late = told.reason == ExplainReason::WebhookInactive;
        let is_wanted = told.result == ExplainResult::Pending && !is_late;
        let is_left_out = told.reason == ExplainReason::Filtered;
        if (is_on && passes) != is_wanted
            || passes == is_left_out
            || is_wanted != told.request.is_some()
        {
            let reason = told.reason;
            world.violation(format!(
                "a draft for {webhook}, which is on: {is_on}, and gets it: {passes}, is explained as {reason:?}"
            ));
        }
    }
}

/// At the end, each webhook has got what its explanation says, and as it says. Returns how many
/// explanations were compared.
pub(crate) fn settled(world: &World, all: &[Accepted], broken: &mut Vec<String>) -> usize {
    let mut compared = 0;
    for event in world.tables.deliveries.events() {
        let is_it = |one: &Accepted| one.tenant == event.tenant && one.event == event.id.as_str();
        let is_accepted = all.iter().any(is_it);
        let record = world.tables.get_stored_event(&event.tenant, event.key);
        let Some(record) = record else { continue };
        for (webhook, told) in explain(world, &record.event, Some(&record)) {
            compared += 1;
            let key = (event.id.to_string(), webhook);
            // Its publisher died between storing and announcing it, and its caller knows it.
            let is_alone = !is_accepted && record.deliveries.is_empty();
            if let Some(wrong) = disagrees(world, &record, &key, &told)
                && !is_alone
            {
                broken.push(format!("{} to {}: {wrong}", key.0, key.1));
            }
        }
    }
    compared
}

/// What is wrong with the explanation of an event that has come to rest.
fn disagrees(
    world: &World,
    record: &StoredEvent,
    key: &(String, WebhookId),
    told: &Told,
) -> Option<String> {
    let sent = world
        .explanations
        .sent
        .get(key)
        .map_or(&[][..], Vec::as_slice);
    let mut posts = world.receivers.posts.iter();
    let is_taken = posts.any(|post| post.taken && (&post.event, &post.webhook) == (&key.0, &key.1));
    let deliveries = record.deliveries.iter().map(|recorded| &recorded.delivery);
    let delivery = deliveries
        .into_iter()
        .find(|delivery| delivery.id.webhook == key.1);
    let said = || format!("explained as {:?}, {:?}", told.result, told.reason);
    match told.result {
        ExplainResult::Delivered if is_taken => {}
        ExplainResult::Failed
            if delivery.is_none() && is_announcement_dead(world, &record.event) => {}
        ExplainResult::Failed => {
            let letter = delivery.and_then(|delivery| delivery.dead_letter_id);
            let kept = letter.and_then(|id| world.tables.dead_letters.kept.get(&id));
            let reason = kept.map(|kept| kept.dead.reason.as_str());
            if reason != Some(told.reason.as_str()) {
                return Some(format!("{}, and is a dead letter: {reason:?}", said()));
            }
        }
        ExplainResult::NotWanted => {
            let unrecorded = world.unrecorded.get(key).copied().unwrap_or(0);
            if delivery.is_some() || sent.len() > unrecorded as usize {
                return Some(format!("{}, and sent {} times", said(), sent.len()));
            }
        }
        // Its message died before every webhook had its delivery.
        ExplainResult::Pending if delivery.is_none() && died(world, &record.event) => {}
        // By clocks that differ, nobody knows whether the webhook was on when the event came.
        ExplainResult::Pending if delivery.is_none() && is_close(world, &record.event, &key.1) => {}
        _ => return Some(said()),
    }
    let contract = world.promises.contract(&key.1)?;
    let explained = world.explanations.told.get(key);
    let explained = explained.map_or(&[][..], Vec::as_slice).iter();
    let shown = told.request.iter().chain(explained);
    for (shown, request) in shown.flat_map(|shown| sent.iter().map(move |sent| (shown, sent))) {
        if let Some(wrong) = differs(shown, request, contract) {
            return Some(wrong);
        }
    }
    let last = delivery.and_then(|delivery| delivery.last_attempt.as_ref())?;
    let Some(shown) = &told.request else {
        return Some(format!(
            "{} without the request of its last attempt",
            said()
        ));
    };
    let at = last.at.seconds().to_string();
    let is_last = |request: &&OutgoingRequest| {
        request.url == shown.url && value(&request.headers, "webhook-timestamp") == Some(&at)
    };
    let is_shown = value(&shown.headers, "webhook-timestamp") == Some(&at);
    (!is_shown || !sent.iter().any(|request| is_last(&request))).then(|| {
        "its last attempt is explained with another URL or time than it was sent".to_owned()
    })
}

/// Whether a webhook was switched on or off so close to an event's acceptance that clocks tell
/// their order differently.
fn is_close(world: &World, event: &Event, webhook: &WebhookId) -> bool {
    let accepted = event.key.time();
    let around = (accepted.minus(CLOCKS), accepted.plus(CLOCKS));
    world.skewed && !world.promises.is_on_throughout(webhook, around)
}

/// Whether the message that announced a stored event is a dead letter, and was not redriven.
fn is_announcement_dead(world: &World, event: &Event) -> bool {
    let mut letters = world.tables.dead_letters.kept.values();
    letters.any(|kept| {
        kept.redriven_at.is_none()
            && matches!(&kept.dead.body, Body::Message { text: Some(text), .. } if announced_event(text) == Some(event.key))
    })
}

/// Whether a message of an event is a dead letter, or may have been one before the event was
/// erased.
fn died(world: &World, event: &Event) -> bool {
    if event.payload.erased_at().is_some() {
        return true;
    }
    let mut letters = world.tables.dead_letters.kept.values();
    let of_event = |text: &str| {
        text.contains(&event.key.to_string()) || text.contains(&format!("\"{}\"", event.id))
    };
    letters.any(|kept| {
        kept.dead.id == DeadLetterId(event.key)
            || matches!(&kept.dead.body, Body::Message { text: Some(text), .. } if of_event(text))
    })
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a String> {
    let mut found = headers.iter().filter(|(known, _)| known == name);
    found.next().map(|(_, value)| value)
}

/// How a request differs from its explanation, in anything but its signature and its time.
fn differs(
    shown: &ExplainedRequest,
    sent: &OutgoingRequest,
    contract: &Contract,
) -> Option<String> {
    if let Some(body) = &shown.body
        && body.as_bytes() != &*sent.body
    {
        let sent = String::from_utf8_lossy(&sent.body);
        return Some(format!(
            "the body is explained as {body} and sent as {sent}"
        ));
    }
    let has_time = |name: &str| {
        let template = contract.headers.get(name).cloned().map(String::from);
        name == "webhook-timestamp" || template.is_some_and(|text| text.contains("{timestamp"))
    };
    let signature = contract.signature.as_ref().map(|rule| rule.header.as_str());
    let headers = joined_headers(sent.headers.iter().cloned());
    let is_alike = |((name, told), (sent_name, sent)): (&(String, String), &(String, String))| {
        name == sent_name
            && if signature == Some(name) {
                told == MASK && sent != MASK
            } else {
                told == sent || has_time(name)
            }
    };
    let mut pairs = shown.headers.iter().zip(&headers);
    if shown.headers.len() != headers.len() || !pairs.all(is_alike) {
        let told = &shown.headers;
        return Some(format!(
            "the headers are explained as {told:?} and sent as {headers:?}"
        ));
    }
    let text = shown.signed_text.as_deref();
    // Every contract signs the body, some with more before it.
    let is_right = match (&shown.body, signature) {
        (Some(body), Some(_)) => text.is_some_and(|text| text.ends_with(body)),
        _ => text.is_none(),
    };
    (!is_right).then(|| format!("the text to sign is explained as {text:?}"))
}
