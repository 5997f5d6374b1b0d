//! Sends one POST once.

use super::client::{ClientError, client};
use super::resolver::Lookup;
use super::{failure, response};
use crate::invocation::carried;
use crate::telemetry;
use bytes::Bytes;
use domain::contract::Secret;
use domain::guard::{DenyReason, EgressPolicy, TargetUrl};
use domain::outcome::{FailureKind, Outcome, OutgoingRequest};
use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// The extra time that the client has to end an attempt itself after its timeout.
const GRACE: Duration = Duration::from_millis(500);

/// A shorter response is searched on the spot: waking another thread takes longer.
const HIDDEN_IN_PLACE_BYTES: usize = 256;

/// How many long responses are searched concurrently: each takes 3 MB.
const HIDING_AT_A_TIME: usize = 2;

/// If masking takes longer, only what decides the next attempt is stored: hundreds of concurrent
/// responses must not use up the time that the invocation needs for recording.
const MAX_HIDING: Duration = Duration::from_secs(2);

/// A number of seconds or a date, RFC 9110, 10.2.3.
const RETRY_AFTER_BYTES: usize = 64;

/// Sends to receivers with the process's only client; cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpSender {
    client: Client,
    policy: Arc<EgressPolicy>,
    /// The runtime on which the client works, if not the caller's.
    threads: Option<Handle>,
    /// Permits to search a long response.
    hiding: Arc<Semaphore>,
}

impl HttpSender {
    /// A sender whose URL check, resolver and client use the same policy.
    ///
    /// `extra_roots` are trusted in addition to the Mozilla list; empty outside tests.
    ///
    /// # Errors
    /// [`ClientError`], at start-up only.
    pub fn new<L: Lookup>(
        policy: EgressPolicy,
        lookup: L,
        extra_roots: &[CertificateDer<'static>],
    ) -> Result<Self, ClientError> {
        let policy = Arc::new(policy);
        let client = client(&policy, lookup, extra_roots)?;
        Ok(Self {
            client,
            policy,
            threads: None,
            hiding: Arc::new(Semaphore::new(HIDING_AT_A_TIME)),
        })
    }

    /// The same sender on the threads of a separate runtime: reading a receiver's response there
    /// delays nothing else.
    #[must_use]
    pub fn with_receiver_runtime(self, threads: Handle) -> Self {
        Self {
            threads: Some(threads),
            ..self
        }
    }
}

impl HttpSender {
    /// Makes one attempt; every behaviour of the receiver is an outcome.
    ///
    /// Takes at most the request's timeout.
    pub async fn post(&self, request: &OutgoingRequest) -> Outcome {
        let Some(threads) = &self.threads else {
            return self.attempt(request).await;
        };
        let (sender, copy) = (self.clone(), request.clone());
        let running = threads.spawn(carried(async move { sender.attempt(&copy).await }));
        let abort = running.abort_handle();
        // On the caller's clock: the client skips interim responses (100, 103) without a pause and
        // without a limit, so receivers that send them endlessly keep all its threads busy for
        // seconds. Test: floods_of_interim_answers_stop_neither_the_clock_nor_the_caller.
        match tokio::time::timeout(request.timeout + GRACE, running).await {
            Ok(Ok(outcome)) => outcome,
            // The task is never cancelled, so this is a panic. It continues here as if the client
            // worked on this thread.
            Ok(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
            Err(_) => {
                abort.abort();
                Outcome::failure(FailureKind::Timeout, "no answer in time")
            }
        }
    }

    /// The outcome as it is stored: masks secrets in a receiver's response, on the same threads:
    /// with 32 own headers that have a common prefix it takes 10 ms of their time only. It is not
    /// part of the attempt's time. If there is no time for it, only status and `retry-after` are
    /// stored.
    pub async fn hide(&self, outcome: Outcome, secrets: Vec<Secret>, within: Duration) -> Outcome {
        let (
            Some(threads),
            Outcome::Response {
                status, headers, ..
            },
            true,
        ) = (
            &self.threads,
            &outcome,
            outcome.said_bytes() > HIDDEN_IN_PLACE_BYTES,
        )
        else {
            return outcome.redacting(secrets.iter().map(Secret::expose));
        };
        let deciding = Outcome::Response {
            status: *status,
            headers: headers
                .iter()
                .filter(|(name, value)| name == "retry-after" && value.len() <= RETRY_AFTER_BYTES)
                .cloned()
                .collect(),
            body: String::new(),
            truncated: true,
        }
        .redacting(secrets.iter().map(Secret::expose));
        let turns = Arc::clone(&self.hiding);
        let mut hidden = threads.spawn(async move {
            // The semaphore is never closed.
            let _turn = turns.acquire_owned().await;
            outcome.redacting(secrets.iter().map(Secret::expose))
        });
        match tokio::time::timeout(within.min(MAX_HIDING), &mut hidden).await {
            Ok(Ok(outcome)) => outcome,
            // A bug in the masking, after the request has left.
            Ok(Err(_)) => deciding,
            Err(_) => {
                hidden.abort();
                deciding
            }
        }
    }
}

impl HttpSender {
    async fn attempt(&self, request: &OutgoingRequest) -> Outcome {
        let target = match self.policy.parse(&request.url) {
            Ok(target) => target,
            Err(reason) => return failure::denied(reason),
        };
        let Some(headers) = header_map(&request.headers) else {
            return Outcome::failure(FailureKind::Protocol, "a header cannot be sent");
        };
        // Lets the runtime learn about kept connections that were closed: after a freeze, or a long
        // poll of another task, it has not asked the system yet. The client replaces a connection
        // that it knows to be closed; the attempt fails if it writes to one. Test:
        // a_kept_connection_that_was_closed_meanwhile_is_replaced_at_once.
        tokio::task::yield_now().await;
        let sent = self
            .client
            .post(target.url().clone())
            .headers(headers)
            .body(Bytes::from_owner(request.body.clone()))
            .timeout(request.timeout)
            .send()
            .await;
        match sent {
            Ok(response) => {
                // The last safeguard: if a denied address got past the checks above, its response
                // is not shown to the tenant. Test: the_answer_of_a_denied_address_is_not_shown.
                let peer = response.remote_addr();
                match peer.map(|peer| self.policy.check_address(peer.ip())) {
                    Some(Err(reason)) => inside(request, &target, reason),
                    Some(Ok(())) | None => response::read(response).await,
                }
            }
            Err(error) => match failure::denied_name(&error) {
                Some(reason) => inside(request, &target, reason),
                None => failure::classify(&error),
            },
        }
    }
}

/// The host is internal. If the tenant wrote the address itself, it is told the reason; of a name
/// it learns nothing, while the operator sees the reason in the log.
fn inside(request: &OutgoingRequest, target: &TargetUrl, reason: DenyReason) -> Outcome {
    if target.url().domain().is_none() {
        return failure::denied(reason);
    }
    let header = |wanted: &str| {
        let found = request.headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    let fields = json!({
        "event_id": header("webhook-id"),
        "host": target.host(),
        "error": FailureKind::AddressBlocked.code(),
        "error_detail": reason.code(),
    });
    telemetry::info("receiver.address_denied", &fields);
    failure::not_public()
}

fn header_map(headers: &[(String, String)]) -> Option<HeaderMap> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        map.append(
            HeaderName::try_from(name).ok()?,
            HeaderValue::try_from(value).ok()?,
        );
    }
    Some(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::SystemLookup;
    use futures::FutureExt as _;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::runtime::{Builder, Runtime};

    #[tokio::test]
    async fn the_answer_of_a_denied_address_is_not_shown() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "http://localhost:{}/",
            listener.local_addr().unwrap().port()
        );
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary")
                .await;
        });
        // Simulates a failure of the other checks: the client may connect where the sender may not.
        let open = EgressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()], true, vec![]);
        let closed = EgressPolicy::new(vec!["::1/128".parse().unwrap()], true, vec![]);
        let client = client(&Arc::new(open), SystemLookup, &[]).unwrap();
        let sender = HttpSender {
            client,
            policy: Arc::new(closed),
            threads: None,
            hiding: Arc::new(Semaphore::new(1)),
        };
        let request = OutgoingRequest {
            url,
            headers: vec![],
            body: Vec::new().into(),
            timeout: Duration::from_secs(5),
        };
        assert_eq!(sender.post(&request).await, failure::not_public());
    }

    /// Reports the thread on which it was called.
    struct Asked(std::sync::mpsc::Sender<Option<String>>);

    impl Lookup for Asked {
        async fn addresses(&self, _: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
            let thread = std::thread::current().name().map(str::to_owned);
            self.0.send(thread).unwrap();
            Ok(vec![])
        }
    }

    #[test]
    fn a_sender_with_threads_of_its_own_works_on_them() {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("receivers")
            .enable_all()
            .build()
            .unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let sender = HttpSender::new(EgressPolicy::default(), Asked(tell), &[])
            .unwrap()
            .with_receiver_runtime(threads.handle().clone());
        let request = OutgoingRequest {
            url: "https://receiver.example/".to_owned(),
            headers: vec![],
            body: Vec::new().into(),
            timeout: Duration::from_secs(5),
        };
        let own = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let outcome = own.block_on(sender.post(&request));
        assert!(matches!(
            outcome,
            Outcome::Failure {
                kind: FailureKind::Dns,
                ..
            }
        ));
        assert_eq!(told.recv().unwrap().as_deref(), Some("receivers"));
    }

    fn answer(body: &str) -> Outcome {
        Outcome::Response {
            status: 200,
            headers: Vec::new(),
            body: body.to_owned(),
            truncated: false,
        }
    }

    /// A sender whose only thread is blocked until a message is sent.
    fn held() -> (Runtime, HttpSender, std::sync::mpsc::Sender<()>) {
        let threads = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let sender = HttpSender::new(EgressPolicy::default(), SystemLookup, &[])
            .unwrap()
            .with_receiver_runtime(threads.handle().clone());
        let (tell, told) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel();
        threads.spawn(async move {
            tell.send(()).unwrap();
            released.recv()
        });
        told.recv().unwrap();
        (threads, sender, release)
    }

    fn secrets() -> Vec<Secret> {
        vec![Secret::new("a-long-secret".to_owned())]
    }

    #[tokio::test]
    async fn a_long_answer_is_looked_through_on_the_senders_threads_and_a_short_one_in_place() {
        let (threads, sender, release) = held();
        let said = "x".repeat(HIDDEN_IN_PLACE_BYTES);

        let long = answer(&format!("{said} a-long-secret"));
        let mut hidden = Box::pin(sender.hide(long, secrets(), Duration::MAX));
        assert!(futures::poll!(&mut hidden).is_pending());
        let short = sender.hide(answer("you sent a-long-secret"), secrets(), Duration::ZERO);
        assert_eq!(short.now_or_never(), Some(answer("you sent ***")));

        release.send(()).unwrap();
        assert_eq!(hidden.await, answer(&format!("{said} ***")));
        threads.shutdown_background();
    }

    #[tokio::test(start_paused = true)]
    async fn of_an_answer_for_which_there_is_no_time_only_what_decides_is_kept() {
        let (threads, sender, release) = held();
        let Outcome::Response { status, .. } = answer("") else {
            panic!();
        };
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let long = Outcome::Response {
            status,
            headers: vec![
                header("retry-after", "3600"),
                header("via", "a-long-secret"),
            ],
            body: "a-long-secret".repeat(HIDDEN_IN_PLACE_BYTES),
            truncated: false,
        };
        let deciding = Outcome::Response {
            status,
            headers: vec![header("retry-after", "3600")],
            body: String::new(),
            truncated: true,
        };
        for (within, seconds) in [(Duration::MAX, 2), (Duration::from_secs(1), 1)] {
            let began = tokio::time::Instant::now();
            assert_eq!(sender.hide(long.clone(), secrets(), within).await, deciding);
            assert_eq!(began.elapsed().as_secs(), seconds);
        }
        release.send(()).unwrap();
        threads.shutdown_background();
    }
}
