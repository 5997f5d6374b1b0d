//! Basic authentication and a webhook's own headers: encrypted one by one, never read back, and
//! dropped when the origin of the URL changes. Otherwise anyone who may change the URL could send
//! them to another host, or unencrypted.
//!
//! A creation is checked like a change of a webhook without credentials: the complete result,
//! before anything is encrypted.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use url::Url;

use super::given::{GivenSecret, Held};
use crate::contract::{Contract, Secret};
use crate::credential::CredentialUse;
use crate::guard::{DeniedHeader, Quoted, check_header, check_header_set, folded};
use crate::ids::WebhookId;
use crate::rejection::{BodyPath, Code, Rejection, Together as _};
use crate::strict_json::{Object, parse_any};
use crate::tenant::{EncryptedBasicAuth, EncryptedHeader, Webhook};

const MAX_CREDENTIAL_BYTES: usize = 512;
/// The header of Basic authentication, [folded].
const AUTHORIZATION: &str = "authorization";

/// Basic authentication as a new webhook gets it. Nobody can print it: a [`Secret`] cannot be
/// printed.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    username: String,
    password: GivenSecret,
}

/// The same in a merge patch: a member that it does not name stays.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct BasicAuthPatch {
    #[serde(default, deserialize_with = "given")]
    username: Option<String>,
    #[serde(default, deserialize_with = "given")]
    password: Option<GivenSecret>,
}

/// The part of a merge patch that is about credentials.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CredentialsPatch {
    #[serde(default, deserialize_with = "object_or_null")]
    basic_auth: Option<Option<BasicAuthPatch>>,
    /// None in place of the whole takes all of them away. None in place of a value takes that one.
    #[serde(default, deserialize_with = "given")]
    headers: Option<Option<BTreeMap<String, Option<GivenSecret>>>>,
}

/// For a member that may be left out: null is a value like any other.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// The same for an object or null.
fn object_or_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    let value = Option::<Object<T>>::deserialize(from)?;
    Ok(Some(value.map(|Object(value)| value)))
}

/// Basic authentication of a webhook as a change makes it.
struct HeldBasicAuth {
    username: String,
    password: Held<String>,
    is_changed: bool,
}

/// All credentials of a webhook after a change.
pub struct ValidCredentials {
    basic_auth: Option<HeldBasicAuth>,
    headers: Vec<(String, Held<EncryptedHeader>)>,
}

impl CredentialsPatch {
    /// The credentials of a new webhook.
    #[must_use]
    pub(super) fn whole(
        basic_auth: Option<BasicAuth>,
        headers: BTreeMap<String, GivenSecret>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name, Some(value)));
        Self {
            basic_auth: Some(basic_auth.map(|basic| BasicAuthPatch {
                username: Some(basic.username),
                password: Some(basic.password),
            })),
            headers: Some(Some(headers.collect())),
        }
    }

    /// Takes the credentials out of a merge patch.
    ///
    /// # Errors
    /// If they do not have the shape of credentials.
    pub(super) fn take(patch: &mut Map<String, Value>) -> Result<Self, Rejection> {
        let named = ["basicAuth", "headers"].map(|name| patch.remove_entry(name));
        let own: Map<_, _> = named.into_iter().flatten().collect();
        parse_any(&Value::Object(own).to_string())
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
        let had = kept.and_then(|kept| kept.basic_auth.as_ref());
        let basic_auth = match self.basic_auth {
            None => Ok(had.cloned().map(HeldBasicAuth::kept)),
            Some(None) => Ok(None),
            Some(Some(patch)) => patch.on(had).map(Some),
        };
        let (basic_auth, headers) = basic_auth.and_also(held_headers(self.headers, kept))?;
        let valid = ValidCredentials {
            basic_auth,
            headers,
        };
        valid
            .check_headers(contract, takes_contract)
            .and_also(valid.check_basic_auth(contract, takes_contract))?;
        Ok(valid)
    }
}

/// All headers of a webhook: those that the patch names, and the others that it had, unless null in
/// place of the whole takes them away.
fn held_headers(
    patch: Option<Option<BTreeMap<String, Option<GivenSecret>>>>,
    kept: Option<&Webhook>,
) -> Result<Vec<(String, Held<EncryptedHeader>)>, Rejection> {
    let named = match patch {
        None => BTreeMap::new(),
        Some(None) => return Ok(Vec::new()),
        Some(Some(named)) => named,
    };
    let had = || kept.into_iter().flat_map(|kept| &kept.headers);
    let is_named = |known: &str| named.keys().any(|name| folded(name) == folded(known));
    let mut headers: Vec<_> = had()
        .filter(|(known, _)| !is_named(known))
        .map(|(known, sealed)| (known.clone(), Held::Kept(sealed.clone())))
        .collect();
    for (name, value) in named {
        let Some(value) = value else { continue };
        let known = had().find(|(known, _)| folded(known) == folded(&name));
        // What is kept opens under the spelling that it was sealed with.
        let kept = known.map(|(known, sealed)| (known.clone(), sealed.clone()));
        headers.push(
            match value.held(kept, &BodyPath::from("headers").member(&name))? {
                Held::New(value) => (name, Held::New(value)),
                Held::Kept((known, sealed)) => (known, Held::Kept(sealed)),
            },
        );
    }
    Ok(headers)
}

impl BasicAuthPatch {
    /// Puts the patch on what the webhook has.
    ///
    /// # Errors
    /// `masked_value`, or `missing_field` for a member that is missing with nothing to keep.
    fn on(self, had: Option<&EncryptedBasicAuth>) -> Result<HeldBasicAuth, Rejection> {
        let missing = |field: &str| {
            let detail = format!(
                "`{field}` is missing, and the webhook has none to keep. A URL with another scheme, host or port drops it."
            );
            Rejection::new(Code::MissingField, detail).field(field)
        };
        let username = self
            .username
            .or_else(|| had.map(|had| had.username.clone()));
        let username = username.ok_or_else(|| missing("basicAuth.username"))?;
        let sealed = had.map(|had| had.cipher.clone());
        let password = match self.password {
            Some(given) => given.held(sealed, &"basicAuth.password".into())?,
            None => Held::Kept(sealed.ok_or_else(|| missing("basicAuth.password"))?),
        };
        let is_same = had.is_some_and(|had| had.username == username);
        Ok(HeldBasicAuth {
            is_changed: !is_same || matches!(password, Held::New(_)),
            username,
            password,
        })
    }
}

impl HeldBasicAuth {
    fn kept(sealed: EncryptedBasicAuth) -> Self {
        Self {
            username: sealed.username,
            password: Held::Kept(sealed.cipher),
            is_changed: false,
        }
    }

    fn can_be_sent(&self) -> bool {
        let is_plain =
            |text: &str| text.len() <= MAX_CREDENTIAL_BYTES && !text.chars().any(char::is_control);
        let is_password = match &self.password {
            Held::New(password) => is_plain(password.expose()),
            Held::Kept(_) => true,
        };
        is_password && !self.username.contains(':') && is_plain(&self.username)
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
        if (takes_contract || held.is_changed) && is_set_by(contract, AUTHORIZATION) {
            let detail = format!(
                "The contract {} sets the header Authorization itself, so its webhooks have no Basic authentication.",
                contract.name
            );
            return Err(invalid("basicAuth", detail));
        }
        if held.is_changed && !held.can_be_sent() {
            let detail = "A user name holds no colon, and neither it nor the password a control character (RFC 7617); each has at most 512 bytes.";
            return Err(invalid("basicAuth", detail.to_owned()));
        }
        Ok(())
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
        webhook.basic_auth = None;
        if let Some(HeldBasicAuth {
            username, password, ..
        }) = self.basic_auth
        {
            let cipher = match password {
                Held::New(password) => seal(&webhook.id, CredentialUse::Password, &password)?,
                Held::Kept(cipher) => cipher,
            };
            webhook.basic_auth = Some(EncryptedBasicAuth { username, cipher });
        }
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
