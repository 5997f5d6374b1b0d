//! Postel's own flows in a simulation with memory tables and virtual time.
//!
//! The production code of `domain::flow` runs: dispatcher, dead-letter consumer, sweeper, redriver,
//! the HTTP API, manual attempts and redrives. AWS, as its documentation describes it, and the
//! receivers are simulated. A [`Simulation`] owns one `World`; every call of a port waits twice,
//! before its effect and after it. At each wait the process may die, the clock advances and other
//! runs proceed. So a crash, a throttle, a lost response or a second copy of a message can fall
//! between any two outside calls.
//!
//! Everything follows from one seed, so a failed history is reported as its seed and can be
//! repeated exactly.

#![allow(
    clippy::indexing_slicing,
    reason = "only tests run it: a panic is a finding"
)]

mod account;
mod capacity;
mod dead_letters;
mod deliveries;
mod directory;
mod explained;
mod faults;
mod history;
mod jobs;
mod lambda;
mod outage;
mod owner;
mod plan;
mod ports;
mod processes;
mod promises;
mod queues;
mod receivers;
mod simulation;
mod tables;
mod world;

/// How many histories a test tells: in `make quick` a quarter.
#[must_use]
pub fn seeds(in_the_gate: u64) -> u64 {
    match std::env::var("POSTEL_QUICK") {
        Ok(_) => in_the_gate.div_ceil(4),
        Err(_) => in_the_gate,
    }
}

pub use account::Totals;
pub use capacity::Quotas;
pub use directory::Subscriber;
pub use faults::{Faults, Guard, InjectedFault, Outage, Trouble};
pub use history::{FaultProfile, history, history_without};
pub use lambda::{Looping, MAX_LOOP};
pub use outage::{OutageStory, Survived};
pub use owner::Change;
pub use receivers::ReceiverBehaviour;
pub use simulation::{Act, Door, Ended, Publication, RunKind, Simulation};
pub use tables::Tables;
