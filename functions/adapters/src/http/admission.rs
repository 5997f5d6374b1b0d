//! Who may pass: the scope, the tenant's existence, and how many requests a minute.
//!
//! The limit is shared by all processes through one counter for each tenant and minute. A process takes permits from it in blocks of a hundredth of the
//! limit and serves from memory until they are used up, so a request costs a tenth of a write at the usual limit of 1,000. Never more than the limit
//! pass; permits that a process took and did not use by the end of the minute are lost, so with many processes a few fewer do. The operator's own
//! requests are not counted.

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

/// Checks callers.
#[derive(Default)]
pub struct Admission {
    permits: Mutex<HashMap<TenantId, (i64, u32)>>,
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
                Err(Rejection::not_found().into())
            }
            Principal::Operator => Ok(()),
            Principal::Tenant(..) => self.count(config, &caller.tenant).await,
        }
    }

    async fn count(&self, config: &ConfigTable, tenant: &TenantId) -> Result<(), Problem> {
        let seconds = now().seconds();
        let minute = seconds.div_euclid(60);
        if self.use_one(tenant, minute) {
            return Ok(());
        }
        let permits = self.take_block(config, tenant, minute).await?;
        if permits == 0 {
            let wait = 60 - seconds.rem_euclid(60);
            let detail = format!(
                "This tenant has used up its requests of this minute: go on in {wait} seconds."
            );
            return Err(Problem::Wait(
                Rejection::new(Code::TooManyRequests, detail),
                wait,
            ));
        }
        if let Ok(mut kept) = self.permits.lock() {
            if kept.len() >= MOST_KEPT {
                kept.clear();
            }
            let entry = kept.entry(tenant.clone()).or_insert((minute, 0));
            *entry = if entry.0 == minute {
                (minute, entry.1 + permits - 1)
            } else {
                (minute, permits - 1)
            };
        }
        Ok(())
    }

    fn use_one(&self, tenant: &TenantId, minute: i64) -> bool {
        let Ok(mut kept) = self.permits.lock() else {
            return false;
        };
        match kept.get_mut(tenant) {
            Some((of, left)) if *of == minute && *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    async fn take_block(
        &self,
        config: &ConfigTable,
        tenant: &TenantId,
        minute: i64,
    ) -> Result<u32, Fault> {
        let limits = config
            .tenant(tenant)
            .await?
            .map(|t| t.limits)
            .unwrap_or_default();
        let limit = limits.requests_per_minute.unwrap_or(REQUESTS_PER_MINUTE);
        let block = (limit / 100).max(1);
        for permits in [block, 1] {
            if limit >= permits
                && config
                    .count_requests(tenant, minute, permits, limit)
                    .await?
            {
                return Ok(permits);
            }
        }
        Ok(0)
    }
}
