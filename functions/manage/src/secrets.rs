//! Endpoint secrets: made or taken, and shown in the one answer that follows.

use adapters::clock::random;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use domain::contract::{Contract, Secret, SecretForm};
use domain::rejection::{Code, Rejection};

/// The given secret if the contract can use it, else a new one of 32 random bytes: after `whsec_` only where that is no part of the key, since
/// whoever knows it from Standard Webhooks takes it off. None if the contract signs nothing and none was given.
pub(crate) fn choose(
    given: Option<Secret>,
    contract: &Contract,
) -> Result<Option<Secret>, Rejection> {
    let form = contract
        .signature
        .as_ref()
        .map(|signature| signature.secret);
    match (given, form) {
        (Some(secret), form) => {
            let wrong = |detail| Rejection::new(Code::InvalidSecret, detail).field("secret");
            secret
                .check(form.unwrap_or(SecretForm::Literal))
                .map_err(wrong)?;
            Ok(Some(secret))
        }
        (None, Some(form)) => Ok(Some(made(form))),
        (None, None) => Ok(None),
    }
}

fn made(form: SecretForm) -> Secret {
    let bytes = random::<32>();
    Secret::new(match form {
        SecretForm::Literal => BASE64_URL_SAFE_NO_PAD.encode(bytes),
        SecretForm::Whsec => format!("whsec_{}", BASE64_STANDARD.encode(bytes)),
    })
}
