//! Members of a new webhook that only the operator may set, because it comes from another system:
//! when it was created there, and which older secrets its receiver still accepts.

use serde::Deserialize;

use super::given::GivenSecret;
use super::rotation::MAX_OVERLAP;
use super::secret::next_secret;
use crate::contract::{Contract, Secret};
use crate::principal::Principal;
use crate::rejection::{Code, Rejection};
use crate::signing_secrets::MAX_PREVIOUS_SECRETS;
use crate::time::Time;

/// The request.
#[derive(Default)]
pub struct Import {
    /// When it was created.
    pub created_at: Option<String>,
    /// Its older secrets.
    pub previous_secrets: Vec<FormerSecret>,
}

/// A secret that a newer one has replaced.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FormerSecret {
    secret: GivenSecret,
    ends_at: String,
}

/// An import that keeps the rules, with nothing encrypted yet.
pub struct ValidImport {
    /// When the webhook was created.
    pub created_at: Option<Time>,
    /// Its older secrets, and when they stop signing.
    pub previous_secrets: Vec<(Secret, Time)>,
}

impl Import {
    /// Whether the caller may set these members: only the operator may.
    ///
    /// # Errors
    /// `forbidden` for the first member that is given.
    pub fn check_allowed(&self, principal: &Principal) -> Result<(), Rejection> {
        let field = if self.created_at.is_some() {
            "createdAt"
        } else if self.previous_secrets.is_empty() {
            return Ok(());
        } else {
            "previousSecrets"
        };
        principal.is_operator().map_err(|_| {
            let detail =
                format!("Only the operator's key may give `{field}` when it creates a webhook.");
            Rejection::new(Code::Forbidden, detail).field(field)
        })
    }

    /// Validates it.
    ///
    /// # Errors
    /// The first member that breaks a rule.
    pub fn validate(self, contract: &Contract, now: Time) -> Result<ValidImport, Rejection> {
        let created_at = self.created_at.as_deref().map(|text| made_at(text, now));
        if self.previous_secrets.len() > MAX_PREVIOUS_SECRETS {
            let detail = format!("A webhook has at most {MAX_PREVIOUS_SECRETS} previous secrets.");
            return Err(Rejection::new(Code::InvalidSecret, detail).field("previousSecrets"));
        }
        let former = self.previous_secrets.into_iter().enumerate();
        Ok(ValidImport {
            created_at: created_at.transpose()?,
            previous_secrets: former
                .map(|(index, former)| {
                    let field = format!("previousSecrets[{index}]");
                    former.validate(&field, contract, now)
                })
                .collect::<Result<_, _>>()?,
        })
    }
}

impl FormerSecret {
    fn validate(
        self,
        field: &str,
        contract: &Contract,
        now: Time,
    ) -> Result<(Secret, Time), Rejection> {
        if contract.signature.is_none() {
            let detail = "The contract of this webhook signs nothing.";
            return Err(Rejection::new(Code::InvalidSecret, detail).field(field));
        }
        let secret = next_secret(Some(self.secret), contract, [0; 32])
            .map_err(|refusal| refusal.field(format!("{field}.secret")))?;
        let field = format!("{field}.endsAt");
        let Some(end) = Time::parse_rfc3339(&self.ends_at) else {
            return Err(Rejection::not_a_time(&field));
        };
        if end <= now || end > now.plus(MAX_OVERLAP) {
            let days = MAX_OVERLAP.as_secs() / (24 * 3600);
            let detail = format!(
                "`{field}` is a time in the next {days} days. Leave out a secret that has ended."
            );
            return Err(Rejection::new(Code::InvalidTimestamp, detail).field(field));
        }
        Ok((secret, end))
    }
}

fn made_at(text: &str, now: Time) -> Result<Time, Rejection> {
    let time = Time::parse_rfc3339(text).ok_or_else(|| Rejection::not_a_time("createdAt"))?;
    if time < Time::from_millis(0) || time > now {
        let detail = "`createdAt` is a time from 1970-01-01T00:00:00Z to now.";
        return Err(Rejection::new(Code::InvalidTimestamp, detail).field("createdAt"));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::testing::{at, contract, literal, unsigned};

    const NOW: Time = Time::from_millis(1_800_000_000_000);

    fn former(secret: &str, ends_at: Time) -> FormerSecret {
        FormerSecret {
            secret: GivenSecret::from(secret.to_owned()),
            ends_at: ends_at.rfc3339(),
        }
    }

    fn of(previous_secrets: Vec<FormerSecret>) -> Import {
        Import {
            created_at: None,
            previous_secrets,
        }
    }

    fn refused(import: Import, contract: &Contract) -> Option<(Code, String)> {
        let refusal = import.validate(contract, NOW).err()?;
        Some((refusal.code, refusal.field.map(String::from).unwrap()))
    }

    #[test]
    fn only_the_operator_says_when_a_webhook_was_made_and_what_signed_before() {
        let key = crate::principal::TenantAccess {
            bearer: crate::principal::Bearer::Key(crate::ids::KeyId::new([1; 16])),
            name: Some("ERP".to_owned()),
            tenant: "t".parse().unwrap(),
            scopes: crate::api_key::Scope::ALL.to_vec(),
            created_at: at(1),
            expires_at: None,
        };
        let created = Import {
            created_at: Some(String::new()),
            previous_secrets: Vec::new(),
        };
        let tenant = Principal::Tenant(key);
        for (import, field) in [
            (created, "createdAt"),
            (of(vec![former("x", NOW)]), "previousSecrets"),
        ] {
            assert_eq!(import.check_allowed(&Principal::Operator), Ok(()));
            let refusal = import.check_allowed(&tenant).unwrap_err();
            assert_eq!(refusal.code, Code::Forbidden);
            assert_eq!(refusal.field.as_deref(), Some(field));
        }
        assert_eq!(Import::default().check_allowed(&tenant), Ok(()));
    }

    #[test]
    fn a_webhook_was_made_in_the_past() {
        let made = |text: &str| {
            let import = Import {
                created_at: Some(text.to_owned()),
                previous_secrets: Vec::new(),
            };
            let valid = import.validate(&contract(), NOW);
            valid
                .map(|valid| valid.created_at.unwrap())
                .map_err(|refusal| (refusal.code, refusal.field.map(String::from).unwrap()))
        };
        let later = NOW.plus(std::time::Duration::from_millis(1)).rfc3339();
        for right in [Time::from_millis(0), NOW] {
            assert_eq!(made(&right.rfc3339()), Ok(right));
        }
        for wrong in ["", "yesterday", "1969-12-31T23:59:59Z", &later] {
            let field = "createdAt".to_owned();
            assert_eq!(made(wrong), Err((Code::InvalidTimestamp, field)), "{wrong}");
        }
    }

    #[test]
    fn an_older_secret_suits_the_contract_and_ends_within_a_week() {
        let end = NOW.plus(MAX_OVERLAP);
        assert_eq!(refused(of(vec![former("x", end)]), &literal()), None);
        let field = |end: &str| format!("previousSecrets[1].{end}");
        for (secret, ends_at, code, end) in [
            ("", end, Code::InvalidSecret, "secret"),
            ("***", end, Code::MaskedValue, "secret"),
            ("x", NOW, Code::InvalidTimestamp, "endsAt"),
            (
                "x",
                end.plus(std::time::Duration::from_millis(1)),
                Code::InvalidTimestamp,
                "endsAt",
            ),
        ] {
            let both = vec![former("x", NOW.plus(MAX_OVERLAP)), former(secret, ends_at)];
            assert_eq!(refused(of(both), &literal()), Some((code, field(end))));
        }
        let short = of(vec![former("short", end)]);
        let whsec = Some((Code::InvalidSecret, "previousSecrets[0].secret".to_owned()));
        assert_eq!(refused(short, &contract()), whsec);
        let unsigned = refused(of(vec![former("x", end)]), &unsigned());
        let none = Some((Code::InvalidSecret, "previousSecrets[0]".to_owned()));
        assert_eq!(unsigned, none);
        let three = of((0..3).map(|_| former("x", end)).collect());
        let field = "previousSecrets".to_owned();
        assert_eq!(
            refused(three, &literal()),
            Some((Code::InvalidSecret, field))
        );
    }
}
