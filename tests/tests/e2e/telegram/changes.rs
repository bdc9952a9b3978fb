//! Edits and deletions, and texts that are longer than a message of Telegram's.

use super::{Joined, Mode};
use openline_sandbox::telegram::Seen;

both_modes!(edits_go_both_ways_and_deletions_to_the_visitor, a_long_text_comes_whole_and_so_does_its_edit,);

async fn edits_go_both_ways_and_deletions_to_the_visitor(mode: Mode) {
    let joined = Joined::new(mode).await;
    let (ann, chat) = joined.person("Ann").await;
    let typo = ann.writes(&joined.bot, "how mcuh");
    ann.edits(&joined.bot, typo, "how much").unwrap();
    joined.desk(|portal| portal.texts(chat, "client").last().is_some_and(|text| text == "how much")).await;
    assert_eq!(joined.world.sandbox.view(|portal| portal.texts(chat, "client").len()), 2);

    let (keep, gone) = (joined.answer(chat, "old").await, joined.answer(chat, "gone").await);
    joined.world.sandbox.operator_edits(keep, "[i]new[/i]").unwrap();
    joined.world.sandbox.operator_deletes(gone).unwrap();
    joined.phone(|view| view.texts_to(&ann, &joined.bot) == ["new"]).await;
    let seen: Vec<Seen> = ann.sees(&joined.bot).into_iter().filter(|seen| seen.from_bot && !seen.deleted).collect();
    assert!(seen[0].edited && seen[0].entities[0]["type"] == "italic", "{seen:?}");
}

/// A text without markup of so many characters, in lines.
fn long(word: &str, characters: usize) -> String {
    let mut text = String::new();
    for n in 0.. {
        let line = format!("{word} line {n} 😀 é.\n");
        if text.chars().count() + line.chars().count() > characters {
            break;
        }
        text.push_str(&line);
    }
    text.push_str(&"x".repeat(characters - text.chars().count()));
    text
}

/// What the person reads, put together.
fn whole(texts: &[String]) -> String {
    texts.concat().split_whitespace().collect()
}

fn packed(text: &str) -> String {
    text.split_whitespace().collect()
}

async fn a_long_text_comes_whole_and_so_does_its_edit(mode: Mode) {
    let joined = Joined::new(mode).await;
    let (ann, chat) = joined.person("Ann").await;
    let text = long("first", 10_000);
    let message = joined.answer(chat, &text).await;
    let parts = joined.telegram.view(|view| view.texts_to(&ann, &joined.bot));
    assert!(parts.len() >= 3 && parts.iter().all(|part| part.encode_utf16().count() <= 4096), "{}", parts.len());
    assert_eq!(whole(&parts), packed(&text));
    for length in [13_000, 5_000, 30, 9_000] {
        let text = long("changed", length);
        joined.world.sandbox.operator_edits(message, &text).unwrap();
        joined.phone(|view| whole(&view.texts_to(&ann, &joined.bot)) == packed(&text)).await;
    }
    joined.world.sandbox.operator_deletes(message).unwrap();
    joined.phone(|view| view.texts_to(&ann, &joined.bot).is_empty()).await;
}
