//! The HTTP door: one event, or up to a hundred.
//!
//! Apart from the management API, because it is called a thousand times as often: it starts faster and may do less.

use std::sync::Arc;

use adapters::clock::SystemMoment;
use adapters::config::ConfigTable;
use adapters::http::admission::Admission;
use adapters::http::answer;
use adapters::http::caller::{Caller, json, read, whole};
use adapters::http::problem::{self, Problem};
use adapters::http::publishing::{self, Accepted, BatchResult, BatchResults};
use adapters::log::{LogTable, days};
use adapters::outbox::Announcer;
use adapters::settings::{parsed, required, seconds};
use adapters::{clients, telemetry};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::api_key::Scope;
use domain::event::{self, LONGEST_EVENT_BYTES};
use domain::flow::{Published, Publisher};
use domain::ids::TenantId;
use domain::ports::Moment as _;
use domain::rejection::{Code, Rejection};
use lambda_http::Error;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most events of one request.
const LARGEST_BATCH: usize = 100;

/// The function: built once per process.
pub struct Function {
    config: ConfigTable,
    log: LogTable,
    outbox: Announcer,
    admission: Admission,
}

impl Function {
    /// From the environment.
    ///
    /// # Errors
    /// A setting that is missing or broken.
    pub async fn from_env() -> Result<Self, Error> {
        let aws = clients::aws(clients::CALLERS_LONGEST_CALL);
        let retention = days(parsed("POSTEL_RETENTION_DAYS")?);
        Ok(Self {
            config: ConfigTable::new(&aws, required("POSTEL_CONFIG_TABLE")?),
            // It ends no delivery, so the dead-letter table's name does not matter.
            log: LogTable::new(
                &aws,
                required("POSTEL_LOG_TABLE")?,
                String::new(),
                retention,
            ),
            outbox: Announcer::new(
                &aws,
                required("POSTEL_EVENTS_QUEUE_URL")?,
                seconds("POSTEL_DISPATCHER_TIMEOUT_SECONDS")?,
            ),
            admission: Admission::default(),
        })
    }

    fn publisher(&self) -> Publisher<'_, LogTable, Announcer, SystemMoment> {
        Publisher {
            log: &self.log,
            outbox: &self.outbox,
            moment: &SystemMoment,
        }
    }

    async fn accept(&self, tenant: &TenantId, body: &[u8]) -> Result<Published, Problem> {
        let published = self
            .publisher()
            .publish(tenant, event::parse(body)?, SystemMoment.ulid())
            .await??;
        telemetry::count_accepted(u64::from(!published.duplicate));
        Ok(published)
    }
}

/// The routes.
pub fn router(function: Function) -> Router {
    let routes = publishing::routes(one, batch)
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::not_allowed)
        // Lambda itself takes no more than 6 MB; the events' own limit is checked for each.
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::new(function));
    answer::all(routes)
}

async fn one(State(function): State<Arc<Function>>, request: Request) -> Response {
    let answer = publish_one(&function, request).await;
    telemetry::flush();
    answer.into_response()
}

async fn publish_one(function: &Function, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &()).await?;
    function
        .admission
        .admit(&function.config, &caller, Scope::EventsWrite)
        .await?;
    let bytes = whole(Request::from_parts(parts, body), &()).await?;
    let published = function.accept(&caller.tenant, &bytes).await?;
    Ok(json(StatusCode::ACCEPTED, Accepted::from(&published)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    events: Vec<Box<RawValue>>,
}

async fn batch(State(function): State<Arc<Function>>, request: Request) -> Response {
    let answer = publish_batch(&function, request).await;
    telemetry::flush();
    answer.into_response()
}

async fn publish_batch(function: &Function, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &()).await?;
    function
        .admission
        .admit(&function.config, &caller, Scope::EventsWrite)
        .await?;
    let bytes = whole(Request::from_parts(parts, body), &()).await?;
    let batch: Batch = read(&bytes)?;
    if !(1..=LARGEST_BATCH).contains(&batch.events.len()) {
        let detail = format!(
            "A batch has 1 to {LARGEST_BATCH} events of at most {LONGEST_EVENT_BYTES} bytes each."
        );
        return Err(Rejection::new(Code::InvalidRequest, detail)
            .field("events")
            .into());
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
        .map(|event| (event, SystemMoment.ulid()))
        .collect();
    let mut published = function
        .publisher()
        .publish_all(&caller.tenant, right)
        .await
        .into_iter();
    let results = parsed
        .into_iter()
        .filter_map(|parsed| match parsed.map(|_| published.next()) {
            Ok(Some(Ok(Ok(published)))) => {
                telemetry::count_accepted(u64::from(!published.duplicate));
                Some(BatchResult::Accepted(Accepted::from(&published)))
            }
            Ok(Some(Ok(Err(rejection)))) | Err(rejection) => Some(BatchResult::Refused {
                error: problem::body(&rejection),
            }),
            Ok(Some(Err(fault))) => Some(BatchResult::Refused {
                error: problem::fault_body(&fault),
            }),
            // Each event that was right has its answer.
            Ok(None) => None,
        })
        .collect();
    Ok(json(StatusCode::ACCEPTED, BatchResults { results }))
}
