//! A link names a place, not bytes: it ends with its time, and with what it names.

use openline_core::clock::ManualClock;
use openline_core::contract::Nobody;
use openline_core::files::{ByteStream, FilePolicy, FileRules, Holder};
use openline_core::inbox::Doors;
use openline_core::message::{Content, Incoming};
use openline_core::secret::MasterSecret;
use openline_core::store::Amend;
use openline_core::text::RichText;
use openline_core::{Bridge, ChannelId, ChatId, Clock, Roster, Sides, Timestamp};
use openline_store::DiskFiles;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_link_ends_with_its_time_and_with_its_message() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000)));
    let time = Arc::clone(&clock) as Arc<dyn Clock>;
    let store =
        openline_store::open(&format!("sqlite:{}", folder.path().join("openline.db").display()).parse().unwrap())
            .await
            .unwrap();
    let files = DiskFiles::open(&folder.path().join("files"), Arc::clone(&time)).await.unwrap();
    let channel = ChannelId::parse("site").unwrap();
    let doors = Doors::new(store, time, std::slice::from_ref(&channel));
    let secret = MasterSecret::new([7; 32]);
    let doors = doors.equipped(
        Arc::new(files),
        FilePolicy { reader_link: HOUR, ..FileRules::default().into() },
        "https://chat.example",
        &secret,
    );
    let sides = Sides::new(&doors, Arc::new(Nobody), &Roster::default());
    let inbox = sides.inbox(channel);
    let bridge = Bridge::new(sides, BTreeMap::new());
    let chat = ChatId::parse("c").unwrap();
    let mut links = Vec::new();
    for key in ["a", "b"] {
        let bytes: ByteStream = Box::pin(futures_util::stream::iter([Ok(b"the same content".to_vec().into())]));
        let file = inbox.keep_file("a.txt", "text/plain", bytes).await.unwrap();
        let content = Content { text: RichText::default(), files: vec![file] };
        let incoming = Incoming { chat: chat.clone(), key: key.to_owned(), visitor: None, content, note: None };
        let recorded = inbox.accept(incoming).await.unwrap();
        links.push(inbox.file_url(&recorded.item, recorded.change.conversation, 0, Holder::Reader).unwrap());
    }
    let opens = async |link: &str| {
        let token = link.split('/').nth(4).unwrap();
        bridge.linked_file(token).await.unwrap().is_some()
    };
    assert!(opens(&links[0]).await && opens(&links[1]).await);
    inbox.amend(&chat, "a", Amend::Delete).await.unwrap().unwrap();
    assert!(!opens(&links[0]).await, "deleted");
    assert!(opens(&links[1]).await, "the same bytes at another place");
    clock.advance(HOUR);
    assert!(opens(&links[1]).await);
    clock.advance(Duration::from_secs(1));
    assert!(!opens(&links[1]).await, "over");
}
