//! Sends requests: one connection, no redirects, and a repetition only where it does nothing twice.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, redirect, retry};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use url::Url;

use super::call::Call;
use super::problem;
use crate::failure::{Exit, Failure};
use crate::target::Target;

/// How often a request is sent that may be repeated.
const MAX_TRIES: u32 = 5;
/// The longest `Retry-After` that is waited for: the API's own is at most a minute.
const MAX_WAIT: Duration = Duration::from_secs(90);
/// Longer than the gateway's 30 seconds.
const ANSWER: Duration = Duration::from_secs(40);
const CONNECT: Duration = Duration::from_secs(10);
/// The largest response that is read: a page has 1 MiB, a delivery's attempts 3 MiB.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The API with one key.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    key: Option<String>,
    pub(crate) target: Target,
    /// Tells a person that the command waits.
    notice: fn(&str),
}

/// A success.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) body: Value,
    /// Postel's clock, from the header `Date`.
    pub(crate) date: Option<String>,
}

/// Why no success came, and when to repeat.
#[derive(Debug)]
pub(crate) struct Missed {
    pub(crate) failure: Failure,
    /// `Retry-After`.
    pub(crate) wait: Option<Duration>,
    /// Whether the same request may succeed later.
    pub(crate) is_passing: bool,
}

impl Client {
    pub(crate) fn new(target: Target, notice: fn(&str)) -> Result<Self, Failure> {
        let base = target.base()?;
        let is_local = base.scheme() == "http";
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            // A redirect would carry the key to another address.
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .user_agent(concat!("postel-cli/", env!("CARGO_PKG_VERSION")));
        if is_local {
            // A proxy of the environment does not reach this machine's own loopback.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| internal(&error))?;
        Ok(Self {
            http,
            base,
            key: target.key.clone(),
            target,
            notice,
        })
    }

    /// Sends a request, and again where that is safe and may help.
    pub(crate) async fn send(&self, call: &Call) -> Result<Response, Failure> {
        let mut tries = 1;
        loop {
            let missed = match self.once(call).await? {
                Ok(response) => return Ok(response),
                Err(missed) => missed,
            };
            let wait = missed.wait.unwrap_or(Duration::from_millis(250 << tries));
            if !(missed.is_passing && call.is_repeatable) || tries == MAX_TRIES || wait > MAX_WAIT {
                return Err(missed.failure);
            }
            if wait >= Duration::from_secs(1) {
                let status = missed
                    .failure
                    .status
                    .map_or("no answer".to_owned(), |status| status.to_string());
                (self.notice)(&format!("{status}: trying again in {} s", wait.as_secs()));
            }
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }

    /// Sends it and gives the response's body.
    pub(crate) async fn json(&self, call: &Call) -> Result<Value, Failure> {
        Ok(self.send(call).await?.body)
    }

    /// Sends it a single time. An error is one that no repetition helps.
    pub(crate) async fn once(&self, call: &Call) -> Result<Result<Response, Missed>, Failure> {
        let address = format!(
            "{}{}",
            self.base.as_str().trim_end_matches('/'),
            call.target()?
        );
        let method = Method::from_bytes(call.operation.method.as_bytes())
            .map_err(|error| internal(&error))?;
        let mut request = self.http.request(method, address);
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = call.text() {
            let kind = match call.operation.method {
                "PATCH" => "application/merge-patch+json",
                _ => "application/json",
            };
            request = request.header(CONTENT_TYPE, kind).body(body);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_builder() => return Err(unusable_key()),
            Err(error) => return Ok(Err(self.unreachable(&error))),
        };
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        match read(answer).await {
            Err(error) => Ok(Err(self.unreachable(&error))),
            Ok(None) => Err(Failure::new(
                Exit::Unavailable,
                "too_large",
                "The response is larger than 16 MiB.",
            )
            .hint("Is this Postel's address? `postel health` shows it.")),
            Ok(Some(body)) => self.judged(status, &headers, &body),
        }
    }

    fn judged(
        &self,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Result<Response, Missed>, Failure> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let parsed: Option<Value> = match body {
            [] => Some(Value::Null),
            body => serde_json::from_slice(body).ok(),
        };
        if (200..300).contains(&status) {
            let body = parsed.ok_or_else(|| self.not_postel("its response is not JSON"))?;
            let date = header("date").map(str::to_owned);
            return Ok(Ok(Response { body, date }));
        }
        if (300..400).contains(&status) {
            return Err(self.not_postel(&format!("it answers {status}")));
        }
        let seconds = header("retry-after").and_then(|text| text.parse().ok());
        Ok(Err(Missed {
            failure: problem::failure(status, &parsed.unwrap_or_default()),
            wait: seconds.map(Duration::from_secs),
            is_passing: matches!(status, 429 | 500 | 502 | 503 | 504),
        }))
    }

    fn not_postel(&self, why: &str) -> Failure {
        let detail = format!("{} is not Postel's API: {why}.", self.base);
        Failure::new(Exit::Unavailable, "not_postel", detail)
            .hint(format!("Check the address ({}).", self.target.origin))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Missed {
        let why = match () {
            () if error.is_timeout() => "no answer in time".to_owned(),
            () => root(error),
        };
        let (code, hint) = match error.is_connect() {
            true => (
                "no_connection",
                format!("Check the network and the address ({}). A local stack starts with `make up`.", self.target.origin),
            ),
            false => (
                "no_answer",
                "Repeat it later. Postel may have done what was asked: look before you repeat a change.".to_owned(),
            ),
        };
        let detail = format!("{} cannot be reached: {why}.", self.base);
        Missed {
            failure: Failure::new(Exit::Unavailable, code, detail).hint(hint),
            wait: None,
            is_passing: true,
        }
    }
}

/// The body, or nothing if it is too large.
async fn read(mut answer: reqwest::Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The innermost cause: reqwest's own text repeats the address.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn unusable_key() -> Failure {
    Failure::new(
        Exit::Key,
        "invalid_key",
        "The key has characters that no key has.",
    )
    .hint("Copy the key again, without spaces or line breaks.")
}

fn internal(error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Unavailable, "client", error.to_string())
}

/// Mozilla's roots and the crypto library of the workspace, as the functions' own client.
fn tls() -> Result<ClientConfig, Failure> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| internal(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
