//! The one HTTP client of the process.

use super::resolver::{GuardedResolver, Lookup};
use domain::guard::EgressPolicy;
use reqwest::{Client, redirect, retry};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// Resolving, connecting and the TLS handshake together.
const CONNECT_BUDGET: Duration = Duration::from_secs(5);

/// Headers of an answer that are read; all together they may have 400 KB, hyper's own limit.
/// hyper's default is 100, and receivers have sent 101. Not more than that takes: hyper makes room
/// for all of them for each interim answer, and with 1,000 a flood of these costs three times the
/// processor that it costs with 256. Test: as_many_headers_as_are_read_are_taken.
const MAX_HEADERS: usize = 256;

/// Why there is no client. Only a broken build or certificate list can cause it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS configuration is not possible.
    #[error("TLS configuration")]
    Tls(#[from] rustls::Error),
    /// The client refused its configuration.
    #[error("HTTP client configuration")]
    Http(#[from] reqwest::Error),
}

/// Builds the client; every setting is part of a promise.
///
/// `extra_roots` are trusted beside the Mozilla list; empty outside tests.
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
        // A redirect leads to a place that nobody judged. Test:
        // a_redirect_is_an_answer_and_not_followed.
        .redirect(redirect::Policy::none())
        .referer(false)
        // The default sends again after some refusals: attempts that the log would not know.
        .retry(retry::never())
        .https_only(!policy.allows_http())
        .connect_timeout(CONNECT_BUDGET)
        // A frozen environment wakes up with dead sockets. Within one batch, connections to a busy
        // receiver are still shared.
        .pool_idle_timeout(Duration::from_secs(4))
        // As many as a batch has messages: with fewer, a batch to one receiver closes what the next
        // one opens again, and a TLS handshake costs more processor than all else of a delivery.
        .pool_max_idle_per_host(10)
        .tcp_nodelay(true)
        // What curl and browsers take is taken: a delivery that arrived must not be sent again
        // because of how the answer is written. A header over several lines (RFC 9112, 5.2), a
        // space before the colon, and lines that are no headers, which are skipped. Test:
        // answers_that_other_clients_take_are_taken. Not so HTTP/1.0 with chunks: hyper refuses
        // them and reqwest has no setting for it.
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
/// HTTP/1.1 only, in the crate's features and in ALPN: one POST an attempt gains nothing from
/// streams, an answer is cut off by closing its connection, and a protocol without GOAWAY and
/// REFUSED_STREAM has no unclear ends that ask to be sent again.
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
