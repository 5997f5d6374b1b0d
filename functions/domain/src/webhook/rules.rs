//! The rules for a webhook, one member at a time.

use std::time::Duration;

use serde_json::value::RawValue;

use super::given::check_unmasked;
use crate::contract::{Contract, Overrides};
use crate::event_type::EventFilter;
use crate::filter::Filter;
use crate::guard::{Destination, EgressPolicy, INBOX_URL};
use crate::rejection::{Code, Rejection};

/// The maximum number of event filters per webhook.
const MAX_EVENT_FILTERS: usize = 100;

/// The operator's settings that limit webhooks.
#[derive(Clone, Copy)]
pub struct WebhookRules<'a> {
    /// Which URLs are allowed.
    pub egress: &'a EgressPolicy,
    /// The longest timeout that a webhook may set.
    pub max_timeout: Duration,
}

/// The rejection of a contract name that does not exist.
#[must_use]
pub fn no_such_contract() -> Rejection {
    Rejection::new(Code::InvalidContract, "There is no contract of this name.").field("contract")
}

impl WebhookRules<'_> {
    /// The URL as it is stored, if the guard and the contract allow it. Without a contract, the
    /// guard alone judges it.
    ///
    /// # Errors
    /// `masked_value`, or `invalid_url` with the guard's reason.
    pub(super) fn url(&self, raw: &str, contract: Option<&Contract>) -> Result<String, Rejection> {
        check_unmasked("url", raw)?;
        let refuse = |reason, detail: String| Rejection {
            reason: Some(reason),
            ..Rejection::new(Code::InvalidUrl, detail).field("url")
        };
        let destination = self.egress.destination(raw).map_err(|denied| {
            let also = self.egress.also_denied(raw, denied);
            let all = [Some(denied), also].into_iter().flatten();
            let detail: Vec<_> = all.map(|denied| denied.to_string()).collect();
            refuse(denied.code(), detail.join(" "))
        })?;
        // Nothing leaves the stack, so a contract for https takes it, too.
        let Destination::Receiver(target) = destination else {
            return Ok(INBOX_URL.to_owned());
        };
        let for_https = contract.filter(|contract| contract.https_only);
        if let Some(contract) = for_https
            && target.url().scheme() != "https"
            && !self.egress.is_operator_allowed(&target)
        {
            let detail = format!("The contract {} allows only https.", contract.name);
            return Err(refuse("scheme", detail));
        }
        Ok(target.as_str().to_owned())
    }

    /// Checks the overrides against the contracts' limits and the operator's.
    ///
    /// # Errors
    /// `invalid_contract` for the member that is out of bounds.
    pub(super) fn check_overrides(&self, overrides: &Overrides) -> Result<(), Rejection> {
        let wrong = |(field, detail): (&str, String)| {
            Rejection::new(Code::InvalidContract, detail).field(field)
        };
        overrides.check().map_err(wrong)?;
        let longest = self.max_timeout.as_secs();
        let asked = overrides.timeout_seconds.map(u64::from);
        if asked.is_some_and(|seconds| seconds > longest) {
            let detail = format!("The operator allows timeouts of at most {longest} seconds.");
            return Err(wrong(("overrides.timeoutSeconds", detail)));
        }
        Ok(())
    }
}

/// The event filters of a webhook.
///
/// # Errors
/// `invalid_events` for their number or for one that cannot be read.
pub(super) fn event_filters(events: Vec<String>) -> Result<Vec<EventFilter>, Rejection> {
    let wrong = |detail: String| Rejection::new(Code::InvalidEvents, detail).field("events");
    if !(1..=MAX_EVENT_FILTERS).contains(&events.len()) {
        return Err(wrong(format!(
            "A webhook has 1 to {MAX_EVENT_FILTERS} event filters: a type, a component (item.*) or *."
        )));
    }
    events
        .into_iter()
        .map(|text| EventFilter::try_from(text).map_err(|why| wrong(why.words().to_owned())))
        .collect()
}

/// The filter of a request; null is none.
pub(super) fn filter_of(given: Option<&RawValue>) -> Result<Option<Filter>, Rejection> {
    let given = given.filter(|raw| raw.get() != "null");
    given.map(|raw| Filter::parse(raw.get())).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::testing::contract;

    fn rules(egress: &EgressPolicy) -> WebhookRules<'_> {
        WebhookRules {
            egress,
            max_timeout: Duration::from_secs(30),
        }
    }

    fn https_only() -> Contract {
        Contract {
            https_only: true,
            ..contract()
        }
    }

    #[test]
    fn a_url_is_stored_as_the_guard_writes_it() {
        let egress = EgressPolicy::default();
        let url = |raw| rules(&egress).url(raw, Some(&contract()));
        assert_eq!(
            url("https://EXAMPLE.com:443").unwrap(),
            "https://example.com/"
        );
    }

    #[test]
    fn a_url_that_the_guard_denies_is_refused_with_all_of_its_reasons() {
        let egress = EgressPolicy::default();
        let refusal = rules(&egress)
            .url("http://127.0.0.1/", Some(&contract()))
            .unwrap_err();
        assert_eq!(refusal.code, Code::InvalidUrl);
        assert_eq!(refusal.field.as_deref(), Some("url"));
        assert_eq!(refusal.reason, Some("http_not_allowed"));
        assert_eq!(
            &*refusal.detail,
            "Plain http is not allowed here; use https. The address is loopback; use the receiver's public address."
        );
    }

    #[test]
    fn a_masked_url_is_refused_as_such() {
        let egress = EgressPolicy::default();
        let url = |raw| rules(&egress).url(raw, Some(&contract()));
        let refusal = url("https://example.com/services/***").unwrap_err();
        assert_eq!(refusal.code, Code::MaskedValue);
        assert_eq!(refusal.field.as_deref(), Some("url"));
    }

    #[test]
    fn a_contract_for_https_takes_http_only_inside_the_operators_networks() {
        let networks = vec!["127.0.0.0/8".parse().unwrap()];
        let egress = EgressPolicy::new(networks, true, vec![]);
        let refused = |url, contract: &Contract| rules(&egress).url(url, Some(contract)).err();
        assert_eq!(refused("http://example.com/", &contract()), None);
        assert_eq!(refused("https://example.com/", &https_only()), None);
        assert_eq!(refused("http://127.0.0.1:8080/", &https_only()), None);
        assert_eq!(refused("postel:inbox", &https_only()), None);
        let refusal = refused("http://example.com/", &https_only()).unwrap();
        assert_eq!(refusal.reason, Some("scheme"));
        assert_eq!(&*refusal.detail, "The contract standard allows only https.");
    }

    #[test]
    fn a_timeout_is_held_to_the_operators_limit_and_to_every_contracts() {
        let egress = EgressPolicy::default();
        let refused = |seconds| {
            let overrides = Overrides {
                timeout_seconds: Some(seconds),
                ..Overrides::default()
            };
            let refusal = rules(&egress).check_overrides(&overrides).err()?;
            assert_eq!(refusal.code, Code::InvalidContract);
            assert_eq!(refusal.field.as_deref(), Some("overrides.timeoutSeconds"));
            Some(String::from(refusal.detail))
        };
        assert_eq!((refused(1), refused(30)), (None, None));
        let operators = "The operator allows timeouts of at most 30 seconds.";
        assert_eq!(refused(31).as_deref(), Some(operators));
        assert_eq!(refused(60).as_deref(), Some(operators));
        for wrong in [0, 61] {
            let expected = "A timeout is 1 to 60 seconds.";
            assert_eq!(refused(wrong).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_webhook_that_overrides_nothing_breaks_no_rule() {
        let egress = EgressPolicy::default();
        let none = Overrides::default();
        assert_eq!(rules(&egress).check_overrides(&none), Ok(()));
    }

    #[test]
    fn a_webhook_has_one_to_a_hundred_event_filters() {
        let filters = |count| event_filters(vec!["item.*".to_owned(); count]);
        assert_eq!(filters(1).unwrap().len(), 1);
        assert_eq!(filters(100).unwrap().len(), 100);
        for wrong in [0, 101] {
            let refusal = filters(wrong).unwrap_err();
            assert_eq!(refusal.code, Code::InvalidEvents);
            assert_eq!(refusal.field.as_deref(), Some("events"));
            assert_eq!(
                &*refusal.detail,
                "A webhook has 1 to 100 event filters: a type, a component (item.*) or *."
            );
        }
        let refusal = event_filters(vec!["*".to_owned(), "it*".to_owned()]).unwrap_err();
        assert_eq!(
            &*refusal.detail,
            "An event filter is a type (item.created), a component (item.*) or *."
        );
    }
}
