//! Whose calls are taken. The values are those that the vendors' own libraries confirmed, and those of RFC 2202 and RFC 4231.

use super::*;
use crate::described::webhook::{Called, Turn, judge};

/// How a call ends: with what check it is judged.
fn turn(verify: &str, called: &Called<'_>, hook: &str, now: i64) -> &'static str {
    let kit = KIT.replace("verify = [{ given = \"{{ headers['x-secret'] }}\", equals = \"s3cret\" }]", verify);
    assert_ne!(kit, KIT);
    let description = load(&format!("{kit}{SEND}[once]\nby = \"key\"\n")).unwrap_or_else(|wrong| panic!("{wrong}"));
    let given = settings::read(&description.settings, toml::Table::new()).unwrap();
    let webhook = description.webhook.as_ref().unwrap();
    match judge(webhook, &webhook.verify, called, &given.scope, hook, now) {
        Turn::Stranger => "stranger",
        Turn::Broken => "broken",
        Turn::Handshake(shake, scope) => {
            assert_eq!(shake.answer.text(&scope).unwrap(), "w0rd");
            "handshake"
        }
        Turn::Events(_) => "events",
    }
}

fn post<'c>(headers: &[(&str, &str)], query: &'c str, body: &'c [u8]) -> Called<'c> {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Called { method: "POST", query, headers, body }
}

fn told(verify: &str, headers: &[(&str, &str)], body: &[u8]) -> &'static str {
    turn(verify, &post(headers, "", body), HOOK, 0)
}

#[test]
fn a_word_in_a_header_the_query_or_the_body() {
    let header = "verify = [{ given = \"{{ headers['x-key'] }}\", equals = \"old new\" }]";
    assert_eq!(
        told(header, &[("X-Key", "new")], b"{}"),
        "events",
        "names of headers have no case; one of two while it changes"
    );
    for wrong in ["", "ne", "old new", "newer"] {
        assert_eq!(told(header, &[("x-key", wrong)], b"{}"), "stranger", "{wrong}");
    }
    assert_eq!(told(header, &[], b"{}"), "stranger");
    let query = "verify = [{ given = \"{{ query.key }}\", equals = \"s3\" }]";
    for (given, end) in [("key=s3", "events"), ("key=s4", "stranger"), ("key=s3&key=s3", "stranger"), ("", "stranger")]
    {
        assert_eq!(turn(query, &post(&[], given, b"{}"), HOOK, 0), end, "{given}");
    }
    let body = "verify = [{ given = \"{{ body.secret }}\", equals = \"s3\" }]";
    assert_eq!(told(body, &[], br#"{"secret":"s3"}"#), "events");
    for wrong in [r#"{"secret":"s4"}"#, r#"{"secret":["s3"]}"#, "{}", "[]", "no json", ""] {
        assert_eq!(told(body, &[], wrong.as_bytes()), "stranger", "{wrong}");
    }
    let nothing = "verify = [{ given = \"{{ headers['x-key'] }}\", equals = \"{{ settings.template }}\" }]";
    assert_eq!(told(nothing, &[("x-key", "")], b"{}"), "stranger", "an empty secret opens nothing");
}

#[test]
fn keyed_hashes_over_what_came() {
    let hmac = |hash: &str, more: &str, key: &str| {
        format!("verify = [{{ given = \"{{{{ headers['x-sign'] }}}}\", hmac = \"{hash}\", key = \"{key}\"{more} }}]")
    };
    let data = b"what do ya want for nothing?";
    let known = [
        ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            "sha512",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ];
    for (hash, sign) in known {
        // What is signed well and no JSON is the messenger's fault, not a stranger's.
        assert_eq!(told(&hmac(hash, "", "Jefe"), &[("x-sign", sign)], data), "broken", "{hash}");
        assert_eq!(told(&hmac(hash, "", "Jefe"), &[("x-sign", &sign.to_uppercase())], data), "broken");
        assert_eq!(told(&hmac(hash, "", "Jeff"), &[("x-sign", sign)], data), "stranger");
        assert_eq!(told(&hmac(hash, "", "Jeff Jefe"), &[("x-sign", sign)], data), "broken", "two keys");
        assert_eq!(told(&hmac(hash, "", "Jefe"), &[("x-sign", sign)], b"what do ya want for nothing!"), "stranger");
    }
    let body = br#"{"a":"\u00e9"}"#;
    let meta = "sha256=b6ee2a6f0d2c01b488041fa44b91552f9c7f2cca8c9dab635d7f8f512255396e";
    assert_eq!(told(&hmac("sha256", ", prefix = \"sha256=\"", "k3y"), &[("x-sign", meta)], body), "events");
    assert_eq!(told(&hmac("sha256", ", prefix = \"sha256=\"", "k3y"), &[("x-sign", &meta[7..])], body), "stranger");
    let line = "tu4qbw0sAbSIBB+kS5FVL5x/LMqMnatjXX+PUSJVOW4=";
    assert_eq!(told(&hmac("sha256", ", encoding = \"base64\"", "k3y"), &[("x-sign", line)], body), "events");
    assert_eq!(
        told(&hmac("sha256", ", encoding = \"base64\"", "k3y"), &[("x-sign", line)], "{\"a\":\"é\"}".as_bytes()),
        "stranger"
    );
}

#[test]
fn keyed_hashes_over_what_is_put_together_and_a_time() {
    let slack = "verify = [{ given = \"{{ headers['x-time'] }}\", not_older_than = 300 }, { given = \"{{ headers['x-sign'] }}\", \
                 prefix = \"v0=\", hmac = \"sha256\", key = \"k3y\", over = \"v0:{{ headers['x-time'] }}:{{ raw }}\" }]";
    let sign = "v0=b0d1e4093542c3cad851c1e9d720ac44538ee3272f5037ff9e482de8982ea52a";
    let call = || post(&[("x-time", "1790000000"), ("x-sign", sign)], "", br#"{"a":"\u00e9"}"#);
    let at = 1_790_000_000;
    for (now, end) in
        [(at, "events"), (at + 300, "events"), (at - 300, "events"), (at + 301, "stranger"), (at - 301, "stranger")]
    {
        assert_eq!(turn(slack, &call(), HOOK, now), end, "{}", now - at);
    }
    let later = post(&[("x-time", "1790000100"), ("x-sign", sign)], "", br#"{"a":"\u00e9"}"#);
    assert_eq!(turn(slack, &later, HOOK, at + 100), "stranger", "the time is signed, too");
    // Sorted parts of a form behind the whole address.
    let twilio = "verify = [{ given = \"{{ headers['x-sign'] }}\", hmac = \"sha1\", encoding = \"base64\", key = \"k3y\", \
                  over = \"{{ url }}{{ body | pairs }}\" }]";
    let form = |body| {
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("x-sign", "NADKrqlc213N1kLCVNU6UMGQSW4=")];
        turn(twilio, &post(&headers, "x=1", body), "https://h.example/t", 0)
    };
    assert_eq!(form(b"NumMedia=0&From=%2B1&Body=hi"), "events");
    assert_eq!(form(b"NumMedia=1&From=%2B1&Body=hi"), "stranger");
    // A plain hash in which the secret stands.
    let zalo = "verify = [{ given = \"{{ headers['x-sign'] }}\", prefix = \"mac=\", digest = \"sha256\", \
                over = \"360{{ raw }}{{ headers['x-time'] }}{{ 'k3y' }}\" }]";
    let mac = "mac=9d00a05b7c0c5d88175148efc0f162c29ba3fe42d7d7d7409763d1598f4e2f50";
    let headers = [("x-sign", mac), ("x-time", "1790000000000")];
    assert_eq!(told(zalo, &headers, br#"{"a":"\u00e9"}"#), "events");
    assert_eq!(told(zalo, &headers, br#"{"a":"e"}"#), "stranger");
}

#[test]
fn handshakes_are_answered_to_who_knows_the_word() {
    let both = "verify = [{ given = \"{{ headers['x-key'] }}\", equals = \"s3\" }]\nhandshake = [\
                { method = \"GET\", when = \"query.mode == 'subscribe'\", given = \"{{ query.word }}\", equals = \"k3y\", answer = \"{{ query.challenge }}\" },\
                { when = \"body.type == 'url_verification'\", answer = \"w0rd\" }]";
    let get = |query| turn(both, &Called { method: "GET", ..post(&[], query, b"") }, HOOK, 0);
    assert_eq!(get("mode=subscribe&word=k3y&challenge=w0rd"), "handshake");
    assert_eq!(get("mode=subscribe&word=no&challenge=w0rd"), "stranger");
    assert_eq!(get("mode=subscribe&challenge=w0rd"), "stranger");
    assert_eq!(get(""), "stranger", "a GET brings no events");
    let asked = br#"{"type":"url_verification"}"#;
    assert_eq!(told(both, &[("x-key", "s3")], asked), "handshake");
    assert_eq!(told(both, &[("x-key", "s4")], asked), "stranger", "signed like everything else");
}
