//! Identifies the caller. It only authenticates; each function checks what the caller may do, since
//! a cached answer applies to every route.
//!
//! Cost: one consistent read for each key or session and cache period, and one write an hour and
//! used key; none for a header that does not have the form of a key.

use std::sync::Mutex;
use std::time::Duration;

use adapters::cache::Cache;
use adapters::clock::now;
use adapters::config::ConfigTable;
use adapters::env;
use adapters::secrets::Secrets;
use adapters::settings::required;
use adapters::{clients, telemetry};
use aws_lambda_events::event::apigw::{
    ApiGatewayV2CustomAuthorizerSimpleResponse, ApiGatewayV2CustomAuthorizerV2Request,
};
use domain::api_key::{self, ApiKey};
use domain::authenticate::{Explanations, Identity, authenticate, has_session};
use domain::ids::KeyId;
use domain::ports::{Fault, Keys};
use domain::principal::Principal;
use domain::session::{Session, SessionName};
use domain::time::Time;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};

/// How long the operator's key is cached: a rotation takes effect after this time.
const OPERATOR_KEPT: Duration = Duration::from_secs(60);

/// The function: built once per process, called once per key and cache period.
pub struct Handler {
    config: ConfigTable,
    secrets: Secrets,
    operator_arn: String,
    operator_hash: Cache<(), String>,
    explanations: Mutex<Explanations>,
}

impl Handler {
    /// From the environment.
    ///
    /// # Errors
    /// A setting that is missing or invalid.
    pub async fn from_env() -> Result<Self, Error> {
        let aws = clients::sdk_config(clients::INTERACTIVE_AWS_CALL_TIMEOUT);
        Ok(Self {
            config: ConfigTable::new(&aws, required(env::CONFIG_TABLE)?),
            secrets: Secrets::new(&aws),
            operator_arn: required(env::OPERATOR_SECRET_ARN)?,
            operator_hash: Cache::new(1, OPERATOR_KEPT),
            explanations: Mutex::new(Explanations::new(now())),
        })
    }

    /// Answers one request.
    ///
    /// # Errors
    /// A fault: the gateway denies the request.
    pub async fn handle(
        &self,
        event: LambdaEvent<ApiGatewayV2CustomAuthorizerV2Request>,
    ) -> Result<ApiGatewayV2CustomAuthorizerSimpleResponse<Value>, Error> {
        let header = event
            .payload
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let identity = authenticate(self, header, now())
            .await
            .inspect_err(|fault| {
                telemetry::fault("key.check_failed", fault, &json!({}));
            })?;
        let mut response = ApiGatewayV2CustomAuthorizerSimpleResponse::<Value>::default();
        // A wrong key is also admitted: `domain::principal` says why, and which function rejects
        // it. In a flood of wrong keys the gateway rejects it.
        response.is_authorized = identity.is_some() || self.is_explained();
        response.context = match identity {
            Some(Identity::Operator) => Principal::operator_context(),
            Some(Identity::Tenant(key)) => Principal::key_context(&key),
            Some(Identity::Session(session)) => Principal::session_context(&session),
            None => Principal::anonymous_context(has_session(header)),
        };
        Ok(response)
    }
}

impl Handler {
    fn is_explained(&self) -> bool {
        self.explanations
            .lock()
            .is_ok_and(|mut explanations| explanations.take(now()))
    }
}

impl Keys for Handler {
    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, Fault> {
        self.config.key(id).await
    }

    async fn session(&self, name: &SessionName) -> Result<Option<Session>, Fault> {
        self.config.session(name).await
    }

    async fn operator_hash(&self) -> Result<String, Fault> {
        let read = async {
            let key = self.secrets.read(&self.operator_arn).await?;
            Ok(api_key::hash(key.expose()))
        };
        self.operator_hash.get_or_read(&(), now, read).await
    }

    async fn used(&self, key: &ApiKey, at: Time) {
        if let Err(fault) = self.config.note_use(key, at).await {
            let about = json!({"key_id": key.id.as_str()});
            telemetry::fault("key.use_not_recorded", &fault, &about);
        }
    }
}
