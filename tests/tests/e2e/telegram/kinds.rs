//! What is neither text nor file, groups, and `/start`.

use super::{Joined, Mode};
use serde_json::json;

both_modes!(everything_becomes_something_to_read, a_group_is_refused_once, a_start_is_greeted);

async fn everything_becomes_something_to_read(mode: Mode) {
    let joined = Joined::new(mode).await;
    let (ann, chat) = joined.person("Ann").await;
    ann.sends_location(&joined.bot, 52.5, 13.25);
    ann.sends_contact(&joined.bot, "Zoe", "+49 30 1");
    ann.sends_poll(&joined.bot, "Tea?", &["yes", "no"]);
    ann.sends_unknown(&joined.bot, "dice", json!({"emoji": "🎲", "value": 3}));
    ann.sends_unknown(&joined.bot, "hologram", json!({"x": 1}));
    ann.sends_unknown(&joined.bot, "pinned_message", json!({"message_id": 1}));
    ann.writes(&joined.bot, "end");
    joined.desk(|portal| portal.texts(chat, "client").iter().any(|text| text == "end")).await;
    let texts = joined.world.sandbox.view(|portal| portal.texts(chat, "client"));
    let wanted = [
        "[url=https://maps.google.com/?q=52.5,13.25]location 52.5, 13.25[/url]",
        "contact: Zoe, [url=tel:+49301]+49 30 1[/url]",
        "[poll: Tea?\nyes / no]",
        "[dice: 🎲 3]",
        "[unsupported message: hologram]",
        "end",
    ];
    assert_eq!(texts[1..], wanted);
}

async fn a_group_is_refused_once(mode: Mode) {
    let joined = Joined::new(mode).await;
    let ann = joined.telegram.person("Ann");
    let group = joined.telegram.group("Family");
    joined.bot.reads_groups(true);
    group.adds_bot(&ann, &joined.bot);
    for n in 0..3 {
        group.writes(&ann, &format!("hello {n}"));
    }
    let (_, _) = joined.person("Ben").await;
    group.writes(&ann, "and again");
    joined.phone(|view| view.pending(&joined.bot) == 0).await;
    let said = joined.telegram.view(|view| view.group(&group, &joined.bot));
    let refusals: Vec<_> = said.iter().filter(|seen| seen.from_bot).map(|seen| seen.text.clone()).collect();
    assert_eq!(refusals, ["I answer in private chats only. Please write to me directly."]);
    assert_eq!(joined.world.sandbox.dialogs().len(), 1, "only Ben's");
}

async fn a_start_is_greeted(mode: Mode) {
    let joined = Joined::new(mode).await;
    let ann = joined.telegram.person("Ann");
    ann.starts(&joined.bot, "");
    joined.phone(|view| view.texts_to(&ann, &joined.bot) == ["Hello! Write to us, we answer here."]).await;
    ann.writes(&joined.bot, "hi");
    let chat = joined.world.portal_chat("hi").await;
    assert_eq!(joined.world.sandbox.view(|portal| portal.texts(chat, "client")), ["hi"]);
}
