//! What TLS towards a receiver takes: Postel's own sender against a receiver on loopback, by HTTP and by HTTPS, with connections kept and not.
//!
//! The dispatcher trusts the public roots only, so its own binary cannot be shown a receiver of ours; its sender can. Sender and receiver are processes
//! of their own, or the sender's share could not be told.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a program of the tests"
)]

use std::convert::Infallible;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adapters::egress::{HttpSender, SystemLookup};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use domain::guard::EgressPolicy;
use domain::outcome::{Outcome, OutgoingRequest};
use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const POSTS: usize = 2_000;
const AT_ONCE: usize = 10;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, url, certificate] = arguments.as_slice() {
        return send(url, certificate).await;
    }
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let certificate = BASE64_STANDARD.encode(made.cert.der());
    println!("| receiver | CPU seconds for 1,000 | connections for 1,000 |");
    println!("|---|---|---|");
    for (name, tls, closing) in [
        ("HTTP, connections kept", None, false),
        ("HTTP, closed after each", None, true),
        ("HTTPS, connections kept", Some(&acceptor), false),
        ("HTTPS, closed after each", Some(&acceptor), true),
    ] {
        let connections = Arc::<AtomicU64>::default();
        let port = receive(tls.cloned(), closing, Arc::clone(&connections)).await;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (url, certificate) = (
            format!("{scheme}://localhost:{port}/hook"),
            certificate.clone(),
        );
        let cpu = tokio::task::spawn_blocking(move || child(&url, &certificate))
            .await
            .unwrap();
        let each = 1000.0 / POSTS as f64;
        println!(
            "| {name} | {:.3} | {:.0} |",
            cpu * each,
            connections.load(Ordering::Relaxed) as f64 * each
        );
    }
}

/// Runs the sender and answers its seconds of processor.
fn child(url: &str, certificate: &str) -> f64 {
    let out = Command::new(std::env::current_exe().unwrap())
        .args([url, certificate])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&out.stdout);
    told.trim()
        .parse()
        .unwrap_or_else(|_| panic!("{told}{}", String::from_utf8_lossy(&out.stderr)))
}

async fn send(url: &str, certificate: &str) {
    let root = BASE64_STANDARD.decode(certificate).unwrap().into();
    let policy = EgressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()], true, vec![]);
    let sender = HttpSender::new(policy, SystemLookup, &[root]).unwrap();
    let request = OutgoingRequest {
        url: url.to_owned(),
        headers: vec![],
        body: vec![b'x'; 512],
        timeout: Duration::from_secs(10),
    };
    let before = cpu();
    for _ in 0..POSTS / AT_ONCE {
        let batch: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (sender, request) = (sender.clone(), request.clone());
                tokio::spawn(async move { sender.post(&request).await })
            })
            .collect();
        for post in batch {
            let outcome = post.await.unwrap();
            assert!(
                matches!(outcome, Outcome::Response { status: 200, .. }),
                "{outcome:?}"
            );
        }
    }
    println!("{}", cpu() - before);
}

/// Of this process, all its threads, in seconds (proc(5): utime and stime in hundredths).
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    fields
        .iter()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
}

async fn receive(tls: Option<TlsAcceptor>, closing: bool, connections: Arc<AtomicU64>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::Relaxed);
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => serve(stream, closing).await,
                    Some(tls) => serve(tls.accept(stream).await.unwrap(), closing).await,
                }
            });
        }
    });
    port
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, closing: bool) {
    let service = service_fn(
        move |request: hyper::Request<hyper::body::Incoming>| async move {
            let _ = request.into_body().collect().await;
            let mut response = Response::new(Full::<Bytes>::from(r#"{"ok":true}"#));
            if closing {
                response
                    .headers_mut()
                    .insert("connection", HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        },
    );
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
