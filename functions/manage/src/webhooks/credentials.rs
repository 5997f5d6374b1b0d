//! Basic authentication and headers of a webhook's own: sealed one by one, never read back, and dropped when the URL's host changes, since otherwise
//! whoever may change the URL could have them sent to a host of his own.

use std::collections::BTreeMap;

use adapters::http::caller::{Object, parse};
use adapters::http::problem::Problem;
use adapters::vault;
use domain::contract::{Contract, Secret};
use domain::credential::{CredentialUse, SealingKeys};
use domain::guard::{MAX_HEADER_BYTES, judge_headers};
use domain::ports::Fault;
use domain::rejection::{Code, Rejection};
use domain::tenant::{SealedBasicAuth, SealedHeader, Webhook};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::Function;

const LONGEST_CREDENTIAL: usize = 512;

/// As it comes in. Nobody can print it: a [`Secret`] cannot be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(description = "Basic authentication (RFC 7617), sent with every delivery.")]
pub(crate) struct BasicAuth {
    /// No colon, no control character.
    #[schema(max_length = 512, pattern = r"^[^:\u0000-\u001f\u007f-\u009f]*$")]
    username: String,
    /// No control character. It cannot be read back.
    #[schema(value_type = String, max_length = 512, pattern = r"^[^\u0000-\u001f\u007f-\u009f]*$")]
    password: Secret,
}

/// The part of a merge patch that is about secrets.
pub(super) struct Patch {
    basic_auth: Option<Option<BasicAuth>>,
    /// None in place of the whole: all are taken away. None in place of a value: that one is.
    headers: Option<Option<BTreeMap<String, Option<String>>>>,
}

impl Patch {
    pub(super) fn take(patch: &mut Map<String, Value>) -> Result<Self, Rejection> {
        let basic_auth = patch
            .remove("basicAuth")
            .map(|value| parse::<Option<Object<BasicAuth>>>(&value.to_string()))
            .transpose()?
            .map(|basic| basic.map(|Object(basic)| basic));
        let headers = patch
            .remove("headers")
            .map(|value| parse(&value.to_string()))
            .transpose()?;
        Ok(Self {
            basic_auth,
            headers,
        })
    }

    pub(super) async fn apply(
        self,
        app: &Function,
        before: &Webhook,
        after: &mut Webhook,
        contract: &Contract,
    ) -> Result<(), Problem> {
        if host(&before.url) != host(&after.url) {
            after.basic_auth = None;
            after.headers.clear();
        }
        let new_basic = self.basic_auth.as_ref().and_then(Option::as_ref);
        let new_headers: BTreeMap<String, String> = match &self.headers {
            Some(Some(headers)) => headers
                .iter()
                .filter_map(|(n, v)| Some((n.clone(), v.clone()?)))
                .collect(),
            _ => BTreeMap::new(),
        };
        check(new_basic, new_headers.iter(), contract)?;
        let kept = |name: &String| match &self.headers {
            Some(None) => false,
            Some(Some(headers)) => !headers.keys().any(|new| new.eq_ignore_ascii_case(name)),
            None => true,
        };
        let old: usize = after
            .headers
            .iter()
            .filter(|(name, _)| kept(name))
            .map(|(name, sealed)| name.len() + sealed.bytes)
            .sum();
        let new: usize = new_headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if old + new > MAX_HEADER_BYTES {
            let detail =
                format!("All headers of a webhook together have at most {MAX_HEADER_BYTES} bytes.");
            return Err(Rejection::new(Code::InvalidHeader, detail)
                .field("headers")
                .into());
        }
        let keys = app.sealing_keys(&before.tenant).await?;
        match self.headers {
            Some(None) => after.headers.clear(),
            Some(Some(headers)) => {
                for (name, value) in headers {
                    after
                        .headers
                        .retain(|known, _| !known.eq_ignore_ascii_case(&name));
                    if let Some(value) = value {
                        let sealed = seal_header(&keys, after, &name, value)?;
                        after.headers.insert(name, sealed);
                    }
                }
            }
            None => {}
        }
        match self.basic_auth {
            Some(None) => after.basic_auth = None,
            Some(Some(basic)) => after.basic_auth = Some(seal_basic(&keys, after, basic)?),
            None => {}
        }
        only_one_authorization(after.basic_auth.is_some(), after.headers.keys())?;
        Ok(())
    }
}

fn host(url: &str) -> Option<String> {
    url::Url::parse(url)
        .ok()
        .map(|url| format!("{:?}:{:?}", url.host_str(), url.port_or_known_default()))
}

/// Refuses headers that would break the request or pose as ours or the contract's.
pub(super) fn check<'a>(
    basic: Option<&BasicAuth>,
    headers: impl Iterator<Item = (&'a String, &'a String)> + Clone,
    contract: &Contract,
) -> Result<(), Rejection> {
    let wrong = |detail: String| Rejection::new(Code::InvalidHeader, detail).field("headers");
    judge_headers(
        headers
            .clone()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )
    .map_err(|d| wrong(d.to_string()))?;
    check_names(headers.clone().map(|(name, _)| name), contract)?;
    only_one_authorization(basic.is_some(), headers.map(|(name, _)| name))?;
    let Some(basic) = basic else { return Ok(()) };
    let is_plain =
        |text: &str| text.len() <= LONGEST_CREDENTIAL && !text.chars().any(char::is_control);
    if basic.username.contains(':')
        || !is_plain(&basic.username)
        || !is_plain(basic.password.expose())
    {
        let detail = "A user name holds no colon, and neither it nor the password a control character (RFC 7617).";
        return Err(Rejection::new(Code::InvalidHeader, detail).field("basicAuth"));
    }
    Ok(())
}

/// Refuses headers that the contract sets itself.
pub(super) fn check_names<'a>(
    names: impl Iterator<Item = &'a String> + Clone,
    contract: &Contract,
) -> Result<(), Rejection> {
    let reserved = contract
        .headers
        .keys()
        .chain(contract.signature.iter().map(|signature| &signature.header));
    for taken in reserved {
        if names.clone().any(|name| name.eq_ignore_ascii_case(taken)) {
            let detail = format!("{taken} is set by the contract.");
            return Err(Rejection::new(Code::InvalidHeader, detail).field("headers"));
        }
    }
    Ok(())
}

fn only_one_authorization<'a>(
    basic: bool,
    mut names: impl Iterator<Item = &'a String>,
) -> Result<(), Rejection> {
    if basic && names.any(|name| name.eq_ignore_ascii_case("authorization")) {
        let detail = "A webhook has Basic authentication or a header Authorization, not both.";
        return Err(Rejection::new(Code::InvalidHeader, detail).field("headers"));
    }
    Ok(())
}

pub(super) fn seal_basic(
    keys: &SealingKeys,
    webhook: &Webhook,
    basic: BasicAuth,
) -> Result<SealedBasicAuth, Fault> {
    let of = CredentialUse::Password;
    let cipher = vault::seal(keys, &webhook.id, of, &basic.password)?;
    Ok(SealedBasicAuth {
        username: basic.username,
        cipher,
    })
}

pub(super) fn seal_header(
    keys: &SealingKeys,
    webhook: &Webhook,
    name: &str,
    value: String,
) -> Result<SealedHeader, Fault> {
    let bytes = value.len();
    let of = CredentialUse::Header(name);
    let cipher = vault::seal(keys, &webhook.id, of, &Secret::new(value))?;
    Ok(SealedHeader { cipher, bytes })
}
