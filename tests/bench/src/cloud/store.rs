//! Tables in memory: a hundred bytes in addition to each item's text, so that a million fit.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::size::{Item, bytes, write_units};

/// A sparse index of `infra/template.yaml`: its keys, and its projected attributes.
struct Index {
    table: &'static str,
    keys: [&'static str; 2],
    shown: &'static [&'static str],
}

const INDEXES: [Index; 2] = [
    Index {
        table: "log",
        keys: ["due_shard", "due_at"],
        shown: &["status", "seq", "manual"],
    },
    Index {
        table: "dead-letters",
        keys: ["age_shard", "sk"],
        shown: &[],
    },
];

#[derive(Default)]
struct Partition(BTreeMap<String, Box<str>>);

#[derive(Default)]
pub(crate) struct Store(HashMap<String, HashMap<String, Partition>>);

/// The text of a key attribute.
pub(crate) fn key<'a>(item: &'a Item, name: &str) -> Result<&'a str, String> {
    item.get(name)
        .and_then(|typed| typed.get("S")?.as_str())
        .ok_or_else(|| format!("no key {name}"))
}

impl Store {
    pub(crate) fn get(&self, table: &str, at: &Item) -> Result<Option<Item>, String> {
        let (pk, sk) = (key(at, "pk")?, key(at, "sk")?);
        let found = self.0.get(table).and_then(|t| t.get(pk)?.0.get(sk));
        found.map(|text| parsed(text)).transpose()
    }

    pub(crate) fn put(&mut self, table: &str, item: &Item) -> Result<(), String> {
        let text = serde_json::to_string(item).map_err(|e| e.to_string())?;
        let (pk, sk) = (key(item, "pk")?, key(item, "sk")?);
        let partitions = self.0.entry(table.to_owned()).or_default();
        partitions
            .entry(pk.to_owned())
            .or_default()
            .0
            .insert(sk.to_owned(), text.into());
        Ok(())
    }

    pub(crate) fn delete(&mut self, table: &str, at: &Item) -> Result<(), String> {
        let (pk, sk) = (key(at, "pk")?, key(at, "sk")?);
        if let Some(partition) = self.0.get_mut(table).and_then(|t| t.get_mut(pk)) {
            partition.0.remove(sk);
        }
        Ok(())
    }

    /// A partition's items, by sort key.
    pub(crate) fn partition(
        &self,
        table: &str,
        pk: &str,
        from: &str,
    ) -> impl Iterator<Item = Result<Item, String>> + use<'_> {
        let found = self.0.get(table).and_then(|t| t.get(pk));
        found
            .into_iter()
            .flat_map({
                let from = from.to_owned();
                move |partition| partition.0.range(from.clone()..)
            })
            .map(|(_, text)| parsed(text))
    }

    /// Every item, for copying.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(table, partitions)| {
            let texts = partitions
                .values()
                .flat_map(|partition| partition.0.values());
            texts.map(move |text| (table.as_str(), &**text))
        })
    }

    pub(crate) fn count(&self, table: &str) -> usize {
        let partitions = self.0.get(table).map(HashMap::values);
        partitions
            .into_iter()
            .flatten()
            .map(|partition| partition.0.len())
            .sum()
    }

    /// The mean size of a table's items, in bytes.
    pub(crate) fn mean_bytes(&self, table: &str) -> f64 {
        let sizes: Vec<usize> = self
            .all()
            .filter(|(of, _)| *of == table)
            .filter_map(|(_, text)| parsed(text).ok())
            .map(|item| bytes(&item))
            .collect();
        let total: usize = sizes.iter().sum();
        total as f64 / sizes.len().max(1) as f64
    }

    pub(crate) fn forget(&mut self, table: &str) {
        self.0.remove(table);
    }
}

fn parsed(text: &str) -> Result<Item, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

/// Write units of the indexes when an item changes. A changed key is a deletion and a write.
pub(crate) fn index_units(table: &str, before: Option<&Item>, after: Option<&Item>) -> f64 {
    INDEXES
        .iter()
        .filter(|index| index.table == table)
        .map(|index| {
            let entry = |item: Option<&Item>| item.and_then(|item| index.entry(item));
            match (entry(before), entry(after)) {
                (None, None) => 0.0,
                (Some(old), Some(new)) if old == new => 0.0,
                (Some(old), Some(new)) if index.key(&old) == index.key(&new) => {
                    write_units(bytes(&old).max(bytes(&new)))
                }
                (old, new) => [old, new]
                    .iter()
                    .flatten()
                    .map(|entry| write_units(bytes(entry)))
                    .sum(),
            }
        })
        .sum()
}

impl Index {
    fn key<'a>(&self, entry: &'a Item) -> [Option<&'a Value>; 2] {
        self.keys.map(|name| entry.get(name))
    }

    /// The index's entry for an item; `None` if a key is missing.
    fn entry(&self, item: &Item) -> Option<Item> {
        let names = self.keys.iter().chain(self.shown).chain(&["pk", "sk"]);
        let shown: Item = names
            .filter_map(|name| Some(((*name).to_owned(), item.get(*name)?.clone())))
            .collect();
        self.keys
            .iter()
            .all(|name| shown.contains_key(*name))
            .then_some(shown)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_index_costs_when_its_entry_changes() {
        let item = |due: &str, sequence: &str| {
            json!({"pk": {"S": "t#0"}, "sk": {"S": "1#wh"}, "due_shard": {"S": "1"}, "due_at": {"N": due}, "seq": {"N": sequence}, "latest": {"S": "x"}}).as_object().unwrap().clone()
        };
        let mut unseen = item("1", "1");
        unseen.insert("latest".to_owned(), json!({"S": "y"}));
        let mut gone = item("1", "1");
        gone.remove("due_at");
        let first = item("1", "1");
        for (before, after, units) in [
            (None, Some(&first), 1.0),
            (Some(&first), Some(&item("2", "1")), 2.0),
            (Some(&first), Some(&item("1", "2")), 1.0),
            (Some(&first), Some(&unseen), 0.0),
            (Some(&first), Some(&gone), 1.0),
            (None, Some(&gone), 0.0),
        ] {
            assert_eq!(index_units("log", before, after), units, "{after:?}");
        }
        assert_eq!(index_units("config", None, Some(&first)), 0.0);
    }
}
