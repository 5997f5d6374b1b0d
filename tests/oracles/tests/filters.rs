//! Filters against a second implementation of event patterns, which works as event-ruler does: the
//! event becomes a list of paths with their values, a pattern a list of alternatives without `$or`,
//! and a match is a choice of one value for each field in which no list is at two places at once.
//!
//! `POSTEL_FILTER_CASES=1000000` tries a million filters with an event each.

use std::collections::BTreeMap;

use domain::event_type::EventType;
use domain::filter::{Document, Filter};
use domain::payload::Content;
use fastrand::Rng;
use serde_json::{Map, Value, json};

const CASES: usize = 5_000;

/// A value of the event: its path, and at which place of which list it is.
struct Found<'a> {
    path: String,
    value: &'a Value,
    places: BTreeMap<usize, usize>,
}

fn flatten<'a>(
    value: &'a Value,
    path: &str,
    places: &BTreeMap<usize, usize>,
    lists: &mut usize,
    all: &mut Vec<Found<'a>>,
) {
    match value {
        Value::Object(members) => {
            for (name, below) in members {
                flatten(below, &format!("{path}/{name}"), places, lists, all);
            }
        }
        Value::Array(items) => {
            *lists += 1;
            let list = *lists;
            for (at, item) in items.iter().enumerate() {
                let mut places = places.clone();
                places.insert(list, at);
                flatten(item, path, &places, lists, all);
            }
        }
        scalar => all.push(Found {
            path: path.to_owned(),
            value: scalar,
            places: places.clone(),
        }),
    }
}

/// A pattern without `$or`: paths with their lists of rules.
type Conjunction = Vec<(String, Vec<Value>)>;

fn alternatives(pattern: &Map<String, Value>, path: &str) -> Vec<Conjunction> {
    let mut all: Vec<Conjunction> = vec![vec![]];
    for (name, value) in pattern {
        let here = format!("{path}/{name}");
        let choices: Vec<Conjunction> = match value {
            Value::Array(items) if name == "$or" => items
                .iter()
                .flat_map(|item| alternatives(item.as_object().unwrap(), path))
                .collect(),
            Value::Array(rules) => vec![vec![(here, rules.clone())]],
            below => alternatives(below.as_object().unwrap(), &here),
        };
        all = all
            .iter()
            .flat_map(|one| {
                choices
                    .iter()
                    .map(move |more| [one.clone(), more.clone()].concat())
            })
            .collect();
    }
    all
}

fn has_choice(
    fields: &[(String, Vec<Value>)],
    event: &[Found<'_>],
    taken: &BTreeMap<usize, usize>,
) -> bool {
    let Some(((path, rules), rest)) = fields.split_first() else {
        return true;
    };
    let is_absent = !event.iter().any(|found| found.path == *path);
    if is_absent && rules.contains(&json!({"exists": false})) {
        return has_choice(rest, event, taken);
    }
    event.iter().any(|found| {
        let is_consistent = found
            .places
            .iter()
            .all(|(list, at)| taken.get(list).is_none_or(|t| t == at));
        found.path == *path
            && is_consistent
            && rules.iter().any(|rule| accepts(rule, found.value))
            && {
                let mut taken = taken.clone();
                taken.extend(&found.places);
                has_choice(rest, event, &taken)
            }
    })
}

fn accepts(rule: &Value, value: &Value) -> bool {
    let Some((operator, operand)) = rule.as_object().and_then(|one| one.iter().next()) else {
        return match (rule.as_f64(), value.as_f64()) {
            (Some(wanted), Some(is)) => wanted == is,
            _ => rule == value,
        };
    };
    if operator == "exists" {
        return operand == &json!(true);
    }
    if operator == "anything-but" {
        return match operand {
            Value::Object(inner) => {
                let (name, operand) = inner.iter().next().unwrap();
                let each = operand.as_array().cloned().unwrap_or(vec![operand.clone()]);
                each.iter()
                    .all(|one| !accepts(&json!({name.clone(): one}), value))
            }
            Value::Array(values) => values.iter().all(|one| !accepts(one, value)),
            one => !accepts(one, value),
        };
    }
    if operator == "numeric" {
        let comparisons = operand.as_array().unwrap();
        return value.as_f64().is_some_and(|is| {
            comparisons.chunks(2).all(|pair| {
                let end = pair[1].as_f64().unwrap();
                match pair[0].as_str().unwrap() {
                    "<" => is < end,
                    "<=" => is <= end,
                    ">" => is > end,
                    ">=" => is >= end,
                    _ => is == end,
                }
            })
        });
    }
    let Some(text) = value.as_str() else {
        return false;
    };
    let lower = |text: &str| text.to_lowercase();
    match (operator.as_str(), operand) {
        ("prefix", Value::String(wanted)) => text.get(..wanted.len()) == Some(wanted.as_str()),
        ("suffix", Value::String(wanted)) => {
            text.len() >= wanted.len()
                && text.get(text.len() - wanted.len()..) == Some(wanted.as_str())
        }
        ("prefix", inner) => accepts(
            &json!({"prefix": lower(inner["equals-ignore-case"].as_str().unwrap())}),
            &json!(lower(text)),
        ),
        ("suffix", inner) => accepts(
            &json!({"suffix": lower(inner["equals-ignore-case"].as_str().unwrap())}),
            &json!(lower(text)),
        ),
        ("equals-ignore-case", wanted) => lower(wanted.as_str().unwrap()) == lower(text),
        ("wildcard", wanted) => wildcard(
            &letters(wanted.as_str().unwrap()),
            &text.chars().collect::<Vec<_>>(),
        ),
        ("cidr", net) => {
            let (net, bits) = net.as_str().unwrap().split_once('/').unwrap();
            let number = |text: &str| {
                text.parse()
                    .ok()
                    .map(|ip: std::net::Ipv4Addr| u64::from(u32::from(ip)))
            };
            let shift = 32 - bits.parse::<u32>().unwrap();
            number(text).is_some_and(|is| is >> shift == number(net).unwrap() >> shift)
        }
        (other, _) => panic!("{other}"),
    }
}

/// The letters of a wildcard pattern; none for an asterisk that stands for any text.
fn letters(pattern: &str) -> Vec<Option<char>> {
    let mut all = Vec::new();
    let mut rest = pattern.chars();
    while let Some(letter) = rest.next() {
        all.push(match letter {
            '*' => None,
            '\\' => rest.next(),
            other => Some(other),
        });
    }
    all
}

fn wildcard(pattern: &[Option<char>], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, _) => text.is_empty(),
        (Some((None, rest)), None) => wildcard(rest, text),
        (Some((None, rest)), Some((_, after))) => wildcard(rest, text) || wildcard(pattern, after),
        (Some((Some(wanted), rest)), Some((is, after))) => wanted == is && wildcard(rest, after),
        (Some((Some(_), _)), None) => false,
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d e"];
const TEXTS: [&str; 12] = [
    "", "a", "ab", "aab", "aba", "AB", "*", "a*b", "b\\", "10.0.0.1", "10.0.1.1", "ba",
];
const NUMBERS: [&str; 8] = ["0", "1", "1.0", "10e-1", "-1", "2", "1.5", "15e-1"];

fn one<'a>(random: &mut Rng, of: &[&'a str]) -> &'a str {
    of[random.usize(..of.len())]
}

fn text(random: &mut Rng) -> String {
    serde_json::to_string(one(random, &TEXTS)).unwrap()
}

fn full_text(random: &mut Rng) -> String {
    serde_json::to_string(one(random, &TEXTS[1..])).unwrap()
}

fn scalar(random: &mut Rng) -> String {
    match random.u8(..8) {
        0 => "null".to_owned(),
        1 => random.bool().to_string(),
        2..=4 => one(random, &NUMBERS).to_owned(),
        _ => text(random),
    }
}

fn value(random: &mut Rng, levels: u8) -> String {
    match random.u8(..10) {
        0..=3 if levels > 0 => object(random, levels, &NAMES, value),
        4..=5 if levels > 0 => {
            let items: Vec<_> = (0..random.u8(..4))
                .map(|_| value(random, levels - 1))
                .collect();
            format!("[{}]", items.join(","))
        }
        _ => scalar(random),
    }
}

fn object(
    random: &mut Rng,
    levels: u8,
    names: &[&str],
    member: impl Fn(&mut Rng, u8) -> String,
) -> String {
    let mut members = BTreeMap::new();
    for _ in 0..=random.u8(..3) {
        members.insert(one(random, names), member(random, levels - 1));
    }
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| format!("{name:?}:{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn text_operator(random: &mut Rng) -> (&'static str, String) {
    match random.u8(..4) {
        0 => ("prefix", full_text(random)),
        1 => ("suffix", full_text(random)),
        2 => ("equals-ignore-case", full_text(random)),
        _ => {
            let pattern = one(
                random,
                &[
                    "*", "a*", "*b", "a*b", "*a*", "a\\*b", "ab", "*\\\\", "a*a*b",
                ],
            );
            ("wildcard", serde_json::to_string(pattern).unwrap())
        }
    }
}

fn rule(random: &mut Rng) -> String {
    match random.u8(..14) {
        0..=3 => scalar(random),
        4 | 5 => {
            let (name, operand) = text_operator(random);
            format!(r#"{{"{name}":{operand}}}"#)
        }
        6 => {
            let name = one(random, &["prefix", "suffix"]);
            format!(
                r#"{{"{name}":{{"equals-ignore-case":{}}}}}"#,
                full_text(random)
            )
        }
        7 => format!(r#"{{"anything-but":{}}}"#, text(random)),
        8 => format!(
            r#"{{"anything-but":[{},{}]}}"#,
            one(random, &NUMBERS),
            one(random, &NUMBERS)
        ),
        9 => {
            let (name, operand) = text_operator(random);
            format!(r#"{{"anything-but":{{"{name}":[{operand}]}}}}"#)
        }
        10 => one(
            random,
            &[
                r#"{"numeric":[">",0,"<=",1.5]}"#,
                r#"{"numeric":["<",1]}"#,
                r#"{"numeric":["=",1]}"#,
                r#"{"numeric":[">=",15e-1]}"#,
            ],
        )
        .to_owned(),
        11 => r#"{"cidr":"10.0.0.0/24"}"#.to_owned(),
        12 => r#"{"exists":false}"#.to_owned(),
        _ => r#"{"exists":true}"#.to_owned(),
    }
}

fn fields(random: &mut Rng, levels: u8, names: &[&str]) -> String {
    let test = |random: &mut Rng, levels: u8| match random.u8(..3) {
        0 if levels > 0 => pattern(random, levels),
        _ => {
            let rules: Vec<_> = (0..=random.u8(..3)).map(|_| rule(random)).collect();
            format!("[{}]", rules.join(","))
        }
    };
    object(random, levels, names, test)
}

/// Alternatives have other names than the fields beside them: a name in both may match in two
/// items of a list, which event-ruler does not say anything about.
fn pattern(random: &mut Rng, levels: u8) -> String {
    if random.u8(..4) != 0 {
        return fields(random, levels, &NAMES);
    }
    let (own, other) = NAMES.split_at(2);
    let alternatives = [0, 1].map(|_| fields(random, levels, other));
    let or = format!(r#""$or":[{}]"#, alternatives.join(","));
    let beside = fields(random, levels, own);
    beside.replacen('{', &format!("{{{or},"), 1)
}

#[test]
fn random_filters_and_events_are_decided_as_by_a_second_implementation() {
    let asked = std::env::var("POSTEL_FILTER_CASES").ok();
    let cases = asked.map_or(CASES, |cases| cases.parse().expect("a number"));
    let event_type: EventType = "item.paid".parse().unwrap();
    let mut random = Rng::with_seed(20_261_129);
    let (mut matched, mut refused) = (0, 0);
    for _ in 0..cases {
        let filter = format!(r#"{{"data":{}}}"#, pattern(&mut random, 3));
        let content = Content {
            data: object(&mut random, 4, &NAMES, value),
            context: BTreeMap::new(),
        };
        // Only a long one, which says nothing new.
        let Ok(read) = Filter::parse(&filter) else {
            assert!(filter.len() > domain::filter::MAX_FILTER_BYTES, "{filter}");
            refused += 1;
            continue;
        };
        let data: Value = serde_json::from_str(&content.data).unwrap();
        let event = json!({"type": "item.paid", "data": data, "context": {}});
        let mut found = Vec::new();
        flatten(&event, "", &BTreeMap::new(), &mut 0, &mut found);
        let wanted: Value = serde_json::from_str(&filter).unwrap();
        let mut ways = alternatives(wanted.as_object().unwrap(), "").into_iter();
        let expected = ways.any(|fields| has_choice(&fields, &found, &BTreeMap::new()));
        let document = Document::new(&event_type, &content);
        assert_eq!(
            read.matches(&document),
            expected,
            "{filter} {}",
            content.data
        );
        let verdict = read.verdict(&document);
        assert_eq!(verdict.is_match, expected);
        matched += usize::from(expected);
    }
    println!("{cases} filters and events, {matched} matched, {refused} too long");
    assert!(
        matched * 20 > cases && matched * 20 < cases * 19,
        "{matched}"
    );
}
