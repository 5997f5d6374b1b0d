//! Endpoint secrets: made or taken, sealed, and shown in the one answer that follows.

use adapters::clock::random;
use adapters::vault;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use domain::contract::{Contract, Secret};
use domain::credential::{CredentialUse, SealingKeys};
use domain::ids::WebhookId;
use domain::ports::Fault;
use domain::rejection::{Code, Rejection};
use domain::tenant::SealedSecret;
use domain::time::Time;

/// The given secret if the contract can use it, else a new one: `whsec_` and 32 random bytes, which every contract can read. None if the contract
/// signs nothing and none was given.
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
                .check(form.unwrap_or(domain::contract::SecretForm::Literal))
                .map_err(wrong)?;
            Ok(Some(secret))
        }
        (None, Some(_)) => Ok(Some(Secret::new(format!(
            "whsec_{}",
            BASE64_STANDARD.encode(random::<32>())
        )))),
        (None, None) => Ok(None),
    }
}

/// Seals a secret that signs from a time on.
pub(crate) fn seal(
    keys: &SealingKeys,
    webhook: &WebhookId,
    secret: &Secret,
    since: Time,
) -> Result<SealedSecret, Fault> {
    let cipher = vault::seal(keys, webhook, CredentialUse::Secret, secret)?;
    Ok(SealedSecret {
        cipher,
        since,
        until: None,
    })
}
