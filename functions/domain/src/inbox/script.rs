//! What an inbox answers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contract::MAX_TIMEOUT_SECONDS;
use crate::guard::is_token;
use crate::outcome::{MAX_RECORDED_HEADER_BYTES, MAX_RECORDED_RESPONSE_BYTES};
use crate::rejection::{Code, Rejection, judge};

/// The maximum number of responses in a script.
const MAX_RESPONSES: usize = 20;

/// How often a response may be repeated before the next one.
pub const MAX_TIMES: u32 = 1000;

/// The maximum number of headers of a response.
const MAX_HEADERS: usize = 20;

/// The maximum length of a header's name.
const MAX_NAME_BYTES: usize = 64;

/// The maximum size of a script. It is written with each request's count, and a write unit is 1 KB.
const MAX_SCRIPT_BYTES: usize = 32 * 1024;

/// One response of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptedResponse {
    /// The HTTP status.
    pub status: u16,
    /// How long the sender waits for it.
    #[serde(rename = "delay")]
    pub delay_seconds: u32,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
    /// How many requests get it. The last response of a script goes to all further requests.
    pub times: u32,
}

impl Default for ScriptedResponse {
    fn default() -> Self {
        Self {
            status: 200,
            delay_seconds: 0,
            headers: BTreeMap::new(),
            body: String::new(),
            times: 1,
        }
    }
}

impl ScriptedResponse {
    /// How long the sender waits for it.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_secs(self.delay_seconds.into())
    }

    fn check(&self, index: usize) -> Result<(), Rejection> {
        let wrong = |member: &str, detail: String| {
            let field = format!("responses[{index}].{member}");
            Rejection::new(Code::InvalidValue, detail).field(field)
        };
        let rule = |holds: bool, member: &str, detail: String| match holds {
            true => Ok(()),
            false => Err(wrong(member, detail)),
        };
        let header = |(name, value): (&String, &String)| {
            let is_name = name.len() <= MAX_NAME_BYTES && is_token(name);
            let is_value = value.len() <= MAX_RECORDED_HEADER_BYTES
                && value.bytes().all(|byte| (b' '..0x7f).contains(&byte));
            is_name && is_value
        };
        let is_sendable = self.headers.len() <= MAX_HEADERS && self.headers.iter().all(header);
        judge([
            rule(
                (200..=599).contains(&self.status),
                "status",
                "A status is 200 to 599.".to_owned(),
            ),
            rule(
                self.delay_seconds <= MAX_TIMEOUT_SECONDS,
                "delaySeconds",
                format!("A delay is 0 to {MAX_TIMEOUT_SECONDS} seconds."),
            ),
            rule(
                is_sendable,
                "headers",
                format!(
                    "A response has at most {MAX_HEADERS} headers: names of up to {MAX_NAME_BYTES} characters that HTTP allows, values of up to {MAX_RECORDED_HEADER_BYTES} printable ASCII characters."
                ),
            ),
            rule(
                self.body.len() <= MAX_RECORDED_RESPONSE_BYTES,
                "body",
                format!("A body has at most {MAX_RECORDED_RESPONSE_BYTES} bytes."),
            ),
            rule(
                (1..=MAX_TIMES).contains(&self.times),
                "times",
                format!("A response is given 1 to {MAX_TIMES} times."),
            ),
        ])
    }
}

/// The responses of an inbox, in their order; the last one repeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script(Vec<ScriptedResponse>);

impl Default for Script {
    /// 200 for every request.
    fn default() -> Self {
        Self(vec![ScriptedResponse::default()])
    }
}

impl Script {
    /// Checks a script.
    ///
    /// # Errors
    /// `invalid_value` for each member that breaks a rule.
    pub fn new(responses: Vec<ScriptedResponse>) -> Result<Self, Rejection> {
        let wrong = |detail: String| Rejection::new(Code::InvalidValue, detail).field("responses");
        if !(1..=MAX_RESPONSES).contains(&responses.len()) {
            let detail = format!("A script has 1 to {MAX_RESPONSES} responses.");
            return Err(wrong(detail));
        }
        let checked = responses.iter().enumerate();
        judge(checked.map(|(index, response)| response.check(index)))?;
        let script = Self(responses);
        let bytes = serde_json::to_vec(&script).map_or(usize::MAX, |json| json.len());
        if bytes > MAX_SCRIPT_BYTES {
            let detail = format!(
                "A script has at most {MAX_SCRIPT_BYTES} bytes of JSON; this one has {bytes}."
            );
            return Err(wrong(detail));
        }
        Ok(script)
    }

    /// The responses in their order.
    #[must_use]
    pub fn responses(&self) -> &[ScriptedResponse] {
        &self.0
    }

    /// The response to a request; `earlier` counts the requests since the script was set.
    #[must_use]
    pub fn response(&self, earlier: u64) -> ScriptedResponse {
        let mut end = 0;
        let due = self.0.iter().find(|response| {
            end += u64::from(response.times);
            earlier < end
        });
        due.or(self.0.last()).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(status: u16, times: u32) -> ScriptedResponse {
        ScriptedResponse {
            status,
            times,
            ..ScriptedResponse::default()
        }
    }

    fn refused(response: ScriptedResponse) -> Option<String> {
        let refusal = Script::new(vec![of(200, 1), response]).err()?;
        assert_eq!(refusal.code, Code::InvalidValue);
        refusal.field.map(String::from)
    }

    #[test]
    fn the_responses_come_in_their_order_and_the_last_one_repeats() {
        let script = Script::new(vec![of(500, 2), of(429, 1), of(200, 3)]).unwrap();
        let given: Vec<_> = (0..9).map(|n| script.response(n).status).collect();
        assert_eq!(given, [500, 500, 429, 200, 200, 200, 200, 200, 200]);
        assert_eq!(script.response(u64::MAX).status, 200);
        assert_eq!(Script::default().response(5), ScriptedResponse::default());
    }

    #[test]
    fn every_member_has_its_bounds() {
        let base = ScriptedResponse::default;
        let headers = |name: &str, value: &str| ScriptedResponse {
            headers: BTreeMap::from([(name.to_owned(), value.to_owned())]),
            ..base()
        };
        let delay = |delay_seconds| ScriptedResponse {
            delay_seconds,
            ..base()
        };
        let body = |bytes| ScriptedResponse {
            body: "x".repeat(bytes),
            ..base()
        };
        for right in [
            of(200, 1),
            of(599, MAX_TIMES),
            delay(60),
            headers("Retry-After", "5"),
            headers("x", &"~".repeat(256)),
            body(16 * 1024),
        ] {
            assert_eq!(refused(right.clone()), None, "{right:?}");
        }
        for (wrong, member) in [
            (of(199, 1), "status"),
            (of(600, 1), "status"),
            (of(200, 0), "times"),
            (of(200, MAX_TIMES + 1), "times"),
            (delay(61), "delaySeconds"),
            (headers("", "x"), "headers"),
            (headers("a b", "x"), "headers"),
            (headers("a\r\nb", "x"), "headers"),
            (headers("x", "a\r\nset-cookie: b"), "headers"),
            (headers("x", "\u{e9}"), "headers"),
            (headers("x", &"~".repeat(257)), "headers"),
            (body(16 * 1024 + 1), "body"),
        ] {
            let field = format!("responses[1].{member}");
            assert_eq!(refused(wrong.clone()), Some(field), "{wrong:?}");
        }
    }

    #[test]
    fn a_script_has_one_to_twenty_responses_of_32_kib_together() {
        let field = |responses| {
            let refusal = Script::new(responses).err()?;
            refusal.field.map(String::from)
        };
        let whole = Some("responses".to_owned());
        assert_eq!(field(vec![]), whole);
        assert_eq!(field(vec![of(200, 1); 20]), None);
        assert_eq!(field(vec![of(200, 1); 21]), whole);
        let large = ScriptedResponse {
            body: "x".repeat(15 * 1024),
            ..ScriptedResponse::default()
        };
        assert_eq!(field(vec![large.clone(); 2]), None);
        assert_eq!(field(vec![large; 3]), whole);
    }

    proptest! {
        #[test]
        fn a_script_gives_each_response_as_often_as_it_says(times in prop::collection::vec(1..50_u32, 1..8)) {
            let responses = times.iter().enumerate();
            let responses = responses.map(|(n, times)| of(200 + u16::try_from(n).unwrap(), *times));
            let script = Script::new(responses.collect()).unwrap();
            let listed: Vec<u16> = script
                .responses()
                .iter()
                .flat_map(|response| vec![response.status; response.times as usize])
                .collect();
            for (earlier, status) in (0_u64..).zip(listed) {
                prop_assert_eq!(script.response(earlier).status, status);
            }
        }
    }
}
