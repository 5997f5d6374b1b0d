//! Who may publish, and for which webhooks.
//!
//! The authorizer's word may be as old as the gateway remembers it; so the tenant is read for each
//! request: one that was deleted, or made anew since the key was made, takes no event, and the same
//! query tells its limits and its webhooks. Cost: a consistent read for each 4 KB of the tenant's
//! webhooks.
//!
//! Where a process serves one tenant so often that this would be felt, an answer serves for up to a
//! second: only a tenant that has called [`OFTEN`] times within a second, so a lone request is
//! always judged by what is there now. Under such load it costs one read a second and process.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use adapters::cache::Cache;
use adapters::clock::now;
use adapters::config::{Audience, ConfigTable};
use domain::ids::TenantId;
use domain::ports::Fault;
use domain::time::Time;

/// How many requests of a tenant within a second make its answers last.
const OFTEN: usize = 5;
/// How long an answer then lasts.
const SECOND: Duration = Duration::from_secs(1);

/// How many tenants are remembered, and how long one that calls no more.
const MAX_TRACKED: usize = 1_000;
const KEPT: Duration = Duration::from_secs(600);

/// What is known of a tenant and its calls.
#[derive(Default)]
struct Calls {
    /// When the last ones came, the oldest first; fewer than [`OFTEN`].
    before: VecDeque<Time>,
    read: Option<(Time, Arc<Audience>)>,
}

impl Calls {
    /// Notes a call. What was read lately, if the tenant calls often.
    fn call(&mut self, now: Time) -> Option<Arc<Audience>> {
        let is_recent = |at: Time| (at..=at.plus(SECOND)).contains(&now);
        let oldest = self.before.front().copied();
        let is_often = self.before.len() == OFTEN - 1 && oldest.is_some_and(is_recent);
        if self.before.len() == OFTEN - 1 {
            self.before.pop_front();
        }
        self.before.push_back(now);
        let read = self.read.as_ref().filter(|(at, _)| is_recent(*at));
        read.filter(|_| is_often)
            .map(|(_, audience)| Arc::clone(audience))
    }
}

/// Reads tenants' audiences.
pub(crate) struct Door {
    calls: Cache<TenantId, Calls>,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            calls: Cache::new(MAX_TRACKED, KEPT),
        }
    }
}

impl Door {
    /// The audience of a tenant that calls now; none if there is no such tenant.
    pub(crate) async fn audience(
        &self,
        config: &ConfigTable,
        tenant: &TenantId,
    ) -> Result<Option<Arc<Audience>>, Fault> {
        let now = now();
        let change = |calls: &mut Calls| calls.call(now);
        let known = self
            .calls
            .change(tenant.clone(), now, Calls::default, change);
        if let Some(audience) = known.flatten() {
            return Ok(Some(audience));
        }
        let audience = config.audience(tenant).await?.map(Arc::new);
        let read = audience.clone().map(|audience| (now, audience));
        self.calls
            .change(tenant.clone(), now, Calls::default, |calls| {
                calls.read = read;
            });
        Ok(audience)
    }
}

#[cfg(test)]
mod tests {
    use domain::tenant::Limits;

    use super::*;

    const fn at(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    /// Which of some calls read the table, all others being answered from memory.
    fn reading(calls: &[i64]) -> Vec<i64> {
        let audience = Arc::new(Audience::new(at(0), Limits::default(), Vec::new()));
        let mut known = Calls::default();
        let asks = |now: &i64| {
            let is_known = known.call(at(*now)).is_some();
            if !is_known {
                known.read = Some((at(*now), Arc::clone(&audience)));
            }
            !is_known
        };
        calls.iter().copied().filter(asks).collect()
    }

    #[test]
    fn whoever_calls_seldom_is_judged_by_what_is_there_now() {
        assert_eq!(reading(&[0, 1, 2, 3]), [0, 1, 2, 3]);
        let four_a_second: Vec<i64> = (0..40).map(|n| n * 251).collect();
        assert_eq!(reading(&four_a_second), four_a_second);
    }

    #[test]
    fn whoever_calls_often_is_read_once_a_second() {
        let hundred_a_second: Vec<i64> = (0..300).map(|n| n * 10).collect();
        assert_eq!(
            reading(&hundred_a_second),
            [0, 10, 20, 30, 1040, 2050],
            "four calls are not often"
        );
    }

    #[test]
    fn after_a_pause_and_after_a_clock_that_went_back_the_table_is_read() {
        let mut calls: Vec<i64> = (0..10).map(|n| n * 10).collect();
        calls.extend([5_000, -60_000]);
        assert_eq!(reading(&calls), [0, 10, 20, 30, 5_000, -60_000]);
    }
}
