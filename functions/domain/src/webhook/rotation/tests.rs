use proptest::prelude::*;

use super::*;
use crate::signing_secrets::MAX_PREVIOUS_SECRETS;
use crate::webhook::testing::{at, contract, literal, unsigned, webhook};

const BY: Author = Author::Postel;

fn seconds(rotation: Result<Rotation, Rejection>) -> u64 {
    rotation.unwrap().overlap.as_secs()
}

/// The fingerprint of a secret for a ciphertext.
fn of(secret: &str) -> impl Fn(&str) -> String {
    let secret = secret.to_owned();
    move |cipher| format!("{cipher}/{secret}")
}

/// Rotates to a secret whose ciphertext is its name.
fn rotate(before: &Webhook, secret: &str, overlap: u64, second: i64) -> Option<Webhook> {
    let rotation = Rotation::requested(&contract(), Some(overlap)).unwrap();
    rotation.apply(before, secret, of(secret), &BY, at(second))
}

fn signers(webhook: &Webhook, second: i64) -> Vec<&str> {
    webhook.secrets.signing_at(at(second), true).collect()
}

#[test]
fn the_old_secret_signs_for_a_day_where_both_can_sign_else_not_at_all() {
    assert_eq!(seconds(Rotation::requested(&contract(), None)), 86_400);
    assert_eq!(seconds(Rotation::requested(&literal(), None)), 0);
    assert_eq!(seconds(Rotation::requested(&unsigned(), None)), 0);
}

#[test]
fn an_overlap_is_nothing_to_seven_days_whatever_the_contract() {
    for contract in [contract(), literal(), unsigned()] {
        for right in [0, 1, 604_800] {
            let rotation = Rotation::requested(&contract, Some(right));
            assert_eq!(seconds(rotation), right);
        }
        for wrong in [604_801, u64::MAX] {
            let refusal = Rotation::requested(&contract, Some(wrong)).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidValue);
            assert_eq!(refusal.field.as_deref(), Some("overlapSeconds"));
            assert_eq!(
                &*refusal.detail,
                "An overlap is at most 604800 seconds, seven days."
            );
        }
    }
}

#[test]
fn the_old_secret_signs_until_the_overlap_ends_and_no_longer() {
    let first = rotate(&webhook(), "A", 0, 10).unwrap();
    let second = rotate(&first, "B", 5, 20).unwrap();
    assert_eq!(signers(&second, 24), ["B", "A"]);
    assert_eq!(signers(&second, 25), ["B"]);
    // Another rotation does not lengthen it.
    let third = rotate(&second, "C", 100, 21).unwrap();
    assert_eq!(signers(&third, 24), ["C", "B", "A"]);
    assert_eq!(signers(&third, 25), ["C", "B"]);
}

#[test]
fn at_max_two_older_secrets_sign_beside_the_newest() {
    let names = ["A", "B", "C", "D", "E"];
    let rotated = names.iter().fold(webhook(), |before, name| {
        rotate(&before, name, 100, 20).unwrap()
    });
    assert_eq!(signers(&rotated, 20), ["E", "D", "C"]);
    assert_eq!(signers(&rotated, 20).len(), 1 + MAX_PREVIOUS_SECRETS);
}

#[test]
fn a_repeated_rotation_changes_nothing() {
    let first = rotate(&webhook(), "A", 0, 10).unwrap();
    let second = rotate(&first, "B", 5, 20).unwrap();
    // Encrypted again: another ciphertext for the same secret.
    let rotation = Rotation::requested(&contract(), Some(5)).unwrap();
    assert_eq!(
        rotation.apply(&second, "B again", of("B"), &BY, at(20)),
        None
    );
    assert_eq!(
        rotation.apply(&second, "B again", of("B"), &BY, at(23)),
        None
    );
    // The secret before the newest is not a repetition.
    let back = rotate(&second, "A", 5, 23).unwrap();
    assert_eq!(signers(&back, 24), ["A", "B", "A"]);
}

#[test]
fn a_repeated_rotation_with_a_shorter_overlap_ends_the_older_ones_sooner() {
    let first = rotate(&webhook(), "A", 0, 10).unwrap();
    let second = rotate(&first, "B", 50, 20).unwrap();
    let sooner = rotate(&second, "B", 5, 22).unwrap();
    assert_eq!(signers(&sooner, 26), ["B", "A"]);
    assert_eq!(signers(&sooner, 27), ["B"]);
    assert!(sooner.version > second.version && sooner.updated_at == at(22));
    assert_eq!(rotate(&second, "B", 500, 22), None, "no longer");
}

#[test]
fn a_rotation_is_a_new_version_of_the_webhook_and_changes_nothing_else() {
    let before = webhook();
    let after = rotate(&before, "A", 0, 10).unwrap();
    assert_eq!(after.version, before.version + 1);
    assert_eq!(after.updated_at, at(10));
    let undone = Webhook {
        secrets: before.secrets.clone(),
        version: before.version,
        updated_at: before.updated_at,
        written: before.written.clone(),
        ..after
    };
    assert_eq!(undone, before);
}

#[test]
fn older_secrets_end_at_once_when_asked_and_only_where_there_are_some() {
    let first = rotate(&webhook(), "A", 0, 10).unwrap();
    assert_eq!(end_previous_secrets(&webhook(), &BY, at(11)), None);
    assert_eq!(end_previous_secrets(&first, &BY, at(11)), None);
    let second = rotate(&first, "B", 50, 20).unwrap();
    let ended = end_previous_secrets(&second, &BY, at(21)).unwrap();
    assert_eq!(signers(&ended, 21), ["B"]);
    assert!(ended.version > second.version && ended.updated_at == at(21));
    // The newest one is still recognised by its fingerprint.
    assert_eq!(rotate(&ended, "B", 50, 22), None);
}

proptest! {
    /// The loop of optimistic writes relies on this.
    #[test]
    fn whatever_was_rotated_before_the_same_rotation_once_more_changes_nothing(
        rotations in prop::collection::vec((0u8..3, 0u64..50), 1..8),
    ) {
        let mut webhook = webhook();
        for (number, (secret, overlap)) in rotations.into_iter().enumerate() {
            let second = 10 + i64::try_from(number).unwrap();
            let secret = secret.to_string();
            if let Some(after) = rotate(&webhook, &secret, overlap, second) {
                webhook = after;
            }
            prop_assert_eq!(rotate(&webhook, &secret, overlap, second), None);
            prop_assert_eq!(signers(&webhook, second).first().copied(), Some(secret.as_str()));
        }
    }
}
