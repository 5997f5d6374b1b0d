//! Addresses that no webhook may have. The API refuses them when a webhook is created, and that is
//! all that is tried: no request is ever sent to one.

use super::super::findings::Findings;
use super::Deep;
use crate::aws::Stack;
use crate::failure::Exit;

/// An address, and what makes it acceptable: a network in `AllowedCidrs`, or `AllowHttp`.
struct Hostile {
    url: &'static str,
    unless: &'static str,
}

const fn hostile(url: &'static str, unless: &'static str) -> Hostile {
    Hostile { url, unless }
}

const HTTP: &str = "http";

static HOSTILE: [Hostile; 12] = [
    hostile("https://169.254.169.254/latest/meta-data/", "169.254."),
    hostile("https://[fd00:ec2::254]/latest/meta-data/", "fd00:"),
    hostile("https://127.0.0.1/", "127."),
    hostile("https://2130706433/", "127."),
    hostile("https://0x7f.1/", "127."),
    hostile("https://[::1]/", "::1"),
    hostile("https://[::ffff:127.0.0.1]/", "127."),
    hostile("https://10.0.0.1/", "10."),
    hostile("https://192.168.0.1/", "192.168."),
    hostile("https://user:password@example.com/", "-"),
    hostile("ftp://example.com/", "-"),
    hostile("http://example.com/", HTTP),
];

impl Deep<'_> {
    /// The API refuses each of them.
    pub(super) async fn hostile(&self) -> Findings {
        let mut findings = Findings::default();
        let (mut refused, mut left_out) = (0, 0);
        for Hostile { url, unless } in &HOSTILE {
            if is_allowed(&self.site.stack, unless) {
                left_out += 1;
                continue;
            }
            // Switched off: even if the API took it, nothing would be sent.
            let call = self
                .create_webhook(url, &["doctor.never"])
                .field("active", Some(false));
            match self.client.json(&call).await {
                Ok(_) => findings.fail(
                    format!("The API accepted a webhook at {url}."),
                    "Report it: see SECURITY.md.",
                ),
                Err(failure) if failure.exit == Exit::Refused => refused += 1,
                Err(failure) => findings.failure(&format!("A webhook at {url}"), &failure),
            }
        }
        let rest = match left_out {
            0 => String::new(),
            count => format!(" {count} were left out: AllowedCidrs or AllowHttp allow them."),
        };
        findings.fine(format!(
            "The API refused {refused} hostile URLs; nothing was sent.{rest}"
        ));
        findings
    }
}

fn is_allowed(stack: &Stack, unless: &str) -> bool {
    if unless == HTTP {
        return stack.parameter("AllowHttp") == "true";
    }
    let mut networks = stack.parameter("AllowedCidrs").split(',');
    networks.any(|network| network.trim().starts_with(unless))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_allows_is_not_tried() {
        let mut stack = Stack::default();
        assert!(
            HOSTILE
                .iter()
                .all(|hostile| !is_allowed(&stack, hostile.unless))
        );
        stack
            .parameters
            .insert("AllowedCidrs".to_owned(), "127.0.0.0/8, ::1/128".to_owned());
        stack
            .parameters
            .insert("AllowHttp".to_owned(), "true".to_owned());
        let tried: Vec<&str> = HOSTILE
            .iter()
            .filter(|hostile| !is_allowed(&stack, hostile.unless))
            .map(|hostile| hostile.url)
            .collect();
        assert_eq!(tried.len(), 6, "{tried:?}");
    }
}
