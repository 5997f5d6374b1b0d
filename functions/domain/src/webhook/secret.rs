//! The signing secret of a webhook: given by the caller, or random.

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::given::GivenSecret;
use crate::contract::{Contract, Secret, SecretFormat};
use crate::rejection::{Code, Rejection};

/// The secret of a new webhook: the given one if the contract can use it, else one generated from
/// `random`. `None` if the contract does not sign and none was given.
///
/// # Errors
/// `invalid_secret` for a secret that the contract cannot use, `masked_value` for a mask.
pub(super) fn first_secret(
    given: Option<GivenSecret>,
    contract: &Contract,
    random: [u8; 32],
) -> Result<Option<Secret>, Rejection> {
    let signature = contract.signature.as_ref();
    let form = signature.map(|signature| signature.secret);
    match (given, form) {
        (Some(given), form) => {
            let secret = given.new_value("secret")?;
            let wrong = |detail| Rejection::new(Code::InvalidSecret, detail).field("secret");
            secret
                .check(form.unwrap_or(SecretFormat::Literal))
                .map_err(wrong)?;
            Ok(Some(secret))
        }
        (None, Some(form)) => Ok(Some(made(form, random))),
        (None, None) => Ok(None),
    }
}

/// The secret after a rotation. As above, but a secret is required.
///
/// # Errors
/// The same, and `invalid_secret` if the contract signs nothing and none was given.
pub fn next_secret(
    given: Option<GivenSecret>,
    contract: &Contract,
    random: [u8; 32],
) -> Result<Secret, Rejection> {
    first_secret(given, contract, random)?.ok_or_else(|| {
        let detail = "The contract of this webhook signs nothing.";
        Rejection::new(Code::InvalidSecret, detail)
    })
}

/// The prefix `whsec_` is added only if it is not part of the key: receivers that know it from
/// Standard Webhooks remove it.
fn made(form: SecretFormat, random: [u8; 32]) -> Secret {
    Secret::new(match form {
        SecretFormat::Literal => BASE64_URL_SAFE_NO_PAD.encode(random),
        SecretFormat::Whsec => format!("whsec_{}", BASE64_STANDARD.encode(random)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::testing::{contract, literal, unsigned};

    fn given(text: &str) -> Option<GivenSecret> {
        Some(text.to_owned().into())
    }

    fn text(secret: Option<Secret>) -> Option<String> {
        secret.map(|secret| secret.expose().to_owned())
    }

    fn refusal(result: Result<Option<Secret>, Rejection>) -> Rejection {
        result.err().unwrap()
    }

    #[test]
    fn a_given_secret_is_taken_as_it_is() {
        for contract in [literal(), unsigned()] {
            for right in ["x", "whsec_not base64", &"x".repeat(1024)] {
                let first = first_secret(given(right), &contract, [1; 32]).ok().unwrap();
                assert_eq!(text(first).as_deref(), Some(right));
            }
        }
    }

    #[test]
    fn a_given_secret_has_the_form_of_its_contract() {
        for wrong in ["", &"x".repeat(1025)] {
            for contract in [literal(), unsigned()] {
                let refusal = refusal(first_secret(given(wrong), &contract, [1; 32]));
                assert_eq!(refusal.code, Code::InvalidSecret);
                assert_eq!(refusal.field.as_deref(), Some("secret"));
                assert_eq!(&*refusal.detail, "A secret has 1 to 1024 bytes.");
            }
        }
        let refusal = refusal(first_secret(given("whsec_c2hvcnQ="), &contract(), [1; 32]));
        assert_eq!(
            &*refusal.detail,
            "A secret is whsec_ and the base64 of 24 to 64 bytes."
        );
    }

    #[test]
    fn the_mask_is_no_secret() {
        for contract in [literal(), contract(), unsigned()] {
            let refusal = refusal(first_secret(given("***"), &contract, [1; 32]));
            assert_eq!(refusal.code, Code::MaskedValue);
            assert_eq!(refusal.field.as_deref(), Some("secret"));
        }
    }

    #[test]
    fn a_made_secret_suits_the_contract_and_holds_all_of_the_chance() {
        for contract in [literal(), contract()] {
            let made = |random| text(first_secret(None, &contract, random).ok().unwrap()).unwrap();
            let form = contract.signature.as_ref().unwrap().secret;
            assert_eq!(Secret::new(made([255; 32])).check(form), Ok(()));
            for byte in 0..32 {
                let mut other = [255; 32];
                other[byte] = 0;
                assert_ne!(made(other), made([255; 32]), "byte {byte}");
            }
        }
    }

    #[test]
    fn only_a_secret_whose_prefix_is_no_part_of_the_key_gets_one() {
        let made = |contract| text(first_secret(None, &contract, [0; 32]).ok().unwrap()).unwrap();
        assert!(made(contract()).starts_with("whsec_"));
        assert!(!made(literal()).starts_with("whsec_"));
    }

    #[test]
    fn a_contract_that_signs_nothing_needs_no_first_secret_and_has_no_next_one() {
        let first = first_secret(None, &unsigned(), [1; 32]).ok().unwrap();
        assert_eq!(text(first), None);
        let refusal = next_secret(None, &unsigned(), [1; 32]).err().unwrap();
        assert_eq!(refusal.code, Code::InvalidSecret);
        assert_eq!(
            &*refusal.detail,
            "The contract of this webhook signs nothing."
        );
        assert_eq!(refusal.field, None);
        // A given secret is stored for a later contract.
        let kept = next_secret(given("x"), &unsigned(), [1; 32]).ok();
        assert_eq!(text(kept).as_deref(), Some("x"));
    }
}
