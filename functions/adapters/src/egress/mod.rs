//! Outgoing HTTP: one POST to a receiver, and never to an inside address.
//!
//! The policy is the domain's ([`domain::guard::EgressPolicy`]). It is asked in three places,
//! because each sees what the others cannot: the sender judges the URL before each attempt (the
//! HTTP client resolves no IP literals), the resolver judges what a name means at the moment of the
//! connection (so that a name cannot change in between), and the sender looks at the address that
//! answered.

mod client;
mod failure;
mod resolver;
mod response;
mod sender;

pub use client::{ClientError, client};
pub use resolver::{GuardedResolver, Lookup, ResolveError, SystemLookup};
pub use sender::HttpSender;
