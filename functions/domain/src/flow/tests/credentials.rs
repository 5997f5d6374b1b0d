//! Stored credentials that cannot be decrypted.

use super::fixtures::*;
use super::*;

#[test]
fn a_credential_that_does_not_open_is_a_failed_attempt() {
    type Spoil = fn(&mut Webhook);
    let spoil: [Spoil; 3] = [
        |webhook| webhook.secrets = SigningSecrets::new("corrupt".to_owned()),
        |webhook| {
            webhook.basic_auth = Some(EncryptedBasicAuth {
                username: "u".to_owned(),
                cipher: "corrupt".to_owned(),
            });
        },
        |webhook| {
            let cipher = "corrupt".to_owned();
            let header = EncryptedHeader { cipher, bytes: 7 };
            webhook.headers.insert("x-own".to_owned(), header);
        },
    ];
    for spoil in spoil {
        let mut desk = dispatcher("standard");
        let snapshot = desk.deps.snapshot.as_mut().unwrap();
        spoil(&mut snapshot.subscriptions[0].webhook);
        let calls = work(&desk, &published(1));
        assert!(
            !calls.iter().any(|call| matches!(call, Call::Post(..))),
            "{calls:?}"
        );
        assert!(
            calls.iter().any(|call| matches!(call, Call::CreateDelivery(kept, _)
                if matches!(&kept.last_attempt, Some(Attempt { outcome: Outcome::Failure { kind: FailureKind::Credentials, .. }, .. })))),
            "{calls:?}"
        );
    }
}
