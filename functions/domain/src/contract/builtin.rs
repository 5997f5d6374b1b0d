//! The contracts that come with Postel: one JSON file each, read once per process.

use std::sync::LazyLock;

use super::Contract;

static FILES: [(&str, &str); 5] = [
    (
        "inspectorio",
        include_str!("../../contracts/inspectorio.json"),
    ),
    ("kazinex", include_str!("../../contracts/kazinex.json")),
    ("kliq", include_str!("../../contracts/kliq.json")),
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
            assert_eq!(contract.check(), Ok(()), "{name}");
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
    fn inspectorio_is_as_documented() {
        let inspectorio = builtin("inspectorio").unwrap();
        assert_eq!(
            (
                inspectorio.timeout_seconds,
                inspectorio.retry_delays_seconds.as_slice()
            ),
            (60, [60, 60, 60].as_slice())
        );
        assert!(
            inspectorio.success.holds(200)
                && !inspectorio.success.holds(201)
                && !inspectorio.success.holds(204)
        );
        assert!(
            inspectorio.refused.is_empty()
                && inspectorio.gone.is_empty()
                && inspectorio.signature.is_none()
        );
    }

    #[test]
    fn kazinex_is_as_documented() {
        let kazinex = builtin("kazinex").unwrap();
        assert_eq!(kazinex.timeout_seconds, 10);
        assert!(
            kazinex.success.holds(200) && kazinex.success.holds(299) && !kazinex.success.holds(401)
        );
        assert_eq!(
            kazinex.retry_delays_seconds,
            builtin("standard").unwrap().retry_delays_seconds
        );
    }

    #[test]
    fn kliq_is_as_documented() {
        let kliq = builtin("kliq").unwrap();
        assert_eq!(
            (kliq.timeout_seconds, kliq.retry_delays_seconds.as_slice()),
            (30, [60, 300, 1800, 7200, 86400].as_slice())
        );
        assert_eq!(kliq.at_end, crate::contract::AtEnd::Disable);
        assert!(kliq.mails.when_disabled && kliq.refused.is_empty() && kliq.gone.is_empty());
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
