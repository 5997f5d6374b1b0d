//! Who may pass: whether the key still opens anything, and how many requests a minute.
//!
//! What the authorizer says may be as old as the gateway remembers it, so for each call with a
//! tenant's key or session of the management API it and its tenant are read anew: a deleted one
//! ends at once, and what the call writes is bound to both (see [`Authority`]). Cost: two
//! consistent reads a call, one for a session of the operator.
//!
//! Every such call counts, whatever comes of it, before its body is read. The limit is shared by
//! all processes through one counter for each tenant and minute. The first hundredth of the limit
//! is free in each process: a tenant that calls seldom costs no write. A process that needs more
//! counts what it gave away and takes blocks from the counter: a hundredth of the limit, for
//! batches as much more as they count, up to a tenth. So at the usual limit of 1,000 a call costs
//! at most a tenth of a write. A tenant can pass its limit only by what processes gave away that
//! never came to count: ten requests each. What a process took and did not use by the end of the
//! minute is lost. The operator's own requests are not counted.

use std::time::Duration;

use axum::extract::Request;
use axum::http::Extensions;
use domain::api_key::{ApiKey, Scope};
use domain::ids::TenantId;
use domain::ports::Fault;
use domain::principal::{self, Bearer, Principal, TenantAccess, invalid_key, invalid_session};
use domain::rejection::{Code, Rejection};
use domain::session::{Session, SessionName};
use domain::tenant::{Limits, Tenant};
use domain::time::Time;
use futures::future::try_join;
use lambda_http::request::RequestContext;
use serde_json::{Map, Value};

use super::caller::{Admitted, TenantCaller};
use super::problem::Problem;
use adapters::cache::Cache;
use adapters::clock::now;
use adapters::config::{Authority, ChildWrite, ConfigTable};

/// How many tenants' permits are kept in memory.
const MAX_CACHED: usize = 10_000;

const MINUTE: Duration = Duration::from_secs(60);

/// What a process knows of a tenant's requests in one minute.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    /// How many more may pass without asking.
    left: u32,
    /// Given away without being counted.
    uncounted: u32,
    /// As many as the counter has refused, or more, are not asked for again: in its minute it never
    /// falls.
    refused: u32,
    /// As how many a call has counted at most.
    largest: u32,
}

impl Allowance {
    fn new(limit: u32) -> Self {
        let free = hundredth(limit);
        Self {
            left: free,
            uncounted: free,
            refused: u32::MAX,
            largest: 1,
        }
    }

    /// Uses so many. None if there were enough; else what the counter has to be asked for: what is
    /// wanting, and what was given away uncounted.
    fn take(&mut self, number: u32) -> Option<(u32, u32)> {
        if let Some(left) = self.left.checked_sub(number) {
            self.left = left;
            return None;
        }
        Some((number - self.left, self.uncounted))
    }

    /// The counter gave `block`, of which `wanting` are used together with what was left.
    fn granted(&mut self, wanting: u32, block: u32) {
        self.left = block.saturating_sub(wanting);
        self.uncounted = 0;
    }
}

fn hundredth(limit: u32) -> u32 {
    (limit / 100).max(1)
}

/// How much is taken from the counter at once where `wanting` are needed and calls count as up to
/// `largest`.
fn block(limit: u32, largest: u32, wanting: u32) -> u32 {
    let more = hundredth(limit).saturating_mul(largest);
    more.min(limit / 10).max(hundredth(limit)).max(wanting)
}

/// Checks callers.
pub struct RateLimiter {
    permits: Cache<(TenantId, i64), Allowance>,
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self {
            permits: Cache::new(MAX_CACHED, MINUTE),
        }
    }
}

impl RateLimiter {
    /// Lets in whom the authorizer names, if the key and its tenant are there and requests are
    /// left.
    ///
    /// # Errors
    /// 401 or 429; a fault if the table does not answer.
    pub async fn authenticate_and_count(
        &self,
        config: &ConfigTable,
        principal: Principal,
    ) -> Result<Admitted, Problem> {
        let tenant = None;
        let access = match &principal {
            Principal::Operator => return Ok(Admitted { principal, tenant }),
            Principal::OperatorSession(session) => {
                let name = SessionName {
                    tenant: None,
                    id: session.id,
                };
                config.session(&name).await?.ok_or_else(invalid_session)?;
                return Ok(Admitted { principal, tenant });
            }
            Principal::Tenant(access) => access,
        };
        let stored = stored(config, access);
        let (tenant, stored) = try_join(config.tenant(&access.tenant), stored).await?;
        let tenant = tenant.filter(|tenant| belongs_to(access, tenant.created_at));
        let (tenant, Stored { name }) = tenant.zip(stored).ok_or_else(|| ended(access))?;
        self.count(config, &tenant.id, tenant.limits, 1, 0).await?;
        let access = access.clone();
        let principal = Principal::Tenant(TenantAccess { name, ..access });
        let tenant = Some(tenant.into());
        Ok(Admitted { principal, tenant })
    }

    /// Counts a tenant's call as so many requests, less those that it has been counted as before.
    ///
    /// # Errors
    /// 429 if they would pass its limit; a fault if the table does not answer.
    pub async fn count(
        &self,
        config: &ConfigTable,
        tenant: &TenantId,
        limits: Limits,
        number: u32,
        before: u32,
    ) -> Result<(), Problem> {
        let limit = limits.requests_a_minute();
        let now = now();
        let minute = now.seconds().div_euclid(60);
        let mine = |change: &mut dyn FnMut(&mut Allowance)| {
            let new = || Allowance::new(limit);
            self.permits
                .change((tenant.clone(), minute), now, new, |permits| {
                    change(permits);
                    *permits
                })
        };
        if number > limit {
            return Err(too_many(now, number, limit));
        }
        let more = number.saturating_sub(before);
        let mut asked = None;
        let known = mine(&mut |permits| {
            permits.largest = permits.largest.max(number);
            asked = permits.take(more);
        });
        let Some((wanting, uncounted)) = asked else {
            return Ok(());
        };
        let Allowance {
            refused, largest, ..
        } = known.unwrap_or(Allowance::new(limit));
        for block in [block(limit, largest, wanting), wanting] {
            let total = block.saturating_add(uncounted);
            if total <= limit
                && wanting < refused
                && config.count_requests(tenant, minute, total, limit).await?
            {
                mine(&mut |permits| permits.granted(wanting, block));
                return Ok(());
            }
        }
        mine(&mut |permits| permits.refused = permits.refused.min(wanting));
        Err(too_many(now, number, limit))
    }
}

/// What the row of a tenant's key or session adds to the authorizer's context.
struct Stored {
    /// The key's name.
    name: Option<String>,
}

/// Reads the row of a tenant's key or session; `None` if it no longer exists. A deleted key's id
/// may be another key's by now.
async fn stored(config: &ConfigTable, access: &TenantAccess) -> Result<Option<Stored>, Fault> {
    Ok(match &access.bearer {
        Bearer::Key(id) => {
            let is_the_same = |stored: &ApiKey| {
                stored.tenant == access.tenant && stored.created_at == access.created_at
            };
            let key = config.key(id).await?.filter(is_the_same);
            key.map(|key| Stored { name: key.name })
        }
        Bearer::Session(name) => {
            let is_the_same = |stored: &Session| stored.created_at == access.created_at;
            let session = config.session(name).await?.filter(is_the_same);
            session.map(|_| Stored { name: None })
        }
    })
}

/// The rejection of a key or session that no longer opens anything.
#[must_use]
pub fn ended(access: &TenantAccess) -> Rejection {
    match access.bearer {
        Bearer::Key(_) => invalid_key(),
        Bearer::Session(_) => invalid_session(),
    }
}

/// Whom the authorizer names; nobody, where only what is open to anyone may answer.
#[must_use]
pub fn named(request: &Request) -> Option<Principal> {
    Principal::read(&fields(request.extensions())?, now())
}

/// The rejection of a caller whom the authorizer does not name.
#[must_use]
pub fn unnamed(extensions: &Extensions) -> Rejection {
    fields(extensions).map_or_else(invalid_key, |fields| principal::unnamed(&fields))
}

/// The authorizer's context.
fn fields(extensions: &Extensions) -> Option<Map<String, Value>> {
    let RequestContext::ApiGatewayV2(context) = extensions.get::<RequestContext>()? else {
        return None;
    };
    let fields = context.authorizer.as_ref()?.fields.clone();
    Some(fields.into_iter().collect())
}

/// Whether a key or session was made for the tenant that was made then: one that is older belonged
/// to another tenant of the same id, which was deleted.
#[must_use]
pub fn belongs_to(access: &TenantAccess, tenant_created: Time) -> bool {
    tenant_created <= access.created_at
}

/// Lets a caller pass that has the scope and whose tenant exists.
///
/// # Errors
/// 403 or 404; a fault if the table does not answer.
pub async fn authorize(
    config: &ConfigTable,
    caller: &TenantCaller,
    scope: Scope,
) -> Result<Authority, Problem> {
    caller.principal.may(&caller.tenant, scope)?;
    let own = caller.own.as_deref().cloned();
    let tenant: Option<Tenant> = match &caller.principal {
        Principal::Operator | Principal::OperatorSession(_) => {
            config.tenant(&caller.tenant).await?
        }
        Principal::Tenant(_) => own,
    };
    let tenant = tenant.ok_or_else(Rejection::no_tenant)?;
    let bearer = caller.principal.bearer();
    Ok(Authority { tenant, bearer })
}

/// Whether a write was done. False if its row's condition did not hold.
///
/// # Errors
/// 404 or 401 if tenant or key have been deleted since the caller was let in.
pub fn done(written: ChildWrite) -> Result<bool, Rejection> {
    match written {
        ChildWrite::Done => Ok(true),
        ChildWrite::Refused(_) => Ok(false),
        ChildWrite::TenantGone => Err(Rejection::no_tenant()),
        ChildWrite::KeyGone => Err(invalid_key()),
        ChildWrite::SessionGone => Err(invalid_session()),
    }
}

fn too_many(now: Time, number: u32, limit: u32) -> Problem {
    let wait = 60 - now.seconds().rem_euclid(60);
    let detail = if number > limit {
        format!(
            "This request counts as {number}, and this tenant may make {limit} a minute: send less at once, or ask the operator for more."
        )
    } else {
        format!("This tenant has used up its requests of this minute: go on in {wait} seconds.")
    };
    Problem::RateLimited {
        rejection: Rejection::new(Code::TooManyRequests, detail).into(),
        wait: u32::try_from(wait).unwrap_or(60),
        limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hundredth_of_a_minute_is_free_and_then_counted_once() {
        let mut permits = Allowance::new(1000);
        for _ in 0..10 {
            assert_eq!(permits.take(1), None);
        }
        assert_eq!(permits.take(1), Some((1, 10)));
        permits.granted(1, block(1000, 1, 1));
        for _ in 0..9 {
            assert_eq!(permits.take(1), None);
        }
        assert_eq!(permits.take(1), Some((1, 0)));
    }

    #[test]
    fn a_batch_uses_what_is_left_and_takes_for_several_like_it() {
        let mut permits = Allowance::new(1000);
        assert_eq!(permits.take(15), Some((5, 10)));
        permits.granted(5, block(1000, 15, 5));
        assert_eq!(permits.left, 95);
        assert_eq!(permits.take(100), Some((5, 0)));
    }

    #[test]
    fn a_block_is_a_hundredth_for_single_calls_and_up_to_a_tenth_for_batches() {
        assert_eq!(block(1000, 1, 1), 10);
        assert_eq!(block(1000, 5, 5), 50);
        assert_eq!(block(1000, 100, 90), 100);
        assert_eq!(block(100, 1, 1), 1);
        assert_eq!(block(100, 100, 99), 99, "never less than the call wants");
        assert_eq!(block(5, 1, 1), 1);
    }
}
