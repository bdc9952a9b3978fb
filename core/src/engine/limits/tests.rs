use super::*;

fn from(address: &str) -> ClientAddress {
    ClientAddress(address.parse().unwrap())
}

fn site() -> ChannelId {
    ChannelId::parse("site").unwrap()
}

fn chat(name: &str) -> ChatId {
    ChatId::parse(name).unwrap()
}

#[test]
fn a_person_is_not_held_up_and_a_machine_is() {
    let (limits, here) = (Limits::default(), from("192.0.2.1"));
    let taken = (0..1000).filter(|_| limits.message(&site(), &chat("a"), here, false).is_ok()).count();
    assert_eq!(taken, 40);
    assert!(limits.message(&site(), &chat("b"), here, false).is_ok(), "another visitor at the same address");
    let begun = (0..6000).filter(|n| limits.message(&site(), &chat(&format!("n{n}")), here, true).is_ok()).count();
    assert_eq!(begun, 40);
    let refused = limits.message(&site(), &chat("c"), here, true).unwrap_err();
    assert!(refused.seconds() >= 1 && refused.after <= Duration::from_secs(60), "{refused:?}");
    assert!(limits.message(&site(), &chat("d"), from("192.0.2.2"), true).is_ok());
}

#[test]
fn many_that_nobody_answered_are_enough() {
    let settings = LimitSettings { unanswered: 5, unanswered_each: 3, ..LimitSettings::default() };
    let (limits, here, there) = (Limits::new(&settings), from("192.0.2.1"), from("192.0.2.2"));
    let begin = |name: &str, from| limits.message(&site(), &chat(name), from, true);
    for name in ["a", "b", "c"] {
        begin(name, here).unwrap();
    }
    assert_eq!(begin("d", here).unwrap_err().limit, "unanswered_each");
    assert!(begin("a", here).is_ok(), "it was begun already");
    assert!(limits.message(&site(), &chat("a"), here, false).is_ok(), "who has begun may go on");
    assert!(begin("e", there).is_ok() && begin("f", there).is_ok());
    assert_eq!(begin("g", there).unwrap_err().limit, "unanswered");
    limits.answered(&site(), &chat("a"));
    assert!(begin("d", here).is_ok());
}

#[test]
fn uploads_are_counted_by_their_size() {
    let (limits, here) = (Limits::default(), from("192.0.2.1"));
    assert!(limits.upload(&site(), &chat("a"), here, 400_000_000).is_ok());
    assert_eq!(limits.upload(&site(), &chat("a"), here, 200_000_000).unwrap_err().limit, "upload_megabytes");
    assert!(limits.upload(&site(), &chat("b"), here, 200_000_000).is_ok());
    assert!(limits.upload(&site(), &chat("c"), here, u64::MAX).is_err());
}

#[test]
fn who_waits_has_a_place_until_they_go() {
    let (limits, here) = (Limits::default(), from("192.0.2.1"));
    let places: Vec<_> = (0..20).filter_map(|_| limits.stream(&site(), &chat("a"), here).ok()).collect();
    assert_eq!(places.len(), 12);
    drop(places);
    assert!(limits.stream(&site(), &chat("a"), here).is_ok());
    assert!(limits.streams.counts.lock().is_empty() && limits.streams_each.counts.lock().is_empty());
}
