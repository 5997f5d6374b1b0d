//! The maximum number of webhooks per tenant.

use crate::contract::Contract;
use crate::rejection::{Code, Rejection};
use crate::tenant::{Tenant, WEBHOOKS_PER_TENANT};

/// A tenant's maximum number of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookLimit(u32);

impl WebhookLimit {
    /// The tenant's own limit; else the limit of the tenant's contract; else
    /// [`WEBHOOKS_PER_TENANT`].
    #[must_use]
    pub fn of(tenant: &Tenant, contract: Option<&Contract>) -> Self {
        let of_contract = contract.and_then(|contract| contract.webhooks_per_tenant);
        let own = tenant.limits.webhooks;
        Self(own.or(of_contract).unwrap_or(WEBHOOKS_PER_TENANT))
    }

    /// The number, for the write that enforces it.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether a tenant that has `count` webhooks may have one more.
    ///
    /// # Errors
    /// `webhook_limit`.
    pub fn check(self, count: u32) -> Result<(), Rejection> {
        if count >= self.0 {
            return Err(self.reached());
        }
        Ok(())
    }

    /// The rejection when the limit is reached.
    #[must_use]
    pub fn reached(self) -> Rejection {
        let limit = self.0;
        let detail = format!(
            "A tenant has at most {limit} webhooks: delete one, or ask the operator for more."
        );
        Rejection::new(Code::WebhookLimit, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::testing::{contract, tenant};

    fn limit(own: Option<u32>, of_contract: Option<u32>) -> u32 {
        let mut tenant = tenant();
        tenant.limits.webhooks = own;
        let mut contract = contract();
        contract.webhooks_per_tenant = of_contract;
        WebhookLimit::of(&tenant, Some(&contract)).get()
    }

    #[test]
    fn the_tenants_limit_goes_before_the_contracts_and_that_before_the_default() {
        assert_eq!(limit(Some(7), Some(9)), 7);
        assert_eq!(limit(Some(99), Some(9)), 99, "also where it allows more");
        assert_eq!(limit(None, Some(9)), 9);
        assert_eq!(limit(None, None), WEBHOOKS_PER_TENANT);
        assert_eq!(WebhookLimit::of(&tenant(), None).get(), WEBHOOKS_PER_TENANT);
    }

    #[test]
    fn a_limit_of_none_at_all_is_a_limit() {
        assert_eq!(limit(Some(0), Some(9)), 0);
        assert!(WebhookLimit(0).check(0).is_err());
    }

    #[test]
    fn the_last_webhook_that_is_allowed_is_let_in_and_the_next_is_not() {
        let limit = WebhookLimit(3);
        assert_eq!(limit.check(2), Ok(()));
        for count in [3, 4, u32::MAX] {
            assert_eq!(limit.check(count), Err(limit.reached()));
        }
        assert_eq!(limit.reached().code, Code::WebhookLimit);
        assert_eq!(
            &*limit.reached().detail,
            "A tenant has at most 3 webhooks: delete one, or ask the operator for more."
        );
    }
}
