//! What the parts of a delivery cost separately, ten at a time as in a batch: Postel's own sender
//! against a receiver on loopback, over HTTP and HTTPS, with and without kept connections; and the
//! write of an event with the AWS SDK. The dispatcher costs at least the sum of the two.
//!
//! The dispatcher trusts only the public roots, so its own binary cannot send to a local HTTPS
//! receiver; its sender can. Each part runs in its own process, so that its share can be measured.
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

use adapters::clients;
use adapters::egress::{HttpSender, SystemLookup};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use domain::flow::AWS_CALL_TIMEOUT;
use domain::guard::EgressPolicy;
use domain::outcome::{Outcome, OutgoingRequest};
use futures::future::join_all;
use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio_rustls::TlsAcceptor;

const TIMES: usize = 5_000;
const AT_ONCE: usize = 10;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let part = arguments.iter().skip(1).map(String::as_str);
    match part.collect::<Vec<_>>().as_slice() {
        // On one thread, as in the dispatcher.
        ["post", url, certificate] => on_one_thread(post(url, certificate)),
        ["put"] => on_one_thread(put()),
        _ => Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(all()),
    }
}

fn on_one_thread(part: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(part);
}

async fn all() {
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
    println!("| part | CPU seconds for 1,000 | connections for 1,000 |");
    println!("|---|---|---|");
    for (name, tls, closing) in [
        ("write by the AWS SDK", None, false),
        ("POST by HTTP, connections kept", None, false),
        ("POST by HTTP, closed after each", None, true),
        ("POST by HTTPS, connections kept", Some(&acceptor), false),
        ("POST by HTTPS, closed after each", Some(&acceptor), true),
    ] {
        let connections = Arc::<AtomicU64>::default();
        let port = receive(tls.cloned(), closing, Arc::clone(&connections)).await;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (url, certificate) = (
            format!("{scheme}://localhost:{port}/hook"),
            certificate.clone(),
        );
        let part = move || match name {
            "write by the AWS SDK" => child(&["put"], &url),
            _ => child(&["post", &url, &certificate], ""),
        };
        let cpu = tokio::task::spawn_blocking(part).await.unwrap();
        let each = 1000.0 / TIMES as f64;
        println!(
            "| {name} | {:.3} | {:.0} |",
            cpu * each,
            connections.load(Ordering::Relaxed) as f64 * each
        );
    }
}

/// Runs a part and returns its CPU seconds.
fn child(arguments: &[&str], aws: &str) -> f64 {
    let out = Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .env("AWS_ENDPOINT_URL", aws)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "ASIABENCHBENCHBENCH4")
        .env("AWS_SECRET_ACCESS_KEY", "b".repeat(40))
        .env("AWS_SESSION_TOKEN", "t".repeat(900))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&out.stdout);
    told.trim()
        .parse()
        .unwrap_or_else(|_| panic!("{told}{}", String::from_utf8_lossy(&out.stderr)))
}

async fn post(url: &str, certificate: &str) {
    let root = BASE64_STANDARD.decode(certificate).unwrap().into();
    let policy = EgressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()], true, vec![]);
    let sender = HttpSender::new(policy, SystemLookup, &[root]).unwrap();
    let request = OutgoingRequest {
        url: url.to_owned(),
        headers: vec![],
        body: vec![b'x'; 512].into(),
        timeout: Duration::from_secs(10),
    };
    measure(async || {
        let outcome = sender.post(&request).await;
        assert!(
            matches!(outcome, Outcome::Response { status: 200, .. }),
            "{outcome:?}"
        );
    })
    .await;
}

/// Writes an event as `adapters::delivery_store` does.
async fn put() {
    let dynamo = Client::new(&clients::sdk_config(AWS_CALL_TIMEOUT));
    let text = |length: usize| AttributeValue::S("x".repeat(length));
    measure(async || {
        let written = dynamo
            .put_item()
            .table_name("log")
            .item("pk", text(15))
            .item("sk", text(26))
            .item("ty", text(12))
            .item("data", text(400))
            .item("done", AttributeValue::L(vec![text(200)]))
            .item("by", text(12))
            .item("expires_at", AttributeValue::N("1700000000".to_owned()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        written.unwrap();
    })
    .await;
}

/// Repeats it, and prints the CPU time it took, without connecting.
async fn measure(once: impl AsyncFn()) {
    join_all((0..AT_ONCE).map(|_| once())).await;
    let before = cpu();
    for _ in 0..TIMES / AT_ONCE {
        join_all((0..AT_ONCE).map(|_| once())).await;
    }
    println!("{}", cpu() - before);
}

/// CPU time of this process with all its threads, in seconds (proc(5): utime and stime in
/// hundredths).
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
