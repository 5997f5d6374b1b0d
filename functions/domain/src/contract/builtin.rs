//! The contracts that come with Postel: one JSON file each, read once per process.

use std::sync::LazyLock;

use super::Contract;

static FILES: [(&str, &str); 2] = [
    ("kuviq", include_str!("../../contracts/kuviq.json")),
    ("standard", include_str!("../../contracts/standard.json")),
];

static PARSED: LazyLock<Vec<Contract>> = LazyLock::new(|| {
    FILES
        .iter()
        .filter_map(|(_, text)| serde_json::from_str(text).ok())
        .collect()
});

/// A built-in contract by name.
#[must_use]
pub fn builtin(name: &str) -> Option<Contract> {
    PARSED
        .iter()
        .find(|contract| contract.name == name)
        .cloned()
}

/// The names of all built-in contracts.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_contract_of_its_own_name() {
        for (name, text) in FILES {
            let contract: Contract =
                serde_json::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(contract.name, name);
            assert!(!contract.success.is_empty());
        }
        assert_eq!(PARSED.len(), FILES.len());
    }

    #[test]
    fn kuviq_is_as_documented() {
        let kuviq = builtin("kuviq").unwrap();
        assert_eq!(kuviq.timeout_seconds, 30);
        assert_eq!(kuviq.retry_delays_seconds, [60, 300, 900, 3600, 14400]);
        assert!(kuviq.success.holds(299) && !kuviq.success.holds(300));
        assert!(
            kuviq.refused.holds(400)
                && kuviq.refused.holds(499)
                && !kuviq.refused.holds(500)
                && !kuviq.refused.holds(302)
        );
    }

    #[test]
    fn standard_is_as_documented() {
        let standard = builtin("standard").unwrap();
        assert_eq!(standard.timeout_seconds, 30);
        assert_eq!(
            standard.retry_delays_seconds,
            [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
        );
        assert!((standard.jitter - 0.1).abs() < f64::EPSILON);
        assert!(standard.gone.holds(410) && !standard.refused.holds(404));
    }
}
