//! Files both ways.

use super::{Joined, Mode};
use crate::files::{PNG, content};
use openline_sandbox::View;

both_modes!(what_people_send_reaches_the_desk, what_operators_send_reaches_the_person);

/// The files of the client's messages, as name and content.
fn fetched(portal: View<'_>) -> Vec<(String, Vec<u8>)> {
    let ids = portal.all_messages().filter(|message| message.author.side() == "client").flat_map(|it| it.files.clone());
    ids.filter_map(|id| portal.file(id)).map(|(name, bytes)| (name, bytes.to_vec())).collect()
}

async fn what_people_send_reaches_the_desk(mode: Mode) {
    let joined = Joined::new(mode).await;
    let (ann, chat) = joined.person("Ann").await;
    let photo = ann.sends_photo(&joined.bot, PNG, "look");
    ann.sends_document(&joined.bot, "Ä b.pdf", "application/pdf", content(300_000, 3));
    let voice = ann.sends_voice(&joined.bot, content(5_000, 5), 4);
    ann.sends_album(&joined.bot, vec![(PNG.into(), "both"), (PNG.into(), "")]);
    let sticker = ann.sends_sticker(&joined.bot, content(900, 9), "👍");
    ann.writes(&joined.bot, "that is all");
    joined.desk(|portal| portal.texts(chat, "client").iter().any(|text| text == "that is all")).await;
    let texts = joined.world.sandbox.view(|portal| portal.texts(chat, "client"));
    assert_eq!(texts[1..], ["look", "", "", "both", "", "👍", "that is all"]);
    let files = joined.world.sandbox.view(fetched);
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    let album = [format!("photo_{}.jpg", voice + 1), format!("photo_{}.jpg", voice + 2)];
    let named = [format!("photo_{photo}.jpg"), format!("voice_{voice}.ogg"), format!("sticker_{sticker}.webp")];
    assert_eq!(names, [&named[0], "Ä b.pdf", &named[1], &album[0], &album[1], &named[2]]);
    assert_eq!(files[0].1, PNG);
    assert_eq!(files[1].1, content(300_000, 3));
    assert_eq!(files[2].1, content(5_000, 5));
    assert!(joined.world.sandbox.violations().is_empty(), "{:?}", joined.world.sandbox.violations());
}

async fn what_operators_send_reaches_the_person(mode: Mode) {
    let joined = Joined::new(mode).await;
    let (ann, chat) = joined.person("Ann").await;
    let sandbox = &joined.world.sandbox;
    let picture = sandbox.operator_writes_with_file(chat, "[b]this[/b] one", "a.png", "image/png", PNG).unwrap();
    let paper = content(400_000, 7);
    let document =
        sandbox.operator_writes_with_file(chat, "", "Preis ä.pdf", "application/pdf", paper.clone()).unwrap();
    joined.confirmed(picture).await;
    joined.confirmed(document).await;
    let seen: Vec<_> = ann.sees(&joined.bot).into_iter().filter(|seen| seen.from_bot).collect();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!((seen[0].kind.as_str(), seen[0].text.as_str()), ("photo", "this one"));
    assert_eq!(seen[0].entities[0]["type"], "bold");
    assert_eq!(seen[0].file.as_ref().unwrap().bytes, PNG);
    let file = seen[1].file.as_ref().unwrap();
    assert_eq!((seen[1].kind.as_str(), file.name.as_str()), ("document", "Preis ä.pdf"));
    assert_eq!(file.bytes, paper);
    joined.world.sandbox.operator_edits(picture, "that one").unwrap();
    joined.phone(|view| view.texts_to(&ann, &joined.bot) == ["that one", ""]).await;
}
