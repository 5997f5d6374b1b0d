//! The HTTP API: one event, or up to a hundred.
//!
//! Apart from the management API, because it is called a thousand times as often: it starts faster
//! and may do less.

mod door;

use std::sync::Arc;

use adapters::clock::SystemClock;
use adapters::config::{Audience, ConfigTable};
use adapters::delivery_store::{DeliveryTable, days};
use adapters::env;
use adapters::event_queue::SqsEventQueue;
use adapters::settings::{parsed, required, seconds};
use adapters::{clients, telemetry};
use api::admission::{RateLimiter, belongs_to, ended, named};
use api::caller::{Admitted, TenantCaller, from_json, json, located, read_body, refuse_empty};
use api::problem::{self, Problem};
use api::publishing::{self, Accepted, BatchResult, BatchResults};
use api::response;
use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use domain::api_key::Scope;
use domain::event::{self, MAX_EVENT_BYTES, NewEvent};
use domain::flow::Publisher;
use domain::ports::Clock as _;
use domain::principal::Principal;
use domain::rejection::{Code, Rejection};
use domain::tenant::log_begins;
use lambda_http::Error;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::door::Door;

/// The most events of one request.
const MAX_BATCH: usize = 100;

/// A tenant's caller that was let in, and as how many requests it has been counted.
#[derive(Clone)]
struct Counted {
    audience: Arc<Audience>,
    number: u32,
}

/// The function: built once per process.
pub struct AppState {
    config: ConfigTable,
    store: DeliveryTable,
    events: SqsEventQueue,
    rate_limiter: RateLimiter,
    door: Door,
}

impl AppState {
    /// From the environment.
    ///
    /// # Errors
    /// A setting that is missing or broken.
    pub async fn from_env() -> Result<Self, Error> {
        let aws = clients::sdk_config(clients::INTERACTIVE_AWS_CALL_TIMEOUT);
        let retention = days(parsed(env::RETENTION_DAYS)?);
        Ok(Self {
            config: ConfigTable::new(&aws, required(env::CONFIG_TABLE)?),
            // It ends no delivery, so the dead-letter table's name does not matter.
            store: DeliveryTable::new(
                &aws,
                required(env::LOG_TABLE)?,
                String::new(),
                retention,
                parsed(env::DUE_SHARDS)?,
            ),
            events: SqsEventQueue::new(
                &aws,
                required(env::EVENTS_QUEUE_URL)?,
                seconds(env::DISPATCHER_TIMEOUT_SECONDS)?,
            ),
            rate_limiter: RateLimiter::default(),
            door: Door::default(),
        })
    }

    fn publisher(
        &self,
        audience: &Audience,
    ) -> Publisher<'_, DeliveryTable, SqsEventQueue, SystemClock> {
        Publisher {
            store: &self.store,
            events: &self.events,
            clock: &SystemClock,
            since: log_begins(audience.created_at),
        }
    }

    /// In front of every route, those that there are not included: whoever calls with a tenant's
    /// key is counted before its body is read.
    async fn authenticate_and_count(
        State(function): State<Arc<Self>>,
        mut request: Request,
        next: Next,
    ) -> Response {
        let mut limits = None;
        if let Some(principal) = named(&request) {
            let bytes = request.body().size_hint().lower();
            match function.let_in(&principal, bytes).await {
                Ok(Some(counted)) => {
                    limits = Some(counted.audience.limits);
                    request.extensions_mut().insert(counted);
                }
                Ok(None) => {}
                Err(problem) => return problem.into_response(),
            }
            let tenant = None;
            let admitted = Admitted { principal, tenant };
            request.extensions_mut().insert(admitted);
        }
        let response = next.run(request).await;
        match limits {
            Some(limits) => problem::policed(response, limits),
            None => response,
        }
    }

    /// None for the operator, who is not counted.
    async fn let_in(&self, principal: &Principal, bytes: u64) -> Result<Option<Counted>, Problem> {
        let Principal::Tenant(access) = principal else {
            return Ok(None);
        };
        let audience = self.door.audience(&self.config, &access.tenant).await?;
        let audience = audience
            .filter(|audience| belongs_to(access, audience.created_at))
            .ok_or_else(|| ended(access))?;
        let number = counts_as(1, bytes);
        self.rate_limiter
            .count(&self.config, &access.tenant, audience.limits, number, 0)
            .await?;
        Ok(Some(Counted { audience, number }))
    }

    /// The audience of a caller's events, if the caller may publish for the tenant of the path; and
    /// as how many requests the call has been counted, if it is.
    async fn may_publish(
        &self,
        caller: &TenantCaller,
        counted: Option<Counted>,
    ) -> Result<(Arc<Audience>, Option<u32>), Problem> {
        caller.principal.may(&caller.tenant, Scope::EventsWrite)?;
        if let Some(Counted { audience, number }) = counted {
            return Ok((audience, Some(number)));
        }
        let audience = self.door.audience(&self.config, &caller.tenant).await?;
        Ok((audience.ok_or_else(Rejection::not_found)?, None))
    }
}

/// How many requests a call is that brings so many events and bytes: one for each event, and no
/// fewer than one for each 256 KiB begun, the most that an event may have.
fn counts_as(events: usize, bytes: u64) -> u32 {
    let full = bytes.div_ceil(MAX_EVENT_BYTES as u64);
    u32::try_from(full.max(events as u64)).unwrap_or(u32::MAX)
}

/// The routes.
pub fn router(function: AppState) -> Router {
    let function = Arc::new(function);
    let routes = publishing::routes(one, batch)
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::not_allowed)
        // Lambda itself takes no more than 6 MB; the events' own limit is checked for each.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(
            Arc::clone(&function),
            AppState::authenticate_and_count,
        ))
        .with_state(function);
    response::all(routes)
}

async fn one(State(function): State<Arc<AppState>>, request: Request) -> Response {
    let answer = publish_one(&function, request).await;
    telemetry::flush();
    answer.into_response()
}

async fn publish_one(function: &AppState, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = TenantCaller::from_request_parts(&mut parts, &()).await?;
    let counted = parts.extensions.remove::<Counted>();
    let (audience, _) = function.may_publish(&caller, counted).await?;
    let bytes = read_body(Request::from_parts(parts, body), &()).await?;
    refuse_empty(&bytes)?;
    let event = event::parse(&bytes)?;
    let webhooks = audience.webhook_count(&event.event_type);
    let published = function
        .publisher(&audience)
        .publish(&caller.tenant, event, SystemClock.new_ulid())
        .await??;
    telemetry::count_accepted(u64::from(!published.duplicate));
    let accepted = Accepted::new(&published, webhooks);
    let event = format!("/v1/tenants/{}/events/{}", caller.tenant, published.id);
    Ok(located(json(StatusCode::ACCEPTED, accepted), event))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    events: Vec<Box<RawValue>>,
}

async fn batch(State(function): State<Arc<AppState>>, request: Request) -> Response {
    let answer = publish_batch(&function, request).await;
    telemetry::flush();
    answer.into_response()
}

async fn publish_batch(function: &AppState, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = TenantCaller::from_request_parts(&mut parts, &()).await?;
    let counted = parts.extensions.remove::<Counted>();
    let (audience, counted) = function.may_publish(&caller, counted).await?;
    let bytes = read_body(Request::from_parts(parts, body), &()).await?;
    let batch: Batch = from_json(&bytes)?;
    if !(1..=MAX_BATCH).contains(&batch.events.len()) {
        let detail =
            format!("A batch has 1 to {MAX_BATCH} events of at most {MAX_EVENT_BYTES} bytes each.");
        return Err(Rejection::new(Code::InvalidValue, detail)
            .field("events")
            .into());
    }
    let number = counts_as(batch.events.len(), bytes.len() as u64);
    if let Some(before) = counted {
        let (config, limits) = (&function.config, audience.limits);
        function
            .rate_limiter
            .count(config, &caller.tenant, limits, number, before)
            .await?;
    }
    // In order, and one event's mistake does not take the others with it.
    let parsed: Vec<_> = batch
        .events
        .iter()
        .map(|raw| event::parse(raw.get().as_bytes()))
        .collect();
    let right = parsed
        .iter()
        .flatten()
        .cloned()
        .map(|event| (event, SystemClock.new_ulid()))
        .collect();
    let mut published = function
        .publisher(&audience)
        .publish_all(&caller.tenant, right)
        .await
        .into_iter();
    let results = parsed
        .into_iter()
        .filter_map(|parsed| {
            let webhooks = |event: NewEvent| audience.webhook_count(&event.event_type);
            match parsed.map(|event| Some((published.next()?, webhooks(event)))) {
                Ok(Some((Ok(Ok(published)), webhooks))) => {
                    telemetry::count_accepted(u64::from(!published.duplicate));
                    Some(BatchResult::from(Accepted::new(&published, webhooks)))
                }
                Ok(Some((Ok(Err(rejection)), _))) | Err(rejection) => {
                    Some(problem::body(&rejection).into())
                }
                Ok(Some((Err(fault), _))) => Some(problem::fault_problem(&fault).into()),
                // Each event that was right has its answer.
                Ok(None) => None,
            }
        })
        .collect();
    Ok(json(StatusCode::ACCEPTED, BatchResults { results }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_a_request_and_so_is_each_256_kib_begun() {
        let kib = 1024;
        assert_eq!(counts_as(1, 0), 1);
        assert_eq!(counts_as(1, 256 * kib), 1);
        assert_eq!(counts_as(1, 256 * kib + 1), 2);
        assert_eq!(counts_as(100, 50 * kib), 100);
        assert_eq!(counts_as(2, 6000 * kib), 24);
    }
}
