//! Who may pass: the scope, the tenant's existence, and how many requests a minute.
//!
//! The limit is shared by all processes through one counter for each tenant and minute. The first hundredth of the limit is free in each process: a
//! tenant that calls seldom costs no write. A process that needs more counts what it gave away and takes blocks of a hundredth from the counter, so at
//! the usual limit of 1,000 a request costs at most a tenth of a write. A tenant can pass its limit only by what processes gave away that never came to
//! count: ten requests each. What a process took and did not use by the end of the minute is lost. The operator's own requests are not counted.

use std::collections::HashMap;
use std::sync::Mutex;

use domain::api_key::Scope;
use domain::ids::TenantId;
use domain::ports::Fault;
use domain::rejection::{Code, Rejection};

use super::caller::Caller;
use super::principal::Principal;
use super::problem::Problem;
use crate::clock::now;
use crate::config::ConfigTable;

/// Requests a minute, unless the operator says otherwise for the tenant.
pub const REQUESTS_PER_MINUTE: u32 = 1000;
/// How many tenants' permits are kept in memory.
const MOST_KEPT: usize = 10_000;

/// How long a tenant's limit is remembered.
const LIMIT_KEPT_SECONDS: i64 = 60;

/// What a process knows of a tenant's requests.
#[derive(Clone, Copy)]
struct Permits {
    minute: i64,
    /// How many more may pass without asking.
    left: u32,
    /// Given away in this minute without being counted.
    uncounted: u32,
    limit: u32,
    limit_read_at: i64,
    /// The counter refused in this minute, in which it never falls: it is not asked again.
    spent: bool,
}

/// Checks callers.
#[derive(Default)]
pub struct Admission {
    permits: Mutex<HashMap<TenantId, Permits>>,
}

impl Admission {
    /// Lets a caller pass that has the scope, whose tenant exists, and who has requests left.
    ///
    /// # Errors
    /// 403, 404 or 429; a fault if the table does not answer.
    pub async fn admit(
        &self,
        config: &ConfigTable,
        caller: &Caller,
        scope: Scope,
    ) -> Result<(), Problem> {
        caller.principal.may(&caller.tenant, scope)?;
        match caller.principal {
            // A tenant's keys end with the tenant, so only the operator can name one that does not exist.
            Principal::Operator if config.tenant(&caller.tenant).await?.is_none() => {
                Err(Rejection::no_tenant().into())
            }
            Principal::Operator => Ok(()),
            Principal::Tenant(..) => self.count(config, &caller.tenant).await,
        }
    }

    async fn count(&self, config: &ConfigTable, tenant: &TenantId) -> Result<(), Problem> {
        let seconds = now().seconds();
        let minute = seconds.div_euclid(60);
        let limit = self.limit(config, tenant, seconds).await?;
        let block = (limit / 100).max(1);
        let Some(uncounted) = self.use_one(tenant, minute, limit, seconds) else {
            return Ok(());
        };
        let blocks = if self.is_spent(tenant, minute) {
            [0; 2]
        } else {
            [block, 1]
        };
        for permits in blocks.into_iter().filter(|permits| *permits > 0) {
            let number = permits.saturating_add(uncounted);
            if limit >= number && config.count_requests(tenant, minute, number, limit).await? {
                self.grant(tenant, minute, permits.saturating_sub(1));
                return Ok(());
            }
        }
        self.mark_spent(tenant, minute);
        let wait = 60 - seconds.rem_euclid(60);
        let detail = format!(
            "This tenant has used up its requests of this minute: go on in {wait} seconds."
        );
        Err(Problem::Wait(
            Rejection::new(Code::TooManyRequests, detail),
            wait,
        ))
    }

    /// Uses one permit, the free ones of a new minute first. None if there was one, else how many were given away uncounted.
    fn use_one(&self, tenant: &TenantId, minute: i64, limit: u32, seconds: i64) -> Option<u32> {
        let Ok(mut kept) = self.permits.lock() else {
            return Some(0);
        };
        if kept.len() >= MOST_KEPT && !kept.contains_key(tenant) {
            kept.clear();
        }
        let free = (limit / 100).max(1);
        let new = Permits {
            minute,
            left: free,
            uncounted: free,
            limit,
            limit_read_at: seconds,
            spent: false,
        };
        let permits = kept.entry(tenant.clone()).or_insert(new);
        if permits.minute != minute {
            *permits = Permits {
                limit_read_at: permits.limit_read_at,
                ..new
            };
        }
        match permits.left.checked_sub(1) {
            Some(left) => {
                permits.left = left;
                None
            }
            None => Some(permits.uncounted),
        }
    }

    fn is_spent(&self, tenant: &TenantId, minute: i64) -> bool {
        let kept = self.permits.lock().ok();
        kept.and_then(|kept| kept.get(tenant).copied())
            .is_some_and(|p| p.spent && p.minute == minute)
    }

    fn mark_spent(&self, tenant: &TenantId, minute: i64) {
        if let Ok(mut kept) = self.permits.lock()
            && let Some(permits) = kept
                .get_mut(tenant)
                .filter(|permits| permits.minute == minute)
        {
            permits.spent = true;
        }
    }

    fn grant(&self, tenant: &TenantId, minute: i64, left: u32) {
        if let Ok(mut kept) = self.permits.lock()
            && let Some(permits) = kept
                .get_mut(tenant)
                .filter(|permits| permits.minute == minute)
        {
            permits.left = permits.left.saturating_add(left);
            permits.uncounted = 0;
        }
    }

    async fn limit(
        &self,
        config: &ConfigTable,
        tenant: &TenantId,
        seconds: i64,
    ) -> Result<u32, Fault> {
        let known = self
            .permits
            .lock()
            .ok()
            .and_then(|kept| kept.get(tenant).copied());
        if let Some(permits) = known.filter(|p| seconds - p.limit_read_at < LIMIT_KEPT_SECONDS) {
            return Ok(permits.limit);
        }
        let limits = config
            .tenant(tenant)
            .await?
            .map(|t| t.limits)
            .unwrap_or_default();
        let limit = limits.requests_per_minute.unwrap_or(REQUESTS_PER_MINUTE);
        if let Ok(mut kept) = self.permits.lock()
            && let Some(permits) = kept.get_mut(tenant)
        {
            (permits.limit, permits.limit_read_at) = (limit, seconds);
        }
        Ok(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hundredth_of_each_minute_is_free_and_then_counted_once() {
        let (admission, tenant) = (Admission::default(), "t".parse().unwrap());
        for _ in 0..10 {
            assert_eq!(admission.use_one(&tenant, 1, 1000, 60), None);
        }
        assert_eq!(admission.use_one(&tenant, 1, 1000, 60), Some(10));
        admission.grant(&tenant, 1, 9);
        for _ in 0..9 {
            assert_eq!(admission.use_one(&tenant, 1, 1000, 60), None);
        }
        assert_eq!(admission.use_one(&tenant, 1, 1000, 60), Some(0));
        assert_eq!(
            admission.use_one(&tenant, 2, 1000, 120),
            None,
            "a new minute"
        );
    }
}
