//! The built-in contracts: one JSON file each, read once per process.

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
}
