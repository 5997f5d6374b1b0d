//! Outgoing HTTP: one POST to a receiver, and never to an internal address.
//!
//! The policy is the domain's ([`domain::guard::EgressPolicy`]). It is applied in three places,
//! because each sees what the others cannot: the sender checks the URL before each attempt (the
//! HTTP client does not resolve IP literals), the resolver checks a name's addresses at the moment
//! of the connection (so that a name cannot change in between), and the sender checks the address
//! that answered.

mod client;
mod failure;
mod resolver;
mod response;
mod sender;

pub use client::{ClientError, client};
pub use resolver::{GuardedResolver, Lookup, ResolveError, SystemLookup};
pub(crate) use response::outcome_of;
pub use sender::HttpSender;
