//! What tenants and webhooks say for envelopes, as it is shown: each value as it was written.

use domain::context::Context;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Writes the raw values as they are.
pub(crate) struct ContextResponse(pub(crate) Context);

impl ContextResponse {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for ContextResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members: Vec<(&str, &RawValue)> = Vec::new();
        for (name, value) in &self.0 {
            members.push((name, serde_json::from_str(value).map_err(S::Error::custom)?));
        }
        serializer.collect_map(members)
    }
}
