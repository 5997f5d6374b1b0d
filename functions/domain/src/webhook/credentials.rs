//! Basic authentication and a webhook's own headers: encrypted one by one, never read back, and
//! dropped when the origin of the URL changes. Otherwise anyone who may change the URL could send
//! them to another host, or unencrypted.
//!
//! A creation is checked like a change of a webhook without credentials: the complete result,
//! before anything is encrypted.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::contract::{Contract, Secret};
use crate::credential::CredentialUse;
use crate::guard::{DeniedHeader, Quoted, check_header, check_header_set, folded};
use crate::ids::WebhookId;
use crate::rejection::{Code, Rejection};
use crate::strict_json::{Object, parse_any};
use crate::tenant::{EncryptedBasicAuth, EncryptedHeader, Webhook};

const MAX_CREDENTIAL_BYTES: usize = 512;
/// The header of Basic authentication, [folded].
const AUTHORIZATION: &str = "authorization";

/// Basic authentication in a request. It cannot be printed, because a [`Secret`] cannot be printed.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    username: String,
    password: Secret,
}

/// The credentials of a merge patch.
#[derive(Clone)]
pub(super) struct CredentialsPatch {
    basic_auth: Option<Option<BasicAuth>>,
    /// `Some(None)` removes all headers. `None` as a value removes that header.
    headers: Option<Option<BTreeMap<String, Option<String>>>>,
}

/// An existing, encrypted credential or a new one that is not encrypted yet.
enum Held<N, S> {
    New(N),
    Kept(S),
}

/// All credentials of a webhook after a change.
pub struct ValidCredentials {
    basic_auth: Option<Held<BasicAuth, EncryptedBasicAuth>>,
    headers: Vec<(String, Held<Secret, EncryptedHeader>)>,
}

impl CredentialsPatch {
    /// The credentials of a new webhook.
    #[must_use]
    pub(super) fn whole(basic_auth: Option<BasicAuth>, headers: BTreeMap<String, String>) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name, Some(value)));
        Self {
            basic_auth: Some(basic_auth),
            headers: Some(Some(headers.collect())),
        }
    }

    /// Takes the credentials out of a merge patch.
    ///
    /// # Errors
    /// If they do not have the shape of credentials.
    pub(super) fn take(patch: &mut Map<String, Value>) -> Result<Self, Rejection> {
        let basic_auth = patch
            .remove("basicAuth")
            .map(|value| parse_any::<Option<Object<BasicAuth>>>(&value.to_string()))
            .transpose()?
            .map(|basic| basic.map(|Object(basic)| basic));
        let headers = patch
            .remove("headers")
            .map(|value| parse_any(&value.to_string()))
            .transpose()?;
        Ok(Self {
            basic_auth,
            headers,
        })
    }

    /// Combines and validates the webhook's resulting credentials. Existing ones are kept only with
    /// a URL of the same origin. The name of an existing header is checked against a new contract,
    /// but not against the current one: the owner may change the rest although the operator has
    /// changed the contract.
    ///
    /// # Errors
    /// The first credential that cannot be sent.
    pub(super) fn validate(
        self,
        before: Option<&Webhook>,
        url: &str,
        contract: &Contract,
    ) -> Result<ValidCredentials, Rejection> {
        let takes_contract = before.is_none_or(|before| before.contract != contract.name);
        let kept = before.filter(|before| origin(&before.url) == origin(url));
        let basic_auth = match self.basic_auth {
            Some(wanted) => wanted.map(Held::New),
            None => kept
                .and_then(|kept| kept.basic_auth.clone())
                .map(Held::Kept),
        };
        let mut headers = Vec::new();
        if self.headers.as_ref().is_none_or(Option::is_some) {
            let kept = kept.into_iter().flat_map(|kept| kept.headers.clone());
            headers.extend(kept.map(|(name, sealed)| (name, Held::Kept(sealed))));
        }
        for (name, value) in self.headers.flatten().unwrap_or_default() {
            headers.retain(|(known, held)| {
                matches!(held, Held::New(_)) || folded(known) != folded(&name)
            });
            headers.extend(value.map(|value| (name, Held::New(Secret::new(value)))));
        }
        let valid = ValidCredentials {
            basic_auth,
            headers,
        };
        valid.check_headers(contract, takes_contract)?;
        valid.check_basic_auth(contract, takes_contract)?;
        Ok(valid)
    }
}

impl ValidCredentials {
    fn check_headers(&self, contract: &Contract, takes_contract: bool) -> Result<(), Rejection> {
        let wrong = |denied: DeniedHeader| invalid("headers", denied.to_string());
        let sizes = self.headers.iter().map(|(name, held)| match held {
            Held::New(value) => (name.as_str(), value.expose().len()),
            Held::Kept(sealed) => (name.as_str(), sealed.bytes),
        });
        check_header_set(sizes).map_err(wrong)?;
        for (name, held) in &self.headers {
            if let Held::New(value) = held {
                check_header(name, value.expose()).map_err(|why| {
                    let name = name.clone();
                    wrong(DeniedHeader { name, why })
                })?;
            }
            if (takes_contract || matches!(held, Held::New(_))) && is_set_by(contract, name) {
                let detail = format!(
                    "The contract {} sets the header {} itself; use another name.",
                    contract.name,
                    Quoted(name)
                );
                return Err(invalid("headers", detail));
            }
        }
        Ok(())
    }

    fn check_basic_auth(&self, contract: &Contract, takes_contract: bool) -> Result<(), Rejection> {
        let Some(held) = &self.basic_auth else {
            return Ok(());
        };
        let mut names = self.headers.iter().map(|(name, _)| name);
        if names.any(|name| folded(name) == AUTHORIZATION) {
            let detail = "A webhook has Basic authentication or a header Authorization, not both; take one away.";
            return Err(invalid("headers", detail.to_owned()));
        }
        let is_new = matches!(held, Held::New(_));
        if (takes_contract || is_new) && is_set_by(contract, AUTHORIZATION) {
            let detail = format!(
                "The contract {} sets the header Authorization itself, so its webhooks have no Basic authentication.",
                contract.name
            );
            return Err(invalid("basicAuth", detail));
        }
        match held {
            Held::New(basic) if !basic.can_be_sent() => {
                let detail = "A user name holds no colon, and neither it nor the password a control character (RFC 7617); each has at most 512 bytes.";
                Err(invalid("basicAuth", detail.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// Encrypts the new credentials, and gives all of them to the webhook. `seal` returns the
    /// base64 ciphertext of a credential, bound to this webhook and its use.
    ///
    /// # Errors
    /// The first fault of `seal`.
    pub fn seal<E>(
        self,
        webhook: &mut Webhook,
        seal: impl Fn(&WebhookId, CredentialUse<'_>, &Secret) -> Result<String, E>,
    ) -> Result<(), E> {
        webhook.basic_auth = match self.basic_auth {
            Some(Held::New(basic)) => Some(EncryptedBasicAuth {
                cipher: seal(&webhook.id, CredentialUse::Password, &basic.password)?,
                username: basic.username,
            }),
            Some(Held::Kept(sealed)) => Some(sealed),
            None => None,
        };
        webhook.headers.clear();
        for (name, held) in self.headers {
            let sealed = match held {
                Held::New(value) => EncryptedHeader {
                    cipher: seal(&webhook.id, CredentialUse::Header(&name), &value)?,
                    bytes: value.expose().len(),
                },
                Held::Kept(sealed) => sealed,
            };
            webhook.headers.insert(name, sealed);
        }
        Ok(())
    }
}

impl BasicAuth {
    fn can_be_sent(&self) -> bool {
        let is_plain =
            |text: &str| text.len() <= MAX_CREDENTIAL_BYTES && !text.chars().any(char::is_control);
        !self.username.contains(':') && is_plain(&self.username) && is_plain(self.password.expose())
    }
}

fn invalid(field: &'static str, detail: String) -> Rejection {
    Rejection::new(Code::InvalidHeader, detail).field(field)
}

/// Scheme, host and port. `None` if it is not a URL.
fn origin(url: &str) -> Option<(String, String, Option<u16>)> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.to_owned();
    Some((url.scheme().to_owned(), host, url.port_or_known_default()))
}

/// Whether a contract sends a header with this name.
fn is_set_by(contract: &Contract, name: &str) -> bool {
    let signature = contract.signature.iter().map(|rule| &rule.header);
    let mut names = contract.headers.keys().chain(signature);
    names.any(|taken| folded(taken) == folded(name))
}

#[cfg(test)]
mod tests;
