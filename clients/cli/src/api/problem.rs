//! What an error of the API means for the command: exit code, text and what to do.

use serde_json::Value;

use crate::failure::{Exit, Failure};
use crate::member::Member as _;

/// The failure that a response tells.
pub(super) fn failure(status: u16, body: &Value) -> Failure {
    let text = |name: &str| body.member(name).as_str().unwrap_or_default().to_owned();
    let code = match text("code") {
        code if code.is_empty() => format!("http_{status}"),
        code => code,
    };
    let detail = [text("detail"), text("message"), text("title")]
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| format!("The API answered {status}."));
    let mut failure = Failure::new(exit(status), &code, mistakes(detail, body));
    failure.status = Some(status);
    failure.hint = hint(status, &code);
    failure.request_id = body.member("requestId").as_str().map(str::to_owned);
    failure
}

/// The sentence, with the place of each mistake.
fn mistakes(detail: String, body: &Value) -> String {
    let listed: Vec<String> = body
        .member("errors")
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|mistake| {
            let place = mistake
                .member("pointer")
                .as_str()
                .or_else(|| mistake.member("parameter").as_str())?;
            Some(format!("{place}: {}", mistake.member("detail").as_str()?))
        })
        .collect();
    match (listed.len(), body.member("field").as_str()) {
        (0, Some(field)) => format!("{field}: {detail}"),
        (0, None) => detail,
        _ => listed.join(" "),
    }
}

const fn exit(status: u16) -> Exit {
    match status {
        401 | 403 => Exit::Key,
        404 => Exit::NotFound,
        408 | 429 | 500.. => Exit::Unavailable,
        _ => Exit::Refused,
    }
}

fn hint(status: u16, code: &str) -> Option<String> {
    let hint = match (status, code) {
        (401, _) => {
            "Log in again (`postel login`), or set POSTEL_KEY to a key that has not been deleted and has not expired."
        }
        (403, _) => {
            "Use a key that has the scope, or the operator's key. `postel health` shows what this key may do."
        }
        (404, _) => "Check the id and the tenant (`--tenant`): another tenant's ids are not found.",
        (409, "webhook_limit" | "key_limit") => {
            "Delete one that is not needed, or raise the tenant's limit."
        }
        (409, "redrive_limit") => "Wait for a running job (`postel redrive --list`), or stop one.",
        (412, _) => "Somebody else changed it: read it again.",
        (429, _) => "Repeat it later: the tenant's requests per minute are used up.",
        (500.., _) => "Repeat it later. If it goes on, quote the request's id to the operator.",
        _ => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_decides_how_the_command_ends() {
        for (status, end) in [
            (400, Exit::Refused),
            (401, Exit::Key),
            (403, Exit::Key),
            (404, Exit::NotFound),
            (409, Exit::Refused),
            (422, Exit::Refused),
            (429, Exit::Unavailable),
            (503, Exit::Unavailable),
        ] {
            assert_eq!(failure(status, &Value::Null).exit, end, "{status}");
        }
    }

    #[test]
    fn each_mistake_is_told_with_its_place() {
        let body = json!({"code": "invalid_url", "detail": "Plain http is not allowed here; use https.", "field": "url", "requestId": "r1",
            "errors": [{"pointer": "/url", "detail": "Use https."}, {"pointer": "/secret", "detail": "Too short."}]});
        let told = failure(422, &body).to_string();
        assert_eq!(
            told,
            "/url: Use https. /secret: Too short. (invalid_url, request r1)"
        );
        let gateway = failure(403, &json!({"message": "Forbidden"}));
        assert!(
            gateway
                .to_string()
                .starts_with("Forbidden (http_403)\n  Use a key")
        );
    }
}
