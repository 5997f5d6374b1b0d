//! The process's only HTTP client.

use super::resolver::{GuardedResolver, Lookup};
use domain::guard::EgressPolicy;
use reqwest::{Client, redirect, retry};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// Resolving, connecting and the TLS handshake together.
const CONNECT_BUDGET: Duration = Duration::from_secs(5);

/// The maximum number of headers of a response; together they may have 400 KB, hyper's own limit.
/// hyper's default is 100, and receivers have sent 101. Not more than needed: hyper allocates space
/// for all of them for each interim response, and with 1,000 a flood of these costs three times the
/// processor time that it costs with 256. Test: as_many_headers_as_are_read_are_taken.
const MAX_HEADERS: usize = 256;

/// Why the client could not be built. Only a broken build or certificate list can cause it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS configuration is invalid.
    #[error("TLS configuration")]
    Tls(#[from] rustls::Error),
    /// The client rejected its configuration.
    #[error("HTTP client configuration")]
    Http(#[from] reqwest::Error),
}

/// Builds the client; every setting is part of a promise.
///
/// `extra_roots` are trusted in addition to the Mozilla list; empty outside tests.
///
/// # Errors
/// [`ClientError`], at start-up only.
pub fn client<L: Lookup>(
    policy: &Arc<EgressPolicy>,
    lookup: L,
    extra_roots: &[CertificateDer<'static>],
) -> Result<Client, ClientError> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls(extra_roots)?)
        .dns_resolver(GuardedResolver::new(Arc::clone(policy), lookup))
        // A proxy from the environment would carry the request past the guard. Test:
        // a_proxy_in_the_environment_is_ignored.
        .no_proxy()
        // A redirect leads to a destination that was not checked. Test:
        // a_redirect_is_an_answer_and_not_followed.
        .redirect(redirect::Policy::none())
        .referer(false)
        // The default retries after some refusals: those attempts would be missing from the log.
        .retry(retry::never())
        .https_only(!policy.allows_http())
        .connect_timeout(CONNECT_BUDGET)
        // A frozen environment resumes with dead sockets. Within one batch, connections to a busy
        // receiver are still shared.
        .pool_idle_timeout(Duration::from_secs(4))
        // One for each message of a batch: with fewer, a batch to one receiver closes connections
        // and opens them again, and a TLS handshake costs more processor time than all the rest of
        // a delivery.
        .pool_max_idle_per_host(10)
        .tcp_nodelay(true)
        // Responses that curl and browsers accept are accepted: a delivery that arrived must not be
        // sent again because of the form of its response. This means a header over several lines
        // (RFC 9112, 5.2), a space before the colon, and invalid header lines, which are skipped.
        // Test: answers_that_other_clients_take_are_taken. The exception is HTTP/1.0 with chunks:
        // hyper rejects it and reqwest has no setting for it.
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(MAX_HEADERS)
        .build()?;
    Ok(client)
}

/// Webpki's roots and the AWS SDK's crypto provider: no platform verifier, which would read
/// certificate files at start-up.
///
/// HTTP/1.1 only, in the crate's features and in ALPN: a single POST gains nothing from streams,
/// closing the connection cuts a response off, and a protocol without GOAWAY and REFUSED_STREAM has
/// no ambiguous end that asks for a retry.
fn tls(extra_roots: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for root in extra_roots {
        roots.add(root.clone())?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::resolver::LOOKUP_BUDGET;

    #[test]
    fn a_slow_name_runs_out_of_time_before_its_connection_does() {
        assert!(LOOKUP_BUDGET < CONNECT_BUDGET);
    }
}
