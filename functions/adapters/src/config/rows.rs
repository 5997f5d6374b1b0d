//! Tenants, webhooks and keys as they are stored.

use domain::api_key::{ApiKey, Scope};
use domain::author::{Author, readable};
use domain::ids::{KeyId, TenantId};
use domain::ports::{Fault, Stage};
use domain::tenant::Tenant;
use domain::time::Time;
use serde::{Deserialize, Serialize};

use super::places::{KEY, key_partition};
use crate::dynamo::{Item, to_item};

/// The attribute of a webhook or a key with the fingerprint of the request that created it. Later
/// writes do not change it.
pub(super) const CONTENT: &str = "content";

/// The attribute of a webhook, a key or a tenant with who is deleting it: see
/// [`crate::dynamo::of_author`].
pub(super) const DELETED_BY: &str = "deleted_by";

/// A row: the fields of a tenant or webhook under its primary key.
pub(super) fn row<T: Serialize>(key: Item, fields: &T) -> Result<Item, Fault> {
    let mut row = to_item(fields, Stage::WriteConfig)?;
    row.extend(key);
    Ok(row)
}

/// A tenant's row, for reading.
#[derive(Deserialize)]
pub(super) struct TenantRow {
    #[serde(flatten)]
    tenant: Tenant,
    /// Set by the deletion before it looks for rows below the tenant: from then on nothing is
    /// written there, and the tenant is not found.
    deleting_since: Option<Time>,
}

impl TenantRow {
    /// The tenant, unless it is being deleted.
    pub(super) fn standing(self) -> Option<Tenant> {
        let is_deleted = self.deleting_since.is_some();
        (!is_deleted).then_some(self.tenant)
    }
}

/// An API key's row. It has its own list of fields because `expires_at` means the table's time to
/// live here and the key's end in the domain.
#[derive(Serialize, Deserialize)]
pub(super) struct KeyRow {
    pk: String,
    sk: String,
    id: KeyId,
    tenant: TenantId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    hash: String,
    scopes: Vec<Scope>,
    created_at: Time,
    #[serde(
        default,
        deserialize_with = "readable",
        skip_serializing_if = "Option::is_none"
    )]
    created_by: Option<Author>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<Time>,
    /// Written only by the authorizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Time>,
    /// The table's time to live, in seconds: DynamoDB removes the key some time after it has
    /// expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

impl From<&ApiKey> for KeyRow {
    fn from(key: &ApiKey) -> Self {
        let ApiKey {
            id,
            tenant,
            name,
            hash,
            scopes,
            created_at,
            created_by,
            expires_at,
            last_used_at,
        } = key.clone();
        let (pk, sk) = (key_partition(&id), KEY.to_owned());
        Self {
            pk,
            sk,
            id,
            tenant,
            name,
            hash,
            scopes,
            created_at,
            created_by,
            ends_at: expires_at,
            last_used_at,
            expires_at: expires_at.map(|end| end.seconds() + 1),
        }
    }
}

impl From<KeyRow> for ApiKey {
    fn from(row: KeyRow) -> Self {
        let KeyRow {
            id,
            tenant,
            name,
            hash,
            scopes,
            created_at,
            created_by,
            ends_at,
            last_used_at,
            ..
        } = row;
        Self {
            id,
            tenant,
            name,
            hash,
            scopes,
            created_at,
            created_by,
            expires_at: ends_at,
            last_used_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use domain::contract::Overrides;
    use domain::credential::SealingKeys;
    use domain::event_type::EventFilter;
    use domain::ids::WebhookId;
    use domain::signing_secrets::SigningSecrets;
    use domain::tenant::{Limits, Webhook};

    use super::*;
    use crate::config::places::{tenant_item, webhook_item};
    use crate::dynamo::{Update, from_item, n, s};

    fn webhook() -> Webhook {
        Webhook {
            id: WebhookId::new([1; 16]),
            tenant: "t".parse().unwrap(),
            name: None,
            url: "https://example.com/".to_owned(),
            events: vec![EventFilter::All],
            filter: None,
            active: true,
            contract: "standard".to_owned(),
            overrides: Overrides::default(),
            context: BTreeMap::new(),
            secrets: SigningSecrets::default(),
            basic_auth: None,
            headers: BTreeMap::new(),
            created_at: Time::from_millis(5),
            updated_at: Time::from_millis(5),
            version: 1,
            disabled: None,
            switched: Vec::new(),
            slow_since: None,
            failing_since: None,
            since: None,
            written: None,
        }
    }

    #[test]
    fn a_replacement_removes_what_is_absent_and_touches_nothing_of_others() {
        let update = |others: &[&str]| {
            let update = Update::existing("t", "p", "s")
                .assign(&webhook(), others, Stage::WriteConfig)
                .unwrap();
            let part = update.transacted(Stage::WriteConfig).unwrap();
            part.update.unwrap().update_expression
        };
        let own = update(&["slow_since", "failing_since"]);
        let (set, removed) = own.split_once(" REMOVE ").unwrap();
        let mut removed: Vec<_> = removed.split(", ").collect();
        removed.sort_unstable();
        assert_eq!(
            removed,
            [
                "#basic_auth",
                "#disabled",
                "#filter",
                "#name",
                "#since",
                "#written"
            ]
        );
        for name in ["#url = :url", "#headers = :headers", "#version = :version"] {
            assert!(set.contains(name), "{set}");
        }
        for name in ["slow_since", "failing_since", "warned_at", "#pk", "#sk"] {
            assert!(!own.contains(name), "{own}");
        }
        // Another URL: the mark is removed.
        let all = update(&[]);
        let (_, removed) = all.split_once(" REMOVE ").unwrap();
        assert!(removed.contains("#slow_since"), "{removed}");
        assert!(removed.contains("#failing_since"), "{removed}");
    }

    #[test]
    fn a_new_item_has_no_nulls_since_a_null_would_be_there_for_a_condition() {
        let webhook = webhook();
        let item = row(webhook_item(&webhook.tenant, &webhook.id), &webhook).unwrap();
        assert_eq!((&item["pk"], &item["tenant"]), (&s("tenant#t"), &s("t")));
        assert!(!item.contains_key("slow_since") && !item.contains_key("name"));
        let read: Webhook = from_item(item, Stage::ReadConfig).unwrap();
        assert_eq!(read, webhook);
    }

    #[test]
    fn an_author_reads_as_it_was_written_and_that_of_a_later_version_is_none() {
        let webhook = webhook().created_by(Author::Operator { id: None });
        let item = row(webhook_item(&webhook.tenant, &webhook.id), &webhook).unwrap();
        let read = |item| from_item::<Webhook>(item, Stage::ReadConfig).unwrap();
        assert_eq!(read(item.clone()), webhook);
        let key = ApiKey {
            id: KeyId::new([1; 16]),
            tenant: webhook.tenant.clone(),
            name: None,
            hash: String::new(),
            scopes: Vec::new(),
            created_at: Time::from_millis(5),
            created_by: Some(Author::Postel),
            expires_at: None,
            last_used_at: None,
        };
        let mut key_item = to_item(&KeyRow::from(&key), Stage::WriteConfig).unwrap();
        let read_key = |item| ApiKey::from(from_item::<KeyRow>(item, Stage::ReadConfig).unwrap());
        assert_eq!(read_key(key_item.clone()), key);
        for later in [s("robot"), n(5)] {
            let mut item = item.clone();
            item.insert("written".to_owned(), later.clone());
            key_item.insert("created_by".to_owned(), later);
            assert_eq!(read(item).written, None);
            assert_eq!(read_key(key_item.clone()).created_by, None);
        }
    }

    #[test]
    fn a_tenants_row_reads_as_it_was_written_until_it_is_marked_as_deleted() {
        let tenant = Tenant {
            id: "t".parse().unwrap(),
            name: None,
            contract: "standard".to_owned(),
            contact_email: None,
            publishers: vec!["AIDA".to_owned()],
            limits: Limits {
                webhooks: Some(3),
                requests_per_minute: None,
            },
            context: BTreeMap::from([("n".to_owned(), "1".to_owned())]),
            sealing_keys: Arc::new(SealingKeys {
                public: "p".to_owned(),
                sealed_private: "s".to_owned(),
            }),
            created_at: Time::from_millis(5),
            updated_at: Time::from_millis(6),
        };
        let read = |item| from_item(item, Stage::ReadConfig).map(TenantRow::standing);
        let mut item = row(tenant_item(&tenant.id), &tenant).unwrap();
        assert_eq!(read(item.clone()).unwrap(), Some(tenant));
        item.insert("note".to_owned(), s("somebody else's"));
        item.insert("deleting_since".to_owned(), n(7));
        assert_eq!(read(item.clone()).unwrap(), None);
        item.insert("deleting_since".to_owned(), s("?"));
        assert!(read(item).is_err());
    }
}
