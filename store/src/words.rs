//! How news is written for another process.

use openline_core::channel::ChatAddress;
use openline_core::store::{Change, News, Queue};
use openline_core::{ChannelId, ChatId, ConversationId, Rev};
use std::collections::{BTreeMap, BTreeSet};

/// Longest notification: PostgreSQL takes less than 8000 bytes.
pub(crate) const LONGEST: usize = 7500;

/// As few notifications as possible: the sender, `c` with a conversation and its newest revision, `b` with one that began
/// and its chat, `v` with an adapter's key, `q` with a queue, `g` that what is remembered may be wrong.
pub(crate) fn words(owner: i64, news: impl Iterator<Item = News>) -> Vec<String> {
    let (mut changes, mut others, mut gap) = (BTreeMap::new(), BTreeSet::new(), false);
    for news in news {
        match news {
            News::Change(change) => {
                let rev = changes.entry(change.conversation).or_insert(change.rev);
                *rev = change.rev.max(*rev);
            }
            News::Queue(queue) => {
                others.insert(format!(" q{}", queue.name()));
            }
            News::Begun(ChatAddress { channel, chat }, conversation) => {
                others.insert(format!(" b{conversation}:{channel}/{chat}"));
            }
            // Words end at a space.
            News::Value(key) if key.contains(char::is_whitespace) => gap = true,
            News::Value(key) => {
                others.insert(format!(" v{key}"));
            }
            News::Gap => gap = true,
        }
    }
    let changes = changes.into_iter().map(|(conversation, rev)| format!(" c{conversation}:{rev}"));
    let mut all = vec![owner.to_string()];
    let gap = gap.then(|| " g".to_owned());
    for word in changes.chain(others).chain(gap) {
        if all.last().is_none_or(|last| last.len() + word.len() > LONGEST) {
            all.push(owner.to_string());
        }
        if let Some(last) = all.last_mut() {
            last.push_str(&word);
        }
    }
    all
}

/// What somebody else told. Unknown words (of a newer version) are passed over.
pub(crate) fn read(owner: i64, payload: &str) -> Vec<News> {
    let mut words = payload.split(' ');
    if words.next() == Some(owner.to_string().as_str()) {
        return Vec::new();
    }
    words.filter_map(one).collect()
}

fn one(word: &str) -> Option<News> {
    if let Some(queue) = word.strip_prefix('q') {
        return Queue::from_name(queue).map(News::Queue);
    }
    if let Some(key) = word.strip_prefix('v') {
        return Some(News::Value(key.to_owned()));
    }
    if let Some(begun) = word.strip_prefix('b') {
        let (conversation, address) = begun.split_once(':')?;
        let (channel, chat) = address.split_once('/')?;
        let address = ChatAddress { channel: ChannelId::parse(channel).ok()?, chat: ChatId::parse(chat).ok()? };
        return Some(News::Begun(address, ConversationId(conversation.parse().ok()?)));
    }
    if word == "g" {
        return Some(News::Gap);
    }
    let (conversation, rev) = word.strip_prefix('c')?.split_once(':')?;
    let (conversation, rev) = (ConversationId(conversation.parse().ok()?), Rev(rev.parse().ok()?));
    Some(News::Change(Change { conversation, rev }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(conversation: i64, rev: i64) -> News {
        News::Change(Change { conversation: ConversationId(conversation), rev: Rev(rev) })
    }

    #[test]
    fn what_is_told_is_heard_by_others_once_and_in_its_newest_state() {
        let queue = News::Queue(Queue::Channel(ChannelId::parse("site").unwrap()));
        let address = ChatAddress { channel: ChannelId::parse("site").unwrap(), chat: ChatId::parse("a:/7").unwrap() };
        let (begun, value) = (News::Begun(address, ConversationId(2)), News::Value("lines/x y".replace(' ', "/")));
        let told =
            [change(1, 5), queue.clone(), change(2, 1), begun.clone(), value.clone(), change(1, 7), queue.clone()];
        let words = words(-3, told.into_iter().chain([News::Gap, change(1, 6)]));
        assert_eq!(words, ["-3 c1:7 c2:1 b2:site/a:/7 qchannel/site vlines/x/y g"]);
        assert_eq!(read(4, &words[0]), [change(1, 7), change(2, 1), begun, queue, value, News::Gap]);
        assert!(read(-3, &words[0]).is_empty());
        assert!(read(4, "-3 x c c1 c1: c:1 q qnothing future:1").is_empty());
    }

    #[test]
    fn much_news_comes_in_several_notifications() {
        let words = words(i64::MIN, (0..2000).map(|n| change(i64::MAX - n, i64::MAX)));
        assert!(words.len() > 1 && words.iter().all(|word| word.len() < 8000));
        assert_eq!(words.iter().flat_map(|word| read(1, word)).count(), 2000);
    }
}
