use domain::delivery::Status;

use super::*;

fn query(parameters: &[(&str, &str)]) -> Query<Vec<(String, String)>> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Query(parameters.iter().map(owned).collect())
}

fn list(parameters: &[(&str, &str)]) -> Result<ListQuery, Rejection> {
    ListQuery::new(
        query(parameters),
        "x",
        &["status", "webhookId", "type", "since"],
    )
}

#[test]
fn a_value_that_cannot_be_is_answered_with_those_that_can() {
    let one = |name, value| list(&[(name, value)]).unwrap();
    let status = one("status", "failed,done").words("status", &Status::ALL, Status::as_str);
    let webhook = one("webhookId", "a.b").webhook("webhookId").map(|_| None);
    let event_type = one("type", "it*").event_type("type").map(|_| None);
    let since = one("since", "2026-11-27T10:00:00 01:00").time("since");
    for (field, refused, told) in [
        (
            "status",
            status.map(|_| ()),
            "pending, processing, retrying, completed, failed",
        ),
        ("webhookId", webhook.map(|_: Option<()>| ()), "wh_"),
        ("type", event_type.map(|_: Option<()>| ()), "item.created"),
        ("since", since.map(|_| ()), "2026-01-31T12:00:00Z"),
    ] {
        let rejection = refused.unwrap_err();
        assert_eq!(rejection.field.as_deref(), Some(field));
        assert!(rejection.detail.contains(told), "{}", rejection.detail);
    }
    let plus = one("since", "2026-11-27T10:00:00 01:00")
        .time("since")
        .unwrap_err();
    assert!(plus.detail.contains("%2B"), "{}", plus.detail);
}

#[test]
fn several_words_and_components_are_taken() {
    let words = |text: &str| {
        let query = list(&[("status", text)]).unwrap();
        query.words("status", &Status::ALL, Status::as_str).ok()
    };
    assert_eq!(words("failed"), Some(vec![Status::Failed]));
    let both = vec![Status::Failed, Status::Retrying];
    assert_eq!(words("failed,retrying"), Some(both));
    for wrong in ["", "failed,", ",", "failed, retrying"] {
        assert_eq!(words(wrong), None, "{wrong}");
    }
    let none = list(&[]).unwrap();
    let status = none.words("status", &Status::ALL, Status::as_str);
    assert_eq!(status, Ok(vec![]));
    for text in ["item.created", "item.*", "*"] {
        let filter = list(&[("type", text)]).unwrap().event_type("type").unwrap();
        assert_eq!(filter.map(String::from).as_deref(), Some(text));
    }
}

#[test]
fn a_flag_is_true_or_false_and_false_if_it_is_not_given() {
    let flag = |parameters: &[(&str, &str)]| {
        let query = ListQuery::whole(query(parameters), &["dryRun"]);
        query.unwrap().flag("dryRun")
    };
    assert_eq!(flag(&[]), Ok(false));
    assert_eq!(flag(&[("dryRun", "false")]), Ok(false));
    assert_eq!(flag(&[("dryRun", "true")]), Ok(true));
    for wrong in ["", "1", "True"] {
        let refusal = flag(&[("dryRun", wrong)]).unwrap_err();
        assert_eq!(refusal.field.as_deref(), Some("dryRun"));
    }
}

fn shown(sizes: &[usize], most: usize) -> (Vec<usize>, Option<String>) {
    let page = Page {
        items: sizes.iter().copied().enumerate().collect(),
        next: Some("end".to_owned()),
    };
    let place = |(number, _): &(usize, usize)| number.to_string();
    // With its quotes an item has as many bytes as it says.
    let (items, next) = list(&[])
        .unwrap()
        .shown(page, most, place, |(_, size)| "x".repeat(size - 2));
    (items.iter().map(|item| item.get().len()).collect(), next)
}

#[test]
fn a_page_ends_before_it_has_too_many_bytes_and_goes_on_where_it_ended() {
    let after = |place: &str| Some(place.to_owned());
    assert_eq!(shown(&[], 10), (vec![], after("end")));
    assert_eq!(shown(&[5, 5], 10), (vec![5, 5], after("end")));
    assert_eq!(shown(&[5, 5, 5], 10), (vec![5, 5], after("1")));
    assert_eq!(shown(&[5, 6, 2], 10), (vec![5], after("0")));
    assert_eq!(shown(&[50, 5], 10), (vec![50], after("0")), "one at least");
}

#[test]
fn an_entry_that_cannot_be_shown_takes_no_other_with_it() {
    let page = Page {
        items: vec![1, 2, 3],
        next: None,
    };
    // A member's name cannot be a list.
    let show = |number: &u8| -> BTreeMap<Vec<u8>, u8> {
        (*number == 2).then_some((vec![1], 1)).into_iter().collect()
    };
    let (items, next) = list(&[]).unwrap().shown(page, 100, u8::to_string, show);
    assert_eq!((items.len(), next), (2, None));
}

#[test]
fn a_parameter_that_is_unknown_or_given_twice_is_named() {
    let refused = |parameters: &[(&str, &str)]| list(parameters).err().unwrap();
    let unknown = refused(&[("until", "x")]);
    assert_eq!(
        unknown.detail,
        "There is no parameter until here. Allowed: limit, cursor, status, webhookId, type, since."
    );
    assert_eq!(unknown.field.as_deref(), Some("until"));
    assert_eq!(unknown.code, Code::UnknownParameter);
    let twice = refused(&[("type", "a"), ("type", "b")]);
    assert_eq!(twice.field.as_deref(), Some("type"));
    let counts = ListQuery::whole(query(&[("limit", "5")]), &["since"])
        .err()
        .unwrap();
    assert_eq!(
        counts.detail,
        "There is no parameter limit here. Allowed: since."
    );
}
