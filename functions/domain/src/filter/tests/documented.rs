//! What the EventBridge User Guide and the README of event-ruler say, operator by operator: each
//! pattern with values that it accepts and values that it does not.

use super::is_match;

/// The field `f` of the data with these values.
fn check(rules: &str, accepted: &[&str], refused: &[&str]) {
    let filter = format!(r#"{{"data": {{"f": [{rules}]}}}}"#);
    for (values, expected) in [(accepted, true), (refused, false)] {
        for value in values {
            let data = match *value {
                "" => "{}".to_owned(),
                value => format!(r#"{{"f": {value}}}"#),
            };
            assert_eq!(is_match(&filter, &data), expected, "{filter} {data}");
        }
    }
}

#[test]
fn values_are_compared_exactly() {
    check(
        r#""Alice""#,
        &[r#""Alice""#],
        &[r#""alice""#, r#""Alice ""#, r#""""#, "null", ""],
    );
    check(
        r#""Credit", "Debit""#,
        &[r#""Credit""#, r#""Debit""#],
        &[r#""Cash""#],
    );
    check("100", &["100"], &[r#""100""#, "101", "1000"]);
    check("true", &["true"], &["false", r#""true""#, "1"]);
    check("false", &["false"], &["true", "null", "0", ""]);
}

#[test]
fn numbers_are_compared_by_value() {
    check(
        "300",
        &["300", "300.0", "3.0e2", "3e+2", "0.3e3"],
        &["300.1", "-300", "30"],
    );
    check("0", &["0", "-0", "0.0", "0e5"], &["0.1"]);
    check(
        "9007199254740993",
        &["9007199254740993"],
        &["9007199254740992", "9007199254740994"],
    );
}

#[test]
fn null_and_the_empty_text_are_values_of_their_own() {
    check(
        "null",
        &["null"],
        &[r#""""#, r#""null""#, "0", "false", "", "[]", "{}"],
    );
    check(r#""""#, &[r#""""#], &["null", r#"" ""#, "", "[]"]);
}

#[test]
fn a_list_matches_by_any_of_its_values() {
    check(
        r#""a", "b""#,
        &[r#"["x", "b"]"#, r#"["a"]"#, r#"[["a"]]"#],
        &["[]", r#"["x"]"#, r#"[{"f": "a"}]"#],
    );
    check(
        r#"{"anything-but": "a"}"#,
        &[r#"["a", "b"]"#],
        &[r#"["a"]"#, "[]"],
    );
    check(r#"{"prefix": "a"}"#, &[r#"[1, "ab"]"#], &["[1]"]);
}

#[test]
fn prefix_and_suffix_are_of_texts() {
    check(
        r#"{"prefix": "2017-10-02"}"#,
        &[r#""2017-10-02T18:43:48Z""#, r#""2017-10-02""#],
        &[r#""2017-10-03""#, r#"" 2017-10-02""#, "2017"],
    );
    check(r#"{"prefix": "1"}"#, &[r#""1""#], &["1", "null"]);
    check(
        r#"{"prefix": {"equals-ignore-case": "EventB"}}"#,
        &[r#""EventBridge""#, r#""EVENTBUS""#, r#""eventb""#],
        &[r#""Event""#, r#""xEventB""#],
    );
    check(
        r#"{"suffix": ".png"}"#,
        &[r#""a.png""#, r#"".png""#],
        &[r#""a.PNG""#, r#""a.png2""#],
    );
    check(
        r#"{"suffix": {"equals-ignore-case": ".png"}}"#,
        &[r#""a.PNG""#, r#""a.pNg""#],
        &[r#""a.png ""#, r#""png""#],
    );
}

#[test]
fn case_is_ignored_character_by_character() {
    check(
        r#"{"equals-ignore-case": "alice"}"#,
        &[r#""ALICE""#, r#""aLiCe""#],
        &[r#""alic""#, r#""alicee""#],
    );
    check(
        r#"{"equals-ignore-case": "\u00c4RGER"}"#,
        &[r#""\u00e4rger""#],
        &[r#""arger""#],
    );
}

#[test]
fn anything_but_needs_a_value_that_is_none_of_these() {
    check(
        r#"{"anything-but": "initializing"}"#,
        &[r#""running""#, r#""Initializing""#, "5", "null", "true"],
        &[r#""initializing""#, "", "[]", "{}"],
    );
    check(
        r#"{"anything-but": 123}"#,
        &["124", r#""123""#],
        &["123", "123.0"],
    );
    check(
        r#"{"anything-but": ["stopped", "overloaded"]}"#,
        &[r#""running""#],
        &[r#""stopped""#, r#""overloaded""#],
    );
    check(
        r#"{"anything-but": [100, 200, 300]}"#,
        &["101", "301.8"],
        &["100", "2e2", "300.0"],
    );
}

#[test]
fn anything_but_takes_operators() {
    check(
        r#"{"anything-but": {"prefix": "init"}}"#,
        &[r#""running""#],
        &[r#""initializing""#],
    );
    check(
        r#"{"anything-but": {"prefix": ["init", "err"]}}"#,
        &[r#""ok""#],
        &[r#""init""#, r#""error""#],
    );
    check(
        r#"{"anything-but": {"suffix": ".txt"}}"#,
        &[r#""a.png""#],
        &[r#""a.txt""#],
    );
    check(
        r#"{"anything-but": {"suffix": [".txt", ".rtf"]}}"#,
        &[r#""a.png""#],
        &[r#""a.rtf""#],
    );
    check(
        r#"{"anything-but": {"equals-ignore-case": "initializing"}}"#,
        &[r#""init""#],
        &[r#""INITIALIZING""#],
    );
    check(
        r#"{"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}}"#,
        &[r#""on""#],
        &[r#""Stopped""#],
    );
    check(
        r#"{"anything-but": {"wildcard": "*/lib/*"}}"#,
        &[r#""/usr/bin/x""#],
        &[r#""/usr/lib/x""#],
    );
    check(
        r#"{"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}}"#,
        &[r#""/etc/x""#],
        &[r#""/usr/bin/x""#],
    );
}

#[test]
fn ranges_are_of_json_numbers() {
    check(
        r#"{"numeric": [">", 0, "<=", 5]}"#,
        &["5", "0.001", "5.0", "1e0"],
        &["0", "5.001", "-1", r#""3""#, "null"],
    );
    check(
        r#"{"numeric": ["<", 10]}"#,
        &["9.99", "-5e9"],
        &["10", "1e1"],
    );
    check(r#"{"numeric": [">=", 10.5]}"#, &["10.5", "5e9"], &["10.49"]);
    check(
        r#"{"numeric": ["=", 3.018e2]}"#,
        &["301.8"],
        &["301.81", r#""301.8""#],
    );
    check(
        r#"{"numeric": [">", -20, "<", -10]}"#,
        &["-15"],
        &["-10", "-20", "15"],
    );
}

#[test]
fn addresses_are_in_a_range_or_not() {
    check(
        r#"{"cidr": "10.0.0.0/24"}"#,
        &[r#""10.0.0.0""#, r#""10.0.0.255""#],
        &[r#""10.0.1.0""#, r#""::1""#, r#""10.0.0""#, "10"],
    );
    check(
        r#"{"cidr": "2001:db8::/32"}"#,
        &[r#""2001:db8:1::5""#],
        &[r#""2001:db9::1""#, r#""10.0.0.1""#],
    );
}

#[test]
fn only_leaves_exist() {
    check(
        r#"{"exists": true}"#,
        &["1", "null", r#""""#, "false", "[1]", "[[1]]"],
        &["", "{}", r#"{"c1": 100}"#, "[]", r#"[{"c1": 1}]"#],
    );
    check(
        r#"{"exists": false}"#,
        &["", "{}", r#"{"c1": 100}"#, "[]"],
        &["1", "null", "[1]"],
    );
    check(r#"{"exists": false}, "x""#, &["", r#""x""#], &[r#""y""#]);
}

#[test]
fn what_is_absent_above_a_field_makes_it_absent() {
    let absent = r#"{"data": {"a": {"b": [{"exists": false}]}}}"#;
    for data in [
        "{}",
        "5",
        r#"{"a": 1}"#,
        r#"{"a": []}"#,
        r#"{"a": {}}"#,
        r#"{"a": [{"c": 1}]}"#,
    ] {
        assert!(is_match(absent, data), "{data}");
    }
    // One item without the field does not make it absent from the event.
    for data in [r#"{"a": {"b": 1}}"#, r#"{"a": [{"b": 1}, {"c": 1}]}"#] {
        assert!(!is_match(absent, data), "{data}");
    }
}

#[test]
fn asterisks_stand_for_any_text_and_can_be_escaped() {
    check(
        r#"{"wildcard": "dir/*.png"}"#,
        &[r#""dir/a.png""#, r#""dir/.png""#, r#""dir/a/b.png""#],
        &[r#""dir/a.jpg""#, r#""xdir/a.png""#],
    );
    check(
        r#"{"wildcard": "Simple*Service"}"#,
        &[r#""SimpleQueueService""#, r#""SimpleService""#],
        &[r#""simpleService""#],
    );
    check(r#"{"wildcard": "*"}"#, &[r#""""#, r#""x""#], &["1", ""]);
    check(
        r#"{"wildcard": "a*b*a"}"#,
        &[r#""aba""#, r#""abbaa""#],
        &[r#""ab""#, r#""aa""#],
    );
    check(
        r#"{"wildcard": "plain"}"#,
        &[r#""plain""#],
        &[r#""plainer""#],
    );
    check(r#"{"wildcard": "a\\*b"}"#, &[r#""a*b""#], &[r#""axb""#]);
    check(
        r#"{"wildcard": "a\\\\*"}"#,
        &[r#""a\\""#, r#""a\\x""#],
        &[r#""a*""#],
    );
    check(r#"{"wildcard": "ab*ba"}"#, &[r#""abba""#], &[r#""aba""#]);
}

#[test]
fn all_fields_must_match_and_one_of_the_alternatives() {
    let and = r#"{"data": {"Location": ["New York"], "Day": ["Monday"]}}"#;
    assert!(is_match(
        and,
        r#"{"Location": "New York", "Day": "Monday", "more": 1}"#
    ));
    assert!(!is_match(
        and,
        r#"{"Location": "New York", "Day": "Friday"}"#
    ));
    let or = r#"{"data": {"$or": [{"Location": ["New York"]}, {"Day": ["Monday"]}]}}"#;
    for (data, expected) in [
        (r#"{"Location": "New York"}"#, true),
        (r#"{"Day": "Monday"}"#, true),
        (r#"{"Location": "Rome", "Day": "Friday"}"#, false),
        ("{}", false),
    ] {
        assert_eq!(is_match(or, data), expected, "{data}");
    }
    let both = r#"{
        "type": ["item.paid"],
        "$or": [
            {"data": {"c": [{"numeric": [">", 0, "<=", 5]}]}},
            {"data": {"d": [{"numeric": ["<", 10]}], "$or": [{"e": [1]}, {"f": [2]}]}}
        ]
    }"#;
    for (data, expected) in [
        (r#"{"c": 3}"#, true),
        (r#"{"c": 9, "d": 9, "f": 2}"#, true),
        (r#"{"c": 9, "d": 9}"#, false),
        (r#"{"d": 10, "e": 1}"#, false),
    ] {
        assert_eq!(is_match(both, data), expected, "{data}");
    }
}

#[test]
fn the_fields_of_a_pattern_match_within_one_item_of_a_list() {
    let filter = r#"{"data": {"people": {"first": ["Anna"], "last": ["Jones"]}}}"#;
    let people = |items: &str| is_match(filter, &format!(r#"{{"people": {items}}}"#));
    assert!(people(
        r#"[{"first": "Bob"}, {"first": "Anna", "last": "Jones"}]"#
    ));
    assert!(people(
        r#"[[{"first": ["Eve", "Anna"], "last": "Jones"}], 5]"#
    ));
    assert!(!people(
        r#"[{"first": "Anna", "last": "Smith"}, {"first": "Bob", "last": "Jones"}]"#
    ));
}
