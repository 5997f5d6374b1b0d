//! Certificates are checked, and the outcome says what is wrong with them.

use crate::failures::kind;
use crate::support::{Script, Server, policy, request};
use adapters::egress::HttpSender;
use domain::outcome::{FailureKind, Outcome};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

const NAME: &str = "hook.test-dns.example";

/// A TLS server with a self-signed certificate for [`NAME`], and that certificate.
async fn server() -> (Server, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([NAME.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::new("127.0.0.1:0", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            // Rejected handshakes are expected in these tests.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    (server, cert.der().clone())
}

async fn post(url: String, roots: &[CertificateDer<'static>]) -> Outcome {
    let sender = HttpSender::new(policy(&["127.0.0.0/8"]), Script::loopback(), roots).unwrap();
    sender.post(&request(url)).await
}

#[tokio::test]
async fn a_self_signed_certificate_is_a_tls_failure() {
    let (server, _) = server().await;
    let outcome = post(format!("https://{NAME}:{}/", server.address.port()), &[]).await;
    assert_eq!(
        outcome,
        Outcome::failure(FailureKind::Tls, "certificate of an unknown issuer")
    );
}

#[tokio::test]
async fn a_trusted_certificate_of_the_right_host_is_accepted() {
    let (server, root) = server().await;
    let outcome = post(
        format!("https://{NAME}:{}/", server.address.port()),
        &[root],
    )
    .await;
    assert!(
        matches!(outcome, Outcome::Response { status: 200, .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_trusted_certificate_of_another_host_is_a_tls_failure() {
    let (server, root) = server().await;
    let outcome = post(
        format!("https://other.test-dns.example:{}/", server.address.port()),
        &[root],
    )
    .await;
    assert_eq!(
        outcome,
        Outcome::failure(FailureKind::Tls, "certificate of another host")
    );
}

#[tokio::test]
async fn a_receiver_without_tls_is_a_tls_failure() {
    let server = Server::new("127.0.0.1:0", |mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read(&mut [0; 1024]).await;
    })
    .await;
    assert_eq!(
        kind(&post(format!("https://{}/", server.address), &[]).await),
        FailureKind::Tls
    );
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_a_connect_failure_after_five_seconds() {
    let server = Server::new("127.0.0.1:0", |stream| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let started = Instant::now();
    let outcome = post(format!("https://{}/", server.address), &[]).await;
    assert_eq!(kind(&outcome), FailureKind::Connect);
    assert!(
        (4..7).contains(&started.elapsed().as_secs()),
        "{:?}",
        started.elapsed()
    );
    assert!(started.elapsed() < request("").timeout - Duration::from_secs(2));
}
