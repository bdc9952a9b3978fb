//! Short words for what the tests do again and again.

use openline_core::message::{Content, Incoming};
use openline_core::store::Recorded;
use openline_core::{ChannelId, ChatId, Store, StoreError, Timestamp};
use std::process::Command;

/// Set for a test binary that was started by a test: it plays the other process.
const PART: &str = "OPENLINE_TEST_PART";

pub(crate) const NOW: Timestamp = Timestamp(1_767_225_600_000);

pub(crate) fn channel() -> ChannelId {
    ChannelId::parse("site").unwrap()
}

pub(crate) fn chat(id: &str) -> ChatId {
    ChatId::parse(id).unwrap()
}

/// A visitor writes in the chat `id`.
pub(crate) async fn write(store: &dyn Store, id: &str, key: &str, text: &str) -> Result<Recorded, StoreError> {
    let incoming =
        Incoming { chat: chat(id), key: key.to_owned(), visitor: None, content: Content::plain(text), note: None };
    store.record_incoming(&channel(), incoming, NOW).await
}

/// The keys of all messages of the chat `c`, in order.
pub(crate) async fn keys(store: &dyn Store) -> Vec<String> {
    let Some(conversation) = store.conversation(&channel(), &chat("c")).await.unwrap() else { return Vec::new() };
    let slice = store.items_before(conversation.id, None, usize::MAX).await.unwrap();
    slice.items.into_iter().map(|item| item.key).collect()
}

/// What the parent told this process to do, when it is a child.
pub(crate) fn part() -> Option<String> {
    std::env::var(PART).ok()
}

/// Arguments that make a process of this binary run one test only.
pub(crate) fn only(test: &str) -> [&str; 4] {
    [test, "--exact", "--nocapture", "--test-threads=1"]
}

/// This binary as another process that plays `part` of one test.
pub(crate) fn child(test: &str, part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(only(test)).env(PART, part);
    command
}

/// The same with files of at most `blocks` of 512 bytes (in some shells 1024), without dying of it.
pub(crate) fn child_with_small_files(test: &str, part: &str, blocks: u32) -> Command {
    let mut command = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(std::env::current_exe().unwrap()).args(only(test)).env(PART, part);
    command
}
