//! Promises of [`crate::store::Conversations::record_outgoing`](crate::ports::store::Store::record_outgoing): storing what operators wrote.

use super::Harness;
use super::fixture::{Talk, at, claim_one, edited, finished, started, text_of, wrote};
use crate::domain::message::{Content, Happened, ItemKind, OperatorEvent, Side, State};
use crate::ports::store::{Act, Noted, Queue, Work};
use std::sync::Arc;
use tokio::task::JoinSet;

fn is_nothing(noted: &Noted) -> bool {
    noted.change.is_none() && noted.queue.is_none()
}

/// After an event was recorded, the answer and a job for its channel are there.
pub async fn an_answer_is_stored_with_its_job(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let question = talk.write("q", at(1)).await;
    let noted = talk.answer(7, at(2)).await;
    let change = noted.change.unwrap();
    let item = talk.reply(7).await;
    assert_eq!((change.conversation, change.rev), (question.change.conversation, item.rev));
    assert_eq!(noted.queue, Some(Queue::Channel(talk.channel.clone())));
    assert_eq!((item.kind, item.side, item.state), (ItemKind::Message, Side::Operator, State::Sent));
    assert_eq!((item.author.as_deref(), text_of(&item).as_str(), item.at), (Some("Ann"), "7", at(2)));
    assert_eq!((item.remote, item.edited, item.deleted), (Some(7), false, false));
    assert!(item.rev > question.item.rev && item.pos > question.item.pos && item.id > question.item.id);
    let job = claim_one(&store, &talk.queue(), at(2)).await;
    assert_eq!((job.work, job.item, job.conversation), (Work::ToVisitor(Act::Send), item, talk.conversation().await));
}

/// A message of the portal is stored once, whoever is said to have written it the second time.
pub async fn a_remote_id_is_stored_once(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    talk.answer(7, at(1)).await;
    let rev = talk.conversation().await.rev;
    for side in [Side::Operator, Side::System] {
        let again = Happened::Wrote { remote: 7, side, author: None, content: Content::plain("else") };
        assert!(is_nothing(&talk.hear(again, at(2)).await));
    }
    assert_eq!((talk.texts().await, talk.conversation().await.rev), (vec!["7".to_owned()], rev));
    assert_eq!(store.depth(&talk.queue()).await.unwrap(), 1);
    // The other conversation's own message of that number is another one.
    assert!(Talk::new(&store, "d").answer(7, at(3)).await.change.is_some());
}

fn batch(talk: &Talk) -> Vec<OperatorEvent> {
    let system = Happened::Wrote { remote: 2, side: Side::System, author: None, content: Content::plain("welcome") };
    [
        started("s"),
        wrote(1),
        system,
        wrote(3),
        edited(1, at(10), "one"),
        edited(1, at(11), "uno"),
        Happened::Deleted { remote: 3 },
        finished("s"),
    ]
    .into_iter()
    .map(|happened| talk.event(happened))
    .collect()
}

/// The same batch again, whole or in part, changes nothing.
pub async fn a_batch_may_come_again(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let noted = store.record_outgoing(batch(&talk), at(1)).await.unwrap();
    assert!(noted.iter().all(|noted| noted.change.is_some()));
    let (items, conversation) = (talk.items().await, talk.conversation().await);
    let texts: Vec<_> = items.iter().map(text_of).collect();
    assert_eq!(texts, ["", "uno", "welcome", "", ""]);
    let depth = store.depth(&talk.queue()).await.unwrap();
    assert_eq!(depth, 6);
    for skipped in 0..batch(&talk).len() {
        let again = batch(&talk).split_off(skipped);
        let noted = store.record_outgoing(again, at(20)).await.unwrap();
        assert!(noted.iter().all(is_nothing), "{noted:?}");
    }
    assert_eq!((talk.items().await, talk.conversation().await), (items, conversation));
    assert_eq!(store.depth(&talk.queue()).await.unwrap(), depth);
}

/// The same at the same time.
pub async fn a_batch_that_comes_fifty_times_at_once_is_stored_once(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let mut writers = JoinSet::new();
    for _ in 0..50 {
        let (store, events) = (Arc::clone(&store), batch(&talk));
        writers.spawn(async move { store.record_outgoing(events, at(1)).await.unwrap() });
    }
    let answers = writers.join_all().await;
    let told = answers.iter().filter(|noted| noted.iter().any(|noted| !is_nothing(noted))).count();
    assert_eq!(told, 1);
    assert_eq!(talk.items().await.len(), 5);
    assert_eq!(store.depth(&talk.queue()).await.unwrap(), 6);
}

/// One result for each event, in their order, also over several conversations and channels.
pub async fn every_event_gets_its_result(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let (one, two) = (Talk::of(&store, "site", "c"), Talk::of(&store, "shop", "c"));
    let unknown = Happened::Deleted { remote: 99 };
    let events = vec![
        one.event(wrote(1)),
        two.event(wrote(2)),
        two.event(unknown),
        one.event(wrote(1)),
        one.event(started("s")),
        two.event(wrote(3)),
    ];
    let noted = store.record_outgoing(events, at(1)).await.unwrap();
    let (first, second) = (one.id().await, two.id().await);
    let conversations: Vec<_> = noted.iter().map(|noted| noted.change.map(|change| change.conversation)).collect();
    assert_eq!(conversations, [Some(first), Some(second), None, None, Some(first), Some(second)]);
    let queues: Vec<_> = noted.iter().map(|noted| noted.queue.clone()).collect();
    assert_eq!(queues, [Some(one.queue()), Some(two.queue()), None, None, None, Some(two.queue())]);
    assert_eq!(noted[4].change.unwrap().rev, one.conversation().await.rev);
    assert_eq!(noted[5].change.unwrap().rev, two.conversation().await.rev);
    assert!(store.record_outgoing(Vec::new(), at(2)).await.unwrap().is_empty());
}

/// A conversation may begin on the operators' side.
pub async fn operators_may_write_first(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let noted = talk.answer(1, at(1)).await;
    let recorded = talk.write("a", at(2)).await;
    assert_eq!(noted.change.unwrap().conversation, recorded.change.conversation);
    assert_eq!(talk.texts().await, ["1", "a"]);
}

/// What reached its visitor before the database was set back is stored once, with its ids, and not sent again.
pub async fn what_arrived_before_is_stored_and_not_sent(harness: &dyn Harness) {
    let store = harness.fresh().await;
    let talk = Talk::new(&store, "c");
    let arrived = |remote: i64| Happened::Arrived {
        remote,
        side: Side::Operator,
        author: Some("Ann".to_owned()),
        content: Content::plain("told"),
        delivered_as: vec!["tg-9".to_owned()],
    };
    talk.answer(9, at(1)).await;
    let noted = talk.hear(arrived(5), at(2)).await;
    assert!(noted.change.is_some() && noted.queue.is_none(), "{noted:?}");
    let items = talk.items().await;
    assert_eq!(items.iter().map(|item| item.remote).collect::<Vec<_>>(), [Some(5), Some(9)], "at its place");
    assert_eq!((items[0].state, &items[0].delivered_as[..]), (State::Delivered, &["tg-9".to_owned()][..]));
    assert_eq!(store.depth(&talk.queue()).await.unwrap(), 1);
    assert!(talk.hear(arrived(5), at(3)).await.change.is_none());
    assert!(talk.hear(arrived(9), at(3)).await.change.is_none(), "known, and on its way");
}
