//! Encryption with a public key and decryption with the private one: HPKE (RFC 9180), base mode,
//! single shot, with X25519, HKDF-SHA256 and AES-256-GCM, from the same library as TLS.
//!
//! A ciphertext is the encapsulated key and the encrypted text, in base64: 48 bytes more than the
//! text.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use domain::contract::Secret;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey};

/// The size of an encapsulated key (RFC 9180 section 7.1, Nenc).
const ENCAPSULATED_BYTES: usize = 32;
/// Names the use, so that ciphertexts of the same keys for another use never decrypt as
/// credentials.
const INFO: &[u8] = b"postel webhook credential 1";

const SUITE: &dyn Hpke = DH_KEM_X25519_HKDF_SHA256_AES_256;

/// Why an encryption or decryption failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealingError {
    /// A key or a ciphertext is not in the format of this module.
    #[error("it is not base64, or too short")]
    Malformed,
    /// Another key, another position, or a changed byte.
    #[error(transparent)]
    Crypto(#[from] rustls::Error),
    /// The decrypted bytes are not text.
    #[error("what was sealed is not UTF-8")]
    NotText,
}

/// A new key pair: the public key in base64, and the private one.
pub(crate) fn new_keys() -> Result<(String, HpkePrivateKey), SealingError> {
    let (public, private) = SUITE.generate_key_pair()?;
    Ok((BASE64_STANDARD.encode(public.0), private))
}

/// Encrypts a text for a position.
pub(crate) fn seal(public: &str, place: &str, text: &Secret) -> Result<String, SealingError> {
    let public = HpkePublicKey(decode(public)?);
    let (key, sealed) = SUITE.seal(INFO, place.as_bytes(), text.expose().as_bytes(), &public)?;
    Ok(BASE64_STANDARD.encode([key.0, sealed].concat()))
}

/// Decrypts a text that was encrypted for a position.
pub(crate) fn open(
    private: &HpkePrivateKey,
    place: &str,
    cipher: &str,
) -> Result<Secret, SealingError> {
    let mut key = decode(cipher)?;
    if key.len() < ENCAPSULATED_BYTES {
        return Err(SealingError::Malformed);
    }
    let sealed = key.split_off(ENCAPSULATED_BYTES);
    let key = EncapsulatedSecret(key);
    let opened = SUITE.open(&key, INFO, place.as_bytes(), &sealed, private)?;
    let text = String::from_utf8(opened).map_err(|_| SealingError::NotText)?;
    Ok(Secret::new(text))
}

fn decode(text: &str) -> Result<Vec<u8>, SealingError> {
    BASE64_STANDARD
        .decode(text)
        .map_err(|_| SealingError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(public: &str, text: &str) -> String {
        seal(public, "here", &Secret::new(text.to_owned())).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_the_private_key_at_its_place() {
        let (public, private) = new_keys().unwrap();
        for text in ["", "a", "p\u{e4}ssword", &"x".repeat(4096)] {
            let cipher = sealed(&public, text);
            let opened = open(&private, "here", &cipher).unwrap();
            assert_eq!(opened.expose(), text);
            assert_eq!(
                BASE64_STANDARD.decode(&cipher).unwrap().len(),
                text.len() + 48
            );
        }
        assert_ne!(sealed(&public, "a"), sealed(&public, "a"));
    }

    #[test]
    fn nothing_opens_at_another_place_with_another_key_or_changed() {
        let (public, private) = new_keys().unwrap();
        let (_, other) = new_keys().unwrap();
        let cipher = sealed(&public, "text");
        assert!(open(&private, "there", &cipher).is_err());
        assert!(open(&other, "here", &cipher).is_err());
        let bytes = BASE64_STANDARD.decode(&cipher).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = BASE64_STANDARD.encode(changed);
            assert!(open(&private, "here", &changed).is_err(), "byte {at}");
        }
        for cut in [
            "",
            "no base64!",
            "AAAA",
            &cipher[..40],
            &cipher[..cipher.len() - 4],
        ] {
            assert!(open(&private, "here", cut).is_err(), "{cut}");
        }
        for public in ["", "no base64!", "AAAA"] {
            assert!(seal(public, "here", &Secret::new("text".to_owned())).is_err());
        }
    }

    /// `cargo test --release -p adapters --lib opening_takes -- --ignored --nocapture`.
    #[test]
    #[ignore = "a measurement, for people"]
    fn opening_takes() {
        let (public, private) = new_keys().unwrap();
        let cipher = sealed(&public, &"x".repeat(44));
        let began = std::time::Instant::now();
        for _ in 0..1000 {
            open(&private, "here", &cipher).unwrap();
        }
        println!("{:?} to open one", began.elapsed() / 1000);
        let began = std::time::Instant::now();
        for _ in 0..1000 {
            sealed(&public, "x");
        }
        println!("{:?} to seal one", began.elapsed() / 1000);
    }
}
