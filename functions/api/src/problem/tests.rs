use domain::ports::Stage;

use super::*;

#[test]
fn what_repeating_may_mend_is_503_and_the_rest_500() {
    for stage in [Stage::ReadConfig, Stage::AcquireLease, Stage::Respond] {
        for (fault, passes) in [
            (Fault::transient(stage, "why"), true),
            (Fault::corrupt(stage, "why"), false),
            (Fault::newer(stage, "why"), false),
            (Fault::bug(stage, "why"), false),
        ] {
            let told = format!("{fault:?}");
            let response = Problem::from(fault).into_response();
            let status = if passes { 503 } else { 500 };
            assert_eq!(response.status().as_u16(), status, "{told}");
            let says_when = response.headers().contains_key(header::RETRY_AFTER);
            assert_eq!(says_when, passes, "{told}");
        }
    }
}

#[test]
fn every_code_is_a_client_error_with_its_own_type() {
    for code in Code::ALL {
        let body = body(&Rejection::new(code, "why"));
        assert!(status(code).is_client_error(), "{code:?}");
        assert_eq!(body.status, status(code).as_u16());
        assert_eq!(body.kind, format!("/docs/errors.md#{}", code.as_str()));
        assert_eq!(body.title, code.title());
    }
}

#[test]
fn the_page_of_errors_has_each_code_with_its_status_and_title() {
    let page = include_str!("../../../../docs/errors.md");
    let headings: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    let of_faults = FAULT_CODES.into_iter().zip(FAULT_TITLES).zip([500, 503]);
    let rows: Vec<_> = Code::ALL
        .into_iter()
        .map(|code| ((code.as_str(), code.title()), status(code).as_u16()))
        .chain(of_faults)
        .collect();
    for ((code, title), status) in &rows {
        let section = format!("### {code}\n\n**{status}.** {title}. ");
        assert!(page.contains(&section), "{section:?}");
    }
    let mut documented = headings.clone();
    documented.sort_unstable();
    let mut codes: Vec<_> = rows.iter().map(|((code, _), _)| *code).collect();
    codes.sort_unstable();
    assert_eq!(documented, codes);
}

fn shown(rejection: &Rejection) -> serde_json::Value {
    serde_json::to_value(body(rejection)).unwrap()
}

#[test]
fn a_problem_has_every_mistake_and_is_about_the_first() {
    let url = Rejection::new(Code::InvalidUrl, "One.").field("url");
    let url = Rejection {
        reason: Some("scheme"),
        ..url
    };
    let events = Rejection::new(Code::InvalidEvents, "Two.").field("events[1]");
    let shown = shown(&url.with(events));
    assert_eq!(shown["code"], "invalid_url");
    assert_eq!(shown["field"], "url");
    assert_eq!(
        shown["errors"],
        json!([
            {"pointer": "/url", "code": "invalid_url", "detail": "One.", "reason": "scheme"},
            {"pointer": "/events/1", "code": "invalid_events", "detail": "Two."},
        ])
    );
}

#[test]
fn whoever_has_used_up_a_minute_is_told_the_limit_and_the_wait() {
    let limited = Problem::RateLimited {
        rejection: Rejection::new(Code::TooManyRequests, "Wait.").into(),
        wait: 23,
        limit: 1000,
    };
    let response = limited.into_response();
    let headers = response.headers();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(headers[header::RETRY_AFTER], "23");
    assert_eq!(headers["ratelimit"], "\"tenant\";r=0;t=23");
    assert_eq!(headers["ratelimit-policy"], "\"tenant\";q=1000;w=60");
    let answer = policed(StatusCode::OK.into_response(), Limits::default());
    assert_eq!(
        answer.headers()["ratelimit-policy"],
        "\"tenant\";q=1000;w=60"
    );
    assert!(!answer.headers().contains_key("ratelimit"));
}

#[test]
fn a_mistake_outside_the_body_names_its_parameter() {
    let limit = Rejection::new(Code::InvalidLimit, "No.").parameter("limit");
    let expected = json!([{"parameter": "limit", "code": "invalid_limit", "detail": "No."}]);
    assert_eq!(shown(&limit)["errors"], expected);
    let nowhere = Rejection::new(Code::InvalidJson, "No.");
    assert_eq!(shown(&nowhere)["errors"], serde_json::Value::Null);
}
