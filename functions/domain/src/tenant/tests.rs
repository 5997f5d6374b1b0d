use super::*;
use crate::filter::Selection;

fn tenant(publishers: &[&str]) -> Tenant {
    Tenant {
        id: "t".parse().unwrap(),
        name: None,
        contract: "standard".into(),
        contact_email: None,
        publishers: publishers.iter().map(|p| (*p).to_owned()).collect(),
        limits: Limits::default(),
        context: BTreeMap::new(),
        sealing_keys: SealingKeys::unused(),
        created_at: Time::from_millis(0),
        updated_at: Time::from_millis(0),
    }
}

fn webhook() -> Webhook {
    Webhook {
        id: WebhookId::new([1; 16]),
        tenant: "t".parse().unwrap(),
        name: None,
        url: "https://example.com/".to_owned(),
        events: vec![EventFilter::All],
        filter: None,
        active: true,
        contract: "kuviq".to_owned(),
        overrides: Overrides::default(),
        context: BTreeMap::new(),
        secrets: SigningSecrets::default(),
        basic_auth: None,
        headers: BTreeMap::new(),
        created_at: Time::from_millis(5),
        updated_at: Time::from_millis(5),
        version: 1,
        disabled: None,
        switched: Vec::new(),
        slow_since: Some(Time::from_millis(7)),
        failing_since: None,
        since: None,
        written: None,
    }
}

#[test]
fn what_attempts_depend_on_makes_a_new_version_and_nothing_else_does() {
    let before = webhook();
    let now = Time::from_millis(9);
    let after = |change: fn(&mut Webhook)| {
        let mut after = before.clone();
        change(&mut after);
        after.replacing(&before, &Author::Postel, now)
    };
    let same: [fn(&mut Webhook); 3] = [
        |_| {},
        |w| w.name = Some("new".to_owned()),
        |w| w.events = vec![EventFilter::All, EventFilter::All],
    ];
    for change in same {
        assert_eq!(after(change).version, 1);
    }
    let other: [fn(&mut Webhook); 6] = [
        |w| w.url.push('x'),
        |w| w.active = false,
        |w| w.contract.push('x'),
        |w| w.overrides.timeout_seconds = Some(1),
        |w| w.secrets = SigningSecrets::new(String::new()),
        |w| {
            w.basic_auth = Some(EncryptedBasicAuth {
                username: String::new(),
                cipher: String::new(),
            });
        },
    ];
    for change in other {
        assert_eq!(after(change).version, 2);
    }
    // Only another URL resets the slow mark.
    assert_eq!(after(|w| w.active = false).slow_since, before.slow_since);
    assert_eq!(after(|w| w.url.push('x')).slow_since, None);
}

#[test]
fn a_webhook_from_elsewhere_is_owed_nothing_of_the_time_before_it_came() {
    let event = |millis| {
        let key = crate::ulid::Ulid::derived(Time::from_millis(millis), "x");
        let event = crate::event::parse(br#"{"type":"a.b","data":1}"#).unwrap();
        event.accept("t".parse().unwrap(), key)
    };
    let came = |active| {
        let new = Webhook {
            created_at: Time::from_millis(20),
            active,
            ..webhook()
        };
        new.made_elsewhere(Time::from_millis(1))
    };
    let off = |before: &Webhook| {
        let off = Webhook {
            active: false,
            ..before.clone()
        };
        off.replacing(before, &Author::Postel, Time::from_millis(40))
    };
    assert_eq!(came(true).created_at, Time::from_millis(1));
    for (accepted, is_owed) in [(0, false), (10, false), (20, true), (39, true), (40, false)] {
        assert_eq!(
            off(&came(true)).is_owed(&event(accepted), &Selection::of(&event(accepted))),
            is_owed,
            "{accepted}"
        );
        assert!(
            !came(false).is_owed(&event(accepted), &Selection::of(&event(accepted))),
            "{accepted}"
        );
    }
}

#[test]
fn an_event_is_owed_to_who_was_on_when_it_was_accepted() {
    let event = |millis| {
        let key = crate::ulid::Ulid::derived(Time::from_millis(millis), "x");
        let event = crate::event::parse(br#"{"type":"a.b","data":1}"#).unwrap();
        event.accept("t".parse().unwrap(), key)
    };
    let changed = |before: &Webhook, on: bool, millis| {
        let mut after = before.clone();
        after.active = on;
        after.replacing(before, &Author::Postel, Time::from_millis(millis))
    };
    // Created at 5, off at 20, renamed at 30, on at 40.
    let on = webhook();
    let off = changed(&on, false, 20);
    let renamed = Webhook {
        name: Some("new".to_owned()),
        ..off.clone()
    }
    .replacing(&off, &Author::Postel, Time::from_millis(30));
    assert!(
        on.is_owed(&event(1), &Selection::of(&event(1)))
            && on.is_owed(&event(99), &Selection::of(&event(99)))
    );
    for off in [&off, &renamed] {
        for (accepted, is_owed) in [(4, false), (5, true), (19, true), (20, false), (25, false)] {
            assert_eq!(
                off.is_owed(&event(accepted), &Selection::of(&event(accepted))),
                is_owed,
                "{accepted}"
            );
        }
        assert!(!off.wants(&event(19).event_type));
    }
    let on_again = changed(&renamed, true, 40);
    assert!(on_again.is_owed(&event(25), &Selection::of(&event(25))));
    let off_again = changed(&on_again, false, 50);
    for (accepted, is_owed) in [
        (4, false),
        (5, true),
        (19, true),
        (20, false),
        (39, false),
        (40, true),
        (49, true),
        (50, false),
    ] {
        assert_eq!(
            off_again.is_owed(&event(accepted), &Selection::of(&event(accepted))),
            is_owed,
            "{accepted}"
        );
    }
    // More switches than are stored: the time before them counts as on.
    let often = (60..100).fold(off_again, |before, at| changed(&before, at % 2 == 0, at));
    assert!(
        !often.active
            && [5, 25, 60, 61, 83].map(|at| often.is_owed(&event(at), &Selection::of(&event(at))))
                == [true; 5]
    );
    assert!(
        often.is_owed(&event(98), &Selection::of(&event(98)))
            && !often.is_owed(&event(97), &Selection::of(&event(97)))
            && !often.is_owed(&event(4), &Selection::of(&event(4)))
    );
    // Never active.
    let made_off = Webhook {
        active: false,
        ..webhook()
    };
    assert!(!made_off.is_owed(&event(9), &Selection::of(&event(9))));
}

#[test]
fn a_change_is_later_than_what_it_replaces_whatever_the_clock_says() {
    let before = webhook();
    for (now, updated) in [(9, 9), (5, 6), (1, 6)] {
        let after = before
            .clone()
            .replacing(&before, &Author::Postel, Time::from_millis(now));
        assert_eq!(after.updated_at, Time::from_millis(updated));
    }
}

#[test]
fn the_session_name_cannot_pose_as_a_principal() {
    let tenant = tenant(&["AROAGOOD"]);
    assert!(may_publish(&tenant, "AROAGOOD:any-session", &[]));
    assert!(may_publish(&tenant, "AROAGOOD", &[]));
    assert!(!may_publish(&tenant, "AROAEVIL:AROAGOOD", &[]));
    assert!(!may_publish(&tenant, "AROAGOODER", &[]));
    assert!(!may_publish(&tenant, "", &[]));
}

#[test]
fn nobody_is_trusted_by_an_empty_entry() {
    assert!(!may_publish(&tenant(&[""]), "", &[String::new()]));
    assert!(!may_publish(&tenant(&[""]), ":x", &[String::new()]));
    assert!(may_publish(
        &tenant(&[]),
        "AROAPUBLISH:x",
        &["AROAPUBLISH".to_owned()]
    ));
}
