//! A new webhook, from the request to the stored row.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::credentials::{BasicAuth, CredentialsPatch, ValidCredentials};
use super::given::GivenSecret;
use super::rules::{WebhookRules, event_filters, filter_of};
use super::secret::first_secret;
use crate::context::{Context, Given, of_owner};
use crate::contract::{Contract, Overrides, Secret};
use crate::event_type::EventFilter;
use crate::filter::Filter;
use crate::ids::{InvalidId, TenantId, WebhookId};
use crate::names::check_name;
use crate::rejection::{Code, Rejection, Together as _};
use crate::signing_secrets::SigningSecrets;
use crate::tenant::Webhook;
use crate::time::Time;

/// The request. Its contract has already been chosen: the caller's, or the tenant's.
pub struct NewWebhook {
    /// Display name.
    pub name: Option<String>,
    /// The URL.
    pub url: String,
    /// Its event filters.
    pub events: Vec<String>,
    /// What its events must contain; null is the same as nothing.
    pub filter: Option<Box<RawValue>>,
    /// Whether it receives events. Default: yes.
    pub active: Option<bool>,
    /// What signs; made, if the caller does not say.
    pub secret: Option<GivenSecret>,
    /// Basic authentication.
    pub basic_auth: Option<BasicAuth>,
    /// Headers of its own.
    pub headers: BTreeMap<String, GivenSecret>,
    /// What it says differently from its contract.
    pub overrides: Overrides,
    /// Values for envelopes if the event does not have them.
    pub context: Given,
}

/// A new webhook whose parts keep the rules, with nothing encrypted yet.
pub struct ValidWebhook {
    name: Option<String>,
    url: String,
    events: Vec<EventFilter>,
    filter: Option<Filter>,
    active: bool,
    contract: String,
    overrides: Overrides,
    context: Context,
    /// What signs; none where the contract signs nothing.
    pub secret: Option<Secret>,
    credentials: ValidCredentials,
}

/// Parses an id chosen by the caller.
///
/// # Errors
/// `invalid_value` for other characters, or too many.
pub fn own_id(text: &str) -> Result<WebhookId, Rejection> {
    text.parse().map_err(|InvalidId| {
        let detail = "A webhook's id has 1 to 64 letters, digits, underscores or hyphens.";
        Rejection::new(Code::InvalidValue, detail).field("id")
    })
}

impl NewWebhook {
    /// Validates it. `random` becomes the secret if the caller gives none. Where the contract could
    /// not be found, what needs none is judged all the same.
    ///
    /// # Errors
    /// Each member that breaks a rule.
    pub fn validate(
        self,
        contract: Result<&Contract, Rejection>,
        rules: WebhookRules<'_>,
        random: [u8; 32],
    ) -> Result<ValidWebhook, Rejection> {
        let url = rules.url(&self.url, contract.as_ref().ok().copied());
        let credentials = CredentialsPatch::whole(self.basic_auth, self.headers);
        let destination = url.as_deref().unwrap_or(&self.url);
        let by_contract = contract.and_then(|contract| {
            credentials
                .validate(None, destination, contract)
                .and_also(first_secret(self.secret, contract, random))
                .map(|(credentials, secret)| (contract, credentials, secret))
        });
        let events = event_filters(self.events).and_also(filter_of(self.filter.as_deref()));
        let (((((), ()), url), ((events, filter), context)), (contract, credentials, secret)) =
            check_name("name", self.name.as_deref().unwrap_or_default())
                .and_also(rules.check_overrides(&self.overrides))
                .and_also(url)
                .and_also(events.and_also(of_owner(&self.context)))
                .and_also(by_contract)?;
        Ok(ValidWebhook {
            secret,
            name: self.name,
            url,
            events,
            filter,
            active: self.active.unwrap_or(true),
            contract: contract.name.clone(),
            overrides: self.overrides,
            context,
            credentials,
        })
    }
}

impl ValidWebhook {
    /// The webhook with its sealed secret, and the credentials that are still to be sealed.
    #[must_use]
    pub fn into_webhook(
        self,
        tenant: TenantId,
        id: WebhookId,
        secrets: SigningSecrets,
        now: Time,
    ) -> (Webhook, ValidCredentials) {
        let webhook = Webhook {
            id,
            tenant,
            name: self.name,
            url: self.url,
            events: self.events,
            filter: self.filter,
            active: self.active,
            contract: self.contract,
            overrides: self.overrides,
            context: self.context,
            secrets,
            basic_auth: None,
            headers: BTreeMap::new(),
            created_at: now,
            updated_at: now,
            version: 1,
            disabled: None,
            switched: Vec::new(),
            slow_since: None,
            failing_since: None,
            since: None,
            written: None,
        };
        (webhook, self.credentials)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::author::Author;
    use crate::guard::EgressPolicy;
    use crate::webhook::testing::{at, contract, tenant, unsigned, webhook};

    fn asked() -> NewWebhook {
        NewWebhook {
            name: Some("orders".to_owned()),
            url: "https://example.com/hooks".to_owned(),
            events: vec!["*".to_owned()],
            filter: None,
            active: None,
            secret: None,
            basic_auth: None,
            headers: BTreeMap::new(),
            overrides: Overrides::default(),
            context: Given::new(),
        }
    }

    fn validated(asked: NewWebhook, contract: &Contract) -> Result<ValidWebhook, Rejection> {
        let egress = EgressPolicy::default();
        let rules = WebhookRules {
            egress: &egress,
            max_timeout: Duration::from_secs(30),
        };
        asked.validate(Ok(contract), rules, [1; 32])
    }

    fn made(asked: NewWebhook) -> Result<Webhook, Rejection> {
        let secrets = SigningSecrets::default();
        let id = WebhookId::new([1; 16]);
        let valid = validated(asked, &contract())?;
        let (webhook, _) = valid.into_webhook(tenant().id, id, secrets, at(1));
        Ok(webhook)
    }

    #[test]
    fn a_new_webhook_is_active_and_of_the_first_version() {
        assert_eq!(made(asked()).unwrap(), webhook());
        let off = NewWebhook {
            active: Some(false),
            ..asked()
        };
        assert!(!made(off).unwrap().active);
    }

    #[test]
    fn an_own_id_has_1_to_64_plain_characters() {
        for right in ["a", "ep_2fL-9", "wh_abc123", &"x".repeat(64)] {
            assert_eq!(own_id(right).unwrap().as_str(), right);
        }
        for wrong in ["", "a.b", "a b", "a/b", "\u{e4}", &"x".repeat(65)] {
            let refusal = own_id(wrong).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidValue);
            assert_eq!(refusal.field.as_deref(), Some("id"));
        }
    }

    #[test]
    fn a_webhook_that_may_have_had_a_predecessor_is_of_a_later_version() {
        let first = webhook().after_any_of_its_id(at(1_800_000_000));
        let mut changed = first.clone();
        for second in 1_800_000_000..1_800_000_009 {
            let url = format!("https://example.com/{second}");
            changed = Webhook {
                url,
                ..changed.clone()
            }
            .replacing(&changed, &Author::Postel, at(second));
        }
        let next = webhook().after_any_of_its_id(at(1_800_000_010));
        assert!(first.version < changed.version && changed.version < next.version);
    }

    #[test]
    fn a_new_webhook_has_a_secret_where_its_contract_signs() {
        let secret = |contract| validated(asked(), &contract).ok().unwrap().secret;
        assert!(secret(contract()).is_some() && secret(unsigned()).is_none());
    }

    #[test]
    fn every_mistake_of_a_new_webhook_is_told_at_once() {
        let egress = EgressPolicy::default();
        let rules = WebhookRules {
            egress: &egress,
            max_timeout: Duration::from_secs(30),
        };
        let wrong = || NewWebhook {
            name: Some("x".repeat(257)),
            url: "http://10.0.0.1/".to_owned(),
            events: vec![],
            secret: Some("short".to_owned().into()),
            headers: [("Host".to_owned(), "x".to_owned().into())].into(),
            ..asked()
        };
        let told = |contract: Result<&Contract, Rejection>| -> Vec<String> {
            let told = wrong().validate(contract, rules, [1; 32]).err().unwrap();
            let all = [&told].into_iter().chain(told.others.iter());
            all.map(|one| one.field.clone().unwrap().into()).collect()
        };
        assert_eq!(
            told(Ok(&contract())),
            ["name", "url", "events", "headers", "secret"]
        );
        assert_eq!(
            told(Err(crate::webhook::no_such_contract())),
            ["name", "url", "events", "contract"]
        );
    }

    #[test]
    fn each_member_of_a_new_webhook_is_judged() {
        let refused = |wrong: NewWebhook| {
            let refusal = made(wrong).err().unwrap();
            (refusal.code, refusal.field.map(String::from).unwrap())
        };
        let context = [("a".to_owned(), serde_json::from_str("{}").unwrap())];
        for (wrong, code, field) in [
            (
                NewWebhook {
                    name: Some("a\u{202e}".to_owned()),
                    ..asked()
                },
                Code::InvalidName,
                "name",
            ),
            (
                NewWebhook {
                    url: "https://10.0.0.1/".to_owned(),
                    ..asked()
                },
                Code::InvalidUrl,
                "url",
            ),
            (
                NewWebhook {
                    events: vec![],
                    ..asked()
                },
                Code::InvalidEvents,
                "events",
            ),
            (
                NewWebhook {
                    secret: Some("short".to_owned().into()),
                    ..asked()
                },
                Code::InvalidSecret,
                "secret",
            ),
            (
                NewWebhook {
                    headers: [("Host".to_owned(), "x".to_owned().into())].into(),
                    ..asked()
                },
                Code::InvalidHeader,
                "headers",
            ),
            (
                NewWebhook {
                    overrides: Overrides {
                        timeout_seconds: Some(31),
                        ..Overrides::default()
                    },
                    ..asked()
                },
                Code::InvalidContract,
                "overrides.timeoutSeconds",
            ),
            (
                NewWebhook {
                    context: context.into(),
                    ..asked()
                },
                Code::InvalidValue,
                "context",
            ),
        ] {
            assert_eq!(refused(wrong), (code, field.to_owned()));
        }
    }
}
