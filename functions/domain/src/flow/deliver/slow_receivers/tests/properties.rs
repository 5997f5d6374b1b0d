//! However responses are timed and mixed, the time that a webhook or a tenant takes from a process
//! is bounded.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// One invocation of an attacker: how long after the last one it begins, and its attempts: their
/// webhook, start and length.
type Invocation = (u64, Vec<(usize, u64, u64)>);

fn durations() -> impl Strategy<Value = u64> {
    prop_oneof![
        // Just within and just beyond every bound.
        prop_oneof![
            Just(999),
            Just(1_000),
            Just(1_001),
            Just(2_000),
            Just(2_001)
        ],
        prop_oneof![Just(8_999), Just(9_000), Just(9_001), Just(60_000)],
        0..60_000u64,
        0..300u64,
    ]
}

fn invocations(webhooks: usize) -> impl Strategy<Value = Vec<Invocation>> {
    let attempts = prop::collection::vec((0..webhooks, 0..2_000u64, durations()), 1..6);
    let gaps = prop_oneof![Just(1u64), 0..10_000u64, 0..600_000u64];
    prop::collection::vec((gaps, attempts), 1..60)
}

/// The time that one invocation took from a process: when it began, when it ended, and how much.
type Taken = (u64, u64, u64);

/// The total length of these intervals.
fn together(mut stretches: Vec<(u64, u64)>) -> u64 {
    stretches.sort_unstable();
    let (mut sum, mut until) = (0, 0);
    for (from, to) in stretches {
        sum += to.max(until) - from.max(until).min(to.max(until));
        until = until.max(to);
    }
    sum
}

/// In any time, the time taken is at most what fills the bucket, one invocation, and the leak.
fn assert_bounded(taken: &[Taken], full: Duration, fraction: f64) {
    let longest = 62_000;
    for (first, (begin, ..)) in taken.iter().enumerate() {
        let mut sum = 0;
        for (_, end, took) in &taken[first..] {
            sum += took;
            let leaked = Leak::varied(fraction).of(Duration::from_millis(end - begin));
            let most = u64::try_from((full + leaked).as_millis()).unwrap() + longest;
            assert!(sum <= most, "{sum} of {} ms, at most {most}", end - begin);
        }
    }
}

/// Runs the invocations in one process. With `by_marks`, only marks count, as if another process
/// received each message.
fn work_off(
    plan: &[Invocation],
    by_marks: bool,
    fraction: f64,
) -> (Vec<Taken>, HashMap<usize, Vec<Taken>>) {
    let slow_receivers = SlowReceiverDetector::varied(fraction);
    let mut marks = HashMap::new();
    let (mut now, mut tenants, mut webhooks) = (0, Vec::new(), HashMap::<_, Vec<_>>::new());
    for (gap, attempts) in plan {
        now += gap;
        let mut made: Vec<_> = attempts.clone();
        // They are observed in the order in which they end.
        made.sort_by_key(|(_, start, took)| start + took);
        let subscription = |number: usize, marks: &HashMap<usize, Time>| {
            let mut to = webhook(number);
            to.webhook.slow_since = marks.get(&number).copied();
            to
        };
        let (mut end, mut stretches) = (now, HashMap::<_, Vec<_>>::new());
        for (number, start, took) in &made {
            let to = subscription(*number, &marks);
            let slow = if by_marks {
                to.webhook.is_slow()
            } else {
                slow_receivers.is_slow(&to, at(now))
            };
            if !slow && *took > 1_000 {
                let stretch = (now + start + 1_000, now + start + took);
                stretches.entry(*number).or_default().push(stretch);
            }
            end = end.max(now + start + took);
        }
        for (number, start, took) in &made {
            let to = subscription(*number, &marks);
            let is_common = stretches.contains_key(number) || *took <= 1_000;
            let source = if is_common {
                QueueKind::Events
            } else {
                QueueKind::Slow
            };
            let one = attempt(now + start, Duration::from_millis(*took));
            slow_receivers.observe(&to, &one, source);
        }
        for change in slow_receivers.changes() {
            let number = (0..100).find(|n| webhook(*n).webhook.id == change.of.webhook);
            match change.since {
                None => marks.insert(number.unwrap(), at(end)),
                Some(_) => marks.remove(&number.unwrap()),
            };
        }
        let all: Vec<_> = stretches.values().flatten().copied().collect();
        tenants.push((now, end, together(all)));
        for (number, some) in stretches {
            let taken = (now, end, together(some));
            webhooks.entry(number).or_default().push(taken);
        }
        now = end;
    }
    (tenants, webhooks)
}

proptest! {
    #[test]
    fn neither_a_webhook_nor_a_tenant_takes_more_than_its_bucket_and_the_leak(
        plan in prop_oneof![invocations(1), invocations(4), invocations(60)],
        fraction in 0.0..=1.0,
    ) {
        let (of_tenant, of_webhooks) = work_off(&plan, false, fraction);
        assert_bounded(&of_tenant, TENANT_FULL, fraction);
        for taken in of_webhooks.values() {
            assert_bounded(taken, WEBHOOK_FULL, fraction);
        }
    }

    #[test]
    fn what_a_webhook_takes_before_it_is_marked_is_bounded(plan in invocations(1), fraction in 0.0..=1.0) {
        let (_, of_webhooks) = work_off(&plan, true, fraction);
        for taken in of_webhooks.values() {
            assert_bounded(taken, WEBHOOK_FULL + MARK_PROPAGATION, fraction);
        }
    }
}
