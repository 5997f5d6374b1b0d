//! The receivers: what they got, and what they answered.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::ids::WebhookId;
use domain::outcome::{FailureKind, Outcome, OutgoingRequest};
use fastrand::Rng;

/// How a receiver answers: each attempt with these chances, otherwise 200.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// 500.
    pub fails: f64,
    /// 400, which some contracts never try again.
    pub refuses: f64,
    /// 410.
    pub gone: f64,
    /// No answer until the timeout.
    pub hangs: f64,
    /// It takes the event in, and the connection ends before its answer is out.
    pub resets: f64,
    /// 200, up to a second before the timeout.
    pub dawdles: f64,
    /// 200 after some seconds.
    pub drags: f64,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) webhook: WebhookId,
    /// The header `webhook-id`.
    pub(crate) event: String,
    /// Whether a 200 was answered.
    pub(crate) taken: bool,
}

/// Whose request it is, by its URL.
pub(crate) fn webhook_of(request: &OutgoingRequest) -> WebhookId {
    request
        .url
        .rsplit('/')
        .next()
        .and_then(|id| id.parse().ok())
        .unwrap_or_else(|| WebhookId::new([0; 16]))
}

#[derive(Default)]
pub(crate) struct Receivers {
    pub(crate) manners: BTreeMap<WebhookId, Manner>,
    pub(crate) posts: Vec<Post>,
}

impl Receivers {
    /// A request arrives. What comes of it, and after how long.
    pub(crate) fn take(&mut self, request: &OutgoingRequest, rng: &mut Rng) -> (Duration, Outcome) {
        let webhook = webhook_of(request);
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
        });
        (took, outcome)
    }
}

impl Manner {
    fn answer(&self, rng: &mut Rng, timeout: Duration) -> (Duration, Outcome) {
        let status = |status| Outcome::Response {
            status,
            headers: Vec::new(),
            body: "said".to_owned(),
            truncated: false,
        };
        let quick = Duration::from_millis(rng.u64(1..400));
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
