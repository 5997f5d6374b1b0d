//! Who may pass: whether the key still opens anything, and how many requests a minute.
//!
//! What the authorizer says may be as old as the gateway remembers it, so for each call with a
//! tenant's key or session of the management API it and its tenant are read anew: a deleted one
//! ends at once, and what the call writes is bound to both (see [`Authority`]). Cost: two
//! consistent reads a call, one for a session of the operator.
//!
//! Every such call counts, whatever comes of it, before its body is read: see `allowance.rs`. The
//! operator's own requests are not counted.

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

use super::allowance::{Allowance, block, is_busy};
use super::caller::{Admitted, TenantCaller};
use super::problem::Problem;
use adapters::cache::Cache;
use adapters::clock::now;
use adapters::config::{Authority, ChildWrite, ConfigTable};

/// How many tenants' permits are kept in memory.
const MAX_CACHED: usize = 10_000;

/// How long they are kept.
const KEPT: Duration = Duration::from_secs(3_600);

/// Checks callers.
pub struct RateLimiter {
    permits: Cache<TenantId, Allowance>,
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self {
            permits: Cache::new(MAX_CACHED, KEPT),
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
            let new = || Allowance::new(limit, minute);
            self.permits.change(tenant.clone(), now, new, |permits| {
                permits.turn_to(limit, minute);
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
        } = known.unwrap_or(Allowance::new(limit, minute));
        for block in [block(limit, largest, wanting), wanting] {
            let total = block.saturating_add(uncounted);
            if total <= limit
                && wanting < refused
                && let Some(used) = config.count_requests(tenant, minute, total, limit).await?
            {
                let second = now.seconds().rem_euclid(60);
                mine(&mut |permits| {
                    permits.granted(minute, (wanting, block));
                    permits.seen(minute, is_busy(used, limit, second));
                });
                return Ok(());
            }
        }
        mine(&mut |permits| permits.refused(minute, wanting));
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
