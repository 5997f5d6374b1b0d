//! No status arrived: each kind of failure is recognised without reading texts.

use crate::support::{Script, Server, in_time, policy, post, read_request, request, sender};
use adapters::egress::{HttpSender, Lookup};
use domain::outcome::{FailureKind, Outcome};
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

pub(crate) fn kind(outcome: &Outcome) -> FailureKind {
    match outcome {
        Outcome::Failure { kind, detail } => {
            assert!(!detail.contains("127.0.0"), "{detail}");
            *kind
        }
        Outcome::Response { .. } => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_port_without_a_listener_is_a_connect_failure() {
    let address = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    assert_eq!(
        post(format!("http://{address}/")).await,
        Outcome::failure(FailureKind::Connect, "connection refused")
    );
}

#[tokio::test]
async fn a_connection_closed_or_reset_before_a_status_is_a_reset() {
    let closing = Server::answering("").await;
    assert_eq!(kind(&post(closing.url("/")).await), FailureKind::Reset);
    let half = Server::answering("HTTP/1.1 200 O").await;
    assert_eq!(kind(&post(half.url("/")).await), FailureKind::Reset);
    let resetting = Server::new("127.0.0.1:0", |mut stream| async move {
        read_request(&mut stream).await;
        // Closing without linger sends RST instead of FIN.
        stream.set_zero_linger().unwrap();
    })
    .await;
    assert_eq!(kind(&post(resetting.url("/")).await), FailureKind::Reset);
    // Each is sent once: no hidden retry.
    assert_eq!(
        (
            closing.connections(),
            half.connections(),
            resetting.connections()
        ),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn dripping_headers_end_at_the_timeout() {
    let server = Server::new("127.0.0.1:0", |mut stream| async move {
        read_request(&mut stream).await;
        let mut open = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while open.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            open = stream.write_all(b"x: y\r\n").await;
        }
    })
    .await;
    let mut slow = request(server.url("/"));
    slow.timeout = Duration::from_millis(500);
    let started = Instant::now();
    let outcome = in_time(sender(Script::loopback()).post(&slow)).await;
    assert_eq!(kind(&outcome), FailureKind::Timeout);
    assert!(started.elapsed() < slow.timeout + Duration::from_secs(1));
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_a_protocol_failure() {
    for bytes in [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "HTTP/1.1 99999 x\r\n\r\n",
        "\0\0\0\x04\0\0\0\0\0\r\n\r\n",
    ] {
        let server = Server::answering(bytes).await;
        assert_eq!(
            kind(&post(server.url("/")).await),
            FailureKind::Protocol,
            "{bytes:?}"
        );
    }
    let huge = [
        b"HTTP/1.1 200 OK\r\nx: ".to_vec(),
        vec![b'y'; 1 << 20],
        b"\r\n\r\n".to_vec(),
    ]
    .concat();
    let server = Server::answering(huge).await;
    assert_eq!(kind(&post(server.url("/")).await), FailureKind::Protocol);
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_opens_no_connection() {
    let server = Server::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut broken = request(server.url("/"));
    broken.headers.push(("x-a".into(), "1\r\nX-Evil: 1".into()));
    assert_eq!(
        kind(&sender(Script::loopback()).post(&broken).await),
        FailureKind::Protocol
    );
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_without_an_address_is_a_dns_failure() {
    let empty = sender(Script::new(vec![vec![]]));
    assert_eq!(
        kind(&empty.post(&request("https://nx.test-dns.example/")).await),
        FailureKind::Dns
    );
}

struct Broken;
impl Lookup for Broken {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        // The error kind must not decide: a resolver's timeout is not the receiver's.
        Err(io::ErrorKind::TimedOut.into())
    }
}

struct Silent;
impl Lookup for Silent {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_resolver_that_fails_is_a_dns_failure() {
    let sender = HttpSender::new(policy(&[]), Broken, &[]).unwrap();
    assert_eq!(
        kind(&sender.post(&request("https://example.com/")).await),
        FailureKind::Dns
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_that_never_resolves_is_a_dns_failure() {
    let sender = HttpSender::new(policy(&[]), Silent, &[]).unwrap();
    let outcome = sender.post(&request("https://example.com/")).await;
    assert_eq!(
        outcome,
        Outcome::failure(
            FailureKind::Dns,
            "the name does not lead to a public address"
        )
    );
}
