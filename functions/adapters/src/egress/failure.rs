//! The kind of a failure without a status.
//!
//! Found only from the types in the chain of sources: texts change with versions and systems, and
//! may contain Postel's own addresses, so none of them is shown either.

use super::resolver::ResolveError;
use domain::guard::DenyReason;
use domain::outcome::{FailureKind, Outcome};
use rustls::CertificateError;
use std::error::Error;
use std::io::{self, ErrorKind};

/// The guard denied the URL itself.
pub(super) fn denied(reason: DenyReason) -> Outcome {
    let kind = if reason.is_place() {
        FailureKind::AddressBlocked
    } else {
        FailureKind::InvalidUrl
    };
    Outcome::failure(kind, reason.code())
}

/// No such name, no address, a name server that fails, or an internal address: all look alike. If a
/// tenant could distinguish them, it would learn which internal names exist and, from the guard's
/// reason, what network they are in. Only Postel's own log has the reason. Test:
/// a_name_that_leads_inside_looks_like_one_that_does_not_resolve.
pub(super) fn not_public() -> Outcome {
    Outcome::failure(
        FailureKind::Dns,
        "the name does not lead to a public address",
    )
}

/// Why the name was denied, if it was.
pub(super) fn denied_name(error: &reqwest::Error) -> Option<DenyReason> {
    causes(error).find_map(|cause| match cause.downcast_ref::<ResolveError>() {
        Some(ResolveError::DenyReason(reason)) => Some(*reason),
        _ => None,
    })
}

/// The client's failure.
pub(super) fn classify(error: &reqwest::Error) -> Outcome {
    let found = causes(error).find_map(known).or_else(|| {
        // Its cause is an error without a public type, but the system's kind of error is available.
        let ios = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
        ios.last().map(|io| Cause::Io(io.kind()))
    });
    let (kind, detail) = match found {
        Some(Cause::Name) => return not_public(),
        Some(Cause::Known(kind, detail)) => (kind, detail),
        // The budget of the whole connection: resolving, connecting, handshake.
        _ if error.is_timeout() && error.is_connect() => {
            (FailureKind::Connect, "no connection in time")
        }
        _ if error.is_timeout() => (FailureKind::Timeout, "no answer in time"),
        Some(Cause::Io(kind)) => io_failure(kind, error.is_connect()),
        None if error.is_connect() => (FailureKind::Connect, "no connection"),
        None => (FailureKind::Protocol, "the request failed"),
    };
    Outcome::failure(kind, detail)
}

enum Cause {
    Name,
    Known(FailureKind, &'static str),
    Io(ErrorKind),
}

fn known(error: &(dyn Error + 'static)) -> Option<Cause> {
    if error.is::<ResolveError>() {
        return Some(Cause::Name);
    }
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(Cause::Known(FailureKind::Tls, tls_detail(tls)));
    }
    if let Some(http) = error.downcast_ref::<hyper::Error>() {
        // The peer closed the connection, before or during our write.
        if http.is_incomplete_message() || http.is_canceled() || http.is_closed() {
            return Some(Cause::Known(FailureKind::Reset, "closed without an answer"));
        }
        if http.is_parse() {
            return Some(Cause::Known(
                FailureKind::Protocol,
                "the answer is not HTTP",
            ));
        }
    }
    // An error that wraps another one has that one's cause, further down the chain.
    let io = error.downcast_ref::<io::Error>()?;
    io.get_ref().is_none().then(|| Cause::Io(io.kind()))
}

fn io_failure(kind: ErrorKind, connecting: bool) -> (FailureKind, &'static str) {
    match kind {
        ErrorKind::ConnectionRefused => (FailureKind::Connect, "connection refused"),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            (FailureKind::Connect, "no route to the receiver")
        }
        // Also in the TLS handshake, after the connection is established.
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => (FailureKind::Reset, "connection reset"),
        _ if connecting => (FailureKind::Connect, "no connection"),
        _ => (FailureKind::Reset, "connection broken"),
    }
}

fn tls_detail(error: &rustls::Error) -> &'static str {
    use CertificateError as C;
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            C::UnknownIssuer => "certificate of an unknown issuer",
            C::Expired | C::ExpiredContext { .. } => "certificate expired",
            C::NotValidYet | C::NotValidYetContext { .. } => "certificate not valid yet",
            C::NotValidForName | C::NotValidForNameContext { .. } => "certificate of another host",
            _ => "certificate not valid",
        },
        rustls::Error::AlertReceived(_) => "refused by the receiver",
        rustls::Error::InvalidMessage(_) => "the receiver does not speak TLS",
        rustls::Error::PeerIncompatible(_) => "no TLS version or cipher in common",
        _ => "TLS handshake failed",
    }
}

/// The error and its causes. [`io::Error`]'s own `source` skips the error that it wraps, and
/// rustls's is such a one. Test: a_self_signed_certificate_is_a_tls_failure.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match inner {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}
