//! Promises of the adapters' own values.

use super::Harness;
use crate::domain::error::StoreError;
use crate::ports::store::Expect;
use crate::ports::store::Store;
use std::sync::Arc;
use tokio::task::JoinSet;

async fn get(store: &Arc<dyn Store>, key: &str) -> Option<Vec<u8>> {
    store.state_get(key).await.unwrap()
}

async fn put(store: &Arc<dyn Store>, key: &str, value: &[u8]) {
    store.state_put(key, value, Expect::Anything).await.unwrap();
}

/// A value is what was put last, until it is deleted.
pub async fn values_are_kept_replaced_and_forgotten(harness: &dyn Harness) {
    let store = harness.fresh().await;
    assert_eq!(get(&store, "k").await, None);
    put(&store, "k", b"one").await;
    put(&store, "l", b"other").await;
    assert_eq!(get(&store, "k").await.unwrap(), b"one");
    put(&store, "k", b"two").await;
    assert_eq!(get(&store, "k").await.unwrap(), b"two");
    store.state_delete("k").await.unwrap();
    store.state_delete("k").await.unwrap();
    assert_eq!((get(&store, "k").await, get(&store, "l").await.unwrap()), (None, b"other".to_vec()));
}

/// Every expectation against every state of affairs; a refused value is not stored.
pub async fn a_value_is_replaced_only_when_it_is_as_expected(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let there: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"one")];
    let expectations =
        [(Expect::Anything, None), (Expect::Nothing, Some(None)), (Expect::Value(b""), Some(Some(b"".as_slice())))];
    for before in there {
        for (expect, wanted) in expectations {
            store.state_delete("k").await.unwrap();
            if let Some(before) = before {
                put(&store, "k", before).await;
            }
            let fits = wanted.is_none_or(|wanted| wanted == before);
            match store.state_put("k", b"new", expect).await {
                Ok(()) => assert!(fits, "{before:?} {expect:?}"),
                Err(StoreError::Conflict) => assert!(!fits, "{before:?} {expect:?}"),
                Err(error) => panic!("{error}"),
            }
            let after = if fits { Some(b"new".as_slice()) } else { before };
            assert_eq!(get(&store, "k").await.as_deref(), after);
        }
    }
}

/// Compare-and-set loses nothing.
pub async fn fifty_increments_at_once_are_fifty(harness: &dyn Harness) {
    let store = harness.fresh().await;
    put(&store, "n", b"0").await;
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            // Who is refused was overtaken by somebody who was not.
            for _ in 0..50 {
                let old = get(&store, "n").await.unwrap();
                let number: u32 = std::str::from_utf8(&old).unwrap().parse().unwrap();
                let new = (number + 1).to_string();
                match store.state_put("n", new.as_bytes(), Expect::Value(&old)).await {
                    Ok(()) => return,
                    Err(StoreError::Conflict) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            panic!("refused without reason");
        });
    }
    tasks.join_all().await;
    assert_eq!(get(&store, "n").await.unwrap(), b"50");
}

/// Of many who want to be first, one is.
pub async fn one_of_fifty_is_the_first(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let mut tasks = JoinSet::new();
    for n in 0..50_u8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.state_put("k", &[n], Expect::Nothing).await.is_ok().then_some(n) });
    }
    let won: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert_eq!(get(&store, "k").await.unwrap(), won);
}

/// A prefix is characters, nothing else: no patterns, no folding of case. Keys come in the order of their bytes.
pub async fn a_prefix_lists_exactly_what_begins_with_it(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let keys =
        ["a", "a/", "a/B", "a/a", "a/é", "a/é2", "a%", "a_", "A/", "a\\x", "a\0b", "a\0", "b", "ab", "a/\u{10ffff}"];
    for key in keys {
        put(&store, key, key.as_bytes()).await;
    }
    let prefixes = ["", "a", "a/", "a/é", "a%", "a_", "%", "_", "A", "a\0", "a\0b", "a\\", "a/a", "c", "a/\u{10ffff}"];
    for prefix in prefixes {
        let mut wanted: Vec<_> = keys.iter().filter(|key| key.starts_with(prefix)).collect();
        wanted.sort();
        let found = store.state_list(prefix).await.unwrap();
        assert!(found.iter().all(|(key, value)| key.as_bytes() == value));
        assert_eq!(found.iter().map(|(key, _)| key).collect::<Vec<_>>(), wanted, "{prefix:?}");
    }
}

/// Values are bytes, long or short, text or not.
pub async fn any_bytes_are_a_value(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let all: Vec<u8> = (0..=255).collect();
    for value in [Vec::new(), vec![0], all.clone(), all.repeat(4096)] {
        put(&store, "k", &value).await;
        assert_eq!(get(&store, "k").await.unwrap(), value);
        assert_eq!(store.state_list("k").await.unwrap(), [("k".to_owned(), value.clone())]);
        store.state_put("k", b"x", Expect::Value(&value)).await.unwrap();
    }
}
