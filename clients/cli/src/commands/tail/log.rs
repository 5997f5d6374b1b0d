//! What `tail` has seen: each state of a delivery is news once.

use std::collections::HashMap;
use std::time::Duration;

use domain::time::Time;
use serde_json::Value;

use crate::output::text;

/// An open delivery is asked about at least this often once its next attempt is due.
const AGAIN: Duration = Duration::from_secs(30);
/// After the time of the next attempt, before its result is asked for.
const ATTEMPT: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Seen {
    state: (String, String),
    event: String,
    created: Time,
    next: Option<Time>,
    is_final: bool,
    asked: Time,
}

/// The deliveries that are followed, by id.
#[derive(Debug, Default)]
pub(super) struct Log {
    seen: HashMap<String, Seen>,
}

fn state(delivery: &Value) -> (String, String) {
    (text(delivery, "status"), text(delivery, "attempts"))
}

impl Log {
    /// Whether this state of a delivery was not seen.
    pub(super) fn is_news(&self, delivery: &Value) -> bool {
        self.seen
            .get(&text(delivery, "id"))
            .is_none_or(|seen| seen.state != state(delivery))
    }

    /// Notes deliveries, newest first as lists are, and gives the news among them, oldest first.
    pub(super) fn news(&mut self, deliveries: Vec<Value>, now: Time) -> Vec<Value> {
        let mut found = Vec::new();
        for delivery in deliveries {
            let id = text(&delivery, "id");
            let is_news = self.is_news(&delivery);
            let time = |member: &str| Time::parse_rfc3339(&text(&delivery, member));
            let seen = Seen {
                state: state(&delivery),
                event: text(&delivery, "eventId"),
                created: time("createdAt").unwrap_or(now),
                next: time("nextAttemptAt"),
                is_final: matches!(text(&delivery, "status").as_str(), "completed" | "failed"),
                asked: now,
            };
            self.seen.insert(id, seen);
            if is_news {
                found.push(delivery);
            }
        }
        found.reverse();
        found
    }

    /// The events of open deliveries that the window no longer shows and whose state may have
    /// changed, those first that were not asked about for longest.
    pub(super) fn due(&self, now: Time, window: Time, most: usize) -> Vec<String> {
        let may_have_changed = |seen: &Seen| {
            // An attempt takes a while after its time: asked about often at first.
            let overdue = seen.next.map_or(AGAIN, |next| seen.asked.since(next));
            let again = seen.asked.plus(overdue.clamp(ATTEMPT, AGAIN));
            now >= seen
                .next
                .map_or(again, |next| again.max(next.plus(ATTEMPT)))
        };
        let mut due: Vec<&Seen> = self
            .seen
            .values()
            .filter(|seen| !seen.is_final && seen.created < window && may_have_changed(seen))
            .collect();
        due.sort_by_key(|seen| seen.asked);
        let mut events: Vec<String> = Vec::new();
        for seen in due {
            if events.len() < most && !events.contains(&seen.event) {
                events.push(seen.event.clone());
            }
        }
        events
    }

    /// Forgets what has ended and is older than the window: no list shows it again.
    pub(super) fn forget(&mut self, window: Time) {
        // A minute more: a page may begin a little before the window does.
        let window = window.minus(Duration::from_secs(60));
        self.seen
            .retain(|_, seen| !seen.is_final || seen.created >= window);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Time = Time::from_millis(1_800_000_000_000);

    fn at(seconds: u64) -> Time {
        NOW.plus(Duration::from_secs(seconds))
    }

    fn delivery(id: &str, status: &str, attempts: u64, next: Option<Time>) -> Value {
        json!({"id": id, "eventId": format!("e-{id}"), "status": status, "attempts": attempts, "createdAt": NOW.rfc3339(),
            "nextAttemptAt": next.map(Time::rfc3339)})
    }

    fn ids(found: &[Value]) -> Vec<String> {
        found.iter().map(|delivery| text(delivery, "id")).collect()
    }

    #[test]
    fn each_state_is_news_once_and_the_oldest_comes_first() {
        let mut log = Log::default();
        let page = || {
            vec![
                delivery("b", "pending", 0, None),
                delivery("a", "completed", 1, None),
            ]
        };
        assert_eq!(ids(&log.news(page(), NOW)), ["a", "b"]);
        assert!(log.news(page(), NOW).is_empty());
        let done = delivery("b", "completed", 1, None);
        assert!(log.is_news(&done));
        assert_eq!(ids(&log.news(vec![done.clone()], NOW)), ["b"]);
        assert!(!log.is_news(&done));
    }

    #[test]
    fn an_open_delivery_is_followed_beyond_the_window() {
        let mut log = Log::default();
        log.news(
            vec![
                delivery("a", "retrying", 1, Some(at(3600))),
                delivery("b", "completed", 1, None),
            ],
            NOW,
        );
        let window = at(600);
        log.forget(window);
        assert!(
            log.is_news(&delivery("b", "completed", 1, None)),
            "b is forgotten"
        );
        assert!(log.due(at(30), NOW, 5).is_empty(), "the window shows it");
        assert_eq!(log.due(at(3601), window, 5), ["e-a"]);
        log.news(vec![delivery("a", "retrying", 1, Some(at(3600)))], at(3601));
        assert!(log.due(at(3601), window, 5).is_empty(), "just asked");
        assert_eq!(
            log.due(at(3603), window, 5),
            ["e-a"],
            "the attempt takes a while"
        );
        assert_eq!(log.due(at(3640), window, 5), ["e-a"]);
        assert_eq!(
            ids(&log.news(vec![delivery("a", "failed", 2, None)], at(3640))),
            ["a"]
        );
        assert!(log.due(at(9999), window, 5).is_empty());
    }
}
