//! The fake config store.

use super::*;

impl ConfigStore for FakePorts {
    async fn tenant_snapshot(
        &self,
        _: &TenantId,
        not_older_than: Time,
    ) -> Result<Option<Arc<TenantSnapshot>>, Fault> {
        self.write(Call::TenantSnapshot(not_older_than));
        if self.is_config_corrupt {
            return Err(Fault::corrupt(Stage::ReadConfig, "a row cannot be read"));
        }
        Ok(self.snapshot.clone().map(Arc::new))
    }

    async fn switch_off(
        &self,
        of: &WebhookVersion,
        reason: DisableReason,
        _: Time,
    ) -> Result<bool, Fault> {
        self.write(Call::SwitchOff(reason, of.version));
        Ok(self.did)
    }

    async fn record_warning_if_due(&self, _: &WebhookVersion, _: Time) -> Result<bool, Fault> {
        Ok(self.did)
    }

    async fn type_name(&self, _: &EventType) -> Result<Option<String>, Fault> {
        Ok(self.type_name.clone())
    }

    async fn mark_slow(&self, _: &WebhookVersion, _: Time) -> Result<bool, Fault> {
        Ok(self.did)
    }

    async fn unmark_slow(&self, _: &WebhookVersion, _: Time) -> Result<bool, Fault> {
        Ok(self.did)
    }

    async fn mark_failing(&self, _: &WebhookVersion, _: Time) -> Result<bool, Fault> {
        Ok(self.did)
    }

    async fn unmark_failing(&self, _: &WebhookVersion, _: Time) -> Result<bool, Fault> {
        Ok(self.did)
    }
}
