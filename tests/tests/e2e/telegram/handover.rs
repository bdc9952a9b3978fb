//! From the website to Telegram.

use super::{Joined, Mode};
use openline_core::{ChannelId, ChatId};
use openline_sandbox::PageOptions;

both_modes!(a_conversation_of_the_website_is_brought_along, the_contact_center_learns_the_bots_address);

const SITE: &str = "[channels.site]\nkind = \"website\"\n";

async fn a_conversation_of_the_website_is_brought_along(mode: Mode) {
    let mut joined = Joined::with(mode, SITE).await;
    let visitor = joined.world.visitor().await;
    visitor.send("is the blue one there?").await;
    let site = joined.world.portal_chat("is the blue one there?").await;
    joined.answer(site, "tomorrow").await;
    let chat = joined.world.sandbox.view(|portal| portal.dialog(site).unwrap().external_chat_id);
    let inbox = joined.world.service.as_ref().unwrap().visitor_inbox(ChannelId::parse("site").unwrap());
    let places = inbox.elsewhere(&ChatId::parse(&chat).unwrap(), None).await.unwrap();
    assert_eq!((places.len(), places[0].name.as_str()), (1, "Telegram"));
    let word = places[0].url.strip_prefix("https://t.me/shop_bot?start=").unwrap().to_owned();

    let ann = joined.telegram.person("Ann");
    ann.starts(&joined.bot, &word);
    joined.phone(|view| view.texts_to(&ann, &joined.bot).len() == 1).await;
    // What waits for the first message survives a restart, and is no text.
    joined.phone(|view| view.pending(&joined.bot) == 0).await;
    joined.world.stop_service().await;
    joined.world.start_service().await;
    ann.writes(&joined.bot, "here I am");
    let there = joined.world.portal_chat("here I am").await;
    joined.noted(there, "is the blue one there?").await;
    let notes = joined.notes(there);
    let told: Vec<_> = notes.iter().filter(|note| note.contains("wrote in site before")).collect();
    assert!(told.len() == 1 && told[0].contains("tomorrow"), "{notes:?}");
    assert_eq!(joined.world.sandbox.view(|portal| portal.texts(there, "client")), ["here I am"]);
    // The word again, and a wrong one, tell nothing new.
    ann.starts(&joined.bot, &word);
    ann.starts(&joined.bot, "wrong");
    ann.writes(&joined.bot, "last");
    joined.desk(|portal| portal.texts(there, "client").len() == 2).await;
    assert_eq!(joined.notes(there).iter().filter(|note| note.contains("wrote in site before")).count(), 1);
}

async fn the_contact_center_learns_the_bots_address(mode: Mode) {
    let joined = Joined::new(mode).await;
    joined.phone(|view| view.count("getMe") > 0).await;
    let _ = joined.person("Ann").await;
    let page = joined.world.sandbox.open_settings_page("openline_tg", 2, &PageOptions::default()).await.unwrap();
    assert!(page.body.replace("&#x2f;", "/").contains("https://t.me/shop_bot"), "{}", page.body);
    let data = joined.world.sandbox.view(|portal| portal.connector_data("openline_tg", 2));
    assert_eq!(data["URL"], "https://t.me/shop_bot", "{data:?}");
}
