//! Files in both directions.

use serde_json::{Value, json};

use super::support::{TOKEN, World, png};

async fn upload(world: &World, method: &str, field: &str, bytes: Vec<u8>) -> (u16, Value) {
    world.upload(method, &[(field, Some("file.png"), bytes), ("caption", None, b"see".to_vec())]).await
}

#[tokio::test]
async fn a_photo_has_sizes_and_a_caption() {
    let world = World::started().await;
    let (status, body) = upload(&world, "sendPhoto", "photo", png(700, 900)).await;
    assert_eq!(status, 200, "{body}");
    let sizes = body["result"]["photo"].as_array().unwrap();
    let pairs: Vec<_> =
        sizes.iter().map(|it| (it["width"].as_i64().unwrap(), it["height"].as_i64().unwrap())).collect();
    assert_eq!(pairs, [(70, 90), (700, 900)]);
    assert_eq!(body["result"]["caption"], "see");
    let seen = world.anna.sees(&world.bot);
    let last = seen.last().unwrap();
    assert_eq!((last.kind.as_str(), last.text.as_str()), ("photo", "see"));
    assert_eq!(last.file.as_ref().unwrap().bytes.as_ref(), png(700, 900).as_slice());
    let again = json!({ "photo": sizes[1]["file_id"] });
    let sent = world.call("sendPhoto", world.to_anna(again)).await;
    assert_eq!(sent["photo"][0]["file_id"], sizes[1]["file_id"]);
    let other = world.refusal("sendDocument", world.to_anna(json!({ "document": sizes[1]["file_id"] }))).await;
    assert_eq!(other, "400 Bad Request: can't use file of type Photo as Document");
}

#[tokio::test]
async fn what_is_refused() {
    let world = World::started().await;
    let words = async |method: &str, field: &str, bytes: Vec<u8>| {
        let (status, body) = upload(&world, method, field, bytes).await;
        format!("{status} {}", body["description"].as_str().unwrap_or("ok"))
    };
    assert_eq!(words("sendPhoto", "wrong", png(1, 1)).await, "400 Bad Request: there is no photo in the request");
    assert_eq!(words("sendPhoto", "photo", b"text".to_vec()).await, "400 Bad Request: IMAGE_PROCESS_FAILED");
    assert_eq!(words("sendPhoto", "photo", png(9000, 1001)).await, "400 Bad Request: PHOTO_INVALID_DIMENSIONS");
    assert_eq!(words("sendPhoto", "photo", png(2100, 100)).await, "400 Bad Request: PHOTO_INVALID_DIMENSIONS");
    assert_eq!(words("sendDocument", "document", Vec::new()).await, "400 Bad Request: file must be non-empty");
    let mut big = png(10, 10);
    big.resize((10 << 20) + 1, 0);
    let expected = "400 Bad Request: file of size 10485761 bytes is too big for a photo; \
        the maximum size is 10485760 bytes";
    assert_eq!(words("sendPhoto", "photo", big.clone()).await, expected);
    assert_eq!(words("sendDocument", "document", big).await, "200 ok");
    let huge = vec![0; (50 << 20) + 1];
    assert_eq!(words("sendDocument", "document", huge).await, "413 Request Entity Too Large");
    let unknown = world.refusal("sendPhoto", world.to_anna(json!({ "photo": "AgACxyz" }))).await;
    assert_eq!(unknown, "400 Bad Request: wrong file identifier/HTTP URL specified");
    let gone = world.refusal("sendPhoto", world.to_anna(json!({ "photo": "http://127.0.0.1:9/x.png" }))).await;
    assert_eq!(gone, "400 Bad Request: failed to get HTTP URL content");
    let caption = "x".repeat(1025).into_bytes();
    let parts = [("voice", Some("v.oga"), b"voice".to_vec()), ("caption", None, caption)];
    let (_, body) = world.upload("sendVoice", &parts).await;
    assert_eq!(body["description"], "Bad Request: message caption is too long");
}

#[tokio::test]
async fn every_kind_has_its_fields() {
    let world = World::started().await;
    let fields = async |method: &str, field: &str| {
        let (status, body) = upload(&world, method, field, b"content".to_vec()).await;
        assert_eq!(status, 200, "{method}: {body}");
        let media = body["result"][field].as_object().unwrap().clone();
        assert_eq!(media["file_size"], 7);
        media.keys().filter(|key| !key.starts_with("file_")).cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(fields("sendDocument", "document").await, "mime_type");
    assert_eq!(fields("sendVoice", "voice").await, "duration mime_type");
    assert_eq!(fields("sendVideo", "video").await, "duration width height mime_type");
    assert_eq!(fields("sendAudio", "audio").await, "duration mime_type");
    assert_eq!(fields("sendAnimation", "animation").await, "duration width height mime_type");
    assert_eq!(fields("sendVideoNote", "video_note").await, "duration length");
    assert_eq!(fields("sendSticker", "sticker").await, "width height is_animated is_video type");
}

#[tokio::test]
async fn albums() {
    let world = World::started().await;
    let media = |kinds: &[&str]| {
        let items = kinds.iter().enumerate().map(|(index, kind)| {
            json!({ "type": kind, "media": format!("attach://f{index}"), "caption": format!("no. {index}") })
        });
        Value::Array(items.collect()).to_string().into_bytes()
    };
    let send = async |kinds: &[&str]| {
        let names: Vec<String> = (0..kinds.len()).map(|index| format!("f{index}")).collect();
        let mut parts = vec![("media", None, media(kinds))];
        parts.extend(names.iter().map(|name| (name.as_str(), Some("a.png"), png(10, 10))));
        world.upload("sendMediaGroup", &parts).await
    };
    let (status, body) = send(&["photo", "video"]).await;
    assert_eq!(status, 200, "{body}");
    let sent = body["result"].as_array().unwrap();
    assert_eq!((sent.len(), &sent[1]["caption"]), (2, &json!("no. 1")));
    assert!(sent[0]["media_group_id"].is_string());
    assert_eq!(sent[0]["media_group_id"], sent[1]["media_group_id"]);
    let words = async |kinds: &[&str]| send(kinds).await.1["description"].as_str().unwrap().to_owned();
    let mixed = "Bad Request: Document can't be mixed with other media types";
    assert_eq!(words(&["photo", "document"]).await, mixed);
    assert_eq!(words(&["photo"; 11]).await, "Bad Request: too many messages to send as an album");
    assert_eq!(words(&[]).await, "Bad Request: there are no messages to send");
    let sticker = "Bad Request: can't parse InputMedia: type \"sticker\" can't be used in sendMediaGroup";
    assert_eq!(words(&["sticker"]).await, sticker);
}

#[tokio::test]
async fn people_send_files_and_bots_fetch_them() {
    let world = World::started().await;
    world.anna.sends_document(&world.bot, "price.pdf", "application/pdf", &b"%PDF"[..]);
    let document = world.updates(json!({})).await[0]["message"]["document"].clone();
    assert_eq!((&document["file_name"], &document["mime_type"]), (&json!("price.pdf"), &json!("application/pdf")));
    let get = async |path: &str| {
        let url = format!("{}/file/bot{TOKEN}/{path}", world.telegram.base_url());
        let answer = world.http.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap())
    };
    assert_eq!(get("documents/file_0.pdf").await.0, 404, "nobody asked for it yet");
    let file = world.call("getFile", json!({ "file_id": document["file_id"] })).await;
    assert_eq!((&file["file_size"], &file["file_unique_id"]), (&json!(4), &document["file_unique_id"]));
    let path = file["file_path"].as_str().unwrap();
    assert_eq!(get(path).await, (200, bytes::Bytes::from_static(b"%PDF")));
    world.telegram.advance(std::time::Duration::from_secs(3601));
    assert_eq!(get(path).await.0, 404, "a link lives an hour");
}

#[tokio::test]
async fn some_files_cannot_be_fetched() {
    let world = World::started().await;
    world.anna.sends_document(&world.bot, "big.bin", "application/octet-stream", vec![1; (20 << 20) + 1]);
    let id = world.updates(json!({})).await[0]["message"]["document"]["file_id"].clone();
    let big = world.refusal("getFile", json!({ "file_id": id })).await;
    assert_eq!(big, "400 Bad Request: file is too big");
    assert_eq!(world.refusal("getFile", json!({ "file_id": "x" })).await, "400 Bad Request: invalid file_id");
    assert_eq!(world.refusal("getFile", json!({})).await, "400 Bad Request: file_id not specified");
    let other = world.telegram.add_bot("22:anotherkey", "other_bot");
    world.anna.sends_photo(&other, png(10, 10), "");
    let foreign = world.anna.sees(&other)[0].file.clone().unwrap().id;
    let words = world.refusal("getFile", json!({ "file_id": foreign })).await;
    assert_eq!(words, "400 Bad Request: invalid file_id", "ids belong to one bot");
}
