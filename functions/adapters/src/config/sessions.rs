//! Sessions, one row each, under their tenant. A session's id begins with its end, so the sessions
//! that have not ended are the last of their partition, and nobody has to list them elsewhere.
//!
//! The table's time to live removes what has ended; DynamoDB may take two days for that, so nothing
//! here trusts it.

use aws_sdk_dynamodb::types::builders::PutBuilder;
use domain::api_key::Scope;
use domain::ids::{KeyId, TenantId};
use domain::ports::{Fault, Stage};
use domain::session::{MAX_SESSIONS, Session, SessionId, SessionName, SessionState};
use domain::time::Time;
use domain::ulid::Ulid;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::authority::put;
use super::places::{session_item, session_partition};
use super::{Authority, ChildWrite, ConfigTable};
use crate::aws_error::OrAwsFault as _;
use crate::dynamo::{Item, Query, Update, WriteFailure, from_item, n, s, text, to_item};

/// How many rows are deleted at the same time.
const DELETED_AT_ONCE: usize = 25;

/// A session's row.
#[derive(Serialize, Deserialize)]
struct SessionRow {
    pk: String,
    sk: String,
    id: SessionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<TenantId>,
    scopes: Vec<Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<KeyId>,
    created_at: Time,
    ends_at: Time,
    /// Until the code is exchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code_hash: Option<String>,
    code_until: Time,
    /// From then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opened_at: Option<Time>,
    /// The table's time to live, in seconds.
    expires_at: i64,
}

impl From<&Session> for SessionRow {
    fn from(session: &Session) -> Self {
        let name = &session.name;
        let (code_hash, code_until, hash, opened_at) = match session.state.clone() {
            SessionState::Waiting { code_hash, until } => (Some(code_hash), until, None, None),
            SessionState::Open { token_hash, since } => {
                (None, since, Some(token_hash), Some(since))
            }
        };
        Self {
            pk: session_partition(name.tenant.as_ref()),
            sk: name.id.to_string(),
            id: name.id,
            tenant: name.tenant.clone(),
            scopes: session.scopes.clone(),
            key: session.key.clone(),
            created_at: session.created_at,
            ends_at: session.expires_at,
            code_hash,
            code_until,
            hash,
            opened_at,
            expires_at: session.expires_at.seconds() + 1,
        }
    }
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        let state = match (row.hash, row.opened_at) {
            (Some(token_hash), Some(since)) => SessionState::Open { token_hash, since },
            _ => SessionState::Waiting {
                code_hash: row.code_hash.unwrap_or_default(),
                until: row.code_until,
            },
        };
        Self {
            name: SessionName {
                tenant: row.tenant,
                id: row.id,
            },
            scopes: row.scopes,
            key: row.key,
            created_at: row.created_at,
            expires_at: row.ends_at,
            state,
        }
    }
}

pub(super) fn read(item: Item) -> Result<Session, Fault> {
    from_item::<SessionRow>(item, Stage::ReadConfig).map(Session::from)
}

impl ConfigTable {
    /// One session. A consistent read, so that an ended session is gone at once, except in the
    /// authorizer's cache.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn session(&self, name: &SessionName) -> Result<Option<Session>, Fault> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .set_key(Some(session_item(name)))
            .consistent_read(true)
            .send()
            .await
            .or_fault(Stage::ReadConfig)?;
        answer.item.map(read).transpose()
    }

    /// All sessions that have not ended, newest first.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn sessions(
        &self,
        tenant: Option<&TenantId>,
        now: Time,
    ) -> Result<Vec<Session>, Fault> {
        let rows = self.not_ended(tenant, now);
        let rows = rows.whole(&self.dynamo, Stage::ReadConfig).await?;
        let mut sessions = rows.readable(read);
        sessions.retain(|session| session.is_live(now));
        sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.name.id)));
        Ok(sessions)
    }

    /// The rows of a partition that have not ended, those included whose code has expired. At most
    /// [`MAX_SESSIONS`], but for what was written at the same time.
    fn not_ended(&self, tenant: Option<&TenantId>, now: Time) -> Query {
        Query::new(&self.table, "pk = :pk AND sk > :now")
            .value(":pk", s(session_partition(tenant)))
            .value(":now", s(SessionId(Ulid::floor(now)).to_string()))
            .consistent()
    }

    /// Whether there is room for one more session, after what nobody opened in time was deleted.
    async fn has_room(&self, tenant: Option<&TenantId>, now: Time) -> Result<bool, Fault> {
        let rows = self.not_ended(tenant, now).counted();
        let limit = i32::try_from(MAX_SESSIONS).unwrap_or(i32::MAX);
        let found = rows
            .limit(limit)
            .page(&self.dynamo, Stage::ReadConfig)
            .await?;
        if found.count < MAX_SESSIONS as u64 {
            return Ok(true);
        }
        let rows = self.not_ended(tenant, now);
        let rows = rows.whole(&self.dynamo, Stage::ReadConfig).await?;
        let sessions = rows.readable(read).into_iter();
        let (live, unopened): (Vec<_>, Vec<_>) = sessions.partition(|one| one.is_live(now));
        self.delete_sessions(&unopened).await?;
        Ok(live.len() < MAX_SESSIONS)
    }

    /// Writes a tenant's new session; refused if the tenant has [`MAX_SESSIONS`]. Six write units.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn create_session(
        &self,
        authority: &Authority,
        session: &Session,
        now: Time,
    ) -> Result<ChildWrite, Fault> {
        if !self.has_room(session.name.tenant.as_ref(), now).await? {
            return Ok(ChildWrite::Refused(0));
        }
        self.write(authority, [put(self.new_session(session)?)?])
            .await
    }

    /// Writes a new session of the operator. False if there are [`MAX_SESSIONS`].
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn create_operator_session(
        &self,
        session: &Session,
        now: Time,
    ) -> Result<bool, Fault> {
        if !self.has_room(None, now).await? {
            return Ok(false);
        }
        let row = put(self.new_session(session)?)?;
        Ok(self.transact(vec![row]).await?.is_none())
    }

    fn new_session(&self, session: &Session) -> Result<PutBuilder, Fault> {
        let item = to_item(&SessionRow::from(session), Stage::WriteConfig)?;
        Ok(PutBuilder::default()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)"))
    }

    /// Opens a session: its code is used up, and its token has this hash. `None` if the code is
    /// unknown, used or expired. One write unit, whatever comes of it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn open_session(
        &self,
        name: &SessionName,
        code_hash: &str,
        token_hash: &str,
        now: Time,
    ) -> Result<Option<Session>, Fault> {
        let partition = session_partition(name.tenant.as_ref());
        let opened = Update::existing(&self.table, partition, name.id.to_string())
            .change("SET #hash = :token, opened_at = :now REMOVE code_hash")
            .only_if("code_hash = :code AND code_until > :now AND ends_at > :now")
            .name("#hash", "hash")
            .value(":token", s(token_hash))
            .value(":code", s(code_hash))
            .value(":now", n(now.millis()))
            .replace(&self.dynamo, Stage::WriteConfig)
            .await;
        let before = match opened {
            Ok(before) => before,
            // Our own write, whose answer was lost: the SDK wrote again.
            Err(WriteFailure::ConditionFailed(Some(found)))
                if text(&found, "hash") == Some(token_hash) =>
            {
                found
            }
            Err(WriteFailure::ConditionFailed(_)) => return Ok(None),
            Err(WriteFailure::Fault(fault)) => return Err(fault),
        };
        Ok(Some(Session {
            state: SessionState::Open {
                token_hash: token_hash.to_owned(),
                since: now,
            },
            ..read(before)?
        }))
    }

    /// Ends a session. False if there is none that could still be used or opened.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn end_session(&self, name: &SessionName) -> Result<bool, Fault> {
        let answer = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(session_item(name)))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
            .await
            .or_fault(Stage::WriteConfig)?;
        Ok(answer.attributes.is_some_and(|row| !row.is_empty()))
    }

    /// Ends all sessions, or those that a key has made.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn end_sessions(
        &self,
        tenant: Option<&TenantId>,
        key: Option<&KeyId>,
        now: Time,
    ) -> Result<(), Fault> {
        let rows = self.not_ended(tenant, now);
        let rows = rows.whole(&self.dynamo, Stage::ReadConfig).await?;
        let mut sessions = rows.readable(read);
        sessions.retain(|session| key.is_none() || session.key.as_ref() == key);
        self.delete_sessions(&sessions).await
    }

    async fn delete_sessions(&self, sessions: &[Session]) -> Result<(), Fault> {
        for some in sessions.chunks(DELETED_AT_ONCE) {
            try_join_all(some.iter().map(|session| self.end_session(&session.name))).await?;
        }
        Ok(())
    }

    /// The primary keys of the sessions that have not ended.
    pub(super) async fn session_places(
        &self,
        tenant: Option<&TenantId>,
        now: Time,
    ) -> Result<Vec<(String, String)>, Fault> {
        let rows = self.not_ended(tenant, now).attributes(&["pk", "sk"]);
        let rows = rows.whole(&self.dynamo, Stage::ReadConfig).await?;
        Ok(rows.keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_as_it_was_written_and_goes_after_its_end() {
        let now = Time::from_millis(1_800_000_000_999);
        for tenant in [None, Some("t".parse().unwrap())] {
            for state in [
                SessionState::Waiting {
                    code_hash: "c".to_owned(),
                    until: now,
                },
                SessionState::Open {
                    token_hash: "t".to_owned(),
                    since: now,
                },
            ] {
                let session = Session {
                    name: SessionName {
                        tenant: tenant.clone(),
                        id: SessionId(Ulid::new(now, [1; 10])),
                    },
                    scopes: vec![Scope::Keys],
                    key: tenant.as_ref().map(|_| KeyId::new([1; 16])),
                    created_at: now,
                    expires_at: now,
                    state,
                };
                let item = to_item(&SessionRow::from(&session), Stage::WriteConfig).unwrap();
                let key = session_item(&session.name);
                assert_eq!((&item["pk"], &item["sk"]), (&key["pk"], &key["sk"]));
                assert_eq!(item["expires_at"], n(1_800_000_001));
                assert_eq!(read(item).unwrap(), session);
            }
        }
    }

    #[test]
    fn what_ends_later_sorts_later() {
        let id = |millis| SessionId(Ulid::new(Time::from_millis(millis), [0; 10])).to_string();
        let floor = SessionId(Ulid::floor(Time::from_millis(2000))).to_string();
        assert!(id(1999) < floor && floor <= id(2000) && id(2000) < id(9_000_000_000_000));
    }
}
