//! Tests against the real tables, in the local cloud.
//!
//! The simulator proves what Postel's flows do over tables in memory. That is valid only if the
//! real tables answer alike: here the same random calls, in any order, sensible or not, go to both,
//! and every answer must be the same.
//!
//! The seed is fixed, so that the answers reached are the same in each run; POSTEL_SEED sets
//! another, POSTEL_CALLS more calls. A difference is printed with the calls before it. Concurrency,
//! failures and repeated responses are tested by the simulator only.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "only a test: a panic is a finding"
)]

mod calls;
mod cloud;
mod responses;
mod silence;

use calls::Calls;

const DEFAULT_SEED: u64 = 1;
const DEFAULT_CALLS: usize = 1_500;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().expect("a whole number"))
}

#[tokio::test]
async fn the_tables_in_memory_answer_like_the_real_ones() {
    let seed = number("POSTEL_SEED").unwrap_or(DEFAULT_SEED);
    let count = number("POSTEL_CALLS").map_or(DEFAULT_CALLS, |n| usize::try_from(n).unwrap());
    let cloud = cloud::Cloud::open().await;
    let mut calls = Calls::new(seed, &cloud);
    for _ in 0..count {
        calls.next().await;
    }
    let seen = calls.seen();
    println!("seed {seed}, {count} calls: {seen:?}");
    cloud.close().await;
    // The random calls must have reached every answer that matters, or too little was compared.
    for answer in calls::WANTED {
        assert!(
            count < DEFAULT_CALLS || seen.contains_key(*answer),
            "seed {seed} never came to {answer}: {seen:?}"
        );
    }
}
