//! The receivers: the requests they got, and their responses.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ids::WebhookId;
use domain::outcome::{FailureKind, Outcome, OutgoingRequest};
use domain::time::Time;
use fastrand::Rng;

/// How a receiver responds: each attempt with these probabilities, otherwise 200.
#[derive(Clone, Debug, Default)]
pub struct ReceiverBehaviour {
    /// 500.
    pub fails: f64,
    /// 400, which some contracts never retry.
    pub refuses: f64,
    /// 410.
    pub gone: f64,
    /// No response until the timeout.
    pub hangs: f64,
    /// It accepts the event, and the connection ends before its response is sent.
    pub resets: f64,
    /// 200, up to a second before the timeout.
    pub dawdles: f64,
    /// 200 after some seconds.
    pub drags: f64,
    /// Every response comes after some seconds.
    pub lingers: f64,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) webhook: WebhookId,
    /// The header `webhook-id`.
    pub(crate) event: String,
    /// Whether the response was a 200.
    pub(crate) taken: bool,
    pub(crate) at: Time,
    /// Which of the webhook's URLs it arrived at.
    pub(crate) place: usize,
    /// What its sender saw of the response.
    pub(crate) seen: Seen,
}

/// What a sender saw of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing yet, or never: it died.
    Nothing,
    Status(u16),
    /// None in time, or a broken connection.
    Failure,
}

/// The webhook of a request and which of its URLs it goes to.
pub(crate) fn address_of(request: &OutgoingRequest) -> (WebhookId, usize) {
    let mut parts = request.url.rsplit('/');
    let place = parts.next().and_then(|number| number.parse().ok());
    let id = parts.next().and_then(|id| id.parse().ok());
    let nobody = || WebhookId::new([0; 16]);
    (id.unwrap_or_else(nobody), place.unwrap_or(usize::MAX))
}

#[derive(Default)]
pub(crate) struct Receivers {
    pub(crate) manners: BTreeMap<WebhookId, ReceiverBehaviour>,
    pub(crate) posts: Vec<Post>,
}

impl Receivers {
    /// A request arrives. Returns its outcome, and after how long.
    pub(crate) fn take(
        &mut self,
        request: &OutgoingRequest,
        rng: &mut Rng,
        at: Time,
    ) -> (Duration, Outcome) {
        let (webhook, place) = address_of(request);
        let manner = self.manners.get(&webhook).cloned().unwrap_or_default();
        let (took, outcome) = manner.answer(rng, request.timeout);
        let event = request
            .headers
            .iter()
            .find(|(name, _)| name == "webhook-id")
            .map(|(_, value)| value.clone())
            .unwrap_or_default();
        self.posts.push(Post {
            webhook,
            event,
            taken: matches!(outcome, Outcome::Response { status: 200, .. }),
            at,
            place,
            seen: Seen::Nothing,
        });
        (took, outcome)
    }
}

impl ReceiverBehaviour {
    fn answer(&self, rng: &mut Rng, timeout: Duration) -> (Duration, Outcome) {
        let status = |status| Outcome::Response {
            status,
            headers: Vec::new(),
            body: "said".to_owned(),
            truncated: false,
        };
        let lingers = self.lingers > 0.0 && rng.f64() < self.lingers;
        let longest = if lingers { 9_000 } else { 400 };
        let quick = Duration::from_millis(rng.u64(1..longest));
        let dice = rng.f64();
        let mut limit = self.fails;
        if dice < limit {
            return (quick, status(500));
        }
        limit += self.refuses;
        if dice < limit {
            return (quick, status(400));
        }
        limit += self.gone;
        if dice < limit {
            return (quick, status(410));
        }
        limit += self.hangs;
        if dice < limit {
            return (timeout, Outcome::failure(FailureKind::Timeout, "no answer"));
        }
        limit += self.resets;
        if dice < limit {
            return (quick, Outcome::failure(FailureKind::Reset, "hung up"));
        }
        limit += self.dawdles;
        if dice < limit {
            let early = Duration::from_millis(rng.u64(100..1_000));
            return (timeout.saturating_sub(early), status(200));
        }
        limit += self.drags;
        if dice < limit {
            return (Duration::from_millis(rng.u64(900..9_000)), status(200));
        }
        (quick, status(200))
    }
}
