//! A status arrived: what is stored, and when the connection is closed.

use crate::failures::kind;
use crate::support::{Script, Server, in_time, post, read_request, request, sender};
use domain::outcome::{FailureKind, MAX_RECORDED_RESPONSE_BYTES, Outcome};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;

/// The stored response if there is no secret to mask.
fn answer(outcome: Outcome) -> (u16, String, bool) {
    match outcome.redacting(std::iter::empty()) {
        Outcome::Response {
            status,
            body,
            truncated,
            ..
        } => (status, body, truncated),
        Outcome::Failure { kind, detail } => panic!("{kind:?}: {detail}"),
    }
}

#[tokio::test]
async fn one_post_arrives_as_it_was_given_and_the_answer_comes_back() {
    let seen = Arc::new(Mutex::new(String::new()));
    let record = Arc::clone(&seen);
    let server = Server::new("127.0.0.1:0", move |mut stream| {
        let record = Arc::clone(&record);
        async move {
            *record.lock().await = read_request(&mut stream).await;
            let head = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nSet-Cookie: s=1\r\nX-Request-Id: r1\r\n\r\n";
            stream.write_all(format!("{head}ok").as_bytes()).await.unwrap();
        }
    })
    .await;
    let outcome = post(server.url("/hook?x=1")).await;
    let headers = vec![("x-request-id".into(), "r1".into())];
    assert_eq!(
        outcome,
        Outcome::Response {
            status: 201,
            headers,
            body: "ok".into(),
            truncated: false
        }
    );
    let seen = seen.lock().await;
    assert!(seen.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{seen}");
    assert!(
        seen.contains("webhook-id: evt_1\r\n") && seen.ends_with("\r\n\r\n{\"a\":1}"),
        "{seen}"
    );
    assert!(
        !seen.contains("user-agent") && !seen.contains("accept-encoding"),
        "{seen}"
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_body_is_cut_at_the_limit_and_not_before() {
    for (length, truncated) in [
        (MAX_RECORDED_RESPONSE_BYTES, false),
        (MAX_RECORDED_RESPONSE_BYTES + 1, true),
        (1 << 20, true),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let server = Server::answering([head.into_bytes(), vec![b'x'; length]].concat()).await;
        let (status, body, cut) = answer(post(server.url("/")).await);
        assert_eq!(
            (status, body.len(), cut),
            (200, MAX_RECORDED_RESPONSE_BYTES, truncated),
            "{length}"
        );
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_do_not_grow_over_the_limit() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {MAX_RECORDED_RESPONSE_BYTES}\r\n\r\n");
    let server =
        Server::answering([head.into_bytes(), vec![0xff; MAX_RECORDED_RESPONSE_BYTES]].concat())
            .await;
    let (_, body, cut) = answer(post(server.url("/")).await);
    assert!(body.len() <= MAX_RECORDED_RESPONSE_BYTES && cut);
}

#[tokio::test]
async fn an_endless_body_is_left_at_the_limit() {
    let ended = Arc::new(tokio::sync::Notify::new());
    let signal = Arc::clone(&ended);
    let server = Server::new("127.0.0.1:0", move |mut stream| {
        let signal = Arc::clone(&signal);
        async move {
            read_request(&mut stream).await;
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
            let mut open = stream.write_all(head.as_bytes()).await;
            while open.is_ok() {
                open = stream.write_all(chunk.as_bytes()).await;
            }
            signal.notify_one();
        }
    })
    .await;
    let started = Instant::now();
    let (status, body, truncated) = answer(post(server.url("/")).await);
    assert_eq!(
        (status, body.len(), truncated),
        (200, MAX_RECORDED_RESPONSE_BYTES, true)
    );
    assert!(started.elapsed() < Duration::from_secs(5));
    tokio::time::timeout(Duration::from_secs(5), ended.notified())
        .await
        .expect("the connection is closed");
}

#[tokio::test]
async fn a_status_counts_although_its_body_stalls() {
    let server = Server::new("127.0.0.1:0", |mut stream| async move {
        read_request(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            .await
            .unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let mut slow = request(server.url("/"));
    slow.timeout = Duration::from_millis(300);
    let started = Instant::now();
    let outcome = in_time(sender(Script::loopback()).post(&slow)).await;
    assert_eq!(answer(outcome), (200, "half".into(), true));
    assert!(started.elapsed() < Duration::from_millis(1300));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_answer_too() {
    let server = Server::answering("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\nhalf").await;
    assert_eq!(
        answer(post(server.url("/")).await),
        (500, "half".into(), true)
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let target = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    for status in [301, 302, 303, 307, 308] {
        let location = target.url("/inside");
        let head =
            format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        let server = Server::answering(head).await;
        let Outcome::Response {
            status: got,
            headers,
            ..
        } = post(server.url("/")).await
        else {
            panic!("no answer");
        };
        assert_eq!(got, status);
        assert!(headers.contains(&("location".into(), location)));
        assert_eq!(server.connections(), 1);
    }
    let refresh = format!(
        "HTTP/1.1 200 OK\r\nRefresh: 0;url={}\r\nContent-Length: 0\r\n\r\n",
        target.url("/")
    );
    let server = Server::answering(refresh).await;
    assert_eq!(answer(post(server.url("/")).await).0, 200);
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_compressed_answer_is_not_unpacked() {
    let server = Server::answering(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb",
    )
    .await;
    assert_eq!(
        answer(post(server.url("/")).await),
        (200, "bomb".into(), false)
    );
}

#[tokio::test]
async fn what_a_body_is_packed_with_is_kept_beside_it() {
    let kept = headers_of("Content-Encoding: gzip\r\n").await;
    let packed = ("content-encoding".to_owned(), "gzip".to_owned());
    assert!(kept.contains(&packed), "{kept:?}");
}

/// Responds with these headers and the body `ok`, and returns the headers that are stored.
async fn headers_of(lines: &str) -> Vec<(String, String)> {
    let answer = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok");
    let server = Server::answering(answer).await;
    let outcome = post(server.url("/")).await;
    assert_eq!(server.connections(), 1);
    let Outcome::Response {
        headers,
        status,
        body,
        truncated,
    } = outcome
    else {
        panic!("{lines:?}: {outcome:?}");
    };
    assert_eq!(
        (status, body.as_str(), truncated),
        (200, "ok", false),
        "{lines:?}"
    );
    headers
}

#[tokio::test]
async fn answers_that_other_clients_take_are_taken() {
    for (lines, value) in [
        ("Via: a\r\n b\r\n", Some("a b")),
        ("Via: a\r\n\tb\r\n  c\r\n", Some("a b c")),
        ("Via:\r\n a\r\n", Some("a")),
        ("Via : b\r\n", Some("b")),
        ("Via\t : b\r\n", Some("b")),
        ("Via: b\r\nno header at all\r\n", Some("b")),
        (": no name\r\nVia: b\r\n", Some("b")),
        ("X(A): b\r\nVia: b\r\n", Some("b")),
        ("X-Colour: \u{1b}[31mred\r\nVia: b\r\n", Some("b")),
        ("X-Caf\u{e9}: b\r\nVia: caf\u{e9}\r\n", Some("caf\u{e9}")),
        ("Via: a\n", Some("a")),
        ("X-Empty:\r\n", None),
    ] {
        let kept: Vec<_> = headers_of(lines).await;
        let expected: Vec<_> = value
            .iter()
            .map(|value| ("via".to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(kept, expected, "{lines:?}");
    }
}

#[tokio::test]
async fn a_status_without_a_reason_and_a_body_without_a_length_are_taken() {
    for head in [
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 200 \r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
    ] {
        let server = Server::answering(format!("{head}ok")).await;
        assert_eq!(
            answer(post(server.url("/")).await),
            (200, "ok".into(), false),
            "{head:?}"
        );
    }
}

#[tokio::test]
async fn as_many_headers_as_are_read_are_taken() {
    for number in [101, 255] {
        headers_of(&"X-Many: x\r\n".repeat(number)).await;
    }
    let more = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: x\r\n".repeat(257));
    let outcome = post(Server::answering(more).await.url("/")).await;
    assert_eq!(kind(&outcome), FailureKind::Protocol);
}

#[tokio::test]
async fn framing_is_read_in_one_way_only() {
    // A space before the colon must not hide the length: otherwise the rest would be read as a
    // response of its own.
    let server =
        Server::answering("HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n")
            .await;
    assert_eq!(
        answer(post(server.url("/")).await),
        (200, "ok".into(), false)
    );
    // A response of ambiguous length is rejected: two lengths, and a zero byte.
    for lines in [
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: x\r\n",
        "X: a\0b\r\n",
    ] {
        let server = Server::answering(format!("HTTP/1.1 200 OK\r\n{lines}\r\nokay")).await;
        assert_eq!(
            kind(&post(server.url("/")).await),
            FailureKind::Protocol,
            "{lines:?}"
        );
    }
}

/// RFC 9112, 6.1 calls it faulty framing; curl and Node's fetch accept it. hyper's client rejects
/// it (`proto/h1/role.rs`, `Client::decoder`: "HTTP/1.0 cannot have Transfer-Encoding header"), no
/// setting of hyper's or reqwest's allows it, and the bytes cannot be changed before hyper reads
/// them: reqwest's connector layers see a connection that they cannot wrap. Such a receiver must
/// answer with HTTP/1.1. If this test fails, a new version supports it: accept it then.
#[tokio::test]
async fn http_1_0_with_chunks_is_not_taken() {
    let chunked = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let server = Server::answering(chunked).await;
    assert_eq!(kind(&post(server.url("/")).await), FailureKind::Protocol);
}
