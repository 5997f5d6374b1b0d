//! When a message comes back after Postel failed to process it.
//!
//! SQS hides a received message for the queue's whole visibility timeout, six times the function's
//! time limit. That time is meant for a function that died. If Postel knows that it failed, and
//! that no part of the work is still running, the message comes back much sooner: within seconds
//! after a brief fault, and rarely enough in an outage of hours that its receives are not used up.

use std::time::Duration;

use crate::ports::{Fault, FaultKind, Stage};

/// The delay after the first failure. It doubles with each further one,
const FIRST_DELAY: Duration = Duration::from_secs(10);
/// up to this maximum.
const MAX_DELAY: Duration = Duration::from_secs(900);
/// A fifth more or less, so that messages that failed together do not come back together.
const SPREAD: f64 = 0.2;

/// Up to this many receives, a failed record counts as a brief fault; beyond them as an outage.
const MAX_SHORT_RETRIES: u32 = 4;

/// How long a message with this many receives stays hidden after a fault of this stage; `fraction`,
/// from 0 to 1, spreads it. `None` where the queue's visibility timeout must pass: a request may
/// have left without being recorded, another invocation may still be at work, or retrying does not
/// help.
///
/// In an outage of writes alone, every receive makes a POST that cannot be recorded. The delay is
/// then longer than the visibility timeout, at least 12 min against at most 8: fewer requests are
/// repeated, and 20 receives outlast three hours. Test: the simulator's outage.rs, twenty receives.
#[must_use]
pub fn retry_after(fault: &Fault, receives: u32, fraction: f64) -> Option<Duration> {
    if fault.kind != FaultKind::Transient {
        return None;
    }
    match fault.stage {
        Stage::WriteOutcome => (receives > MAX_SHORT_RETRIES).then(|| spread(MAX_DELAY, fraction)),
        Stage::Busy => None,
        Stage::ReadMessage
        | Stage::HandleMessage
        | Stage::ReadConfig
        | Stage::WriteConfig
        | Stage::ReadStore
        | Stage::AcquireLease
        | Stage::Enqueue
        | Stage::Ambiguous
        | Stage::Decrypt
        | Stage::Encrypt
        | Stage::DeadLetter
        | Stage::SendMail
        | Stage::NoTime
        | Stage::Respond => {
            let doubled = 2u32.saturating_pow(receives.saturating_sub(1));
            Some(spread(
                FIRST_DELAY.saturating_mul(doubled).min(MAX_DELAY),
                fraction,
            ))
        }
    }
}

fn spread(length: Duration, fraction: f64) -> Duration {
    length.mul_f64(1.0 - SPREAD + 2.0 * SPREAD * fraction.clamp(0.0, 1.0))
}

/// Of two faults of one message, the one that trying again cannot fix; otherwise the one that
/// requires the queue's visibility timeout; otherwise the first.
pub(in crate::flow) fn both(one: Result<(), Fault>, other: Result<(), Fault>) -> Result<(), Fault> {
    match (one, other) {
        (Err(one), Err(other)) if one.is_transient() && retry_after(&other, 1, 0.5).is_none() => {
            Err(other)
        }
        (one, other) => one.and(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(receives: u32, fraction: f64) -> f64 {
        retry_after(
            &Fault::transient(Stage::ReadConfig, "why"),
            receives,
            fraction,
        )
        .unwrap()
        .as_secs_f64()
    }

    #[test]
    fn a_hiccup_costs_seconds_and_an_outage_few_receives() {
        let middle: Vec<f64> = (1..=9).map(|receives| seconds(receives, 0.5)).collect();
        let doubling = [10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0, 900.0, 900.0];
        assert_eq!(middle, doubling);
        assert_eq!(seconds(u32::MAX, 0.5), 900.0);
        assert_eq!((seconds(1, 0.0), seconds(1, 1.0)), (8.0, 12.0));
        assert_eq!((seconds(1, -1.0), seconds(1, 7.0)), (8.0, 12.0));
    }

    #[test]
    fn a_record_that_keeps_failing_waits_longer_than_any_visibility_timeout() {
        let fault = Fault::transient(Stage::WriteOutcome, "why");
        let after = |receives, fraction| retry_after(&fault, receives, fraction);
        assert_eq!((after(1, 0.0), after(4, 0.0)), (None, None));
        for receives in [5, 20, u32::MAX] {
            assert_eq!(after(receives, 0.0), Some(Duration::from_secs(720)));
            assert_eq!(after(receives, 1.0), Some(Duration::from_secs(1_080)));
        }
    }

    /// Those for which the queue's visibility timeout has to pass.
    fn that_wait() -> impl Iterator<Item = Fault> {
        let transient = [Stage::WriteOutcome, Stage::Busy];
        let transient = transient.map(|stage| Fault::transient(stage, "why"));
        // At every stage.
        let lasting = [Stage::ReadConfig, Stage::WriteOutcome, Stage::HandleMessage];
        let corrupt = lasting.map(|stage| Fault::corrupt(stage, "why"));
        let bugs = lasting.map(|stage| Fault::bug(stage, "why"));
        transient.into_iter().chain(corrupt).chain(bugs)
    }

    #[test]
    fn what_may_be_under_way_or_cannot_be_mended_waits_for_the_queue() {
        for fault in that_wait() {
            assert_eq!(retry_after(&fault, 1, 0.5), None, "{fault:?}");
            let is_recording = fault.is_transient() && fault.stage == Stage::WriteOutcome;
            let after_many = retry_after(&fault, 20, 0.5);
            assert_eq!(after_many.is_some(), is_recording, "{fault:?}");
        }
    }

    #[test]
    fn of_two_faults_the_one_that_has_to_wait_is_told() {
        let fault = |stage| Err(Fault::transient(stage, "why"));
        let told = |one, other| both(one, other).unwrap_err().stage;
        for (one, other) in that_wait().zip(that_wait()) {
            let (stage, kind) = (one.stage, one.kind);
            let told = both(fault(Stage::NoTime), Err(one)).unwrap_err();
            assert_eq!((told.stage, told.kind), (stage, kind));
            let told = both(Err(other), fault(Stage::NoTime)).unwrap_err();
            assert_eq!((told.stage, told.kind), (stage, kind));
        }
        let corrupt = || Err(Fault::corrupt(Stage::ReadConfig, "why"));
        let recording = || fault(Stage::WriteOutcome);
        assert!(both(corrupt(), recording()).unwrap_err().is_corrupt());
        assert!(both(recording(), corrupt()).unwrap_err().is_corrupt());
        assert_eq!(
            told(fault(Stage::NoTime), fault(Stage::AcquireLease)),
            Stage::NoTime
        );
        assert_eq!(
            told(Ok(()), fault(Stage::AcquireLease)),
            Stage::AcquireLease
        );
        assert!(both(Ok(()), Ok(())).is_ok());
    }
}
