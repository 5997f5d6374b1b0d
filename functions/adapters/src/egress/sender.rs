//! One POST, once.

use super::client::{ClientError, client};
use super::resolver::Lookup;
use super::{answer, failure};
use domain::guard::EgressPolicy;
use domain::outcome::{FailureKind, Outcome, OutgoingRequest};
use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// How long the client has for ending an attempt by itself when its time is up.
const GRACE: Duration = Duration::from_millis(500);

/// Sends to receivers over the process's one client; cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpSender {
    client: Client,
    policy: Arc<EgressPolicy>,
    threads: Option<Handle>,
}

impl HttpSender {
    /// A sender whose URL check, resolver and client follow the same policy.
    ///
    /// `extra_roots` are trusted beside the Mozilla list; empty outside tests.
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
        })
    }

    /// Reads its connections on the threads of another runtime than its caller's.
    ///
    /// The client skips interim answers (100, 103) without a pause and without a bound: a receiver that sends them without end keeps a thread for a
    /// second at a time. On the caller's threads that would stop its clock, and with it every attempt and every record of the batch.
    /// Test: floods_of_interim_answers_stop_neither_the_clock_nor_the_caller.
    #[must_use]
    pub fn on(mut self, threads: Handle) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Makes one attempt; whatever the receiver does is an outcome.
    ///
    /// Takes at most the request's timeout, and half a second more if its threads are kept from seeing the time.
    pub async fn post(&self, request: &OutgoingRequest) -> Outcome {
        let target = match self.policy.parse(&request.url) {
            Ok(target) => target,
            Err(reason) => return failure::denied(reason),
        };
        let Some(headers) = header_map(&request.headers) else {
            return Outcome::failure(FailureKind::Protocol, "a header cannot be sent");
        };
        let sending = self
            .client
            .post(target.url().clone())
            .headers(headers)
            .body(request.body.clone())
            .timeout(request.timeout);
        let policy = Arc::clone(&self.policy);
        let attempt = async move {
            match sending.send().await {
                Ok(response) => {
                    // A net under the net: whatever got past the checks above, its answer is not shown to the tenant.
                    // Test: the_answer_of_a_denied_address_is_not_shown.
                    let peer = response.remote_addr();
                    match peer.map(|peer| policy.judge_address(peer.ip())) {
                        Some(Err(reason)) => failure::denied(reason),
                        Some(Ok(())) | None => answer::read(response).await,
                    }
                }
                Err(error) => failure::classify(&error),
            }
        };
        let Some(threads) = &self.threads else {
            return attempt.await;
        };
        let running = threads.spawn(attempt);
        let abort = running.abort_handle();
        match tokio::time::timeout(request.timeout + GRACE, running).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::failure(FailureKind::Protocol, "the request failed"),
            Err(_) => {
                abort.abort();
                Outcome::failure(FailureKind::Timeout, "no answer in time")
            }
        }
    }
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
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

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
        // The failure of the other checks, made by hand: a client that may connect to what the sender may not.
        let open = EgressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()], true, vec![]);
        let closed = EgressPolicy::new(vec!["::1/128".parse().unwrap()], true, vec![]);
        let client = client(&Arc::new(open), SystemLookup, &[]).unwrap();
        let sender = HttpSender {
            client,
            policy: Arc::new(closed),
            threads: None,
        };
        let request = OutgoingRequest {
            url,
            headers: vec![],
            body: vec![],
            timeout: Duration::from_secs(5),
        };
        assert_eq!(
            sender.post(&request).await,
            Outcome::failure(FailureKind::AddressBlocked, "loopback")
        );
    }
}
