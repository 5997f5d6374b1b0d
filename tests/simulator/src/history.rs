//! A whole history from one seed.

use std::time::Duration;

use domain::contract::{Contract, Overrides, builtin};
use domain::flow::AWS_CALL_TIMEOUT;
use fastrand::Rng;

use crate::account::Totals;
use crate::directory::Subscriber;
use crate::faults::{Faults, Guard};
use crate::owner::Change;
use crate::receivers::ReceiverBehaviour;
use crate::simulation::{Act, Door, Publication, Simulation};

/// The faults of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultProfile {
    Everything,
    /// Messages come twice and late, clocks differ, and the SDK repeats calls whose responses were
    /// lost; but no process dies and no call fails. Every attempt after the first must be sent
    /// exactly once.
    DuplicatesAndDelays,
    /// AWS responds slowly or not at all, and the SDK asks again, and has its response before it
    /// gives up ([`AWS_CALL_TIMEOUT`]); SQS delivers each message once. Every attempt must be sent
    /// exactly once, first ones too.
    LateReplies,
}

/// How long faults occur: five days, longer than any schedule of retries here.
const TROUBLED: Duration = Duration::from_secs(5 * 24 * 3600);

/// Fewer receives than the template allows.
const FEW_RECEIVES: u32 = 5;

/// Runs the history of a seed. Returns the promises it broke, the counters and, on request, its
/// trace.
#[must_use]
pub fn history(
    seed: u64,
    profile: FaultProfile,
    trace: bool,
) -> (Vec<String>, Totals, Vec<String>) {
    history_without(None, seed, profile, trace)
}

/// The same with a guard removed.
#[must_use]
pub fn history_without(
    guard: Option<Guard>,
    seed: u64,
    profile: FaultProfile,
    trace: bool,
) -> (Vec<String>, Totals, Vec<String>) {
    let mut rng = Rng::with_seed(seed);
    let mut simulation = Simulation::new(rng.u64(..));
    if trace {
        simulation.keep_trace();
    }
    guard
        .into_iter()
        .for_each(|guard| simulation.take_away(guard));
    simulation.set_faults(faults(&mut rng, profile));
    if rng.bool() {
        // More messages die, and become dead letters.
        simulation.set_max_receives(FEW_RECEIVES);
    }
    simulation.set_calm_after(TROUBLED);
    let tenants = rng.usize(1..=2);
    for _ in 0..tenants {
        let subscribers: Vec<Subscriber> = (0..rng.usize(1..=3))
            .map(|_| Subscriber {
                contract: contract(&mut rng),
                manner: manner(&mut rng),
            })
            .collect();
        simulation.add_tenant(&subscribers);
    }
    filters(seed, tenants, &mut simulation);
    let published: Vec<Duration> = (0..rng.u32(1..=6))
        .map(|_| publications(&mut rng, tenants, &mut simulation))
        .collect();
    if rng.bool() {
        for _ in 0..rng.u32(1..=6) {
            let near = published[rng.usize(0..published.len())];
            let after = near + shortly(&mut rng);
            let act = match (owners_act(&mut rng), rng.u32(0..6)) {
                (Act::Change(change), 0..3) => Act::ChangeUnderWay(change),
                (Act::Change(one), 3) => match owners_act(&mut rng) {
                    Act::Change(other) => Act::ChangeTogether(one, other),
                    act => act,
                },
                (act, _) => act,
            };
            simulation.act(after, act);
        }
    }
    for _ in 0..rng.u32(0..=5) {
        let act = match rng.u32(0..13) {
            0..3 => Act::Manual(rng.u32(1..=4)),
            3..5 => Act::Redrive(rng.u32(1..=4)),
            5 => Act::RedriveAll,
            6 | 7 => owners_act(&mut rng),
            8 => Act::Garbage,
            9 => Act::Mark,
            10..12 => Act::Erase(rng.u32(1..=2)),
            _ if profile == FaultProfile::Everything => Act::LoseMessage,
            _ => Act::Garbage,
        };
        simulation.act(moment(&mut rng), act);
    }
    let (broken, totals) = simulation.settle();
    (broken, totals, simulation.trace())
}

/// Some seconds, minutes or hours from the start.
fn moment(rng: &mut Rng) -> Duration {
    let longest = [2_000, 60_000, 1_800_000, 40_000_000][rng.usize(0..4)];
    Duration::from_millis(rng.u64(0..longest))
}

/// During an event's first attempts, or its later ones.
fn shortly(rng: &mut Rng) -> Duration {
    let longest = [5_000, 60_000, 900_000, 9_000_000][rng.usize(0..4)];
    Duration::from_millis(rng.u64(0..longest))
}

fn owners_act(rng: &mut Rng) -> Act {
    Act::Change(match rng.u32(0..14) {
        0..4 => Change::Move,
        4..7 => Change::Rotate([0, 3, 120, 1_800, 86_400][rng.usize(0..5)]),
        7..9 => Change::EndPrevious,
        9 => Change::Rename,
        10 => Change::Delete,
        11 => Change::Switch(false),
        _ => return Act::SwitchOn,
    })
}

fn faults(rng: &mut Rng, profile: FaultProfile) -> Faults {
    if profile == FaultProfile::LateReplies {
        return Faults {
            repeated: 0.3,
            slow: rng.f64() * 0.3,
            // The request and two responses, of which the first is lost.
            slowest: AWS_CALL_TIMEOUT / 3 - Duration::from_millis(1),
            late: 0.1,
            ..Faults::default()
        };
    }
    // Separate random numbers, so that a seed keeps the rest of its history.
    let mut own = Rng::with_seed(rng.get_seed());
    let mut of_schedules = |most: f64| if own.bool() { own.f64() * most } else { 0.0 };
    let (late_schedule, repeated_schedule) = (of_schedules(0.3), of_schedules(0.3));
    let dropped_schedule = of_schedules(0.3);
    // Each fault is often absent, so that one can occur alone.
    let mut some = |most: f64| if rng.bool() { rng.f64() * most } else { 0.0 };
    let mut faults = Faults {
        repeated: some(0.2),
        slow: some(0.03),
        slowest: Duration::from_secs(4),
        duplicate: some(0.3),
        late: some(0.3),
        late_schedule,
        repeated_schedule,
        skew_millis: if some(1.0) > 0.0 { 2_000 } else { 0 },
        ..Faults::default()
    };
    if profile == FaultProfile::Everything {
        faults.crash = some(0.08);
        faults.refused = some(0.15);
        faults.unanswered = some(0.1);
        faults.lost_schedule = some(0.3);
        faults.dropped_schedule = dropped_schedule;
    }
    faults
}

/// Some webhooks leave out some events. Chosen apart from all else, so that a history is the same
/// with filters and without.
fn filters(seed: u64, tenants: usize, simulation: &mut Simulation) {
    let mut rng = Rng::with_seed(!seed);
    for (tenant, webhook) in (0..tenants).flat_map(|tenant| (0..3).map(move |at| (tenant, at))) {
        if rng.u32(0..10) == 0 {
            // Of the numbers 0 and 1: none, or 0.
            simulation.filter(tenant, webhook, rng.u32(0..4).min(1));
        }
    }
}

fn contract(rng: &mut Rng) -> Contract {
    let name = ["standard", "kliq", "kuviq", "kazinex", "inspectorio"][rng.usize(0..5)];
    #[expect(clippy::expect_used, reason = "named above")]
    let contract = builtin(name).expect("a contract");
    let delays = [
        None,
        Some(vec![]),
        Some(vec![5, 30]),
        Some(vec![60, 1800, 3600]),
    ][rng.usize(0..4)]
    .clone();
    let overrides = Overrides {
        timeout_seconds: None,
        retry_delays_seconds: delays,
    };
    contract.with(&overrides, Duration::from_secs(60))
}

fn manner(rng: &mut Rng) -> ReceiverBehaviour {
    if rng.u32(0..4) == 0 {
        // A receiver that never accepts anything.
        return ReceiverBehaviour {
            fails: 1.0,
            lingers: if rng.bool() { 0.5 } else { 0.0 },
            ..ReceiverBehaviour::default()
        };
    }
    if rng.u32(0..6) == 0 {
        // A receiver that hangs often enough to be slow, and responds often enough to recover.
        return ReceiverBehaviour {
            hangs: 0.4 + rng.f64() * 0.6,
            ..ReceiverBehaviour::default()
        };
    }
    if rng.u32(0..6) == 0 {
        // A receiver that often answers 410, half of the time after some seconds.
        return ReceiverBehaviour {
            gone: 0.1 + rng.f64() * 0.5,
            fails: rng.f64() * 0.3,
            lingers: 0.5,
            ..ReceiverBehaviour::default()
        };
    }
    let mut some = |most: f64| if rng.bool() { rng.f64() * most } else { 0.0 };
    ReceiverBehaviour {
        fails: some(0.6),
        refuses: some(0.05),
        gone: some(0.03),
        hangs: some(0.15),
        resets: some(0.1),
        dawdles: some(0.2),
        drags: some(0.2),
        lingers: some(0.2),
    }
}

/// One event, or several with one id. Returns the earliest time of the first.
fn publications(rng: &mut Rng, tenants: usize, simulation: &mut Simulation) -> Duration {
    let after = moment(rng);
    let id = rng.bool().then(|| format!("order-{}", rng.u32(0..3)));
    let copies = if id.is_some() { rng.u32(1..=3) } else { 1 };
    let (tenant, data) = (rng.usize(0..tenants), rng.u32(0..2));
    for _ in 0..copies {
        let publication = Publication {
            tenant,
            door: if rng.bool() { Door::Http } else { Door::Sqs },
            id: id.clone(),
            data,
        };
        simulation.publish(
            after + Duration::from_millis(rng.u64(0..3_000)),
            publication,
        );
    }
    after
}
