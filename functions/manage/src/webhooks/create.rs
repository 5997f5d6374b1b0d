//! A new webhook: validated, sealed and written once, however often its request is sent.

use adapters::clock::{now, random};
use adapters::config::{Authority, Created};
use adapters::kms;
use api::admission::done;
use api::caller::{json, located};
use api::conditional::tagged;
use api::creation::{Creation, replayed};
use api::problem::{Problem, mistake_of};
use axum::http::StatusCode;
use axum::response::Response;
use domain::contract::Secret;
use domain::credential::{CredentialUse, SealingKeys};
use domain::idempotency::{CreationKind, CreationName, IdempotencyKey};
use domain::ids::WebhookId;
use domain::ports::Fault;
use domain::principal::Principal;
use domain::rejection::Together as _;
use domain::signing_secrets::SigningSecrets;
use domain::tenant::Webhook;
use domain::time::Time;
use domain::webhook::{WebhookLimit, own_id};

use super::input::Create;
use super::wire::with_secret;
use crate::{AppState, HandlerResult};

/// What a webhook will be called, and what tells whether there is one already.
struct Naming {
    id: WebhookId,
    /// None where the id is chance: then there is none.
    name: Option<CreationName>,
    /// The request's fingerprint.
    content: String,
}

impl Naming {
    /// Answers a repetition with what it made; refuses another request of the same name.
    fn answer(&self, made: &Created<Webhook>, status: StatusCode) -> HandlerResult {
        if let Some(name) = self.name {
            name.check(made.content.as_deref(), &self.content)?;
        }
        let answer = json(status, with_secret(&made.resource, None));
        Ok(replayed(placed(answer, &made.resource)))
    }
}

/// The answer with the webhook's version, and where it can be read.
fn placed(answer: Response, webhook: &Webhook) -> Response {
    let path = format!("/v1/tenants/{}/webhooks/{}", webhook.tenant, webhook.id);
    located(tagged(answer, &webhook.tag()), path)
}

impl AppState {
    /// Makes the webhook, or answers with the one that the same request made before. A dry run
    /// makes none, and answers what it would make.
    pub(super) async fn create_webhook(
        &self,
        principal: &Principal,
        authority: &Authority,
        creation: Creation<Create>,
        is_dry_run: bool,
    ) -> HandlerResult {
        let tenant = &authority.tenant;
        let status = if is_dry_run {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        };
        let naming = self.naming(authority, &creation)?;
        let mut body = creation.body;
        let import = body.take_import();
        import.check_allowed(principal)?;
        if let Some(made) = self.made(authority, &naming).await? {
            return naming.answer(&made, status);
        }
        let contract = self
            .contract(body.contract.as_deref().unwrap_or(&tenant.contract))
            .await;
        let contract = mistake_of(contract)?;
        let chosen = contract.as_ref().map_err(Clone::clone);
        let import = chosen
            .clone()
            .and_then(|contract| import.validate(contract, now()));
        let wish = body.without_contract();
        let valid = wish.validate(chosen, self.webhook_rules(), random());
        // Without a contract, only the webhook's mistakes are told: they have that one.
        let (valid, import) = match contract {
            Ok(_) => valid.and_also(import)?,
            Err(_) => (valid?, import?),
        };
        let of_tenant = self.config.contract_of(&tenant.contract).await?;
        let limit = WebhookLimit::of(tenant, of_tenant.as_ref());
        // The write below decides. A caller that is over the limit learns it before anything is
        // sealed, for one read unit.
        limit.check(self.config.webhook_count(&tenant.id).await?)?;
        let id = naming.id.clone();
        let keys = &tenant.sealing_keys;
        let secret = valid.secret.clone();
        let sealed = self.sealed(keys, &id, secret.as_ref(), import.previous_secrets)?;
        let (webhook, credentials) = valid.into_webhook(tenant.id.clone(), id, sealed, now());
        let mut webhook = webhook.created_by(principal.author());
        if naming.name.is_some() {
            webhook = webhook.after_any_of_its_id(now());
        }
        if let Some(created_at) = import.created_at {
            webhook = webhook.made_elsewhere(created_at);
        }
        credentials.seal(&mut webhook, |id, of, credential| {
            kms::encrypt(keys, id, of, credential)
        })?;
        if is_dry_run {
            return Ok(json(status, with_secret(&webhook, None)));
        }
        let content = naming.name.map(|_| naming.content.as_str());
        let written = self
            .config
            .create_webhook(authority, &webhook, content, limit.get())
            .await?;
        if done(written)? {
            let answer = json(status, with_secret(&webhook, secret.as_ref()));
            return Ok(placed(answer, &webhook));
        }
        // Refused by the limit, or by what the same request has made meanwhile.
        match self.made(authority, &naming).await? {
            Some(made) => naming.answer(&made, status),
            None => Err(limit.reached().into()),
        }
    }

    fn naming(
        &self,
        authority: &Authority,
        creation: &Creation<Create>,
    ) -> Result<Naming, Problem> {
        let own = creation.body.id.as_deref().map(own_id).transpose()?;
        let entropy =
            |key: &IdempotencyKey| key.entropy(&authority.tenant.id, CreationKind::Webhook);
        let (id, name) = match (own, &creation.key) {
            (Some(id), _) => (id, Some(CreationName::OwnId)),
            (None, Some(key)) => (WebhookId::new(entropy(key)), Some(CreationName::Key)),
            (None, None) => (WebhookId::new(random()), None),
        };
        let tenant = &authority.tenant.id;
        let content = self
            .fingerprints
            .of_request(tenant, id.as_str(), &creation.content);
        Ok(Naming { id, name, content })
    }

    /// What is there under the name already. One read unit, for requests with a name.
    async fn made(
        &self,
        authority: &Authority,
        naming: &Naming,
    ) -> Result<Option<Created<Webhook>>, Problem> {
        if naming.name.is_none() {
            return Ok(None);
        }
        let tenant = &authority.tenant.id;
        Ok(self.config.created_webhook(tenant, &naming.id).await?)
    }

    fn sealed(
        &self,
        keys: &SealingKeys,
        id: &WebhookId,
        secret: Option<&Secret>,
        previous: Vec<(Secret, Time)>,
    ) -> Result<SigningSecrets, Problem> {
        let Some(secret) = secret else {
            return Ok(SigningSecrets::default());
        };
        let seal = |secret: &Secret| kms::encrypt(keys, id, CredentialUse::Secret, secret);
        let cipher = seal(secret)?;
        let fingerprint = self.fingerprints.of(&cipher, secret);
        let previous = previous
            .iter()
            .map(|(secret, end)| Ok((seal(secret)?, *end)));
        Ok(SigningSecrets::new(cipher)
            .with_fingerprint(fingerprint)
            .with_previous(previous.collect::<Result<_, Fault>>()?))
    }
}
