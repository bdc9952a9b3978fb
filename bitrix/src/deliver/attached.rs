//! Visitors' files on their way to the portal: it fetches them from us while it handles the message, and says nothing of
//! those that it could not fetch (`bitrix24.md` §4.7).

use openline_core::backend::{Act, Delivery};
use openline_core::message::{File, Note};
use openline_core::words::Catalogue;
use serde_json::{Value, json};

/// Longest name the portal keeps, in characters; it drops what stands before.
const MAX_NAME: usize = 50;

/// Whether the portal has files to fetch for this delivery.
pub(crate) fn sends_files(delivery: &Delivery) -> bool {
    delivery.act == Act::Send && !delivery.item.content.files.is_empty()
}

/// `message.files`.
pub(crate) fn files(delivery: &Delivery) -> Value {
    let named = delivery.item.content.files.iter().zip(&delivery.file_urls);
    named.map(|(file, url)| json!({ "url": url, "name": short(file) })).collect()
}

/// The end of a name, where its ending is.
fn short(file: &File) -> String {
    let length = file.name.chars().count();
    file.name.chars().skip(length.saturating_sub(MAX_NAME)).collect()
}

/// What the operators are told of a message that has arrived with `fetched` of its files; `None` when it has all, or the
/// portal did not tell how many.
pub(crate) fn missing(
    words: &Catalogue,
    public_url: &str,
    delivery: &Delivery,
    fetched: Option<usize>,
) -> Option<Note> {
    let (item, all) = (&delivery.item, delivery.item.content.files.len());
    let missing = all.checked_sub(fetched?).filter(|missing| *missing > 0 && sends_files(delivery))?;
    tracing::warn!(
        item = %item.id,
        missing,
        public_url,
        "the portal could not fetch files of a message: public_url must be reachable for it"
    );
    let names = item.content.files.iter().map(|file| format!("\"{}\"", short(file))).collect::<Vec<_>>().join(", ");
    let key = match (missing, all) {
        (1, 1) => "file_unfetched",
        _ if missing == all => "files_unfetched",
        _ => "files_partly",
    };
    let text = words.fill(key, &[("names", &names), ("count", &missing.to_string())]);
    Some(Note { key: format!("files/{}", item.id), text })
}

/// Why the portal finds nothing in a message that has files only: it could not fetch any of them.
pub(crate) fn nothing_left(public_url: &str, delivery: &Delivery) -> Option<String> {
    let files_only = sends_files(delivery) && delivery.item.content.text.is_empty();
    let why =
        || format!("the portal could not fetch the message's files from {public_url}, which must be reachable for it");
    files_only.then(why)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use openline_core::Timestamp;
    use openline_core::id::{ChannelId, ChatId, ConversationId, FileId, MessageId, Pos, Rev};
    use openline_core::message::{
        Content, Conversation, Dialog, FileSource, Item, ItemKind, Side, State, Thread, Visitor,
    };
    use openline_core::text::RichText;

    /// A visitor's message with these files.
    pub(crate) fn delivery(text: &str, names: &[&str]) -> Delivery {
        let source = FileSource::Stored(FileId::parse(&"a".repeat(64)).unwrap());
        let file = |name: &&str| File {
            name: (*name).to_owned(),
            mime: String::new(),
            size: Some(1),
            pixels: None,
            source: source.clone(),
        };
        let conversation = Conversation {
            id: ConversationId(1),
            channel: ChannelId::parse("site").unwrap(),
            chat: ChatId::parse("c").unwrap(),
            visitor: Visitor::default(),
            thread: Thread::default(),
            dialog: Dialog::Open,
            rev: Rev(1),
        };
        let item = Item {
            id: MessageId(7),
            rev: Rev(1),
            pos: Pos(1),
            kind: ItemKind::Message,
            side: Side::Visitor,
            state: State::Sent,
            key: "k".into(),
            author: None,
            content: Content { text: RichText::plain(text), files: names.iter().map(file).collect() },
            at: Timestamp(0),
            remote: None,
            delivered_as: vec![],
            tag: openline_core::Tag::default(),
            edited: false,
            deleted: false,
        };
        let file_urls = names.iter().map(|name| format!("https://c.example/f/t/{name}")).collect();
        Delivery {
            conversation,
            item,
            act: Act::Send,
            external_id: "x-7".into(),
            uncertain: false,
            unknown_since: None,
            file_urls,
        }
    }

    #[test]
    fn files_are_named_as_the_portal_keeps_names() {
        let long = format!("{}.png", "ä".repeat(60));
        let sent = files(&delivery("", &["a.pdf", &long]));
        assert_eq!(sent[0], json!({ "url": "https://c.example/f/t/a.pdf", "name": "a.pdf" }));
        assert_eq!(sent[1]["name"], json!(format!("{}.png", "ä".repeat(46))));
    }

    #[test]
    fn operators_are_told_what_the_portal_could_not_fetch() {
        let words = openline_core::words::operators("en");
        let note = |names: &[&str], fetched| missing(words, "https://c.example", &delivery("x", names), fetched);
        assert_eq!(note(&["a", "b"], Some(2)), None);
        assert_eq!(note(&[], Some(0)), None);
        assert_eq!(note(&["a"], None), None, "it did not tell");
        let one = note(&["a.png"], Some(0)).unwrap();
        assert_eq!((one.key.as_str(), one.text.contains("the file \"a.png\"")), ("files/7", true), "{}", one.text);
        assert!(note(&["a", "b"], Some(0)).unwrap().text.ends_with("could not fetch them."));
        assert!(note(&["a", "b", "c"], Some(2)).unwrap().text.ends_with("could not fetch 1 of them."));
        let edit = Delivery { act: Act::Edit, ..delivery("x", &["a"]) };
        assert!(missing(words, "https://c.example", &edit, Some(0)).is_none() && !sends_files(&edit));
    }
}
