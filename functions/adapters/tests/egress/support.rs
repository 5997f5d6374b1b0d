//! Loopback servers, a scripted look-up, and requests.

use adapters::egress::{HttpSender, Lookup};
use domain::guard::EgressPolicy;
use domain::outcome::{Outcome, OutgoingRequest};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that counts its connections and handles all of them in the same way.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn new<F, Fut>(on: &str, each: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(on).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(each(stream));
            }
        });
        Self {
            address,
            connections,
        }
    }

    /// Reads one request, writes the bytes and closes.
    pub(crate) async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<Vec<u8>> = Arc::new(bytes.into());
        Self::new("127.0.0.1:0", move |mut stream| {
            let bytes = Arc::clone(&bytes);
            async move {
                read_request(&mut stream).await;
                // The client may have closed the connection deliberately.
                let _ = stream.write_all(&bytes).await;
            }
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The head and the body of one request, as text.
pub(crate) async fn read_request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        let body = text
            .split_once("\r\n\r\n")
            .map_or(0, |(_, body)| body.len());
        let expected = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if count == 0 || expected.is_some_and(|length| body >= length.parse().unwrap()) {
            return text;
        }
    }
}

/// Answers from a script, repeating the last answer, and counts the queries.
#[derive(Clone)]
pub(crate) struct Script {
    answers: Arc<Mutex<Vec<Vec<IpAddr>>>>,
    asked: Arc<AtomicUsize>,
}

impl Script {
    pub(crate) fn new(mut answers: Vec<Vec<IpAddr>>) -> Self {
        answers.reverse();
        Self {
            answers: Arc::new(Mutex::new(answers)),
            asked: Arc::default(),
        }
    }

    /// Every name resolves to 127.0.0.1.
    pub(crate) fn loopback() -> Self {
        Self::new(vec![vec!["127.0.0.1".parse().unwrap()]])
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Lookup for Script {
    async fn addresses(&self, fqdn: &str) -> io::Result<Vec<IpAddr>> {
        assert!(fqdn.ends_with('.'), "{fqdn}");
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        Ok(if answers.len() > 1 {
            answers.pop().unwrap()
        } else {
            answers[0].clone()
        })
    }
}

/// A policy with http and the given ranges.
pub(crate) fn policy(allowed: &[&str]) -> EgressPolicy {
    let allowed = allowed.iter().map(|net| net.parse().unwrap()).collect();
    EgressPolicy::new(allowed, true, vec![])
}

pub(crate) fn sender(lookup: Script) -> HttpSender {
    HttpSender::new(policy(&["127.0.0.0/8"]), lookup, &[]).unwrap()
}

pub(crate) fn request(url: impl Into<String>) -> OutgoingRequest {
    OutgoingRequest {
        url: url.into(),
        headers: vec![("webhook-id".into(), "evt_1".into())],
        body: b"{\"a\":1}".to_vec().into(),
        timeout: Duration::from_secs(10),
    }
}

pub(crate) async fn post(url: impl Into<String>) -> Outcome {
    sender(Script::loopback()).post(&request(url)).await
}

/// Fails instead of hanging if the sender does not end the attempt.
pub(crate) async fn in_time(attempt: impl Future<Output = Outcome>) -> Outcome {
    let limit = Duration::from_secs(5);
    tokio::time::timeout(limit, attempt)
        .await
        .expect("the attempt ends by itself")
}
