//! Creation and update of a tenant by the operator.

use std::sync::Arc;
use std::time::Duration;

use super::{Limits, MAX_REQUESTS_PER_MINUTE, MAX_WEBHOOKS, Tenant};
use crate::context::{Given, of_owner};
use crate::credential::SealingKeys;
use crate::ids::TenantId;
use crate::names::check_name;
use crate::rejection::{Code, Rejection, judge};
use crate::time::Time;

/// The maximum number of principals that may publish for one tenant.
pub const MAX_PUBLISHERS: usize = 50;
const MAX_PUBLISHER_BYTES: usize = 256;
/// The default contract of a tenant.
const DEFAULT_CONTRACT: &str = "standard";

/// A tenant as the operator writes it. A member that is left out counts as never set.
pub struct PutTenant {
    /// Display name.
    pub name: Option<String>,
    /// The default contract of its webhooks.
    pub contract: Option<String>,
    /// The address for mails, for instance when a webhook is switched off.
    pub contact_email: Option<String>,
    /// The IAM principals that may publish for it on the events queue.
    pub publishers: Vec<String>,
    /// Limits that differ from the defaults.
    pub limits: Limits,
    /// Values for envelopes if neither the event nor the webhook has them.
    pub context: Given,
}

/// Parses the id of a new tenant.
///
/// # Errors
/// `invalid_tenant_id`.
pub fn new_tenant_id(text: &str) -> Result<TenantId, Rejection> {
    text.parse().map_err(|_| {
        let detail = "A tenant id has 1 to 64 letters, digits, underscores or hyphens.";
        Rejection::new(Code::InvalidTenantId, detail).parameter("tenantId")
    })
}

impl PutTenant {
    /// The name of its contract.
    #[must_use]
    pub fn contract(&self) -> &str {
        self.contract.as_deref().unwrap_or(DEFAULT_CONTRACT)
    }

    /// Validates everything that needs no further read.
    ///
    /// # Errors
    /// Each member that breaks a rule.
    pub fn check(&self) -> Result<(), Rejection> {
        self.check_members(|_| true)
    }

    /// The same for some members.
    pub(super) fn check_members(&self, is_judged: impl Fn(&str) -> bool) -> Result<(), Rejection> {
        let is_mail =
            |mail: &String| check_name("contactEmail", mail).is_ok() && mail.contains('@');
        let mail = rule(
            self.contact_email.as_ref().is_none_or(is_mail),
            "contactEmail",
            "contactEmail is a mail address of at most 256 characters, as in ops@example.com.",
        );
        let are_few = self.publishers.len() <= MAX_PUBLISHERS;
        let publishers = rule(
            are_few && self.publishers.iter().all(|text| is_principal(text)),
            "publishers",
            "At most 50 publishers, each an IAM unique id such as AROAEXAMPLEID: the part of SQS's SenderId before the colon.",
        );
        let Limits {
            webhooks,
            requests_per_minute,
        } = self.limits;
        let webhooks = rule(
            webhooks.is_none_or(|limit| limit <= MAX_WEBHOOKS),
            "limits.webhooks",
            &format!("A tenant may have 0 to {MAX_WEBHOOKS} webhooks."),
        );
        let requests = rule(
            requests_per_minute.is_none_or(|limit| limit <= MAX_REQUESTS_PER_MINUTE),
            "limits.requestsPerMinute",
            &format!("A tenant may make 0 to {MAX_REQUESTS_PER_MINUTE} requests a minute."),
        );
        let name = check_name("name", self.name.as_deref().unwrap_or_default());
        let context = of_owner(&self.context).map(drop);
        let members = [
            ("name", name),
            ("contactEmail", mail),
            ("publishers", publishers),
            ("limits", webhooks),
            ("limits", requests),
            ("context", context),
        ];
        let judged = members.into_iter().filter(|(name, _)| is_judged(name));
        judge(judged.map(|(_, rule)| rule))
    }

    /// The tenant that replaces `before`. It keeps its creation time, and is later than the tenant
    /// that it replaces: the time of the last change distinguishes two writers. `contract` is the
    /// contract's name as it was found. `sealing_keys` are those of `before`, since they encrypted
    /// the credentials of its webhooks.
    ///
    /// # Errors
    /// If its context breaks a rule.
    pub fn tenant(
        &self,
        id: TenantId,
        contract: String,
        before: Option<&Tenant>,
        sealing_keys: Arc<SealingKeys>,
        now: Time,
    ) -> Result<Tenant, Rejection> {
        let (created_at, updated_at) = before.map_or((now, now), |before| {
            let later = before.updated_at.plus(Duration::from_millis(1));
            (before.created_at, now.max(later))
        });
        Ok(Tenant {
            id,
            name: self.name.clone(),
            contract,
            contact_email: self.contact_email.clone(),
            publishers: self.publishers.clone(),
            limits: self.limits,
            context: of_owner(&self.context)?,
            sealing_keys,
            created_at,
            updated_at,
        })
    }
}

fn rule(is_kept: bool, field: &str, detail: &str) -> Result<(), Rejection> {
    match is_kept {
        true => Ok(()),
        false => Err(Rejection::new(Code::InvalidValue, detail).field(field)),
    }
}

/// Whether a text can be the part of SQS's `SenderId` before the colon.
fn is_principal(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    (1..=MAX_PUBLISHER_BYTES).contains(&text.len()) && text.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put() -> PutTenant {
        PutTenant {
            name: None,
            contract: None,
            contact_email: None,
            publishers: Vec::new(),
            limits: Limits::default(),
            context: Given::new(),
        }
    }

    fn field(put: &PutTenant) -> Option<String> {
        Some(put.check().err()?.field.unwrap().into())
    }

    fn made(put: &PutTenant, before: Option<&Tenant>, now: i64) -> Tenant {
        let id = new_tenant_id("acme").unwrap();
        let contract = put.contract().to_owned();
        let now = Time::from_millis(now);
        put.tenant(id, contract, before, SealingKeys::unused(), now)
            .unwrap()
    }

    #[test]
    fn a_tenant_id_has_1_to_64_plain_characters() {
        for right in ["a", "A_1-b", &"x".repeat(64)] {
            assert_eq!(new_tenant_id(right).unwrap().as_str(), right);
        }
        for wrong in ["", "a b", "a/b", "\u{e9}", &"x".repeat(65)] {
            let refusal = new_tenant_id(wrong).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidTenantId);
            assert_eq!(refusal.field.as_deref(), Some("tenantId"));
        }
    }

    #[test]
    fn a_tenant_that_says_nothing_is_of_the_standard_contract() {
        assert_eq!(put().check(), Ok(()));
        assert_eq!(made(&put(), None, 5).contract, "standard");
        let named = PutTenant {
            contract: Some("kuviq".to_owned()),
            ..put()
        };
        assert_eq!(named.contract(), "kuviq");
    }

    #[test]
    fn a_limit_is_a_number_that_means_something() {
        let limits = |webhooks, requests_per_minute| {
            field(&PutTenant {
                limits: Limits {
                    webhooks,
                    requests_per_minute,
                },
                ..put()
            })
        };
        assert_eq!(limits(Some(10_000), Some(1_000_000)), None);
        assert_eq!(limits(Some(0), Some(0)), None);
        let webhooks = limits(Some(10_001), None);
        assert_eq!(webhooks.as_deref(), Some("limits.webhooks"));
        let requests = limits(None, Some(1_000_001));
        assert_eq!(requests.as_deref(), Some("limits.requestsPerMinute"));
    }

    #[test]
    fn a_contact_has_an_at_sign_and_up_to_256_characters() {
        let contact = |mail: &str| {
            field(&PutTenant {
                contact_email: Some(mail.to_owned()),
                ..put()
            })
        };
        for right in ["ops@example.com", "@", &format!("{}@", "x".repeat(255))] {
            assert_eq!(contact(right), None, "{right}");
        }
        for wrong in ["", "ops", "a\n@b", &format!("{}@", "x".repeat(256))] {
            assert_eq!(contact(wrong).as_deref(), Some("contactEmail"), "{wrong}");
        }
    }

    #[test]
    fn a_publisher_is_what_stands_before_the_colon_of_a_sender() {
        let publishers = |publishers: Vec<String>| {
            field(&PutTenant {
                publishers,
                ..put()
            })
        };
        let one = |text: &str| publishers(vec![text.to_owned()]);
        for right in ["AROAEXAMPLEID", "!", "~", &"x".repeat(256)] {
            assert_eq!(one(right), None, "{right}");
        }
        for wrong in ["", "AROA:session", "a b", "\u{e9}", "\n", &"x".repeat(257)] {
            assert_eq!(one(wrong).as_deref(), Some("publishers"), "{wrong:?}");
        }
        assert_eq!(publishers(vec!["A".to_owned(); 50]), None);
        assert!(publishers(vec!["A".to_owned(); 51]).is_some());
    }

    #[test]
    fn a_name_shows_what_it_is() {
        let name = |name: &str| {
            field(&PutTenant {
                name: Some(name.to_owned()),
                ..put()
            })
        };
        assert_eq!(name("Acme"), None);
        assert_eq!(name("Acme\u{202e}").as_deref(), Some("name"));
    }

    #[test]
    fn a_replaced_tenant_keeps_when_it_was_made_and_is_later_than_before() {
        let first = made(&put(), None, 5);
        assert_eq!(first.created_at, first.updated_at);
        for (now, updated) in [(9, 9), (5, 6), (1, 6)] {
            let second = made(&put(), Some(&first), now);
            assert_eq!(second.created_at, first.created_at);
            assert_eq!(second.updated_at, Time::from_millis(updated), "{now}");
        }
    }

    #[test]
    fn what_a_replacement_leaves_out_is_gone() {
        let full = PutTenant {
            name: Some("Acme".to_owned()),
            contact_email: Some("a@b".to_owned()),
            publishers: vec!["A".to_owned()],
            limits: Limits {
                webhooks: Some(1),
                requests_per_minute: Some(2),
            },
            context: serde_json::from_str(r#"{"a": 1}"#).unwrap(),
            ..put()
        };
        let before = made(&full, None, 5);
        assert_eq!(before.context["a"], "1");
        let after = made(&put(), Some(&before), 5);
        assert_eq!(
            after,
            Tenant {
                updated_at: after.updated_at,
                ..made(&put(), None, 5)
            }
        );
    }

    #[test]
    fn a_context_that_breaks_a_rule_makes_no_tenant() {
        let put = PutTenant {
            context: serde_json::from_str(r#"{"a": {}}"#).unwrap(),
            ..put()
        };
        let id = new_tenant_id("acme").unwrap();
        let keys = SealingKeys::unused();
        let refusal = put.tenant(id, "standard".to_owned(), None, keys, Time::from_millis(1));
        assert_eq!(refusal.unwrap_err().field.as_deref(), Some("context"));
    }
}
