//! The checker walks through all states of the protocol and finds nothing; and finds something as
//! soon as one guard is taken away.

use std::collections::BTreeSet;
use std::time::Instant;

use model::guards::Guard;
use model::properties::{
    ASKED_IS_DONE, DEAD_HAS_LETTER, NO_IDLE_LEASE, NO_SWEEPER_NEEDED, NOT_EARLY, NOTHING_LOST,
    ONE_LEASE, ONE_POST, OWN_DEATH, STAYS_DELIVERED, SWITCHED_AT_LAST, SWITCHED_BY_ITS_OWN,
};
use model::{Door, Scenario};
use stateright::{Checker, HasDiscoveries, Model};

/// One event for two webhooks, three attempts each, through the events queue: one trouble of any
/// kind, anywhere.
const EVENT: Scenario = Scenario {
    name: "an event of the SQS door",
    door: Door::Sqs,
    deliveries: 2,
    slow: false,
    attempts: 3,
    max_receives: 2,
    crashes: 1,
    queue: 1,
    calls: 1,
    clocks: 1,
    troubles: 1,
    asks: 0,
    redrives: 0,
    disables: false,
    moves: 0,
    without: None,
};
const STORED: Scenario = Scenario {
    name: "an event of the HTTP door",
    door: Door::Http,
    ..EVENT
};
/// One delivery between its attempts, and a user who retries it by hand and puts it back.
const USER: Scenario = Scenario {
    name: "manual retry and redrive",
    door: Door::Retrying,
    deliveries: 1,
    attempts: 2,
    asks: 1,
    redrives: 1,
    ..EVENT
};
/// An event for a webhook that keeps timing out: its attempts are made from the slow lane.
const SLOW: Scenario = Scenario {
    name: "an event for a slow webhook",
    slow: true,
    attempts: 2,
    ..SINGLE
};
/// A webhook whose last failure switches it off, and an owner who moves it at any moment.
const MOVES: Scenario = Scenario {
    name: "a webhook that moves",
    door: Door::Retrying,
    deliveries: 1,
    attempts: 2,
    redrives: 1,
    disables: true,
    moves: 2,
    ..EVENT
};
/// The same with any two troubles, at any two moments.
const fn twice(scenario: Scenario) -> Scenario {
    Scenario {
        crashes: 2,
        queue: 2,
        calls: 2,
        clocks: 2,
        troubles: 2,
        ..scenario
    }
}

/// A guard, where it is missed, and what then goes wrong.
const GUARDS: [(Guard, Scenario, &str); 29] = [
    (Guard::ClaimChecksLease, EVENT, ONE_LEASE),
    (Guard::ClaimChecksTicket, twice(SINGLE), OWN_DEATH),
    (Guard::ClaimChecksStatus, USER, STAYS_DELIVERED),
    (Guard::ClaimChecksToken, USER, ONE_POST),
    (Guard::ClaimKnowsItsOwn, EVENT, NO_IDLE_LEASE),
    (Guard::CommitChecksOwner, twice(SINGLE), STAYS_DELIVERED),
    (Guard::CommitKnowsItsOwn, EVENT, NO_SWEEPER_NEEDED),
    (Guard::DeadLetterInTheSameWrite, EVENT, DEAD_HAS_LETTER),
    (Guard::DeliveredByHandResolves, USER, DEAD_HAS_LETTER),
    (Guard::OpenIsNew, EVENT, ONE_POST),
    (Guard::OpenKnowsItsOwn, EVENT, NO_SWEEPER_NEEDED),
    (Guard::StoreIsNew, EVENT, STAYS_DELIVERED),
    (Guard::TwinSkipsRecorded, EVENT, STAYS_DELIVERED),
    (Guard::ReturnedIsRead, EVENT, ONE_POST),
    (Guard::SettleFollowsUp, EVENT, NO_SWEEPER_NEEDED),
    (Guard::PutOffIsCarriedAgain, SLOW, NO_SWEEPER_NEEDED),
    (Guard::StaleFollowsUp, EVENT, NO_SWEEPER_NEEDED),
    (Guard::BusyIsCarried, EVENT, NO_SWEEPER_NEEDED),
    (Guard::EarlyIsPutBack, EVENT, NOT_EARLY),
    (Guard::StateBeforeQueue, EVENT, NO_SWEEPER_NEEDED),
    (Guard::QueueBeforeAck, EVENT, NO_SWEEPER_NEEDED),
    (Guard::Sweeper, EVENT, NOTHING_LOST),
    (Guard::DeadEventIsKept, twice(SINGLE), NOTHING_LOST),
    (Guard::ReviveFindsItDead, USER, STAYS_DELIVERED),
    (Guard::SwitchOffChecksVersion, MOVES, SWITCHED_BY_ITS_OWN),
    (Guard::OutcomeCarriesItsVersion, MOVES, SWITCHED_BY_ITS_OWN),
    (Guard::SwitchOffIsDoneAgain, MOVES, SWITCHED_AT_LAST),
    (Guard::CommitIsRebased, USER, DEAD_HAS_LETTER),
    (
        Guard::WaitingTokenIsDue,
        Scenario {
            asks: 2,
            redrives: 0,
            ..USER
        },
        ASKED_IS_DONE,
    ),
];
/// The least in which two deaths of one message can be seen.
const SINGLE: Scenario = Scenario {
    name: "an event for one webhook",
    deliveries: 1,
    ..EVENT
};

/// Walks through all states and counts them; and names what does not hold, with the way there.
fn explore(scenario: Scenario) -> (usize, Vec<&'static str>) {
    let began = Instant::now();
    let checker = scenario.checker().threads(2).spawn_bfs().join();
    assert!(checker.is_done());
    println!(
        "{}: {} states in {:.1?}",
        scenario.name,
        checker.unique_state_count(),
        began.elapsed()
    );
    let found = checker.discoveries();
    for (name, path) in &found {
        println!("not true: {name}\n{:#?}", path.clone().into_actions());
    }
    (checker.unique_state_count(), found.into_keys().collect())
}

#[test]
fn every_state_that_one_trouble_leads_to_keeps_the_promises() {
    for scenario in [EVENT, STORED, USER, SLOW, MOVES] {
        assert_eq!(explore(scenario).1, [""; 0], "{}", scenario.name);
    }
}

/// How many guards are missed when they are taken away; names those that are not.
fn guards_caught() -> (usize, Vec<String>) {
    let mut missed = Vec::new();
    for (guard, scenario, broken) in GUARDS {
        let without = Scenario {
            without: Some(guard),
            ..scenario
        };
        let wanted = BTreeSet::from([broken]);
        let checker = without
            .checker()
            .threads(2)
            .finish_when(HasDiscoveries::AllOf(wanted))
            .spawn_bfs()
            .join();
        let found: Vec<&str> = checker.discoveries().into_keys().collect();
        println!(
            "without {guard:?}: {found:?} after {} states",
            checker.unique_state_count()
        );
        if !found.contains(&broken) {
            missed.push(format!(
                "without {guard:?} it still holds that {broken}; found: {found:?}"
            ));
        }
    }
    (GUARDS.len() - missed.len(), missed)
}

#[test]
fn every_guard_is_missed_when_it_is_taken_away() {
    assert_eq!(guards_caught().1, [""; 0]);
    let tested: BTreeSet<String> = GUARDS
        .iter()
        .map(|(guard, ..)| format!("{guard:?}"))
        .collect();
    assert_eq!(tested.len(), GUARDS.len());
}

#[test]
#[ignore = "the long form: minutes"]
fn every_state_that_two_troubles_lead_to_keeps_the_promises() {
    let user = Scenario {
        name: "two manual retries and a redrive",
        asks: 2,
        ..USER
    };
    let scenarios = [
        twice(EVENT),
        twice(STORED),
        user,
        twice(USER),
        twice(SLOW),
        twice(MOVES),
    ];
    let explored = scenarios.map(explore);
    let states: usize = explored.iter().map(|(states, _)| states).sum();
    let violations: usize = explored.iter().map(|(_, found)| found.len()).sum();
    let (caught, missed) = guards_caught();
    println!(
        "scorecard: {{\"row\": 12, \"states\": {states}, \"violations\": {violations}, \"guards\": {}, \"guards_caught\": {caught}}}",
        GUARDS.len()
    );
    assert_eq!((violations, missed), (0, Vec::new()));
}
