//! Sessions: short-lived access for a page in a browser.
//!
//! A key does not belong into a browser, so its holder makes a session and sends the browser a link
//! with a one-time code. The page exchanges the code for the session's token. A session has no more
//! rights than its maker and no later end, does not count as a key, and can be ended at any time.
//!
//! Code and token name the row of their session and its owner, so that one read finds it. Only
//! hashes of them are stored.

mod grant;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::api_key::{Scope, matches, with_secret, without_secret};
use crate::ids::{InvalidId, KeyId, TenantId};
use crate::rejection::{Code, Rejection};
use crate::time::Time;
use crate::ulid::Ulid;

pub use grant::{NewSession, SessionGrantor, check_operator_key};

/// The maximum number of sessions per tenant, and of the operator. It is checked before a session
/// is written, so requests at the same time can pass it by their number.
pub const MAX_SESSIONS: usize = 1000;

/// The seconds that a session may last.
pub const SESSION_SECONDS: std::ops::RangeInclusive<u64> = 60..=24 * 3600;

/// How long a session lasts by default.
pub const DEFAULT_SESSION: Duration = Duration::from_secs(3600);

/// How long a session of the operator lasts.
pub const OPERATOR_SESSION: Duration = Duration::from_secs(8 * 3600);

/// How long a code can be exchanged.
pub const CODE_VALIDITY: Duration = Duration::from_secs(60);

const TOKEN_PREFIX: &str = "postel_";
const CODE_PREFIX: &str = "code_";

/// A session, `ses_` and a ULID. Its time is the session's end, so that the sessions that have not
/// ended are one range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(pub Ulid);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ses_{}", self.0)
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rest = text.strip_prefix("ses_").ok_or(InvalidId)?;
        rest.parse().map(Self).map_err(|()| InvalidId)
    }
}

impl TryFrom<String> for SessionId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.to_string()
    }
}

/// Which session, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionName {
    /// The tenant that it belongs to; `None` for the operator.
    pub tenant: Option<TenantId>,
    /// Its id.
    pub id: SessionId,
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tenant {
            Some(tenant) => write!(f, "{}_{tenant}", self.id),
            None => fmt::Display::fmt(&self.id, f),
        }
    }
}

impl FromStr for SessionName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let length = "ses_".len() + 26;
        let (id, rest) = text.split_at_checked(length).ok_or(InvalidId)?;
        let tenant = match rest {
            "" => None,
            rest => Some(rest.strip_prefix('_').ok_or(InvalidId)?.parse()?),
        };
        let id = id.parse()?;
        Ok(Self { tenant, id })
    }
}

impl SessionName {
    /// The token of the session. `secret` is 32 random bytes.
    #[must_use]
    pub fn token(&self, secret: [u8; 32]) -> String {
        with_secret(&format!("{TOKEN_PREFIX}{self}"), secret)
    }

    /// The code that is exchanged for the token. `secret` is 32 random bytes.
    #[must_use]
    pub fn code(&self, secret: [u8; 32]) -> String {
        with_secret(&format!("{CODE_PREFIX}{self}"), secret)
    }

    /// The session of a well-formed token; `None` for any other text.
    #[must_use]
    pub fn of_token(text: &str) -> Option<Self> {
        let name = without_secret(text)?.strip_prefix(TOKEN_PREFIX)?;
        name.parse().ok()
    }

    /// The session of a well-formed code; `None` for any other text.
    #[must_use]
    pub fn of_code(text: &str) -> Option<Self> {
        let name = without_secret(text)?.strip_prefix(CODE_PREFIX)?;
        name.parse().ok()
    }
}

/// Whether a text is, or was meant as, a session's token: for the words of a rejection.
#[must_use]
pub fn is_token(text: &str) -> bool {
    text.strip_prefix(TOKEN_PREFIX)
        .is_some_and(|rest| rest.starts_with("ses_"))
}

/// A stored session: never the code or the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Which session, and whose.
    pub name: SessionName,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The key that made it, or the key behind its maker; `None` for the operator. It ends with
    /// this key.
    pub key: Option<KeyId>,
    /// When it was created.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// How it is opened.
    pub state: SessionState,
}

/// Whether a session's code has been exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Not yet: it can be, once.
    Waiting {
        /// SHA-256 of the code, in hex.
        code_hash: String,
        /// Until when.
        until: Time,
    },
    /// It has been.
    Open {
        /// SHA-256 of the token, in hex.
        token_hash: String,
        /// When.
        since: Time,
    },
}

impl Session {
    /// Whether it can be used, or can still be opened.
    #[must_use]
    pub fn is_live(&self, now: Time) -> bool {
        let is_reachable = match &self.state {
            SessionState::Waiting { until, .. } => now < *until,
            SessionState::Open { .. } => true,
        };
        is_reachable && now < self.expires_at
    }

    /// Whether this token opens it now.
    #[must_use]
    pub fn admits(&self, token: &str, now: Time) -> bool {
        let is_own = match &self.state {
            SessionState::Waiting { .. } => false,
            SessionState::Open { token_hash, .. } => matches(token, token_hash),
        };
        is_own && now < self.expires_at
    }
}

/// The rejection of a code that is unknown, used or expired: one answer, so that it says nothing
/// about the code.
#[must_use]
pub fn code_used() -> Rejection {
    let detail = "This link has been used or has expired. Open a new one.";
    Rejection::new(Code::CodeUsed, detail).field("code")
}

/// The rejection when there are [`MAX_SESSIONS`].
#[must_use]
pub fn too_many_sessions() -> Rejection {
    let detail = format!("There are at most {MAX_SESSIONS} sessions at a time: end some first.");
    Rejection::new(Code::SessionLimit, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api_key::{self, hash};

    const NOW: Time = Time::from_millis(1_800_000_000_000);

    fn name(tenant: Option<&str>) -> SessionName {
        SessionName {
            tenant: tenant.map(|tenant| tenant.parse().unwrap()),
            id: SessionId(Ulid::new(NOW, [7; 10])),
        }
    }

    fn session(state: SessionState) -> Session {
        Session {
            name: name(Some("a")),
            scopes: vec![Scope::WebhooksRead],
            key: None,
            created_at: NOW,
            expires_at: NOW.plus(DEFAULT_SESSION),
            state,
        }
    }

    #[test]
    fn neither_code_nor_token_nor_key_is_taken_for_another() {
        let name = name(Some("a"));
        let (code, token) = (name.code([1; 32]), name.token([1; 32]));
        let key = api_key::write(&KeyId::new([9; 16]), [1; 32]);
        assert!(token.starts_with("postel_ses_"), "{token}");
        assert_eq!(SessionName::of_code(&code), Some(name.clone()));
        assert_eq!(SessionName::of_token(&token), Some(name));
        for other in [&code, &key] {
            assert_eq!(SessionName::of_token(other), None, "{other}");
            assert!(!is_token(other));
        }
        for other in [&token, &key] {
            assert_eq!(SessionName::of_code(other), None, "{other}");
        }
        for other in [&code, &token] {
            assert_eq!(api_key::parse(other), None, "{other}");
        }
        assert!(is_token(&token));
    }

    #[test]
    fn a_mistyped_token_names_no_session() {
        let token = name(Some("a_b-c")).token([3; 32]);
        for (index, _) in token.char_indices() {
            for typo in "az09_A".chars() {
                let mut wrong: Vec<char> = token.chars().collect();
                if wrong[index] == typo {
                    continue;
                }
                wrong[index] = typo;
                let wrong: String = wrong.into_iter().collect();
                assert_eq!(SessionName::of_token(&wrong), None, "{wrong}");
            }
        }
    }

    #[test]
    fn a_token_opens_its_session_until_its_end_and_a_code_never_does() {
        let token = name(Some("a")).token([3; 32]);
        let open = session(SessionState::Open {
            token_hash: hash(&token),
            since: NOW,
        });
        let last = Time::from_millis(open.expires_at.millis() - 1);
        assert!(open.admits(&token, NOW) && open.admits(&token, last));
        assert!(!open.admits(&token, open.expires_at));
        assert!(!open.admits(&name(Some("a")).token([4; 32]), NOW));
        let code = name(Some("a")).code([3; 32]);
        for secret in [&code, &token] {
            let waiting = session(SessionState::Waiting {
                code_hash: hash(secret),
                until: NOW.plus(CODE_VALIDITY),
            });
            assert!(!waiting.admits(secret, NOW));
        }
    }

    #[test]
    fn a_session_that_nobody_opened_is_over_with_its_code() {
        let mut waiting = session(SessionState::Waiting {
            code_hash: String::new(),
            until: NOW.plus(CODE_VALIDITY),
        });
        assert!(waiting.is_live(NOW));
        assert!(!waiting.is_live(NOW.plus(CODE_VALIDITY)));
        waiting.expires_at = NOW;
        assert!(!waiting.is_live(NOW));
        let open = session(SessionState::Open {
            token_hash: String::new(),
            since: NOW,
        });
        assert!(open.is_live(NOW.plus(CODE_VALIDITY)));
        assert!(!open.is_live(open.expires_at));
    }

    proptest! {
        #[test]
        fn every_name_reads_as_it_is_written(
            tenant in prop::option::of("[A-Za-z0-9_-]{1,64}"), entropy: [u8; 10], secret: [u8; 32],
        ) {
            let id = SessionId(Ulid::new(NOW, entropy));
            let tenant = tenant.map(|tenant| tenant.parse().unwrap());
            let name = SessionName { tenant, id };
            prop_assert_eq!(name.to_string().parse(), Ok(name.clone()));
            prop_assert_eq!(SessionName::of_token(&name.token(secret)), Some(name.clone()));
            prop_assert_eq!(SessionName::of_code(&name.code(secret)), Some(name));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = text.parse::<SessionName>();
            let _ = SessionName::of_token(&text);
            let _ = SessionName::of_code(&format!("code_{text}"));
        }
    }
}
