//! Fixtures for the tests of these rules.

use std::collections::BTreeMap;

use crate::contract::{Contract, Overrides, builtin};
use crate::credential::SealingKeys;
use crate::event_type::EventFilter;
use crate::ids::WebhookId;
use crate::signing_secrets::SigningSecrets;
use crate::tenant::{Limits, Tenant, Webhook};
use crate::time::Time;

pub(crate) fn at(second: i64) -> Time {
    Time::from_millis(second * 1000)
}

/// A contract with several signatures per header and `whsec_` secrets.
pub(crate) fn contract() -> Contract {
    builtin("standard").unwrap()
}

/// A contract with one signature per header and literal secrets.
pub(crate) fn literal() -> Contract {
    let mut contract = contract();
    "literal".clone_into(&mut contract.name);
    let signature = contract.signature.as_mut().unwrap();
    "x-signature".clone_into(&mut signature.header);
    signature.secret = crate::contract::SecretFormat::Literal;
    signature.several = false;
    contract
}

/// A contract that does not sign.
pub(crate) fn unsigned() -> Contract {
    Contract {
        name: "unsigned".to_owned(),
        signature: None,
        ..contract()
    }
}

pub(crate) fn tenant() -> Tenant {
    Tenant {
        id: "acme".parse().unwrap(),
        name: None,
        contract: "standard".to_owned(),
        contact_email: None,
        publishers: Vec::new(),
        limits: Limits::default(),
        context: BTreeMap::new(),
        sealing_keys: SealingKeys::unused(),
        created_at: at(1),
        updated_at: at(1),
    }
}

/// A webhook of the contract `standard`, created in the first second, without a secret.
pub(crate) fn webhook() -> Webhook {
    Webhook {
        id: WebhookId::new([1; 16]),
        tenant: tenant().id,
        name: Some("orders".to_owned()),
        url: "https://example.com/hooks".to_owned(),
        events: vec![EventFilter::All],
        filter: None,
        active: true,
        contract: "standard".to_owned(),
        overrides: Overrides::default(),
        context: BTreeMap::new(),
        secrets: SigningSecrets::default(),
        basic_auth: None,
        headers: BTreeMap::new(),
        created_at: at(1),
        updated_at: at(1),
        version: 1,
        disabled: None,
        switched: Vec::new(),
        slow_since: None,
        failing_since: None,
        since: None,
        written: None,
    }
}
