//! Promises of [`crate::store::Conversations::record_outgoing`](crate::ports::store::Store::record_outgoing): answers that come in another order than they
//! were written in, as after a time in which nobody listened.

use super::Harness;
use super::fixture::{ALL, Talk, at, follow, wrote};
use crate::domain::message::Item;
use std::collections::BTreeMap;

/// Smaller remote ids stand before greater ones, however they come.
pub async fn a_late_answer_stands_before_the_later_ones(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    for remote in [5, 9, 7, 3, 8, 1, 10] {
        let noted = talk.answer(remote, at(2)).await;
        assert_eq!(noted.change.unwrap().rev, talk.conversation().await.rev);
    }
    assert_eq!(talk.texts().await, ["a", "1", "3", "5", "7", "8", "9", "10"]);
}

/// What the visitor wrote before the later answer stays before the late one too, and what came after stays after.
pub async fn a_late_answer_stands_behind_what_was_there_before_the_later_one(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("a", at(1)).await;
    talk.answer(5, at(2)).await;
    talk.write("b", at(3)).await;
    talk.answer(9, at(4)).await;
    talk.write("c", at(5)).await;
    talk.answer(7, at(6)).await;
    talk.answer(3, at(7)).await;
    assert_eq!(talk.texts().await, ["a", "3", "5", "b", "7", "9", "c"]);
    talk.write("d", at(8)).await;
    talk.answer(11, at(9)).await;
    assert_eq!(talk.texts().await, ["a", "3", "5", "b", "7", "9", "c", "d", "11"]);
}

async fn late(harness: &dyn Harness, remotes: impl Iterator<Item = i64>) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("first", at(1)).await;
    talk.answer(1000, at(2)).await;
    talk.write("last", at(3)).await;
    let events = remotes.map(|remote| talk.event(wrote(remote))).collect();
    store.record_outgoing(events, at(4)).await.unwrap();
    let mut wanted: Vec<_> = (1..=100).map(|remote| remote.to_string()).collect();
    wanted.insert(0, "first".to_owned());
    wanted.extend(["1000".to_owned(), "last".to_owned()]);
    assert_eq!(talk.texts().await, wanted);
    assert!(talk.items().await.is_sorted_by(|a, b| a.pos < b.pos));
    // Also one by one, where equal positions would swallow items.
    let (id, mut before, mut texts) = (talk.id().await, None, Vec::new());
    loop {
        let slice = store.items_before(id, before, 1).await.unwrap();
        let Some(item) = slice.items.first() else { break };
        before = Some(item.pos);
        assert!(texts.len() < wanted.len(), "some come twice");
        texts.insert(0, item.content.text.to_plain());
    }
    assert_eq!(texts, wanted);
    talk.write("new", at(5)).await;
    assert_eq!(talk.texts().await.last().unwrap(), "new");
}

/// There is always room between two items.
pub async fn a_hundred_late_answers_in_order_find_room(harness: &dyn Harness) {
    late(harness, 1..=100).await;
}

/// There is always room between two items, from the other end.
pub async fn a_hundred_late_answers_in_reverse_find_room(harness: &dyn Harness) {
    late(harness, (1..=100).rev()).await;
}

/// When a store moves items to make room, they have changed: who follows the conversation sees the same order as who
/// reads it anew.
pub async fn followers_learn_of_everything_that_moved(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.write("first", at(1)).await;
    talk.answer(1000, at(2)).await;
    talk.write("last", at(3)).await;
    let id = talk.id().await;
    let (seen, mut cursor) = follow(&store, id, crate::domain::id::Rev(0), ALL).await;
    let mut page: BTreeMap<_, Item> = seen.into_iter().map(|item| (item.id, item)).collect();
    for remote in (1..=60).map(|n| if n % 2 == 0 { n } else { 500 - n }) {
        let noted = talk.answer(remote, at(4)).await;
        let (news, now) = follow(&store, id, cursor, 3).await;
        assert_eq!(noted.change.unwrap().rev, now);
        page.extend(news.into_iter().map(|item| (item.id, item)));
        cursor = now;
    }
    let mut shown: Vec<_> = page.into_values().collect();
    shown.sort_by_key(|item| item.pos);
    assert_eq!(shown, talk.items().await);
}
