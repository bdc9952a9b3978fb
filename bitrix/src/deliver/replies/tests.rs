use super::*;
use openline_core::id::{ChannelId, ChatId, ConversationId, Rev};
use openline_core::message::{Dialog, FileSource, Visitor};
use serde_json::json;

/// Written from the vendor's page on `imopenlines.session.history.get`, key by key.
const DOCUMENTED: &str = include_str!("history.json");

fn documented() -> Value {
    serde_json::from_str(DOCUMENTED).unwrap()
}

fn portal() -> Url {
    Url::parse("https://shop.bitrix24.com/").unwrap()
}

fn conversation() -> Conversation {
    Conversation {
        id: ConversationId(1),
        channel: ChannelId::parse("site").unwrap(),
        chat: ChatId::parse("c").unwrap(),
        visitor: Visitor::default(),
        thread: Thread::default(),
        dialog: Dialog::Open,
        rev: Rev(1),
    }
}

/// Number, side, author and content of each reply that its visitor may not have got.
fn replies(history: &Value) -> Vec<(i64, Side, Option<String>, Content)> {
    let wrote = |(_, event): (i64, OperatorEvent)| match event.happened {
        Happened::Wrote { remote, side, author, content } => Some((remote, side, author, content)),
        _ => None,
    };
    told(history, &conversation(), 0, &portal()).into_iter().filter_map(wrote).collect()
}

/// Number and ids of each reply that was confirmed.
fn arrived(history: &Value) -> Vec<(i64, Vec<String>)> {
    let arrived = |(_, event): (i64, OperatorEvent)| match event.happened {
        Happened::Arrived { remote, delivered_as, .. } => Some((remote, delivered_as)),
        _ => None,
    };
    told(history, &conversation(), 0, &portal()).into_iter().filter_map(arrived).collect()
}

fn message(id: i64, sender: &str, params: &Value) -> Value {
    json!({ "id": id.to_string(), "senderid": sender, "text": format!("text {id}"), "params": params })
}

#[test]
fn the_documented_answer_gives_its_replies_with_their_files() {
    let replies = replies(&documented());
    let heads: Vec<_> = replies
        .iter()
        .map(|(id, side, author, content)| (*id, *side, author.as_deref(), content.text.to_plain()))
        .collect();
    let hours = (86505, Side::System, None, "Our working hours are over.".to_owned());
    // Of the third file no address is told.
    let both = (86506, Side::Operator, Some("Anna Lee"), "Both as you asked, 3 < 4\n[lost.txt]".to_owned());
    assert_eq!(heads, [hours, both]);
    let files = &replies[1].3.files;
    let told: Vec<_> =
        files.iter().map(|file| (file.name.as_str(), file.mime.as_str(), file.size, file.pixels)).collect();
    assert_eq!(told, [("plan.PNG", "image/png", Some(70855), Some((646, 615))), ("price.pdf", "", Some(48211), None)]);
    for (file, id) in files.iter().zip([5437, 5438]) {
        let whole = "https://shop.bitrix24.com/bitrix/services/main/ajax.php?action=disk.api.file.download&fileId=";
        assert_eq!(file.source, FileSource::Backend(format!("{whole}{id}")));
    }
}

#[test]
fn the_documented_answer_tells_where_the_dialog_is_and_what_arrived() {
    let history = documented();
    let there = Thread { line: None, chat: Some("1811".into()), session: Some("345".into()) };
    assert_eq!(thread(&history), there);
    assert_eq!(arrived(&history), [(86503, vec!["55".to_owned(), "56".to_owned()])]);
    assert_eq!(ours(&history, "ol-1").map(files_of), Some(1));
    assert_eq!(ours(&history, "56").map(files_of), Some(0));
    assert!(ours(&history, "ol-2").is_none());
}

/// Older answers and other methods of the portal have the same names in other letters.
#[test]
fn every_spelling_of_the_names_is_read() {
    fn spelled(value: &Value, spell: fn(&str) -> String) -> Value {
        match value {
            Value::Object(map) => map.iter().map(|(key, value)| (spell(key), spelled(value, spell))).collect(),
            Value::Array(list) => list.iter().map(|value| spelled(value, spell)).collect(),
            other => other.clone(),
        }
    }
    let camel = |key: &str| match key {
        "urldownload" => "urlDownload".to_owned(),
        "senderid" => "senderId".to_owned(),
        other => other.to_owned(),
    };
    let snake = |key: &str| match key {
        "connectorMid" => "CONNECTOR_MID".to_owned(),
        "fileId" => "FILE_ID".to_owned(),
        "firstName" => "first_name".to_owned(),
        "externalAuthId" => "external_auth_id".to_owned(),
        other => other.to_uppercase(),
    };
    let expected = replies(&documented());
    for spell in [camel, snake, str::to_lowercase as fn(&str) -> String] {
        assert_eq!(replies(&spelled(&documented(), spell)), expected);
    }
}

#[test]
fn only_unconfirmed_replies_meant_for_the_visitor_are_missed() {
    let history = json!({
        "chatId": 7, "sessionId": 9,
        "message": {
            "15": message(15, "27", &json!([])),
            "11": message(11, "27", &json!([])),
            "12": message(12, "450", &json!({"connectorMid": ["m-1"]})),
            "13": message(13, "27", &json!({"connectorMid": ["4"]})),
            "14": message(14, "27", &json!({"class": "bx-messenger-content-item-system"})),
            "16": message(16, "0", &json!([])),
            "17": message(17, "0", &json!({"class": "bx-messenger-content-item-ol-output"})),
            "18": message(18, "450", &json!([])),
            "19": message(19, "99", &json!([])),
            "20": message(20, "28", &json!([])),
        },
        "users": {
            "27": {"name": "Anna Lee", "connector": false}, "28": {"name": "", "firstName": "Ben", "lastName": "King"},
            "450": {"connector": true, "externalAuthId": "imconnector"},
        },
    });
    let remotes: Vec<_> = replies(&history).into_iter().map(|(id, side, author, _)| (id, side, author)).collect();
    let (anna, ben) = (Some("Anna Lee".to_owned()), Some("Ben King".to_owned()));
    let expected = [
        (11, Side::Operator, anna.clone()),
        (15, Side::Operator, anna),
        (17, Side::System, None),
        (20, Side::Operator, ben),
    ];
    assert_eq!(remotes, expected);
    assert_eq!(arrived(&history), [(13, vec!["4".to_owned()])], "confirmed before");
    assert_eq!(told(&history, &conversation(), 11, &portal()).len(), 4, "what was seen is not taken again");
}

#[test]
fn the_external_id_is_found_in_all_shapes_of_a_history() {
    for history in [
        json!({"message": {"7": {"params": {"connectorMid": ["a", "m-1"]}}}}),
        json!({"message": [{"params": {"connectorMid": "m-1"}}]}),
        json!({"message": {"7": {"params": {"CONNECTOR_MID": {"0": "m-1"}}}}}),
    ] {
        assert!(ours(&history, "m-1").is_some(), "{history}");
    }
    for empty in [json!({"message": []}), json!({}), json!({"message": {"7": {"params": []}}})] {
        assert!(ours(&empty, "m-1").is_none(), "{empty}");
    }
}

#[test]
fn a_note_is_known_by_its_text_its_author_and_its_time() {
    let written = |at: &str| Timestamp(at.parse::<jiff::Timestamp>().unwrap().as_millisecond());
    let (at, later) = (written("2026-03-11T12:12:30Z"), written("2026-03-11T12:14:00Z"));
    let there = |text: &str, since| has_note(&documented(), text, since);
    assert!(there("[USER=27 REPLACE]Anna Lee[/USER] joined", at));
    assert!(!there("[USER=27 REPLACE]Anna Lee[/USER] joined", later), "it was said before");
    assert!(!there("Anna Lee joined", at));
    assert!(!there("Good day!", at), "an operator wrote it");
}
