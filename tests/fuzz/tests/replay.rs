//! Every target over its corpus, and over the same changes of it in each run. `cargo fuzz`
//! continues from there.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fuzz::TARGETS;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};

/// Changes of each target's corpus in a run.
const CASES: u32 = 1000;

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[test]
fn every_seed_of_the_corpus_keeps_its_rule() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let seeds = corpus(name);
        assert!(seeds.len() >= 5, "{name} has {} seeds", seeds.len());
        for (path, seed) in seeds {
            if catch_unwind(AssertUnwindSafe(|| target(&seed))).is_err() {
                broken.push(format!("{name}: {}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[derive(Clone, Debug)]
enum Change {
    Put(Index, u8),
    Insert(Index, Vec<u8>),
    Cut(Index, usize),
    Repeat(Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let words: Vec<&[u8]> = vec![
        b"\0",
        b"\"",
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"{",
        b"}",
        b"[",
        b"]",
        b"{data}",
        b"{body}",
        b"{id}",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\r\n",
        b"#",
        b"@",
        b"%00",
        b"127.0.0.1",
        b"[::1]",
        b"0x7f.1",
        b"2130706433",
        b"-1",
        b"99999999999999999999",
        b"1e400",
        b"null",
        b"\xe3\x80\x82",
    ];
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (any::<Index>(), select(words)).prop_map(|(at, word)| Change::Insert(at, word.to_vec())),
        (any::<Index>(), 1usize..20).prop_map(|(at, n)| Change::Cut(at, n)),
        (any::<Index>(), 1usize..150).prop_map(|(at, n)| Change::Repeat(at, n)),
    ]
}

fn changed(mut input: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let at = |index: &Index| index.index(input.len() + 1);
        match change {
            Change::Put(index, byte) if !input.is_empty() => {
                let at = index.index(input.len());
                input[at] = *byte;
            }
            Change::Put(..) => {}
            Change::Insert(index, word) => {
                let at = at(index);
                input.splice(at..at, word.iter().copied());
            }
            Change::Cut(index, n) => {
                let at = at(index);
                input.drain(at..(at + n).min(input.len()));
            }
            Change::Repeat(index, n) if !input.is_empty() => {
                let at = index.index(input.len());
                let byte = input[at];
                input.splice(at..at, std::iter::repeat_n(byte, *n));
            }
            Change::Repeat(..) => {}
        }
    }
    input
}

#[test]
fn every_change_of_a_seed_keeps_the_rule() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let seeds: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, seed)| seed).collect();
        let strategy = (select(seeds), prop::collection::vec(change(), 1..6));
        let config = Config {
            cases: CASES,
            failure_persistence: None,
            ..Config::default()
        };
        let mut runner = TestRunner::new_with_rng(
            config,
            proptest::test_runner::TestRng::deterministic_rng(
                proptest::test_runner::RngAlgorithm::ChaCha,
            ),
        );
        runner
            .run(&strategy, |(seed, changes)| {
                target(&changed(seed, &changes));
                Ok(())
            })
            .unwrap_or_else(|e| broken.push(format!("{name}: {e}")));
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
