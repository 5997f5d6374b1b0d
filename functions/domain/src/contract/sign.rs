//! Signing: HMAC-SHA256 over the text that the contract defines, with a key made from the secret.
//!
//! Source for `standard`: Standard Webhooks 1.0, "Signature scheme". The four vendors sign the body
//! alone; their receivers therefore cannot detect a replay, and Postel cannot change that without
//! breaking them.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::template::Template;
use crate::time::Time;

/// The prefix of Standard Webhooks secrets.
const SECRET_PREFIX: &str = "whsec_";

/// Secrets are written with padding, but accepted without it: some libraries issue them unpadded.
const SECRET_BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How a contract signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignatureScheme {
    /// The header that carries it.
    pub header: String,
    /// The prefix of each signature, `sha256=` for instance.
    #[serde(default)]
    pub prefix: String,
    /// The encoding of the 32 bytes.
    pub encoding: Encoding,
    /// The text that is signed.
    pub signed_text: Template,
    /// How the key is derived from the secret.
    pub secret: SecretFormat,
    /// Whether the header may carry several signatures, separated by a space, while a rotation
    /// overlaps. If not, one secret signs: the oldest whose overlap has not ended.
    #[serde(default)]
    pub several: bool,
}

/// The encoding of a signature's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Encoding {
    /// Lower case hexadecimal.
    Hex,
    /// Standard base64 with padding.
    Base64,
}

/// How a key is derived from a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretFormat {
    /// The secret's UTF-8 bytes, including a `whsec_` prefix.
    Literal,
    /// Base64 of 24 to 64 bytes, with or without the prefix `whsec_`; the bytes are the key.
    Whsec,
}

/// A secret in clear. Without `Debug`, `Serialize` and `Deserialize` on purpose, and wiped when
/// dropped: it is written nowhere, and a request gives a [`crate::webhook::GivenSecret`].
///
/// Limit: what HTTP, JSON and the AWS SDK copied before it came here, and what is copied to be
/// sent, is not wiped. Test: a_secret_cannot_be_printed_or_written_and_is_wiped.
#[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct Secret(String);

/// The input of one attempt's signature.
#[derive(Clone, Copy)]
pub struct SigningInput<'a> {
    /// The event's id, the same in every attempt.
    pub id: &'a str,
    /// The time of this attempt.
    pub at: Time,
    /// The raw bytes of the body.
    pub body: &'a [u8],
}

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, to encrypt it or to show it once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a contract that reads secrets in this form can use it.
    ///
    /// # Errors
    /// A sentence that says what the secret must look like.
    pub fn check(&self, form: SecretFormat) -> Result<(), &'static str> {
        match form {
            SecretFormat::Literal if (1..=1024).contains(&self.0.len()) => Ok(()),
            SecretFormat::Literal => Err("A secret has 1 to 1024 bytes."),
            SecretFormat::Whsec => self
                .key(form)
                .map(|_| ())
                .ok_or("A secret is whsec_ and the base64 of 24 to 64 bytes."),
        }
    }

    fn key(&self, form: SecretFormat) -> Option<Zeroizing<Vec<u8>>> {
        match form {
            SecretFormat::Literal => Some(Zeroizing::new(self.0.clone().into_bytes())),
            SecretFormat::Whsec => {
                let bytes = SECRET_BASE64
                    .decode(self.0.strip_prefix(SECRET_PREFIX).unwrap_or(&self.0))
                    .ok()
                    .map(Zeroizing::new)?;
                (24..=64).contains(&bytes.len()).then_some(bytes)
            }
        }
    }
}

impl SignatureScheme {
    /// The header's value: one signature, or one for each secret where the contract allows several.
    /// `secrets` come newest first. `None` if no secret can be read in the contract's form.
    #[must_use]
    pub fn value(&self, secrets: &[Secret], moment: &SigningInput<'_>) -> Option<String> {
        let text = self.signed_text.filled(moment);
        let used = if self.several {
            secrets
        } else {
            secrets.get(..1).unwrap_or_default()
        };
        let signatures: Vec<String> = used
            .iter()
            .filter_map(|secret| self.one(secret, &text))
            .collect();
        if signatures.is_empty() {
            None
        } else {
            Some(signatures.join(" "))
        }
    }

    pub(super) fn one(&self, secret: &Secret, text: &[u8]) -> Option<String> {
        let key = secret.key(self.secret)?;
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key).ok()?;
        mac.update(text);
        let bytes = mac.finalize().into_bytes();
        let written = match self.encoding {
            Encoding::Hex => hex::encode(bytes),
            Encoding::Base64 => BASE64_STANDARD.encode(bytes),
        };
        Some(format!("{}{written}", self.prefix))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::contract::builtin;

    fn vectors() -> Value {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/standardwebhooks_vectors.json"
        );
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn every_published_vector_is_signed_to_the_bit() {
        let signature = builtin("standard").unwrap().signature.unwrap();
        let mut checked = 0;
        for row in vectors()["sign"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["scheme"] == "v1")
        {
            let text = |name: &str| row[name].as_str().map(str::to_owned);
            let repeat = &row["payload_repeat"];
            let payload = match (text("payload"), text("payload_hex")) {
                (Some(payload), _) => payload.into_bytes(),
                (_, Some(coded)) => hex::decode(coded).unwrap(),
                _ => repeat["string"]
                    .as_str()
                    .unwrap()
                    .repeat(repeat["count"].as_u64().unwrap().try_into().unwrap())
                    .into_bytes(),
            };
            let secret = Secret::new(text("secret").unwrap());
            let at = Time::from_millis(row["timestamp"].as_i64().unwrap() * 1000);
            let moment = SigningInput {
                id: row["msg_id"].as_str().unwrap(),
                at,
                body: &payload,
            };
            let value = signature.value(&[secret], &moment);
            if row["key_len_bytes"].as_u64().unwrap() < 24 {
                assert_eq!(
                    value, None,
                    "{}: shorter than the specification allows",
                    row["name"]
                );
            } else {
                assert_eq!(value, text("expected_signature"), "{}", row["name"]);
            }
            checked += 1;
        }
        assert!(checked >= 10, "only {checked} vectors");
    }

    #[test]
    fn every_published_secret_is_read_or_refused_as_published() {
        for row in vectors()["secret_validation"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["secret"].as_str().is_some())
        {
            let verdict =
                Secret::new(row["secret"].as_str().unwrap().to_owned()).check(SecretFormat::Whsec);
            match row["expect"].as_str().unwrap() {
                "accept" => assert!(verdict.is_ok(), "{row}"),
                "reject" => assert!(verdict.is_err(), "{row}"),
                _ => {}
            }
        }
    }

    /// Whether a type implements a trait, without requiring it: where the bound holds, the inherent
    /// constant shadows the other.
    macro_rules! has {
        ($type:ty: $bound:path) => {{
            // Used as a type only; no value is ever created.
            struct Probe<T>(T);
            #[allow(dead_code, reason = "unused where the bound holds")]
            trait Otherwise {
                const HAS: bool = false;
            }
            impl<T> Otherwise for Probe<T> {}
            #[allow(dead_code, reason = "unused where the bound does not hold")]
            impl<T: $bound> Probe<T> {
                const HAS: bool = true;
            }
            <Probe<$type>>::HAS
        }};
    }

    #[test]
    fn a_secret_cannot_be_printed_or_written_and_is_wiped() {
        assert!(
            has!(String: std::fmt::Debug)
                && has!(String: std::fmt::Display)
                && has!(String: Serialize)
        );
        assert!(
            !has!(Secret: std::fmt::Debug)
                && !has!(Secret: std::fmt::Display)
                && !has!(Secret: Serialize)
        );
        assert!(
            !has!(Secret: PartialEq),
            "comparing it would take as long as it agrees"
        );
        assert!(has!(Secret: zeroize::ZeroizeOnDrop) && !has!(String: zeroize::ZeroizeOnDrop));
        let mut secret = Secret::new("canary".into());
        zeroize::Zeroize::zeroize(&mut secret);
        assert_eq!(secret.expose(), "");
    }

    #[test]
    fn a_secret_shows_what_it_was_made_of_and_is_no_longer_than_1024_bytes() {
        assert_eq!(Secret::new("whsec_a".into()).expose(), "whsec_a");
        let of = |n: usize| Secret::new("a".repeat(n)).check(SecretFormat::Literal);
        assert!(of(1024).is_ok() && of(1025).is_err());
    }

    #[test]
    fn the_published_rotation_is_signed_by_both_and_then_by_the_new_one() {
        let vectors = vectors();
        let row = &vectors["rotation"][0];
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let secrets = [
            Secret::new(text("current_secret")),
            Secret::new(text("previous_secret")),
        ];
        let (id, body) = (text("msg_id"), text("payload"));
        let moment = SigningInput {
            id: &id,
            at: Time::from_millis(row["timestamp"].as_i64().unwrap() * 1000),
            body: body.as_bytes(),
        };
        let signature = builtin("standard").unwrap().signature.unwrap();
        assert_eq!(
            signature.value(&secrets, &moment),
            Some(text("expected_header_while_overlap"))
        );
        assert_eq!(
            signature.value(&secrets[..1], &moment),
            Some(text("expected_header_after_expiry"))
        );
    }

    #[test]
    fn the_vendors_published_signatures_are_made_to_the_bit() {
        let mut checked = 0;
        for row in vectors()["legacy_seed_formats"].as_array().unwrap() {
            let (Some(contract), Some(secret)) = (
                builtin(row["name"].as_str().unwrap()),
                row["secret_raw_utf8"].as_str(),
            ) else {
                continue;
            };
            let Some(signature) = contract.signature else {
                continue;
            };
            let moment = SigningInput {
                id: "evt_1",
                at: Time::from_millis(0),
                body: row["payload"].as_str().unwrap().as_bytes(),
            };
            assert_eq!(
                signature
                    .value(&[Secret::new(secret.into())], &moment)
                    .as_deref(),
                row["headers"][&signature.header].as_str(),
                "{row}"
            );
            checked += 1;
        }
        assert_eq!(checked, 3);
    }

    #[test]
    fn secrets_of_the_wrong_form_are_refused() {
        let long = |n: usize| Secret::new(format!("whsec_{}", BASE64_STANDARD.encode(vec![7; n])));
        assert!(long(23).check(SecretFormat::Whsec).is_err());
        assert!(long(24).check(SecretFormat::Whsec).is_ok());
        assert!(long(64).check(SecretFormat::Whsec).is_ok());
        assert!(long(65).check(SecretFormat::Whsec).is_err());
        assert!(
            Secret::new("whsec_a".into())
                .check(SecretFormat::Literal)
                .is_ok()
        );
        assert!(
            Secret::new(String::new())
                .check(SecretFormat::Literal)
                .is_err()
        );
    }

    #[test]
    fn a_rotation_signs_twice_in_standard_and_once_elsewhere() {
        let secrets = [
            Secret::new(format!("whsec_{}", BASE64_STANDARD.encode([1; 24]))),
            Secret::new(format!("whsec_{}", BASE64_STANDARD.encode([2; 24]))),
        ];
        let moment = SigningInput {
            id: "x",
            at: Time::from_millis(0),
            body: b"{}",
        };
        assert_eq!(
            builtin("standard")
                .unwrap()
                .signature
                .unwrap()
                .value(&secrets, &moment)
                .unwrap()
                .split(' ')
                .count(),
            2
        );
        assert_eq!(
            builtin("kuviq")
                .unwrap()
                .signature
                .unwrap()
                .value(&secrets, &moment)
                .unwrap()
                .split(' ')
                .count(),
            1
        );
    }
}
