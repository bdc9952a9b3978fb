//! What other programs of this trade lose before the door.

use super::*;
use openline_core::channel::Outgoing;
use openline_core::message::{Item, Side};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// An update with half an emoji, and one that nothing can read, among good ones.
#[tokio::test]
async fn one_bad_update_sets_only_itself_aside() {
    let world = World::new("").await;
    let half = include_str!("tg_lone_surrogate.json").trim().replace("__ID__", "41").replace("__CHAT__", "5");
    let deep = format!(r#"{{"update_id":42,"message":{}1{}}}"#, "[".repeat(300), "]".repeat(300));
    world.fake.raw.lock().extend([(41, half), (42, deep)]);
    world.fake.bring(json!({"update_id": 40, "message": ann(1, json!({"text": "one"}))}));
    let (stop, task) = world.run();
    world.fake.until("acknowledged", |fake| fake.asked.lock().last() == Some(&Some(43))).await;
    world.fake.bring(json!({"update_id": 43, "message": ann(9, json!({"text": "two"}))}));
    world.fake.until("the next", |fake| fake.asked.lock().last() == Some(&Some(44))).await;
    assert_eq!(world.read("tg5"), ["one", "half an emoji \u{fffd} here", "two"]);
    let told = world.channel.health().unwrap_err();
    assert!(told.contains("set aside: 1"), "{told}");
    stop.cancel();
    task.await.unwrap().unwrap();
}

fn topic(number: i64, thread: i64, text: &str) -> Value {
    let mut message = ann(number, json!({"text": text, "message_thread_id": thread, "is_topic_message": true}));
    message["chat"] = json!({"id": -1007, "type": "supergroup", "title": "Friends", "is_forum": true});
    message
}

async fn reply(world: &World, chat: &str, item: &Item) {
    let conversation = conversation(chat);
    let outgoing = Outgoing { conversation: &conversation, item, uncertain: false, attempts: 0, since: Timestamp(0) };
    world.channel.send(outgoing).await.unwrap();
}

#[tokio::test]
async fn topics_keep_apart_and_are_answered_where_they_were_asked() {
    let world = World::new("groups = true").await;
    world.say(topic(1, 42, "about tea")).await;
    world.say(topic(2, 43, "about milk")).await;
    let mut general = topic(3, 42, "in general");
    general.as_object_mut().unwrap().remove("is_topic_message");
    world.say(general).await;
    assert_eq!(world.read("tg-1007t42"), ["Ann:\nabout tea"]);
    assert_eq!(world.read("tg-1007t43"), ["Ann:\nabout milk"]);
    assert_eq!(world.read("tg-1007"), ["Ann:\nin general"]);
    let answer = memory::item(9, "9", Side::Operator, Content::plain("green or black?"));
    reply(&world, "tg-1007t42", &answer).await;
    let picture = going::file(&world, "a.png", "image/png", b"\x89PNG\r\n\x1a\n");
    let picture = memory::item(10, "10", Side::Operator, Content { files: vec![picture], ..Content::default() });
    reply(&world, "tg-1007t42", &picture).await;
    reply(&world, "tg-1007", &answer).await;
    let sent = world.fake.calls("sendMessage");
    assert_eq!((&sent[0]["chat_id"], &sent[0]["message_thread_id"]), (&json!(-1007), &json!(42)));
    assert_eq!(sent[1]["message_thread_id"], json!(null));
    assert_eq!(world.fake.calls("sendPhoto")[0]["message_thread_id"], "42");
    // The group moves: its topics go along.
    world
        .take(
            &json!({"message": {"message_id": 4, "migrate_to_chat_id": -1008, "chat": {"id": -1007, "type": "group"}}}),
        )
        .await
        .unwrap();
    reply(&world, "tg-1007t42", &memory::item(11, "11", Side::Operator, Content::plain("green then"))).await;
    let moved = world.fake.calls("sendMessage").pop().unwrap();
    assert_eq!((&moved["chat_id"], &moved["message_thread_id"]), (&json!(-1008), &json!(42)));
}

fn edited(number: i64, date: i64, more: Value) -> Value {
    let mut message = ann(number, more);
    message["edit_date"] = json!(date);
    json!({"edited_message": message})
}

fn pictured(caption: &str) -> Value {
    json!({"caption": caption, "photo": [{"file_id": "f", "width": 1, "height": 1}]})
}

#[tokio::test]
async fn a_picture_that_takes_the_place_of_another_comes() {
    let world = World::new("").await;
    let now_is = |byte: u8| {
        world.fake.files.lock().insert("photos/file_1.jpg".into(), vec![0xff, 0xd8, 0xff, byte].into());
    };
    now_is(1);
    world.say(ann(1, pictured("look"))).await;
    // The same picture under other words is no new one.
    world.take(&edited(1, 10, pictured("see"))).await.unwrap();
    assert_eq!(world.read("tg5"), ["see<photo_1.jpg image/jpeg>"]);
    now_is(2);
    let replaced = edited(1, 20, pictured("see"));
    world.take(&replaced).await.unwrap();
    world.take(&replaced).await.unwrap();
    let new = "[new file of an earlier message]\nsee<photo_1.jpg image/jpeg>";
    assert_eq!(world.read("tg5"), ["see<photo_1.jpg image/jpeg>", new]);
    world.take(&edited(1, 30, pictured("see this"))).await.unwrap();
    assert_eq!(world.read("tg5"), ["see this<photo_1.jpg image/jpeg>", new]);
    // A text that gets a picture.
    world.say(ann(2, json!({"text": "soon"}))).await;
    world.take(&edited(2, 40, pictured("here"))).await.unwrap();
    assert_eq!(
        world.read("tg5")[2..],
        ["here", "[new file added to an earlier message]\nhere<photo_2.jpg image/jpeg>"]
    );
}

#[tokio::test]
async fn an_old_message_that_was_never_here_is_not_new_when_it_is_changed() {
    let world = World::new("").await;
    let days = |days: i64| {
        let mut update = edited(7, 1_790_000_000, json!({"text": "corrected"}));
        update["edited_message"]["date"] = json!(1_790_000_000 - days * 24 * 3600);
        update
    };
    world.take(&days(60)).await.unwrap();
    assert!(world.memory.all().is_empty(), "no dialog is opened");
    // It may have come while openline was down.
    world.take(&days(0)).await.unwrap();
    assert_eq!(world.read("tg5"), ["corrected"]);
}

fn reaction(number: i64, date: i64, old: &[&str], new: &[&str]) -> Value {
    let emoji = |all: &[&str]| all.iter().map(|emoji| json!({"type": "emoji", "emoji": emoji})).collect::<Value>();
    json!({"message_reaction": {
        "chat": {"id": 5, "type": "private", "first_name": "Ann"}, "message_id": number, "date": date,
        "user": {"id": 5, "first_name": "Ann"}, "old_reaction": emoji(old), "new_reaction": emoji(new),
    }})
}

#[tokio::test]
async fn reactions_are_notes() {
    let world = World::new("").await;
    let (stop, task) = world.run();
    world.fake.until("asked", |fake| !fake.asked.lock().is_empty()).await;
    stop.cancel();
    task.await.unwrap().unwrap();
    // Nothing is begun by a reaction.
    world.take(&reaction(1, 1, &[], &["👍"])).await.unwrap();
    assert!(world.memory.all().is_empty() && world.notes().is_empty());
    world.say(ann(1, json!({"text": "is it green?"}))).await;
    let mut answer = memory::item(2, "100", Side::Operator, Content::plain("Yes.\nAlways."));
    (answer.remote, answer.delivered_as) = (Some(100), vec!["55".to_owned()]);
    world.memory.put(&world.memory.all()[0].0, [answer]);
    for change in [
        reaction(55, 2, &[], &["👍"]),
        reaction(55, 2, &[], &["👍"]),
        reaction(55, 3, &["👍"], &[]),
        reaction(1, 4, &[], &["❤", "🔥"]),
        reaction(77, 5, &[], &["👎"]),
    ] {
        world.take(&change).await.unwrap();
    }
    let expected = [
        "The visitor reacted with 👍 to:\n> Yes. Always.",
        "The visitor took back a reaction to:\n> Yes. Always.",
        "The visitor reacted with ❤ 🔥 to:\n> is it green?",
        "The visitor reacted with 👎 to a message",
    ];
    assert_eq!(world.notes(), expected);
    assert_eq!(world.read("tg5").len(), 2, "and no messages");
}

/// A SOCKS 5 proxy without a password; counts those who come.
async fn proxy() -> (String, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::<std::sync::atomic::AtomicUsize>::default());
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tokio::spawn(tunnel(client));
        }
    });
    (format!("socks5://{address}"), count)
}

/// RFC 1928: greeting, CONNECT to an IPv4 address, then bytes both ways.
async fn tunnel(mut client: TcpStream) -> std::io::Result<()> {
    let (mut head, mut ask) = ([0; 2], [0; 10]);
    client.read_exact(&mut head).await?;
    client.read_exact(&mut vec![0; usize::from(head[1])]).await?;
    client.write_all(&[5, 0]).await?;
    client.read_exact(&mut ask).await?;
    let port = u16::from_be_bytes([ask[8], ask[9]]);
    let mut server = TcpStream::connect(std::net::SocketAddr::from(([ask[4], ask[5], ask[6], ask[7]], port))).await?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

#[tokio::test]
async fn all_calls_go_through_the_proxy_when_there_is_one() {
    let (address, count) = proxy().await;
    let world = World::new(&format!("proxy = '{address}'")).await;
    reply(&world, "tg5", &memory::item(9, "9", Side::Operator, Content::plain("hello"))).await;
    assert_eq!(world.fake.calls("sendMessage")[0]["text"], "hello");
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);
    let world = World::new("proxy = 'socks5://127.0.0.1:1'").await;
    let failure = world.channel.intake.api.call(&teloxide::payloads::GetMe::new()).await.unwrap_err();
    assert!(failure.line().starts_with("Telegram can't be reached"), "{}", failure.line());
}
