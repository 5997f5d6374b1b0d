//! The promises to each webhook's owner over time: where its events go, whether it is active, and
//! which secrets sign.
//!
//! Derived from the owners' requests and from nothing that the code under test computes, so that
//! the two can be compared. A dispatcher uses a snapshot that is some seconds old, so a POST is
//! right if it matches the promise at some moment within [`SEEN_BY_ALL`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::contract::{AtEnd, Contract, Secret, SigningInput};
use domain::delivery::DisableReason;
use domain::ids::{TenantId, WebhookId};
use domain::outcome::OutgoingRequest;
use domain::time::Time;

use crate::owner::{Change, Wish, secret};
use crate::receivers::{Post, Seen};

/// When every run that may send has seen a change: a snapshot's age, the slowest calls between
/// reading it and the POST, and the clocks' difference.
pub(crate) const SEEN_BY_ALL: Duration = Duration::from_secs(60);
/// From reading the clock that selects the secrets to the POST: four calls, and the transit of the
/// request.
const CHOSEN_BEFORE: Duration = Duration::from_secs(15);
/// The maximum difference of a process's clock.
const SKEW: Duration = Duration::from_secs(2);
/// The maximum number of older secrets that sign, as the API documents it.
const OLDER_SECRETS: usize = 2;

/// The promise from a moment on, until the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Promise {
    since: Time,
    /// The number of the wish that set its URL.
    place: usize,
    /// Whether it receives events. A deleted one does not.
    is_on: bool,
    is_deleted: bool,
    /// Newest first, each with its end.
    secrets: Vec<(usize, Time)>,
}

impl Promise {
    /// Which secrets sign at a moment: all that have not ended, or the oldest of them if a header
    /// carries only one signature.
    fn signers(&self, at: Time, several: bool) -> BTreeSet<usize> {
        let alive = self.secrets.iter().filter(|(_, until)| at < *until);
        let mut alive: Vec<usize> = alive.map(|(secret, _)| *secret).collect();
        if !several {
            alive.drain(..alive.len().saturating_sub(1));
        }
        alive.into_iter().collect()
    }
}

struct Promised {
    tenant: TenantId,
    contract: Contract,
    /// Oldest first.
    over_time: Vec<Promise>,
    /// Since when its configuration is unchanged: outcomes of earlier attempts must not affect it.
    version_since: Time,
    warned: Option<Time>,
    /// It gets only events whose number is below this.
    below: Option<u32>,
}

impl Promised {
    fn now(&self) -> Option<&Promise> {
        self.over_time.last()
    }

    /// The promises at some moment of a period.
    fn within(&self, from: Time, to: Time) -> impl Iterator<Item = &Promise> {
        let ends = self.over_time.iter().skip(1).map(|next| next.since);
        let ends = ends.chain([Time::from_millis(i64::MAX)]);
        let stood = move |(promise, end): &(&Promise, Time)| promise.since <= to && *end > from;
        self.over_time
            .iter()
            .zip(ends)
            .filter(stood)
            .map(|(p, _)| p)
    }

    /// Changes the promise from now on.
    fn becomes(&mut self, now: Time, change: impl FnOnce(&mut Promise)) -> bool {
        let Some(before) = self.now().cloned() else {
            return false;
        };
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return false;
        }
        after.since = now;
        self.over_time.push(after);
        true
    }
}

/// All webhooks that ever existed.
#[derive(Default)]
pub(crate) struct Promises(BTreeMap<WebhookId, Promised>);

fn earlier(time: Time, by: Duration) -> Time {
    Time::from_millis(time.millis() - i64::try_from(by.as_millis()).unwrap_or(0))
}

impl Promises {
    pub(crate) fn begin(&mut self, tenant: &TenantId, id: &WebhookId, contract: &Contract) {
        let begin = Time::from_millis(0);
        let promise = Promise {
            since: begin,
            place: 0,
            is_on: true,
            is_deleted: false,
            secrets: vec![(0, Time::from_millis(i64::MAX))],
        };
        let promised = Promised {
            tenant: tenant.clone(),
            contract: contract.clone(),
            over_time: vec![promise],
            version_since: begin,
            warned: None,
            below: None,
        };
        self.0.insert(id.clone(), promised);
    }

    /// An owner's change is written. `asked_at` is the time from which the older secrets' ends are
    /// counted. Returns the counter to increase.
    pub(crate) fn change(&mut self, wish: &Wish, asked_at: Time, now: Time) -> &'static str {
        let Some(promised) = self.0.get_mut(&wish.webhook) else {
            return "changes of nothing";
        };
        let (what, is_new) = match wish.change {
            Change::Move => {
                let place = wish.number;
                ("moves", promised.becomes(now, |p| p.place = place))
            }
            Change::Rotate(overlap) => {
                let end = asked_at.plus(Duration::from_secs(overlap));
                let rotate = |p: &mut Promise| {
                    for (_, until) in &mut p.secrets {
                        *until = end.min(*until);
                    }
                    p.secrets.retain(|(_, until)| asked_at < *until);
                    p.secrets.truncate(OLDER_SECRETS);
                    let forever = Time::from_millis(i64::MAX);
                    p.secrets.insert(0, (wish.number, forever));
                };
                promised.becomes(now, rotate);
                // A request with the same secret makes a new version all the same.
                ("rotations", true)
            }
            Change::EndPrevious => {
                let end = |p: &mut Promise| p.secrets.truncate(1);
                ("older secrets ended early", promised.becomes(now, end))
            }
            Change::Switch(on) => {
                let what = if on {
                    "switched on"
                } else {
                    "switched off by the owner"
                };
                (what, promised.becomes(now, |p| p.is_on = on))
            }
            Change::Rename => ("renames", false),
            Change::Delete => {
                let delete = |p: &mut Promise| (p.is_on, p.is_deleted) = (false, true);
                ("deletions", promised.becomes(now, delete))
            }
        };
        if is_new {
            promised.version_since = now;
        }
        what
    }

    /// Postel has switched a webhook off. Returns what is wrong with it: an attempt with the
    /// current configuration must have failed so.
    pub(crate) fn switched_off(
        &mut self,
        id: &WebhookId,
        reason: DisableReason,
        posts: &[Post],
        now: Time,
    ) -> Option<String> {
        let promised = self.0.get_mut(id)?;
        let place = promised.now()?.place;
        let contract = &promised.contract;
        let schedule = contract.retry_delays_seconds.len() + 1;
        let is_failure = |post: &&Post| match (reason, post.seen) {
            (DisableReason::Gone, Seen::Status(status)) => contract.gone.contains(status),
            (DisableReason::Exhausted, Seen::Status(status)) => !contract.success.contains(status),
            (DisableReason::Exhausted, Seen::Failure) => true,
            (_, Seen::Nothing) | (DisableReason::Gone, Seen::Failure) => false,
        };
        let of_it = posts.iter().filter(|post| post.webhook == *id);
        let failed: Vec<&Post> = of_it.filter(is_failure).collect();
        let is_last = |post: &Post| match reason {
            DisableReason::Gone => true,
            DisableReason::Exhausted => {
                let of_event = failed.iter().filter(|other| other.event == post.event);
                contract.at_end == AtEnd::Disable && of_event.count() >= schedule
            }
        };
        let decides = |post: &&Post| {
            post.place == place && post.at >= promised.version_since && is_last(post)
        };
        let is_right = failed.iter().any(decides);
        promised.becomes(now, |p| p.is_on = false);
        (!is_right).then(|| {
            format!("{id} is switched off ({reason:?}) by no attempt of its present configuration")
        })
    }

    /// What is wrong with a POST that arrives now, if anything.
    pub(crate) fn judge(
        &self,
        post: &Post,
        request: &OutgoingRequest,
        now: Time,
    ) -> Option<String> {
        let promised = self.0.get(&post.webhook)?;
        let from = earlier(now, SEEN_BY_ALL);
        let is_there = |p: &Promise| p.is_on && p.place == post.place;
        if !promised.within(from, now).any(is_there) {
            return Some(format!(
                "{} is sent to place {} of {}, which was off or elsewhere for {SEEN_BY_ALL:?}",
                post.event, post.place, post.webhook
            ));
        }
        let signature = promised.contract.signature.as_ref()?;
        let of_header = |(name, _): &&(String, String)| *name == signature.header;
        let Some((_, header)) = request.headers.iter().find(of_header) else {
            return Some(format!("{} to {} is unsigned", post.event, post.webhook));
        };
        let moment = SigningInput {
            id: &post.event,
            at: timestamp(request)?,
            body: &request.body,
        };
        let ever = promised.over_time.iter().flat_map(|p| &p.secrets);
        let ever: BTreeSet<usize> = ever.map(|(number, _)| *number).collect();
        let tokens: Vec<&str> = header.split(' ').collect();
        let verifies = |number: &usize| {
            let secret = Secret::new(secret(*number));
            let value = signature.value(std::slice::from_ref(&secret), &moment);
            value.is_some_and(|value| tokens.contains(&value.as_str()))
        };
        let signers: BTreeSet<usize> = ever.into_iter().filter(verifies).collect();
        let (first, last) = (earlier(now, CHOSEN_BEFORE + SKEW), now.plus(SKEW));
        let is_promised = |p: &Promise| {
            let ends = p.secrets.iter().map(|(_, until)| *until);
            let ends = ends.filter(|end| first < *end && *end <= last);
            let mut moments = ends.chain([first]);
            moments.any(|at| p.signers(at, signature.several) == signers)
        };
        if promised.within(from, now).any(is_promised) {
            return None;
        }
        Some(format!(
            "{} to {} is signed by {signers:?}; promised was {:?}",
            post.event,
            post.webhook,
            promised.within(from, now).collect::<Vec<_>>()
        ))
    }

    /// Whether a webhook was active during a whole period.
    pub(crate) fn is_on_throughout(&self, id: &WebhookId, (from, to): (Time, Time)) -> bool {
        let promised = self.0.get(id);
        promised.is_some_and(|promised| promised.within(from, to).all(|p| p.is_on))
    }

    /// It gets only events whose number is below this.
    pub(crate) fn filter(&mut self, id: &WebhookId, below: u32) {
        if let Some(promised) = self.0.get_mut(id) {
            promised.below = Some(below);
        }
    }

    /// Whether a webhook's filter lets an event with this number pass.
    pub(crate) fn passes(&self, id: &WebhookId, number: u32) -> bool {
        let below = self.0.get(id).and_then(|promised| promised.below);
        below.is_none_or(|below| number < below)
    }

    /// Whether a webhook existed during a whole period, active or not.
    pub(crate) fn is_there_throughout(&self, id: &WebhookId, (from, to): (Time, Time)) -> bool {
        let promised = self.0.get(id);
        promised.is_some_and(|promised| promised.within(from, to).all(|p| !p.is_deleted))
    }

    /// Whether its owner gave it another version than its first.
    pub(crate) fn is_changed(&self, id: &WebhookId) -> bool {
        let promised = self.0.get(id);
        promised.is_some_and(|promised| promised.version_since > Time::from_millis(0))
    }

    pub(crate) fn has_wavered(&self, id: &WebhookId) -> bool {
        let promised = self.0.get(id);
        promised.is_some_and(|promised| promised.over_time.iter().any(|p| !p.is_on))
    }

    /// A warning is mailed. Returns whether it is the second of a day.
    pub(crate) fn warned(&mut self, id: &WebhookId, now: Time) -> bool {
        let Some(promised) = self.0.get_mut(id) else {
            return false;
        };
        let day = Duration::from_secs(24 * 3600);
        let before = promised.warned.replace(now);
        before.is_some_and(|before| now.since(before) < day - CHOSEN_BEFORE - SKEW)
    }

    pub(crate) fn webhooks(&self, tenant: &TenantId) -> impl Iterator<Item = &WebhookId> {
        let of_it = move |(_, promised): &(&WebhookId, &Promised)| promised.tenant == *tenant;
        self.0.iter().filter(of_it).map(|(id, _)| id)
    }

    pub(crate) fn contract(&self, id: &WebhookId) -> Option<&Contract> {
        self.0.get(id).map(|promised| &promised.contract)
    }

    pub(crate) fn owner(&self, id: &WebhookId) -> Option<TenantId> {
        self.0.get(id).map(|promised| promised.tenant.clone())
    }
}

/// The time of the signature, as the receiver reads it.
fn timestamp(request: &OutgoingRequest) -> Option<Time> {
    let (_, seconds) = request
        .headers
        .iter()
        .find(|(name, _)| name == "webhook-timestamp")?;
    Some(Time::from_millis(seconds.parse::<i64>().ok()? * 1000))
}
