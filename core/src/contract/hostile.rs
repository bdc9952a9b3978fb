//! Promises that texts come back as they were, whatever somebody wrote.

use super::Harness;
use super::fixture::{Talk, at, claim_one, settle};
use crate::domain::message::{Content, File, FileSource, Happened, OperatorEvent, Side, Thread, Visitor};
use crate::domain::text::{Href, RichText, Span, Style};
use crate::ports::store::{Amend, Expect, Outcome, Queue};

fn texts() -> Vec<String> {
    let plain = [
        "",
        " ",
        "a\0b",
        "\0",
        "'; DROP TABLE messages; --",
        "\"quoted\" \\ back\\slash ` %s $1 ?1 :a @b {} %00",
        "line\r\nline\u{2028}line\u{85}\t\u{b}\u{1}\u{7f}",
        "<script>alert(1)</script> [b]bb[/b] &amp;",
        "👩‍👩‍👧‍👦 🏳️‍🌈 e\u{301} \u{1f1e9}\u{1f1ea}",
        "שלום \u{202e}dlrow\u{202c} مرحبا",
        "\u{feff}bom \u{fffd} \u{fffe} \u{10ffff} \u{e000}",
        "null",
        "{\"t\":\"text\"}",
        "0x00",
        "1e999",
    ];
    let long = ["x".repeat(20_000), "👍".repeat(20_000), "\0".repeat(1000)];
    plain.into_iter().map(str::to_owned).chain(long).collect()
}

fn content(text: &str) -> Content {
    let file = File {
        name: text.to_owned(),
        mime: text.to_owned(),
        size: Some(u64::MAX),
        pixels: Some((u32::MAX, 0)),
        source: FileSource::Backend(text.to_owned()),
    };
    let link = Href::parse("https://a.example/?q=%00'#é").unwrap();
    let spans = vec![
        Span::text(text),
        Span::Styled { style: Style::Strike, c: vec![Span::Code { v: text.to_owned() }] },
        Span::Link { href: link.clone(), c: vec![Span::text(text)] },
        Span::Image { src: link },
        Span::Quote { author: Some(text.to_owned()), c: vec![Span::text(text)] },
        Span::Quote { author: None, c: Vec::new() },
    ];
    Content { text: RichText(spans), files: vec![file] }
}

/// Keys, profiles, texts and files of visitors.
pub async fn visitors_may_write_anything(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{}~");
    for (n, text) in texts().iter().enumerate() {
        let visitor = Visitor {
            name: text.clone(),
            last_name: text.clone(),
            email: Some(text.clone()),
            phone: Some(text.clone()),
            url: Some(text.clone()),
            picture: Some(text.clone()),
            page: Some(text.clone()),
        };
        let recorded = talk.write_as(text, Some(visitor.clone()), content(text), at(1)).await;
        assert!(recorded.fresh, "{text:?}");
        assert_eq!((&recorded.item.key, &recorded.item.content), (text, &content(text)));
        assert_eq!(talk.conversation().await.visitor, visitor);
        assert_eq!(talk.items().await[n], recorded.item);
        assert!(!talk.write(text, at(2)).await.fresh, "{text:?}");
        let plain = Content::plain(format!("{text}new"));
        talk.amend(text, Amend::Edit(plain.clone()), at(3)).await.unwrap();
        assert_eq!(talk.item(text).await.content, plain);
    }
}

/// Names, texts, files, sessions and threads of operators.
pub async fn operators_may_write_anything(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    for (remote, text) in (1..).zip(texts()) {
        let author = Some(text.clone());
        let wrote = Happened::Wrote { remote, side: Side::Operator, author: author.clone(), content: content(&text) };
        let thread = Thread { line: author.clone(), chat: author.clone(), session: author.clone() };
        let started = Happened::DialogStarted { session: text.clone() };
        let events = [wrote, started].map(|happened| OperatorEvent { thread: thread.clone(), ..talk.event(happened) });
        for fresh in [true, false] {
            let noted = store.record_outgoing(events.to_vec(), at(1)).await.unwrap();
            assert!(noted.iter().all(|noted| noted.change.is_some() == fresh), "{text:?}");
        }
        let item = talk.reply(remote).await;
        assert_eq!((item.author, item.content), (author, content(&text)));
        assert_eq!(talk.conversation().await.thread, thread);
        let job = claim_one(&store, &talk.queue(), at(2)).await;
        let delivered_as = vec![text.clone(), String::new()];
        let outcome = Outcome::Done { thread, delivered_as: delivered_as.clone(), confirm: false };
        settle(&store, &job, outcome, at(2)).await;
        assert_eq!(talk.reply(remote).await.delivered_as, delivered_as);
    }
}

/// Keys of adapters' values.
pub async fn adapters_may_keep_anything(harness: &dyn Harness) {
    let store = harness.fresh().await;
    for text in texts() {
        store.state_put(&text, text.as_bytes(), Expect::Nothing).await.unwrap();
    }
    for text in texts() {
        assert_eq!(store.state_get(&text).await.unwrap().unwrap(), text.as_bytes(), "{text:?}");
    }
    let mut wanted: Vec<_> = texts().into_iter().map(|text| (text.clone(), text.into_bytes())).collect();
    wanted.sort();
    assert_eq!(store.state_list("").await.unwrap(), wanted);
}

/// A key is its characters: case, blanks, NULs and ways of writing an accent count.
pub async fn keys_that_look_alike_are_different(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let keys = ["a", "A", "a ", " a", "a\0", "a\0b", "\u{e9}", "e\u{301}", "1", "01", "1.0", "ß", "SS", "\u{200b}a"];
    for key in keys {
        assert!(talk.write(key, at(1)).await.fresh, "{key:?}");
    }
    for key in keys {
        assert_eq!(talk.write(key, at(2)).await.item.key, key);
    }
    assert!(Talk::new(&store, "C").write("a", at(3)).await.fresh, "chat ids differ by case too");
    assert_eq!(talk.items().await.len(), keys.len());
}

/// As deep as the adapters nest.
pub async fn deeply_nested_texts_can_be_read_back(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let mut spans = vec![Span::text("core")];
    for depth in 0..48 {
        spans = if depth % 2 == 0 {
            vec![Span::Styled { style: Style::Bold, c: spans }]
        } else {
            vec![Span::Quote { author: None, c: spans }]
        };
    }
    let content = Content { text: RichText(spans), files: Vec::new() };
    talk.write_as("a", None, content.clone(), at(1)).await;
    assert_eq!(talk.item("a").await.content, content);
    assert_eq!(claim_one(&store, &Queue::Backend, at(2)).await.item.content, content);
}

/// Reasons are another program's words.
pub async fn reasons_may_say_anything(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    for text in texts() {
        talk.write(&text, at(1)).await;
        let job = claim_one(&store, &Queue::Backend, at(2)).await;
        let retry = Outcome::Retry { at: at(2), reason: text.clone(), uncertain: false, counted: true };
        settle(&store, &job, retry, at(2)).await;
        let job = claim_one(&store, &Queue::Backend, at(2)).await;
        settle(&store, &job, Outcome::Dead { reason: text.clone(), note: None }, at(2)).await;
        let letters = store.dead_letters(None, 1).await.unwrap();
        assert_eq!(letters[0].reason, text);
        assert!(store.drop_dead(letters[0].job).await.unwrap());
    }
}
