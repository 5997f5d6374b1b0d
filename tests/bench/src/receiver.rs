//! A receiver with configurable responses that counts the bytes it receives.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Closes the connection after each response.
    pub(crate) closing: bool,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) posts: Arc<AtomicU64>,
    pub(crate) wire: Arc<Wire>,
}

impl Receiver {
    pub(crate) async fn start(manner: ReceiverBehaviour) -> io::Result<Self> {
        let (posts, wire) = (Arc::<AtomicU64>::default(), Arc::<Wire>::default());
        let counter = Arc::clone(&posts);
        let handle = move |request| answer(manner, Arc::clone(&counter), request);
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
    request: Request<Incoming>,
) -> Reply {
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
        if is(manner.failing_each) { 500 } else { 200 },
        "application/json",
        ANSWER,
    );
    if manner.closing {
        reply.headers_mut().insert(
            "connection",
            hyper::header::HeaderValue::from_static("close"),
        );
    }
    reply
}
