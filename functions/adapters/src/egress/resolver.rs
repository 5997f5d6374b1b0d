//! Guarded name resolution.
//!
//! One look-up per connection, checked and then connected to: a name that resolves differently the
//! next time (DNS rebinding) gets no second look-up. One denied address rejects the whole answer: a
//! mix of public and internal addresses is an attack or a broken record, and the rejection is
//! visible.

use domain::guard::{DenyReason, EgressPolicy};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Less than the client's time for the whole connection, so that a slow name is reported as such.
/// Test: a_name_that_never_resolves_is_a_dns_failure.
pub(super) const LOOKUP_BUDGET: Duration = Duration::from_secs(4);

/// How many addresses of one answer are tried; all are checked. The time to connect is divided
/// among them; with more, none would have enough. Test:
/// a_long_answer_is_judged_whole_and_tried_in_part.
const MAX_ADDRESSES: usize = 8;

/// The source of addresses.
pub trait Lookup: Send + Sync + 'static {
    /// All addresses of a fully qualified name, which ends in a dot. An empty list means that it
    /// has none.
    fn addresses(&self, fqdn: &str) -> impl Future<Output = io::Result<Vec<IpAddr>>> + Send;
}

/// The operating system's resolver.
///
/// `getaddrinfo` runs on tokio's blocking threads and cannot be cancelled: a call that hangs keeps
/// its thread after the budget is spent (limit: tokio's 512 threads).
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    async fn addresses(&self, fqdn: &str) -> io::Result<Vec<IpAddr>> {
        // RFC 6761 section 6.3: resolvers answer loopback themselves. glibc does not for the dotted
        // form. Such a name gets here only if the policy allows loopback.
        if fqdn == "localhost." || fqdn.ends_with(".localhost.") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        let found = tokio::net::lookup_host((fqdn, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Why a name gave no address to connect to. Found by type in the error's chain of sources.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// An address of the answer is denied.
    #[error("the name leads to a denied address: {}", .0.code())]
    DenyReason(DenyReason),
    /// The answer was empty.
    #[error("the name has no address")]
    Empty,
    /// No answer in time.
    #[error("the name did not resolve in time")]
    TimedOut,
    /// The resolver failed.
    #[error("the name did not resolve")]
    Failed(#[source] io::Error),
}

/// A resolver whose answers the policy has accepted.
#[derive(Debug)]
pub struct GuardedResolver<L> {
    policy: Arc<EgressPolicy>,
    lookup: Arc<L>,
}

impl<L: Lookup> GuardedResolver<L> {
    /// Guards a look-up.
    pub fn new(policy: Arc<EgressPolicy>, lookup: L) -> Self {
        Self {
            policy,
            lookup: Arc::new(lookup),
        }
    }
}

impl<L: Lookup> Resolve for GuardedResolver<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, lookup) = (Arc::clone(&self.policy), Arc::clone(&self.lookup));
        Box::pin(async move {
            let accepted = accepted(&policy, lookup.as_ref(), name.as_str()).await?;
            let addresses = accepted
                .into_iter()
                .take(MAX_ADDRESSES)
                .map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

async fn accepted<L: Lookup>(
    policy: &EgressPolicy,
    lookup: &L,
    name: &str,
) -> Result<Vec<IpAddr>, ResolveError> {
    // Fully qualified: no search domain of a VPC may turn a public name into an internal one.
    let fqdn = format!("{name}.");
    let addresses = tokio::time::timeout(LOOKUP_BUDGET, lookup.addresses(&fqdn))
        .await
        .map_err(|_| ResolveError::TimedOut)?
        .map_err(ResolveError::Failed)?;
    if addresses.is_empty() {
        return Err(ResolveError::Empty);
    }
    for address in &addresses {
        policy
            .check_address(*address)
            .map_err(ResolveError::DenyReason)?;
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Vec<IpAddr>);

    impl Lookup for Fixed {
        async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(self.0.clone())
        }
    }

    #[tokio::test]
    async fn a_long_answer_is_judged_whole_and_tried_in_part() {
        let mut answer: Vec<IpAddr> = (1..=250).map(|last| [8, 8, 8, last].into()).collect();
        let resolve = |answer| {
            let resolver = GuardedResolver::new(Arc::default(), Fixed(answer));
            resolver.resolve("many.test-dns.example".parse().unwrap())
        };
        assert_eq!(
            resolve(answer.clone()).await.map(Iterator::count).ok(),
            Some(MAX_ADDRESSES)
        );
        answer.push([10, 0, 0, 1].into());
        let error = resolve(answer).await.err().unwrap();
        assert!(matches!(
            error.downcast_ref(),
            Some(ResolveError::DenyReason(DenyReason::Private))
        ));
    }
}
