//! Promises of the reading methods.

use super::Harness;
use super::fixture::{ALL, Talk, at, claim_one, done, edited, follow, settle, text_of};
use crate::domain::id::{ConversationId, Pos, Rev};
use crate::ports::store::Store;
use crate::ports::store::{Amend, Queue, Slice};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// A talk of seven items, two of them changed after they were stored.
async fn seven(store: &Arc<dyn Store>) -> Talk {
    let talk = Talk::new(store, "c");
    for key in ["a", "b", "c"] {
        talk.write(key, at(1)).await;
    }
    for remote in 1..=4 {
        talk.answer(remote, at(2)).await;
    }
    talk.hear(edited(1, at(3), "new"), at(3)).await;
    talk.amend("b", Amend::Delete, at(4)).await.unwrap();
    talk
}

/// An item that changed is told at its newest revision only.
pub async fn items_since_tells_each_item_once_in_its_newest_shape(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = seven(&store).await;
    let (id, rev) = (talk.id().await, talk.conversation().await.rev);
    let slice = store.items_since(id, Rev(0), ALL).await.unwrap();
    let texts: Vec<_> = slice.items.iter().map(text_of).collect();
    assert_eq!(texts, ["a", "c", "2", "3", "4", "new", ""]);
    assert!(slice.items.is_sorted_by(|a, b| a.rev < b.rev));
    assert_eq!((slice.more, slice.rev, slice.items[6].rev), (false, rev, rev));
    for item in slice.items {
        assert_eq!(store.item(id, item.id).await.unwrap(), Some(item));
    }
    // The state of a visitor's message is news as well.
    let job = claim_one(&store, &Queue::Backend, at(5)).await;
    settle(&store, &job, done(), at(5)).await;
    let news = store.items_since(id, rev, ALL).await.unwrap();
    assert_eq!(news.items, [talk.item("a").await]);
}

/// With a limit there is more until all was told; the last item's revision is where to go on.
pub async fn items_since_goes_on_from_the_last_item(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = seven(&store).await;
    let id = talk.id().await;
    let (all, rev) = follow(&store, id, Rev(0), ALL).await;
    for limit in 1..=8 {
        assert_eq!(follow(&store, id, Rev(0), limit).await, (all.clone(), rev));
        let slice = store.items_since(id, Rev(0), limit).await.unwrap();
        assert_eq!((slice.items.len(), slice.more, slice.rev), (limit.min(7), limit < 7, rev));
    }
    let rest = store.items_since(id, all[4].rev, ALL).await.unwrap();
    assert_eq!(rest.items, all[5..]);
}

/// A cursor at the newest revision or beyond it gets nothing but the newest revision.
pub async fn nothing_is_beyond_the_newest_revision(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = seven(&store).await;
    let rev = talk.conversation().await.rev;
    for since in [rev, Rev(rev.0 + 1), Rev(i64::MAX)] {
        let slice = store.items_since(talk.id().await, since, ALL).await.unwrap();
        assert_eq!(slice, Slice { items: Vec::new(), more: false, rev });
    }
}

/// Asking for no item is asking for the newest revision, and whether there is something after the cursor.
pub async fn a_limit_of_nothing_still_tells_the_revision(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = seven(&store).await;
    let (id, rev) = (talk.id().await, talk.conversation().await.rev);
    let empty = |more| Slice { items: Vec::new(), more, rev };
    assert_eq!(store.items_since(id, Rev(0), 0).await.unwrap(), empty(true));
    assert_eq!(store.items_since(id, rev, 0).await.unwrap(), empty(false));
    assert_eq!(store.items_since(id, Rev(i64::MAX), 0).await.unwrap(), empty(false));
    assert_eq!(store.items_before(id, None, 0).await.unwrap(), empty(true));
}

/// Pages of any size, put together, are the conversation.
pub async fn items_before_pages_without_gaps_or_doubles(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = seven(&store).await;
    let (id, rev) = (talk.id().await, talk.conversation().await.rev);
    let all = talk.items().await;
    assert_eq!(all.iter().map(text_of).collect::<Vec<_>>(), ["a", "", "c", "new", "2", "3", "4"]);
    for limit in 1..=8 {
        let (mut items, mut before) = (Vec::new(), None);
        loop {
            let slice = store.items_before(id, before, limit).await.unwrap();
            assert!(slice.items.is_sorted_by(|a, b| a.pos < b.pos));
            assert_eq!((slice.items.len().min(limit), slice.rev), (slice.items.len(), rev));
            before = slice.items.first().map(|item| item.pos);
            items.splice(0..0, slice.items);
            assert!(items.len() <= all.len(), "some come twice");
            assert_eq!(slice.more, items.len() < all.len());
            if !slice.more {
                break;
            }
        }
        assert_eq!(items, all);
    }
    let first = store.items_before(id, Some(all[0].pos), ALL).await.unwrap();
    assert_eq!(first, Slice { items: Vec::new(), more: false, rev });
    assert_eq!(store.items_before(id, Some(Pos(i64::MIN)), 5).await.unwrap().items, []);
}

/// What belongs to one conversation can't be read through another; what isn't there is empty.
pub async fn items_of_another_conversation_are_not_found(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (one, two) = (Talk::new(&store, "c"), Talk::new(&store, "d"));
    let first = one.write("a", at(1)).await;
    let second = two.write("b", at(1)).await;
    let (id, other) = (first.change.conversation, second.change.conversation);
    assert_eq!(store.item(id, second.item.id).await.unwrap(), None);
    assert_eq!(store.item(other, second.item.id).await.unwrap(), Some(second.item));
    let nobody = ConversationId(id.0.max(other.0) + 1000);
    assert_eq!(store.item(nobody, first.item.id).await.unwrap(), None);
    assert_eq!(store.items_since(nobody, Rev(0), 5).await.unwrap(), Slice::default());
    assert_eq!(store.items_before(nobody, None, 5).await.unwrap(), Slice::default());
    assert!(store.conversation(&one.channel, &super::fixture::chat("e")).await.unwrap().is_none());
}

/// A page that follows by revision while others write and change is in the end what is stored.
pub async fn a_follower_misses_nothing_while_others_write(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let id = talk.write("first", at(1)).await.change.conversation;
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let talk = talk.clone();
        writers.spawn(async move {
            for n in 0..15 {
                talk.write(&format!("{writer}-{n}"), at(1)).await;
                talk.answer(1000 * writer + (n * 7) % 15, at(1)).await;
                talk.amend(&format!("{writer}-{}", n / 2), Amend::Delete, at(2)).await;
            }
        });
    }
    let (mut page, mut cursor) = (BTreeMap::new(), Rev(0));
    loop {
        while let Some(writer) = writers.try_join_next() {
            writer.unwrap();
        }
        let last_look = writers.is_empty();
        let (items, rev) = follow(&store, id, cursor, 5).await;
        page.extend(items.into_iter().map(|item| (item.id, item)));
        cursor = rev;
        if last_look {
            break;
        }
    }
    let mut shown: Vec<_> = page.into_values().collect();
    shown.sort_by_key(|item| item.pos);
    assert_eq!(shown.len(), 121);
    assert_eq!(shown, talk.items().await);
}
