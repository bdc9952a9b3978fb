//! Texts both ways.

use super::{Joined, Mode, numbered};
use serde_json::{Value, json};

both_modes!(
    formatting_goes_both_ways,
    entities_from_the_field_are_bb_code,
    every_link_of_many_arrives,
    twenty_each_way_keep_their_order,
    a_reply_quotes_what_it_answers
);

async fn formatting_goes_both_ways(mode: Mode) {
    let joined = Joined::new(mode).await;
    let ann = joined.telegram.person("Ann Lee").with_username("annlee");
    let entities = json!([
        {"type": "bold", "offset": 0, "length": 4},
        {"type": "text_link", "offset": 8, "length": 4, "url": "https://a.example/x"},
        {"type": "italic", "offset": 13, "length": 3},
        {"type": "strikethrough", "offset": 17, "length": 3},
    ]);
    ann.writes_with(&joined.bot, "bold ✓✓ link ita str [b]no[/b]", entities);
    let written = "[b]bold[/b] ✓✓ [url=https://a.example/x]link[/url] [i]ita[/i] [s]str[/s] [\u{200b}b]no[\u{200b}/b]";
    joined.desk(|portal| portal.dialogs().iter().any(|dialog| dialog.last.is_some())).await;
    let dialog = joined.world.sandbox.dialogs().remove(0);
    assert_eq!(joined.world.sandbox.view(|portal| portal.texts(dialog.chat_id, "client")), [written]);
    assert_eq!((dialog.client.name.as_str(), dialog.client.last_name.as_str()), ("Ann", "Lee"));
    assert_eq!(dialog.client.url, "https://t.me/annlee");

    let text =
        "[b]Good [i]day[/i][/b] 😀 [u]u[/u][s]s[/s] [url=https://a.example/y]this[/url]\n[code]x < 1[/code] & <b>";
    joined.answer(dialog.chat_id, text).await;
    let seen = ann.sees(&joined.bot).pop().unwrap();
    assert_eq!(seen.text, "Good day 😀 us this\nx < 1 & <b>");
    let runs: Vec<(String, i64, i64)> = seen.entities.iter().map(run).collect();
    let wanted = [
        ("bold", 0, 8),
        ("italic", 5, 3),
        ("underline", 12, 1),
        ("strikethrough", 13, 1),
        ("text_link", 15, 4),
        ("code", 20, 5),
    ];
    assert_eq!(runs, wanted.map(|(kind, offset, length)| (kind.to_owned(), offset, length)));
    assert_eq!(seen.entities[4]["url"], "https://a.example/y");
    assert!(joined.world.sandbox.violations().is_empty(), "{:?}", joined.world.sandbox.violations());
}

/// Telegram keeps 100 entities of a message and drops the others without a word.
async fn every_link_of_many_arrives(mode: Mode) {
    let joined = Joined::new(mode).await;
    let ann = joined.telegram.person("Ann Lee");
    ann.writes(&joined.bot, "which ones are there?");
    joined.desk(|portal| portal.dialogs().iter().any(|dialog| dialog.last.is_some())).await;
    let chat = joined.world.sandbox.dialogs().remove(0).chat_id;
    let link = |n| format!("[url=https://shop.example/{n}]tea {n}[/url]\n");
    let links = (0..130).map(link).collect::<Vec<String>>().concat();
    joined.answer(chat, &links).await;
    let seen = ann.sees(&joined.bot);
    let found: Vec<_> =
        seen.iter().flat_map(|message| &message.entities).filter_map(|one| one["url"].as_str()).collect();
    assert_eq!(found, (0..130).map(|n| format!("https://shop.example/{n}")).collect::<Vec<_>>());
}

/// A quotation, code and emoji of several units; not one line too many.
async fn entities_from_the_field_are_bb_code(mode: Mode) {
    let joined = Joined::new(mode).await;
    let case: Value = serde_json::from_str(include_str!("tg_entities.json")).unwrap();
    let ann = joined.telegram.person("Ann Lee");
    ann.writes_with(&joined.bot, case["text"].as_str().unwrap(), case["entities"].clone());
    joined.desk(|portal| portal.dialogs().iter().any(|dialog| dialog.last.is_some())).await;
    let chat = joined.world.sandbox.dialogs().remove(0).chat_id;
    let shown = joined.world.sandbox.view(|portal| portal.texts(chat, "client"));
    assert_eq!(shown, [case["expected"].as_str().unwrap()]);
}

fn run(entity: &Value) -> (String, i64, i64) {
    let number = |key: &str| entity[key].as_i64().unwrap();
    (entity["type"].as_str().unwrap().to_owned(), number("offset"), number("length"))
}

async fn twenty_each_way_keep_their_order(mode: Mode) {
    let joined = Joined::new(mode).await;
    let (ann, chat) = joined.person("Ann").await;
    let (ben, other) = joined.person("Ben").await;
    for n in 0..20 {
        ann.writes(&joined.bot, &format!("question {n}"));
        ben.writes(&joined.bot, &format!("asking {n}"));
        joined.world.sandbox.operator_writes(chat, &format!("answer {n}")).unwrap();
        joined.world.sandbox.operator_writes(other, &format!("reply {n}")).unwrap();
    }
    joined.desk_reads(chat, &numbered("question", 0..20)).await;
    joined.desk_reads(other, &numbered("asking", 0..20)).await;
    joined.phone_reads(&ann, &numbered("answer", 0..20)).await;
    joined.phone_reads(&ben, &numbered("reply", 0..20)).await;
    let unconfirmed =
        |portal: openline_sandbox::View<'_>| portal.all_messages().filter(|message| message.sending).count();
    joined.desk(|portal| unconfirmed(portal) == 0).await;
}

async fn a_reply_quotes_what_it_answers(mode: Mode) {
    let joined = Joined::new(mode).await;
    let (ann, chat) = joined.person("Ann").await;
    joined.answer(chat, "Red or blue?").await;
    let asked = ann.sees(&joined.bot).pop().unwrap();
    ann.replies_to(&joined.bot, asked.id, "Blue").unwrap();
    ann.forwards(&joined.bot, "It is raining", "Zoe");
    joined.desk(|portal| portal.texts(chat, "client").len() == 3).await;
    let texts = joined.world.sandbox.view(|portal| portal.texts(chat, "client"));
    assert!(texts[1].contains("Red or blue?") && texts[1].ends_with("Blue"), "{texts:?}");
    assert_eq!(texts[2], "[i]forwarded from Zoe[/i]\nIt is raining");
}
