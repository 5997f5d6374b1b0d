//! Members of JSON objects, by name.

use serde_json::Value;

/// A member that may be missing.
pub(crate) trait Member {
    /// The member, or null.
    fn member(&self, name: &str) -> &Value;
    /// The member, taken out; null if there is none.
    fn take_member(&mut self, name: &str) -> Value;
}

impl Member for Value {
    fn member(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Self::Null)
    }

    fn take_member(&mut self, name: &str) -> Value {
        self.get_mut(name).map_or(Self::Null, Self::take)
    }
}
