//! What the maker of a session may grant: never more rights or a later end than its own.

use std::time::Duration;

use super::{CODE_VALIDITY, DEFAULT_SESSION, OPERATOR_SESSION, SESSION_SECONDS};
use super::{Session, SessionId, SessionName, SessionState};
use crate::api_key::{Scope, granted_scopes, hash};
use crate::ids::KeyId;
use crate::principal::{Bearer, Principal, TenantAccess};
use crate::rejection::{Code, Rejection, Together as _};
use crate::tenant::Tenant;
use crate::time::Time;
use crate::ulid::Ulid;

/// A session as the caller requests it.
#[derive(Default)]
pub struct NewSession {
    /// What it may do. Default: all that its maker may do.
    pub scopes: Option<Vec<Scope>>,
    /// How long it lasts.
    pub seconds: Option<u64>,
}

/// The caller that makes a session. `None` is the operator.
pub struct SessionGrantor<'a>(Option<(&'a TenantAccess, &'a KeyId)>);

impl<'a> SessionGrantor<'a> {
    /// The caller as a grantor.
    ///
    /// # Errors
    /// `forbidden` for a tenant's session: it would outlive being ended.
    pub fn of(principal: &'a Principal) -> Result<Self, Rejection> {
        match principal {
            Principal::Operator | Principal::OperatorSession(_) => Ok(Self(None)),
            Principal::Tenant(access) => match &access.bearer {
                Bearer::Key(key) => Ok(Self(Some((access, key)))),
                Bearer::Session(_) => {
                    let detail = "A session cannot create a session: use a key.";
                    Err(Rejection::new(Code::Forbidden, detail))
                }
            },
        }
    }

    /// The requested session, and the code that opens it. `random` is chance for the id and for the
    /// code.
    ///
    /// # Errors
    /// The first member that breaks a rule.
    pub fn session(
        &self,
        asked: NewSession,
        tenant: &Tenant,
        random: ([u8; 10], [u8; 32]),
        now: Time,
    ) -> Result<(Session, String), Rejection> {
        let own = self.0.map(|(access, _)| access);
        let all = || own.map_or_else(|| Scope::ALL.to_vec(), |own| own.scopes.clone());
        let scopes = granted_scopes(own, asked.scopes.unwrap_or_else(all), "session");
        let (scopes, end) = scopes.and_also(self.end(asked.seconds, now))?;
        // One that is older than its tenant is of an earlier tenant of the same id.
        let created_at = now.max(tenant.created_at);
        let name = SessionName {
            tenant: Some(tenant.id.clone()),
            id: SessionId(Ulid::new(end, random.0)),
        };
        let key = self.0.map(|(_, key)| key.clone());
        Ok(session(name, scopes, key, created_at, now, random.1))
    }

    /// When a new session ends. Default: after [`DEFAULT_SESSION`], or with its maker.
    fn end(&self, seconds: Option<u64>, now: Time) -> Result<Time, Rejection> {
        let latest = self.0.and_then(|(own, _)| own.expires_at);
        let Some(seconds) = seconds else {
            let end = now.plus(DEFAULT_SESSION);
            return Ok(latest.map_or(end, |latest| latest.min(end)));
        };
        let refuse = |code, detail| Err(Rejection::new(code, detail).field("expiresInSeconds"));
        if !SESSION_SECONDS.contains(&seconds) {
            let (least, most) = SESSION_SECONDS.into_inner();
            let detail = format!("A session lasts {least} to {most} seconds.");
            return refuse(Code::InvalidValue, detail);
        }
        let end = now.plus(Duration::from_secs(seconds));
        if let Some(latest) = latest.filter(|latest| end > *latest) {
            let detail = format!(
                "A key cannot create a session that ends later than itself, at {}.",
                latest.rfc3339()
            );
            return refuse(Code::Forbidden, detail);
        }
        Ok(end)
    }
}

/// Whether the caller has the operator's key, which alone makes sessions of the operator.
///
/// # Errors
/// `forbidden`.
pub fn check_operator_key(principal: &Principal) -> Result<(), Rejection> {
    principal.is_operator()?;
    match principal {
        Principal::OperatorSession(_) => {
            let detail =
                "A session cannot create a session of the operator: use the operator's key.";
            Err(Rejection::new(Code::Forbidden, detail))
        }
        _ => Ok(()),
    }
}

impl Session {
    /// A session of the operator, and the code that opens it.
    #[must_use]
    pub fn of_operator(random: ([u8; 10], [u8; 32]), now: Time) -> (Self, String) {
        let name = SessionName {
            tenant: None,
            id: SessionId(Ulid::new(now.plus(OPERATOR_SESSION), random.0)),
        };
        session(name, Scope::ALL.to_vec(), None, now, now, random.1)
    }
}

fn session(
    name: SessionName,
    scopes: Vec<Scope>,
    key: Option<KeyId>,
    created_at: Time,
    now: Time,
    secret: [u8; 32],
) -> (Session, String) {
    let code = name.code(secret);
    let session = Session {
        expires_at: name.id.0.time(),
        name,
        scopes,
        key,
        created_at,
        state: SessionState::Waiting {
            code_hash: hash(&code),
            until: now.plus(CODE_VALIDITY),
        },
    };
    (session, code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::principal::OperatorSession;
    use crate::webhook::testing::tenant;

    const NOW: Time = Time::from_millis(1_800_000_000_000);
    const RANDOM: ([u8; 10], [u8; 32]) = ([7; 10], [8; 32]);

    fn after(seconds: u64) -> Time {
        NOW.plus(Duration::from_secs(seconds))
    }

    fn own(expires_at: Option<Time>) -> Principal {
        Principal::Tenant(TenantAccess {
            bearer: Bearer::Key(KeyId::new([7; 16])),
            name: Some("ERP".to_owned()),
            tenant: tenant().id,
            scopes: vec![Scope::Keys, Scope::WebhooksRead],
            created_at: NOW,
            expires_at,
        })
    }

    fn made(maker: &Principal, asked: NewSession) -> Result<Session, Rejection> {
        let grantor = SessionGrantor::of(maker)?;
        let made = grantor.session(asked, &tenant(), RANDOM, NOW);
        made.map(|(session, _)| session)
    }

    fn lasting(seconds: u64) -> NewSession {
        NewSession {
            seconds: Some(seconds),
            ..NewSession::default()
        }
    }

    fn with(scopes: &[Scope]) -> NewSession {
        NewSession {
            scopes: Some(scopes.to_vec()),
            ..NewSession::default()
        }
    }

    #[test]
    fn a_session_has_its_makers_rights_for_an_hour_unless_less_is_asked_for() {
        let session = made(&own(None), NewSession::default()).unwrap();
        assert_eq!(session.scopes, [Scope::Keys, Scope::WebhooksRead]);
        assert_eq!(session.expires_at, after(3600));
        assert_eq!(session.key, Some(KeyId::new([7; 16])));
        let operators = made(&Principal::Operator, NewSession::default()).unwrap();
        assert_eq!(operators.scopes, Scope::ALL);
        assert_eq!(operators.key, None);
        let less = made(&own(None), with(&[Scope::Keys, Scope::Keys])).unwrap();
        assert_eq!(less.scopes, [Scope::Keys]);
    }

    #[test]
    fn a_session_has_no_right_that_its_maker_lacks_and_one_at_least() {
        for (maker, scopes, code) in [
            (own(None), &[Scope::EventsWrite][..], Code::Forbidden),
            (own(None), &Scope::ALL[..], Code::Forbidden),
            (own(None), &[], Code::InvalidValue),
            (Principal::Operator, &[], Code::InvalidValue),
        ] {
            let refusal = made(&maker, with(scopes)).unwrap_err();
            assert_eq!(refusal.code, code);
            assert_eq!(refusal.field.as_deref(), Some("scopes"));
        }
    }

    #[test]
    fn a_session_lasts_a_minute_to_a_day_and_ends_no_later_than_its_maker() {
        let end = |maker: &Principal, asked| made(maker, asked).map(|session| session.expires_at);
        for seconds in [60, 86_400] {
            let maker = own(None);
            assert_eq!(end(&maker, lasting(seconds)), Ok(after(seconds)));
        }
        for seconds in [0, 59, 86_401, u64::MAX] {
            let refusal = end(&Principal::Operator, lasting(seconds)).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidValue, "{seconds}");
            assert_eq!(refusal.field.as_deref(), Some("expiresInSeconds"));
        }
        let ending = own(Some(after(600)));
        assert_eq!(end(&ending, NewSession::default()), Ok(after(600)));
        assert_eq!(end(&ending, lasting(600)), Ok(after(600)));
        let refusal = end(&ending, lasting(601)).unwrap_err();
        assert_eq!(refusal.code, Code::Forbidden);
        assert_eq!(refusal.field.as_deref(), Some("expiresInSeconds"));
    }

    #[test]
    fn a_session_is_never_older_than_its_tenant_whatever_the_clock_says() {
        let grantor = SessionGrantor(None);
        let early = Time::from_millis(tenant().created_at.millis() - 1);
        let made = grantor.session(NewSession::default(), &tenant(), RANDOM, early);
        assert_eq!(made.unwrap().0.created_at, tenant().created_at);
    }

    #[test]
    fn sessions_make_no_sessions_of_their_own_kind() {
        let operators = Principal::OperatorSession(OperatorSession {
            id: SessionId(Ulid::new(after(60), [1; 10])),
            expires_at: after(60),
        });
        assert!(made(&operators, NewSession::default()).is_ok());
        let refusal = check_operator_key(&operators).unwrap_err();
        assert_eq!(refusal.code, Code::Forbidden);
        assert_eq!(check_operator_key(&Principal::Operator), Ok(()));
        assert!(check_operator_key(&own(None)).is_err());
        let Principal::Tenant(access) = own(None) else {
            panic!()
        };
        let name = SessionName {
            tenant: Some(access.tenant.clone()),
            id: SessionId(Ulid::new(after(60), [1; 10])),
        };
        let tenants = Principal::Tenant(TenantAccess {
            bearer: Bearer::Session(name),
            ..access
        });
        let refusal = made(&tenants, NewSession::default()).unwrap_err();
        assert_eq!(
            &*refusal.detail,
            "A session cannot create a session: use a key."
        );
    }

    #[test]
    fn the_code_opens_the_session_that_it_was_made_with() {
        let grantor = SessionGrantor(None);
        let (session, code) = grantor
            .session(NewSession::default(), &tenant(), RANDOM, NOW)
            .unwrap();
        assert_eq!(SessionName::of_code(&code), Some(session.name.clone()));
        let waiting = SessionState::Waiting {
            code_hash: hash(&code),
            until: after(60),
        };
        assert_eq!(session.state, waiting);
        let (session, code) = Session::of_operator(RANDOM, NOW);
        assert_eq!(SessionName::of_code(&code), Some(session.name.clone()));
        assert_eq!(
            (session.name.tenant, session.expires_at),
            (None, after(8 * 3600))
        );
    }

    proptest! {
        /// Whatever is asked for, a session may do no more than its maker, and ends no later.
        #[test]
        fn no_session_may_more_or_ends_later_than_its_maker(
            mask: u8, seconds in prop::option::of(0u64..100_000), end in prop::option::of(1u64..100_000),
        ) {
            let maker = own(end.map(after));
            let scopes = Scope::ALL.into_iter().enumerate();
            let scopes = scopes.filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, scope)| scope);
            let scopes = Some(scopes.collect()).filter(|scopes: &Vec<_>| !scopes.is_empty());
            if let Ok(session) = made(&maker, NewSession { scopes, seconds }) {
                let Principal::Tenant(maker) = &maker else { panic!() };
                prop_assert!(maker.has(&session.scopes));
                prop_assert!(maker.expires_at.is_none_or(|end| session.expires_at <= end));
                prop_assert!(session.expires_at <= after(86_400));
            }
        }
    }
}
