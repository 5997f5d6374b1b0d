//! The bounds on what a tenant has at once, in every order of calls; and what becomes of each
//! without one of its guards.

use model::bounds::{BOUND, Bound, Guard, Kind, NO_LEAK};
use stateright::{Checker, Model};

/// A guard, of which bound, and what goes wrong without it.
const GUARDS: [(Guard, Kind, &str); 9] = [
    (Guard::LimitInTheWrite, Kind::Counted, BOUND),
    (Guard::CountWithItsRow, Kind::Counted, NO_LEAK),
    (Guard::DeletionFindsItsRow, Kind::Counted, BOUND),
    (Guard::SlotIsFree, Kind::Slots, BOUND),
    (Guard::SlotBeforeJob, Kind::Slots, BOUND),
    (Guard::JobMayStillCome, Kind::Slots, BOUND),
    (Guard::AbandonedIsFreed, Kind::Slots, NO_LEAK),
    (Guard::NobodyWroteMeanwhile, Kind::Leases, BOUND),
    (Guard::LeaseEnds, Kind::Leases, NO_LEAK),
];

fn broken(kind: Kind, without: Option<Guard>) -> Vec<&'static str> {
    let bound = Bound {
        kind,
        troubles: 2,
        without,
    };
    let checker = bound.checker().spawn_bfs().join();
    let mut found: Vec<_> = checker.discoveries().into_keys().collect();
    found.sort_unstable();
    println!(
        "{kind:?} without {without:?}: {} states, {found:?}",
        checker.unique_state_count()
    );
    found
}

#[test]
fn no_order_of_calls_passes_a_bound_or_wears_it_down() {
    for kind in [Kind::Counted, Kind::Slots, Kind::Leases] {
        assert_eq!(broken(kind, None), [""; 0], "{kind:?}");
    }
}

#[test]
fn every_guard_of_a_bound_is_missed_when_it_is_taken_away() {
    for (guard, kind, expected) in GUARDS {
        let found = broken(kind, Some(guard));
        assert!(found.contains(&expected), "{guard:?}: {found:?}");
    }
}
