//! A receiver with configurable responses that counts the bytes it receives.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;

use crate::web::{self, Reply, Wire, reply, whole};

/// A typical response: a short JSON.
const ANSWER: &str = r#"{"ok":true}"#;
/// Longer than any webhook's timeout in the bench.
const FOR_EVER: Duration = Duration::from_secs(60);

/// How it responds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReceiverBehaviour {
    pub(crate) delay: Duration,
    /// Every n-th POST gets a 500.
    pub(crate) failing_each: Option<u64>,
    /// Every n-th POST gets no response.
    pub(crate) hanging_each: Option<u64>,
    /// Each webhook's first POST of an event gets a 500.
    pub(crate) failing_once: bool,
    /// The size of a response's body, if it is not the typical one.
    pub(crate) answer_bytes: Option<usize>,
    /// Closes the connection after each response.
    pub(crate) closing: bool,
}

/// The webhooks that have had an event: their paths, each with the event's id.
type Met = Mutex<HashSet<(String, String)>>;

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) posts: Arc<AtomicU64>,
    pub(crate) wire: Arc<Wire>,
}

impl Receiver {
    pub(crate) async fn start(manner: ReceiverBehaviour) -> io::Result<Self> {
        let (posts, wire) = (Arc::<AtomicU64>::default(), Arc::<Wire>::default());
        let counter = Arc::clone(&posts);
        let met = Arc::<Met>::default();
        let handle = move |request| answer(manner, Arc::clone(&counter), Arc::clone(&met), request);
        let address = web::serve(Arc::clone(&wire), handle).await?;
        Ok(Self {
            address,
            posts,
            wire,
        })
    }
}

async fn answer(
    manner: ReceiverBehaviour,
    posts: Arc<AtomicU64>,
    met: Arc<Met>,
    request: Request<Incoming>,
) -> Reply {
    let is_first = manner.failing_once && is_new(&met, &request);
    whole(request.into_body()).await;
    let number = posts.fetch_add(1, Ordering::Relaxed) + 1;
    let is = |each: Option<u64>| each.is_some_and(|each| number.is_multiple_of(each));
    if is(manner.hanging_each) {
        tokio::time::sleep(FOR_EVER).await;
    }
    if !manner.delay.is_zero() {
        tokio::time::sleep(manner.delay).await;
    }
    let mut reply = reply(
        match is_first || is(manner.failing_each) {
            true => 500,
            false => 200,
        },
        "application/json",
        match manner.answer_bytes {
            Some(bytes) => "x".repeat(bytes),
            None => ANSWER.to_owned(),
        },
    );
    if manner.closing {
        reply.headers_mut().insert(
            "connection",
            hyper::header::HeaderValue::from_static("close"),
        );
    }
    reply
}

fn is_new(met: &Met, request: &Request<Incoming>) -> bool {
    let id = request.headers().get("webhook-id");
    let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
    let place = (request.uri().path().to_owned(), id.to_owned());
    met.lock().is_ok_and(|mut met| met.insert(place))
}
