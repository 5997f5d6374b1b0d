//! First attempts of an event that may have two messages: the checker walks through all states and
//! finds nothing; and finds something as soon as one guard is taken away.

use std::collections::BTreeSet;

use model::possible_duplicate::{BOTH_AT_ONCE, Guard, NOTHING_LOST, ONE_POST, Shared, WITH_LEASE};
use stateright::{Checker, HasDiscoveries, Model};

const HTTP: Shared = Shared {
    name: "two callers over HTTP",
    with_message: false,
    troubles: 3,
    without: None,
};
const WITH_MESSAGE: Shared = Shared {
    name: "two callers over HTTP and an SQS message",
    with_message: true,
    ..HTTP
};

/// A guard, where it is missed, and what then goes wrong.
const GUARDS: [(Guard, Shared, &str); 15] = [
    (Guard::StoredBeforeSent, HTTP, NOTHING_LOST),
    (Guard::UnansweredIsSentAgain, HTTP, NOTHING_LOST),
    (Guard::NobodyElseRepeats, HTTP, ONE_POST),
    (Guard::MarkedBeforeSentAgain, HTTP, ONE_POST),
    (Guard::MarkComesFirst, HTTP, ONE_POST),
    (Guard::SuccessorMarks, HTTP, ONE_POST),
    (Guard::SecondIsDelayed, HTTP, ONE_POST),
    (Guard::AcceptedOnceSent, HTTP, NOTHING_LOST),
    (Guard::MessageKnowsItsId, WITH_MESSAGE, NOTHING_LOST),
    (Guard::TakenOverIsRead, WITH_MESSAGE, ONE_POST),
    (Guard::TakenOverIsMarked, WITH_MESSAGE, ONE_POST),
    (Guard::TakenOverWaits, WITH_MESSAGE, ONE_POST),
    (Guard::WaitBeginsWithTheMark, WITH_MESSAGE, ONE_POST),
    (Guard::MarkedTakesLease, HTTP, ONE_POST),
    (Guard::CreatedOnce, HTTP, ONE_POST),
];

/// What is found: the promises that are broken, and what has to happen somewhere.
fn explore(scenario: Shared, until: HasDiscoveries) -> Vec<&'static str> {
    let checker = scenario.checker().threads(2).finish_when(until);
    let checker = checker.spawn_bfs().join();
    let discoveries = checker.discoveries();
    let mut found: Vec<_> = discoveries.keys().copied().collect();
    found.sort_unstable();
    println!(
        "{} without {:?}: {} states, {found:?}",
        scenario.name,
        scenario.without,
        checker.unique_state_count()
    );
    for (name, path) in discoveries {
        if scenario.without.is_none() && [NOTHING_LOST, ONE_POST].contains(&name) {
            println!("not true: {name}\n{:#?}", path.into_actions());
        }
    }
    found
}

#[test]
fn no_first_attempt_is_lost_or_sent_twice() {
    for scenario in [HTTP, WITH_MESSAGE] {
        let found = explore(scenario, HasDiscoveries::All);
        assert_eq!(found, [WITH_LEASE, BOTH_AT_ONCE], "{}", scenario.name);
    }
}

#[test]
fn every_guard_of_first_attempts_is_missed_when_it_is_taken_away() {
    for (guard, scenario, expected) in GUARDS {
        let without = Shared {
            without: Some(guard),
            ..scenario
        };
        let found = explore(without, HasDiscoveries::AllOf(BTreeSet::from([expected])));
        assert!(found.contains(&expected), "{guard:?}: {found:?}");
    }
    let guards: BTreeSet<String> = GUARDS.iter().map(|(g, ..)| format!("{g:?}")).collect();
    assert_eq!(guards.len(), GUARDS.len());
}
