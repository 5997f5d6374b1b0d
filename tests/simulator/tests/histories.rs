//! Thousands of histories, each from one seed. `POSTEL_HISTORIES` sets how many, `POSTEL_SEED`
//! repeats one of them with its trace.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's own set-up and report"
)]

use simulator::{FaultProfile, Totals, history};

/// In `make test`; `make chaos` asks for 100,000.
const HISTORIES: u64 = 400;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// In addition to violations, `never` must not happen in this profile: it is counted.
fn tell(profile: FaultProfile, never: &[&str]) -> Totals {
    let mut totals = Totals::default();
    let seeds = match number("POSTEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("POSTEL_HISTORIES").unwrap_or(HISTORIES),
    };
    for seed in seeds {
        let (mut broken, of_this, lines) = history(seed, profile, number("POSTEL_SEED").is_some());
        print!("{}", lines.join("\n"));
        let happened = |what: &&&str| of_this.of(what) > 0;
        let happened: Vec<_> = never.iter().filter(happened).collect();
        if !broken.is_empty() || !happened.is_empty() {
            // Repeated exactly, with its trace.
            let (again, _, lines) = history(seed, profile, true);
            assert_eq!(again, broken, "a seed must tell the same history twice");
            broken.extend(happened.iter().map(|what| format!("there are {what}")));
            panic!(
                "{profile:?}, POSTEL_SEED={seed}:\n{}\n{}",
                lines.join("\n"),
                broken.join("\n")
            );
        }
        totals.add(&of_this);
        *totals.0.entry("histories").or_default() += 1;
    }
    println!("{profile:?}: {totals:?}");
    let what = [
        "histories",
        "posts",
        "crashes",
        "refused",
        "unanswered",
        "repeated",
        "moves",
        "rotations",
        "switched off by an outcome",
        "outcomes of an older version that switch nothing off",
    ]
    .map(|what| format!("\"{what}\": {}", totals.of(what)));
    println!(
        "scorecard: {{\"row\": 2, \"part\": \"{profile:?}\", {}, \"violations\": 0}}",
        what.join(", ")
    );
    totals
}

/// Owners' changes during deliveries, and their effects: this many of each in a thousand histories
/// at least; otherwise the histories test too little.
const OWNERS: [(&str, u64); 10] = [
    ("moves", 300),
    ("rotations", 250),
    ("older secrets ended early", 8),
    ("renames", 80),
    ("deletions", 80),
    ("switched off by the owner", 80),
    ("switched off by an outcome", 150),
    (
        "deliveries whose webhook went off before they were tried",
        2,
    ),
    ("outcomes of an older version that switch nothing off", 6),
    (
        "deliveries owed by webhooks that were off at another time",
        400,
    ),
];

/// Explanations are compared with what happens, in every history.
fn explanations_were_compared(totals: &Totals) {
    for what in [
        "explanations compared",
        "explained when a request arrived",
        "attempts due as explained",
        "drafts explained",
    ] {
        let least = totals.of("histories");
        assert!(totals.of(what) > least, "{what}, {least}: {totals:?}");
    }
}

fn owners_were_at_work(totals: &Totals) {
    explanations_were_compared(totals);
    if number("POSTEL_SEED").is_none() {
        let histories = totals.of("histories");
        for (what, of_a_thousand) in OWNERS {
            let least = histories * of_a_thousand / 1_000;
            assert!(totals.of(what) > least, "{what}, {least}: {totals:?}");
        }
    }
}

#[test]
fn nothing_is_lost_whatever_happens() {
    let totals = tell(FaultProfile::Everything, &[]);
    owners_were_at_work(&totals);
    if number("POSTEL_SEED").is_none() {
        // The profile really had faults.
        for what in [
            "crashes",
            "refused",
            "unanswered",
            "repeated",
            "duplicated messages",
            "given back sooner",
            "moved to a dead-letter queue",
            "schedules lost",
            "schedules late",
            "schedules repeated",
            "marked slow",
            "no longer slow",
            "sent to the slow lane",
        ] {
            assert!(totals.of(what) > 0, "{what}: {totals:?}");
        }
    }
}

#[test]
fn without_a_death_every_later_attempt_is_sent_once() {
    owners_were_at_work(&tell(
        FaultProfile::DuplicatesAndDelays,
        &["later attempts unrecorded"],
    ));
}

#[test]
fn an_answer_lost_to_the_sdk_makes_no_attempt_twice() {
    let never = [
        "later attempts unrecorded",
        "first attempts unrecorded",
        "twins",
        "timeouts",
    ];
    owners_were_at_work(&tell(FaultProfile::LateReplies, &never));
}
