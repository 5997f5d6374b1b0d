//! What the handlers work with.

use std::sync::Arc;
use std::time::Duration;

use adapters::backlog::Backlog;
use adapters::clients;
use adapters::config::{Authority, ConfigTable};
use adapters::dead_letters::DeadLetterTable;
use adapters::delivery_store::{DeliveryTable, days};
use adapters::env;
use adapters::event_queue::SqsEventQueue;
use adapters::fingerprints::Fingerprints;
use adapters::inbox::InboxTable;
use adapters::kms::KeyMaker;
use adapters::secrets::Secrets;
use adapters::settings::{
    list, networks, parsed, parsed_if_set, ports, required, required_list, seconds,
};
use adapters::task_queue::{ImmediateTaskQueue, Queue};
use api::admission::{self, RateLimiter};
use api::caller::TenantCaller;
use api::cursor::Cursors;
use api::document::schemas::QUEUES;
use api::problem::{Problem, policed};
use axum::extract::{Request, State};
use axum::http::header::ACCESS_CONTROL_REQUEST_METHOD;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use domain::api_key::Scope;
use domain::guard::EgressPolicy;
use domain::ids::TenantId;
use lambda_http::Error;

use crate::backlog;

/// This function's own timeout is shorter: the gateway waits for 30 s at most.
const API_TIMEOUT: Duration = Duration::from_secs(30);

/// The clocks of two functions need not agree.
const SKEW: Duration = Duration::from_secs(5);

/// The function: built once per process.
pub struct AppState {
    pub(crate) config: ConfigTable,
    pub(crate) store: DeliveryTable,
    pub(crate) dead_letters: DeadLetterTable,
    pub(crate) inboxes: InboxTable,
    pub(crate) events: SqsEventQueue,
    pub(crate) deliveries: ImmediateTaskQueue,
    pub(crate) jobs: Queue,
    pub(crate) backlog: Backlog<{ QUEUES.len() }>,
    pub(crate) key_maker: KeyMaker,
    pub(crate) cursors: Cursors,
    pub(crate) fingerprints: Fingerprints,
    pub(crate) egress: EgressPolicy,
    pub(crate) trusted_senders: Vec<String>,
    /// The tenant that gets operational events.
    pub(crate) operator_tenant: Option<TenantId>,
    pub(crate) max_timeout: Duration,
    pub(crate) max_run_time: Duration,
    rate_limiter: RateLimiter,
}

impl AppState {
    /// Lets a caller pass that has the scope and whose tenant exists.
    pub(crate) async fn authorize(
        &self,
        caller: &TenantCaller,
        scope: Scope,
    ) -> Result<Authority, Problem> {
        admission::authorize(&self.config, caller, scope).await
    }

    /// In front of every route, those that there are not included.
    pub(crate) async fn authenticate_and_count(
        State(function): State<Arc<Self>>,
        mut request: Request,
        next: Next,
    ) -> Response {
        // The gateway adds what a preflight asks for, and the browser needs a success.
        let is_preflight = request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if is_preflight {
            return StatusCode::NO_CONTENT.into_response();
        }
        let mut limits = None;
        if let Some(principal) = admission::named(&request) {
            let admitted = function
                .rate_limiter
                .authenticate_and_count(&function.config, principal)
                .await;
            match admitted {
                Ok(admitted) => {
                    limits = admitted.tenant.as_ref().map(|tenant| tenant.limits);
                    request.extensions_mut().insert(admitted);
                }
                Err(problem) => return problem.into_response(),
            }
        }
        let response = next.run(request).await;
        match limits {
            Some(limits) => policed(response, limits),
            None => response,
        }
    }
}

impl AppState {
    /// From the environment.
    ///
    /// # Errors
    /// A setting that is missing or broken, or a cursor key that cannot be read.
    pub async fn from_env() -> Result<Self, Error> {
        let aws = clients::sdk_config(clients::INTERACTIVE_AWS_CALL_TIMEOUT);
        let retention = days(parsed(env::RETENTION_DAYS)?);
        let log = required(env::LOG_TABLE)?;
        let dead_letters = required(env::DEAD_LETTERS_TABLE)?;
        let dispatcher_timeout = seconds(env::DISPATCHER_TIMEOUT_SECONDS)?;
        let own_key = Secrets::new(&aws)
            .read(&required(env::CURSOR_SECRET_ARN)?)
            .await?;
        Ok(Self {
            config: ConfigTable::new(&aws, required(env::CONFIG_TABLE)?),
            store: DeliveryTable::new(
                &aws,
                log.clone(),
                dead_letters.clone(),
                retention,
                parsed(env::DUE_SHARDS)?,
            ),
            inboxes: InboxTable::new(&aws, log),
            dead_letters: DeadLetterTable::new(&aws, dead_letters),
            events: SqsEventQueue::new(&aws, required(env::EVENTS_QUEUE_URL)?, dispatcher_timeout),
            deliveries: ImmediateTaskQueue(Queue::new(&aws, required(env::DELIVERIES_QUEUE_URL)?)),
            jobs: Queue::new(&aws, required(env::JOBS_QUEUE_URL)?),
            backlog: Backlog::new(&aws, backlog::urls()?),
            key_maker: KeyMaker::new(&aws, required(env::KMS_KEY_ARN)?),
            cursors: Cursors::new(own_key.clone()),
            fingerprints: Fingerprints::new(own_key),
            egress: EgressPolicy::new(
                networks(env::ALLOWED_CIDRS)?,
                parsed(env::ALLOW_HTTP)?,
                required_list(env::API_HOSTS)?,
            )
            .with_ports(ports(env::ALLOWED_PORTS)?),
            trusted_senders: list(env::TRUSTED_SENDERS),
            operator_tenant: parsed_if_set(env::OPERATOR_TENANT)?,
            max_timeout: seconds(env::MAX_WEBHOOK_TIMEOUT_SECONDS)?,
            max_run_time: dispatcher_timeout.max(API_TIMEOUT) + SKEW,
            rate_limiter: RateLimiter::default(),
        })
    }
}
