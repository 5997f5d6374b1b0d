//! Which Postel a command talks to, and with which key.
//!
//! A key is only ever sent to the address that it came with, or that was named beside it.

use url::{Host, Url};

use crate::failure::{Exit, Failure};
use crate::local_stack;
use crate::profiles::{Profile, Profiles};

/// An address, a key and a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) key: Option<String>,
    /// The tenant that commands use if none is named.
    pub(crate) tenant: Option<String>,
    /// Where the address comes from, for people.
    pub(crate) origin: String,
}

/// What the command line and the environment say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    pub(crate) url: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) tenant: Option<String>,
}

impl Target {
    /// The first that is there of: an address that was given, a profile that was named, a local
    /// stack that is up, the profile of the last `postel login`.
    pub(crate) fn find(given: Given) -> Result<Self, Failure> {
        let profiles = Profiles::load()?;
        let local = || local_stack::running().map(|stack| stack.target);
        Self::choose(given, &profiles, local)
    }

    fn choose(
        given: Given,
        profiles: &Profiles,
        local: impl Fn() -> Option<Self>,
    ) -> Result<Self, Failure> {
        let mut target = if let Some(url) = &given.url {
            if given.key.is_none() {
                return Err(Failure::usage(
                    "An address needs its key: set POSTEL_KEY beside --url or POSTEL_URL.",
                )
                .hint("Or save both once: `postel login --url …`, then `--profile NAME`."));
            }
            Self {
                url: url.clone(),
                origin: "--url or POSTEL_URL".to_owned(),
                ..Self::default()
            }
        } else if let Some(name) = &given.profile {
            let profile = profiles
                .named(name)
                .ok_or_else(|| unknown(name, profiles))?;
            Self::of_profile(name, profile)
        } else if let Some(local) = local() {
            local
        } else if let Some((name, profile)) = profiles.current() {
            Self::of_profile(name, profile)
        } else {
            return Err(Failure::new(Exit::Usage, "not_logged_in", "There is no address: no local stack is up, and nobody has logged in.")
                .hint("`postel login` saves an address and a key; `make up` starts a local stack; or set POSTEL_URL and POSTEL_KEY."));
        };
        target.key = given.key.or(target.key);
        target.tenant = given.tenant.or(target.tenant);
        Ok(target)
    }

    fn of_profile(name: &str, profile: &Profile) -> Self {
        Self {
            url: profile.url.clone(),
            key: Some(profile.key.clone()),
            tenant: profile.tenant.clone(),
            origin: format!("profile {name}"),
        }
    }

    /// The address, if a key may be sent there.
    pub(crate) fn base(&self) -> Result<Url, Failure> {
        let wrong = |why: &str| {
            Failure::usage(format!("The address {} {why}.", self.url))
                .hint(format!("It comes from {}.", self.origin))
        };
        let url = Url::parse(&self.url).map_err(|_| wrong("is no URL"))?;
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            "http" => return Err(wrong("is http: the key would travel in clear; use https")),
            _ => return Err(wrong("is neither https nor http")),
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(wrong("has more than scheme, host, port and path"));
        }
        Ok(url)
    }
}

fn unknown(name: &str, profiles: &Profiles) -> Failure {
    let known: Vec<&str> = profiles.names().collect();
    let hint = match known.is_empty() {
        true => "There is none yet: `postel login` saves one.".to_owned(),
        false => format!("There are: {}.", known.join(", ")),
    };
    Failure::usage(format!("There is no profile {name}.")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles() -> Profiles {
        let mut profiles = Profiles::default();
        let profile = |url: &str| Profile {
            url: url.to_owned(),
            key: format!("key of {url}"),
            tenant: None,
        };
        profiles.put("live", profile("https://live.example.com"));
        profiles.put("stage", profile("https://stage.example.com"));
        profiles
    }

    fn local() -> Option<Target> {
        Some(Target {
            url: "http://127.0.0.1:4566/x".to_owned(),
            key: Some("local".to_owned()),
            ..Target::default()
        })
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn what_is_said_comes_before_a_local_stack_and_that_before_the_last_login() {
        let choose =
            |given: Given, local: fn() -> Option<Target>| Target::choose(given, &profiles(), local);
        let given = Given {
            profile: some("live"),
            ..Given::default()
        };
        assert_eq!(
            choose(given, local).unwrap().url,
            "https://live.example.com"
        );
        assert_eq!(choose(Given::default(), local).unwrap().key, some("local"));
        assert_eq!(
            choose(Given::default(), || None).unwrap().url,
            "https://stage.example.com"
        );
        let none = Target::choose(Given::default(), &Profiles::default(), || None);
        assert_eq!(none.unwrap_err().code, "not_logged_in");
        let given = Given {
            profile: some("prod"),
            ..Given::default()
        };
        assert!(
            choose(given, local)
                .unwrap_err()
                .to_string()
                .contains("live, stage")
        );
    }

    #[test]
    fn a_saved_key_never_goes_to_another_address() {
        let given = Given {
            url: some("https://elsewhere.example.com"),
            profile: some("live"),
            ..Given::default()
        };
        assert_eq!(
            Target::choose(given.clone(), &profiles(), local)
                .unwrap_err()
                .exit,
            Exit::Usage
        );
        let target = Target::choose(
            Given {
                key: some("k"),
                ..given
            },
            &profiles(),
            local,
        )
        .unwrap();
        assert_eq!(
            (target.url.as_str(), target.key),
            ("https://elsewhere.example.com", some("k"))
        );
    }

    #[test]
    fn a_key_travels_in_clear_on_this_machine_only() {
        let base = |url: &str| {
            Target {
                url: url.to_owned(),
                ..Target::default()
            }
            .base()
        };
        for url in [
            "https://a.example.com",
            "https://a.example.com/stage",
            "http://127.0.0.1:4566/x",
            "http://[::1]:1/",
            "http://localhost:1",
        ] {
            assert!(base(url).is_ok(), "{url}");
        }
        for url in [
            "http://a.example.com",
            "http://127.0.0.1.example.com",
            "ftp://a",
            "a.example.com",
            "https://u:p@a.example.com",
            "https://a/?x=1",
        ] {
            assert!(base(url).is_err(), "{url}");
        }
    }
}
