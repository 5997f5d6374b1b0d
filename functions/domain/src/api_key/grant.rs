//! What the creator of a key may grant: no key creates a key with more rights or a later expiry
//! than its own.

use std::time::Duration;

use super::{ApiKey, Scope, hash};
use crate::author::Author;
use crate::ids::KeyId;
use crate::names::check_name;
use crate::principal::{Principal, TenantAccess};
use crate::rejection::{Code, Rejection, Together as _};
use crate::tenant::Tenant;
use crate::time::Time;

/// The maximum number of keys per tenant: rotation needs two for each of the tenant's programs.
pub const MAX_KEYS: usize = 50;

/// How far in the future the example time in an error is.
const EXAMPLE_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

/// A key as the caller requests it.
#[derive(Default)]
pub struct NewKey {
    /// Display name.
    pub name: Option<String>,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it expires.
    pub expires_at: Option<String>,
}

/// The caller that creates or deletes a key, and its name as an author. `None` is the operator.
pub struct KeyGrantor<'a>(Option<&'a TenantAccess>, Author);

impl<'a> KeyGrantor<'a> {
    /// The caller as a grantor.
    #[must_use]
    pub fn of(principal: &'a Principal) -> Self {
        let own = match principal {
            Principal::Operator | Principal::OperatorSession(_) => None,
            Principal::Tenant(access) => Some(access),
        };
        Self(own, principal.author())
    }

    /// The requested key. `text` is the key itself, of which only a hash is stored.
    ///
    /// # Errors
    /// The first member that breaks a rule.
    pub fn key(
        &self,
        asked: NewKey,
        tenant: &Tenant,
        id: KeyId,
        text: &str,
        now: Time,
    ) -> Result<ApiKey, Rejection> {
        let name = check_name("name", asked.name.as_deref().unwrap_or_default());
        let (((), scopes), expires_at) = name
            .and_also(self.scopes(asked.scopes))
            .and_also(self.end(asked.expires_at.as_deref(), now))?;
        Ok(ApiKey {
            id,
            tenant: tenant.id.clone(),
            name: asked.name,
            hash: hash(text),
            scopes,
            // A key that is older than its tenant is a key of an earlier tenant of the same id.
            created_at: now.max(tenant.created_at),
            created_by: Some(self.1.clone()),
            expires_at,
            last_used_at: None,
        })
    }

    fn has(&self, scopes: &[Scope]) -> bool {
        self.0.is_none_or(|own| own.has(scopes))
    }

    /// What the grantor is, in a sentence about a tenant's grantor.
    fn noun(&self) -> &'static str {
        self.0.map_or("key", |own| own.bearer.noun())
    }

    /// The scopes of a new key. A key's rights are chosen: there is no default.
    fn scopes(&self, asked: Vec<Scope>) -> Result<Vec<Scope>, Rejection> {
        granted_scopes(self.0, asked, "key")
    }

    /// When a new key expires. Default: with the grantor; never for the operator.
    ///
    /// # Errors
    /// `invalid_timestamp` for a value that is not a time or has passed, `forbidden` for a time
    /// after the grantor's own expiry.
    fn end(&self, asked: Option<&str>, now: Time) -> Result<Option<Time>, Rejection> {
        let latest = self.0.and_then(|own| own.expires_at);
        let Some(text) = asked else {
            return Ok(latest);
        };
        let refuse = |code, detail| Err(Rejection::new(code, detail).field("expiresAt"));
        let Some(end) = Time::parse_rfc3339(text) else {
            let detail = format!(
                "expiresAt is a date, a time and an offset as in RFC 3339, such as {}.",
                now.plus(EXAMPLE_LIFE).rfc3339()
            );
            return refuse(Code::InvalidTimestamp, detail);
        };
        if end <= now {
            let detail = format!(
                "expiresAt has passed: it is {} now. Give a later time, or none for a key that does not expire.",
                now.rfc3339()
            );
            return refuse(Code::InvalidTimestamp, detail);
        }
        if let Some(latest) = latest.filter(|latest| end > *latest) {
            let detail = format!(
                "A {} cannot create a key that expires later than itself, at {}.",
                self.noun(),
                latest.rfc3339()
            );
            return refuse(Code::Forbidden, detail);
        }
        Ok(Some(end))
    }

    /// Whether the grantor may delete a key with these scopes.
    ///
    /// # Errors
    /// `forbidden`, if the key has a scope that the grantor does not have.
    pub fn may_delete(&self, scopes: &[Scope]) -> Result<(), Rejection> {
        if self.has(scopes) {
            return Ok(());
        }
        let detail = format!(
            "A {} cannot delete a key with a scope that it does not have itself.",
            self.noun()
        );
        Err(Rejection::new(Code::Forbidden, detail))
    }
}

/// The scopes of a new key or session (`what`), each once. `grantor`: `None` is the operator.
///
/// # Errors
/// `invalid_value` for an empty list, `forbidden` for a scope that the grantor does not have.
pub(crate) fn granted_scopes(
    grantor: Option<&TenantAccess>,
    asked: Vec<Scope>,
    what: &str,
) -> Result<Vec<Scope>, Rejection> {
    let mut scopes = Vec::with_capacity(asked.len());
    for scope in asked {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    let refuse = |code, detail| Err(Rejection::new(code, detail).field("scopes"));
    if scopes.is_empty() {
        let detail = format!("A {what} needs at least one scope.");
        return refuse(Code::InvalidValue, detail);
    }
    if let Some(own) = grantor
        && !own.has(&scopes)
    {
        let noun = own.bearer.noun();
        let detail = format!("A {noun} cannot grant a scope that it does not have.");
        return refuse(Code::Forbidden, detail);
    }
    Ok(scopes)
}

/// The rejection when a tenant has [`MAX_KEYS`].
#[must_use]
pub fn too_many_keys() -> Rejection {
    let detail = format!("A tenant has at most {MAX_KEYS} keys: delete one first.");
    Rejection::new(Code::KeyLimit, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api_key::matches;
    use crate::principal::Bearer;
    use crate::webhook::testing::{at, tenant};

    const NOW: Time = Time::from_millis(1_800_000_000_000);
    const OPERATOR: KeyGrantor<'_> = KeyGrantor(None, Author::Operator { id: None });

    const BY: Author = Author::Postel;

    fn own(expires_at: Option<Time>) -> TenantAccess {
        TenantAccess {
            bearer: Bearer::Key(KeyId::new([7; 16])),
            name: Some("ERP".to_owned()),
            tenant: "t".parse().unwrap(),
            scopes: vec![Scope::Keys, Scope::WebhooksRead],
            created_at: NOW,
            expires_at,
        }
    }

    fn after(seconds: i64) -> Time {
        Time::from_millis(NOW.millis() + seconds * 1000)
    }

    fn key(asked: NewKey, second: i64) -> Result<ApiKey, Rejection> {
        let id = KeyId::new([7; 16]);
        OPERATOR.key(asked, &tenant(), id, "the key itself", at(second))
    }

    #[test]
    fn a_key_is_kept_as_a_hash_and_has_what_was_asked_for() {
        let asked = NewKey {
            name: Some("ci".to_owned()),
            scopes: vec![Scope::Keys],
            expires_at: Some(at(60).rfc3339()),
        };
        let key = key(asked, 5).unwrap();
        assert_eq!(key.created_by, Some(Author::Operator { id: None }));
        assert!(matches("the key itself", &key.hash));
        assert_eq!((key.tenant, key.name.as_deref()), (tenant().id, Some("ci")));
        assert_eq!(
            (key.scopes, key.expires_at),
            (vec![Scope::Keys], Some(at(60)))
        );
        assert_eq!((key.created_at, key.last_used_at), (at(5), None));
    }

    #[test]
    fn a_key_is_never_older_than_its_tenant_whatever_the_clock_says() {
        let asked = || NewKey {
            scopes: vec![Scope::Keys],
            ..NewKey::default()
        };
        let made = |second| key(asked(), second).unwrap().created_at;
        let tenants = tenant().created_at;
        assert_eq!((made(1), made(0), made(2)), (tenants, tenants, at(2)));
    }

    #[test]
    fn the_name_of_a_key_shows_what_it_is() {
        let asked = NewKey {
            name: Some("a\u{202e}".to_owned()),
            ..NewKey::default()
        };
        assert_eq!(key(asked, 5).unwrap_err().code, Code::InvalidName);
    }

    #[test]
    fn a_key_gives_no_scope_that_it_does_not_have() {
        let own = own(None);
        let grantor = KeyGrantor(Some(&own), BY);
        assert_eq!(grantor.scopes(own.scopes.clone()).unwrap(), own.scopes);
        assert_eq!(grantor.scopes(vec![Scope::Keys]).unwrap(), [Scope::Keys]);
        for asked in [vec![Scope::Keys, Scope::EventsWrite], Scope::ALL.to_vec()] {
            let refusal = grantor.scopes(asked).unwrap_err();
            assert_eq!(refusal.code, Code::Forbidden);
            assert_eq!(refusal.field.as_deref(), Some("scopes"));
            assert_eq!(
                &*refusal.detail,
                "A key cannot grant a scope that it does not have."
            );
        }
    }

    #[test]
    fn the_operator_gives_every_scope() {
        assert_eq!(OPERATOR.scopes(Scope::ALL.to_vec()).unwrap(), Scope::ALL);
        let one = vec![Scope::EventsErase];
        assert_eq!(OPERATOR.scopes(one.clone()).unwrap(), one);
    }

    #[test]
    fn a_scope_that_is_named_twice_counts_once() {
        let twice = vec![Scope::Keys, Scope::EventsWrite, Scope::Keys];
        let scopes = OPERATOR.scopes(twice).unwrap();
        assert_eq!(scopes, [Scope::Keys, Scope::EventsWrite]);
    }

    #[test]
    fn a_key_has_at_least_one_scope_whoever_makes_it() {
        let own = own(None);
        for grantor in [OPERATOR, KeyGrantor(Some(&own), BY)] {
            let refusal = grantor.scopes(Vec::new()).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidValue);
            assert_eq!(&*refusal.detail, "A key needs at least one scope.");
        }
    }

    #[test]
    fn what_a_key_makes_has_no_later_end_than_itself() {
        let own = own(Some(after(60)));
        let grantor = KeyGrantor(Some(&own), BY);
        let end = |seconds| grantor.end(Some(&after(seconds).rfc3339()), NOW);
        assert_eq!(grantor.end(None, NOW).unwrap(), Some(after(60)));
        assert_eq!(end(60).unwrap(), Some(after(60)));
        assert_eq!(end(59).unwrap(), Some(after(59)));
        let refusal = end(61).unwrap_err();
        assert_eq!(refusal.code, Code::Forbidden);
        assert_eq!(refusal.field.as_deref(), Some("expiresAt"));
    }

    #[test]
    fn a_key_without_an_end_and_the_operator_give_any_end_or_none() {
        let own = own(None);
        for grantor in [OPERATOR, KeyGrantor(Some(&own), BY)] {
            assert_eq!(grantor.end(None, NOW).unwrap(), None);
            let far = "9999-12-31T23:59:59.999Z";
            assert!(grantor.end(Some(far), NOW).unwrap().is_some());
        }
    }

    #[test]
    fn an_end_is_later_than_now() {
        let end = |millis: i64| {
            let end = Time::from_millis(NOW.millis() + millis);
            OPERATOR.end(Some(&end.rfc3339()), NOW)
        };
        assert!(end(1).is_ok());
        for millis in [0, -1] {
            let refusal = end(millis).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidTimestamp);
            assert!(refusal.detail.contains("has passed"), "{}", refusal.detail);
        }
    }

    #[test]
    fn what_is_no_time_is_answered_with_one() {
        for malformed in ["2027-12-01", "tomorrow", "", "2027-01-15T08:00:00"] {
            let refusal = OPERATOR.end(Some(malformed), NOW).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidTimestamp);
            let example = "such as 2027-04-15T08:00:00.000Z.";
            assert!(refusal.detail.ends_with(example), "{}", refusal.detail);
        }
    }

    #[test]
    fn a_key_deletes_only_what_has_no_scope_that_it_lacks() {
        let own = own(None);
        let grantor = KeyGrantor(Some(&own), BY);
        assert_eq!(grantor.may_delete(&own.scopes), Ok(()));
        assert_eq!(grantor.may_delete(&[Scope::Keys]), Ok(()));
        let refusal = grantor.may_delete(&Scope::ALL).unwrap_err();
        assert_eq!((refusal.code, refusal.field), (Code::Forbidden, None));
        assert_eq!(OPERATOR.may_delete(&Scope::ALL), Ok(()));
    }

    proptest! {
        /// Through any chain of keys, no key gets more rights or a later expiry than the first.
        #[test]
        fn no_chain_of_keys_ends_later_or_may_do_more_than_its_first(
            asked in prop::collection::vec((any::<u8>(), prop::option::of(1i64..100)), 1..6),
        ) {
            let first = own(Some(after(50)));
            let mut last = first.clone();
            for (mask, seconds) in asked {
                let scopes = Scope::ALL.into_iter().enumerate();
                let scopes = scopes.filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, scope)| scope);
                let end = seconds.map(|seconds| after(seconds).rfc3339());
                let grantor = KeyGrantor(Some(&last), BY);
                let granted = (grantor.scopes(scopes.collect()), grantor.end(end.as_deref(), NOW));
                if let (Ok(scopes), Ok(expires_at)) = granted {
                    last = TenantAccess { scopes, expires_at, ..last };
                }
                prop_assert!(first.has(&last.scopes));
                prop_assert!(last.expires_at.is_some() && last.expires_at <= first.expires_at);
            }
        }
    }
}
