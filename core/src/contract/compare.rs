//! Comparing the store with the reference, for [`super::model`].

use super::fixture::{ALL, at, follow};
use super::model::Run;
use crate::domain::id::JobId;
use crate::domain::message::{Dialog, Item, Side, State};
use crate::ports::store::{Queue, Work};

impl Run {
    /// Everything that can be read, from the store and on the visitors' pages.
    pub(super) async fn compare(&mut self) {
        for room in 0..3 {
            self.compare_room(room).await;
        }
        for queue in [Queue::Backend, Queue::Confirm, self.talks[0].queue(), self.talks[2].queue()] {
            let works = self.reference.lanes.iter().filter(|lane| lane.queue == queue).flat_map(|lane| &lane.works);
            let mut living: Vec<_> =
                works.filter(|work| work.lives()).map(|work| (work.created, work.attempts)).collect();
            assert_eq!(self.store.depth(&queue).await.unwrap(), living.len() as u64);
            let waiting = self.store.waiting(&queue, ALL).await.unwrap();
            assert!(waiting.is_sorted_by_key(|shown| shown.job));
            let mut waiting: Vec<_> = waiting.iter().map(|shown| (shown.at, shown.attempts)).collect();
            waiting.sort_unstable();
            living.sort_unstable();
            assert_eq!(waiting, living);
        }
        let mut open = Vec::new();
        for (talk, room) in self.talks.iter().zip(&self.reference.rooms) {
            if room.dialog == Dialog::Open {
                open.push(talk.conversation().await);
            }
        }
        open.sort_by_key(|conversation| conversation.id);
        assert_eq!(self.store.following(None, at(0), ALL).await.unwrap(), open);
        self.compare_past_dialogs().await;
        self.compare_idle().await;
        let letters = self.store.dead_letters(None, ALL).await.unwrap();
        let letters: Vec<_> = letters.iter().map(|letter| (letter.job, letter.work, letter.attempts)).collect();
        let works = self.reference.lanes.iter().flat_map(|lane| &lane.works);
        let mut dead: Vec<(JobId, Work, u32)> =
            works.filter(|work| work.is_letter()).map(|work| (work.id.unwrap(), work.what, work.attempts)).collect();
        dead.sort_by_key(|(job, _, _)| *job);
        assert_eq!(letters, dead);
        let values: Vec<_> = self.values.clone().into_iter().collect();
        assert_eq!(self.store.state_list("").await.unwrap(), values);
    }

    async fn compare_past_dialogs(&self) {
        let mut expected = Vec::new();
        for (talk, room) in self.talks.iter().zip(&self.reference.rooms) {
            for session in &room.past {
                let mut conversation = talk.conversation().await;
                conversation.thread.session = Some(session.clone());
                expected.push(conversation);
            }
        }
        expected.sort_by_key(|past| (past.id, past.thread.session.clone()));
        let past = self.store.past_dialogs(0, at(0), ALL).await.unwrap();
        assert!(past.is_sorted_by(|one, two| one.id < two.id));
        let mut found: Vec<_> = past.into_iter().map(|past| past.conversation).collect();
        found.sort_by_key(|past| (past.id, past.thread.session.clone()));
        assert_eq!(found, expected);
    }

    async fn compare_idle(&mut self) {
        let before = at(self.random.below(usize::try_from(self.seconds()).unwrap() + 1) as u64);
        let mut idle = Vec::new();
        for (room, (talk, here)) in self.talks.iter().zip(&self.reference.rooms).enumerate() {
            let waits = self.reference.lanes.iter().any(|lane| lane.room == room && lane.due.is_some());
            if !here.mails.is_empty() && !waits && here.active < before {
                idle.push(talk.id().await);
            }
        }
        idle.sort();
        let mut found = self.store.idle(before, None, ALL).await.unwrap();
        // What an event that means nothing left of a conversation is the store's business.
        let rooms = &self.reference.rooms;
        let mut nothing = Vec::new();
        for (talk, _) in self.talks.iter().zip(rooms).filter(|(_, room)| room.mails.is_empty()) {
            nothing.extend(self.store.conversation(&talk.channel, &talk.chat).await.unwrap().map(|found| found.id));
        }
        found.retain(|id| !nothing.contains(id));
        assert_eq!(found, idle);
    }

    async fn compare_room(&mut self, index: usize) {
        let (talk, room, page) = (&self.talks[index], &mut self.reference.rooms[index], &mut self.pages[index]);
        if room.mails.is_empty() {
            return;
        }
        let conversation = talk.conversation().await;
        assert_eq!(conversation.visitor, room.visitor);
        assert_eq!((&conversation.thread, conversation.dialog), (&room.thread, room.dialog));
        assert_eq!(conversation.rev > page.cursor, room.changed);
        let items = talk.items().await;
        assert_eq!(items.len(), room.order.len());
        for (item, mail) in items.iter().zip(&room.order) {
            room.mails[*mail].check(item);
        }
        let (news, cursor) = follow(&self.store, conversation.id, page.cursor, 1 + self.random.below(6)).await;
        assert_eq!(cursor, conversation.rev);
        page.cursor = cursor;
        page.items.extend(news.into_iter().map(|item| (item.id, item)));
        room.changed = false;
        let mut shown: Vec<_> = page.items.values().collect();
        shown.sort_by_key(|item| item.pos);
        assert_eq!(shown.len(), items.len());
        for (shown, item) in shown.into_iter().zip(&items) {
            assert_eq!(seen(shown), seen(item));
        }
    }
}

/// An item as visitors see it: not how far an operator's message has come.
fn seen(item: &Item) -> Item {
    let state = if item.side == Side::Visitor { item.state } else { State::Sent };
    Item { state, delivered_as: Vec::new(), ..item.clone() }
}
