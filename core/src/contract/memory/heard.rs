//! What is heard from the operators' side.

use super::rows::{Chat, Held, is_mark};
use crate::domain::id::{ConversationId, Pos, Tag};
use crate::domain::message::{Content, Dialog, Item, ItemKind, OperatorEvent, Side, Thread};
use crate::domain::text::RichText;
use crate::domain::time::Timestamp;
use crate::ports::steps::{Heard, Mark, POS_STEP, Place, Stands, Written, between, remote_key};
use crate::ports::store::{Act, Change, Noted, Queue, Work};

impl Held {
    pub(super) fn hear(&mut self, event: OperatorEvent, tag: Tag, at: Timestamp) -> Noted {
        let id = self.chat(&event.channel, &event.chat, at).conversation.id;
        self.tell(id, &event.thread);
        match Heard::from(event.happened) {
            Heard::Written(written) => self.wrote(id, written, tag, at),
            Heard::Edited { remote, at: edited_at, text } => self.edited(id, remote, edited_at, text, at),
            Heard::Deleted { remote } => match self.undeleted(id, remote) {
                Some(item) => {
                    self.delete(id, item.id);
                    self.changed(id, &item, Act::Delete, at)
                }
                None => Noted::default(),
            },
            Heard::Marked { mark, session } => self.marked(id, mark, &session, tag, at),
        }
    }

    fn wrote(&mut self, id: ConversationId, written: Written, tag: Tag, at: Timestamp) -> Noted {
        let Some(chat) = self.chats.get_mut(&id).filter(|chat| chat.by_remote(written.remote).is_none()) else {
            return Noted::default();
        };
        let arrived = written.arrived.is_some();
        let place = chat.place_by_remote(&written, at);
        let change = Some(chat.change());
        let message = self.insert(id, written.item(place, tag, at));
        if arrived {
            return Noted { change, queue: None };
        }
        self.enqueue(id, Work::ToVisitor(Act::Send), message, at);
        Noted { change, queue: self.queue_of(id) }
    }

    fn edited(
        &mut self,
        id: ConversationId,
        remote: i64,
        edited_at: Timestamp,
        text: RichText,
        at: Timestamp,
    ) -> Noted {
        let Some(item) = self.undeleted(id, remote) else { return Noted::default() };
        let Some(kept) = self.kept_mut(id, item.id) else {
            return Noted::default();
        };
        // An edit back to the present text changes nothing, but older ones that come after it are out of date.
        if kept.heard > Some(edited_at) {
            return Noted::default();
        }
        kept.heard = Some(edited_at);
        if item.content.text == text {
            return Noted::default();
        }
        self.edit(id, item.id, Content { text, files: item.content.files.clone() });
        self.changed(id, &item, Act::Edit, at)
    }

    fn changed(&mut self, id: ConversationId, item: &Item, act: Act, at: Timestamp) -> Noted {
        self.enqueue(id, Work::ToVisitor(act), item.id, at);
        Noted { change: self.touch(id, item.id), queue: self.queue_of(id) }
    }

    fn queue_of(&self, id: ConversationId) -> Option<Queue> {
        self.chats.get(&id).map(|chat| Work::ToVisitor(Act::Send).queue(&chat.conversation.channel))
    }

    fn undeleted(&self, id: ConversationId, remote: i64) -> Option<Item> {
        self.chats.get(&id)?.by_remote(remote).filter(|item| !item.deleted).cloned()
    }

    fn marked(&mut self, id: ConversationId, mark: Mark, session: &str, tag: Tag, at: Timestamp) -> Noted {
        let Some(chat) = self.chats.get_mut(&id) else { return Noted::default() };
        if mark.outdated_by().iter().any(|earlier| chat.is_marked(*earlier, session)) {
            return Noted::default();
        }
        if let Some(dialog) = mark.dialog(chat.another_runs(session)) {
            chat.conversation.dialog = dialog;
        }
        let opening = if mark == Mark::Start { chat.opening() } else { None };
        let place = chat.place_before(opening, at);
        let change = Change { conversation: id, rev: place.rev };
        self.insert(id, mark.item(session, place, tag, at));
        if mark == Mark::Finish {
            self.past(id, session.to_owned());
        }
        Noted { change: Some(change), queue: None }
    }

    fn past(&mut self, id: ConversationId, session: String) {
        let number = self.next();
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.past.retain(|(_, known)| *known != session);
            chat.past.push((number, session));
        }
    }

    /// Keeps what is told of the conversation's place on the backend's side.
    pub(super) fn tell(&mut self, id: ConversationId, told: &Thread) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let gone = chat
            .conversation
            .thread
            .session
            .clone()
            .filter(|known| told.session.as_ref().is_some_and(|next| next != known));
        chat.conversation.thread.update(told);
        if let Some(gone) = gone {
            self.past(id, gone);
        }
    }

    /// A message was put into a dialog: that one is open, unless we know it was closed meanwhile.
    pub(super) fn delivered_into(&mut self, id: ConversationId, told: &Thread) {
        self.tell(id, told);
        if let (Some(chat), Some(session)) = (self.chats.get_mut(&id), &told.session)
            && !chat.is_marked(Mark::Finish, session)
        {
            chat.conversation.dialog = Dialog::Open;
        }
    }
}

impl Chat {
    fn by_remote(&self, remote: i64) -> Option<&Item> {
        let key = remote_key(remote);
        self.known(Side::Operator, &key).or_else(|| self.known(Side::System, &key)).map(|kept| &kept.item)
    }

    fn is_marked(&self, mark: Mark, session: &str) -> bool {
        self.known(Side::System, &mark.key(session)).is_some()
    }

    /// Whether the dialog that began last is another one and has not been finished.
    fn another_runs(&self, session: &str) -> bool {
        let items = self.in_order();
        let started = items.iter().rfind(|item| item.kind == ItemKind::DialogStarted);
        let running = started.and_then(|item| Mark::Start.session(&item.key));
        running.is_some_and(|running| running != session && !self.is_marked(Mark::Finish, running))
    }

    fn place_by_remote(&mut self, written: &Written, at: Timestamp) -> Place {
        let newest = self.newest_remote < written.remote;
        self.newest_remote = self.newest_remote.max(written.remote);
        let next = match Stands::of(newest, written.greets) {
            Stands::AtTheEnd => None,
            Stands::BeforeLastWords => self.last_words(),
            Stands::BeforeLater => {
                let items = self.in_order();
                items.iter().find(|item| item.remote > Some(written.remote)).map(|item| item.pos)
            }
        };
        self.place_before(next, at)
    }

    /// The first of the visitor's messages that nobody has answered; `None` when the last word is another's.
    fn last_words(&self) -> Option<Pos> {
        let items = self.in_order();
        let after = items.iter().rposition(|item| item.side != Side::Visitor).map_or(0, |other| other + 1);
        items.get(after).map(|item| item.pos)
    }

    /// The visitor's last words, or else the first ones since the dialog before.
    fn opening(&self) -> Option<Pos> {
        let items = self.in_order();
        let since = items.iter().rposition(is_mark).map_or(0, |mark| mark + 1);
        let first = items[since..].iter().find(|item| item.side == Side::Visitor).map(|item| item.pos);
        self.last_words().or(first)
    }

    fn place_before(&mut self, next: Option<Pos>, at: Timestamp) -> Place {
        let Some(next) = next else { return self.next_place(at) };
        let before = self.items.iter().map(|kept| kept.item.pos).filter(|pos| *pos < next).max();
        let (pos, crowded) = between(before.map(|pos| pos.0), next.0);
        if crowded {
            for item in self.in_order().into_iter().filter(|item| item.pos >= next) {
                if let Some(kept) = self.item_mut(item.id) {
                    kept.item.pos.0 += POS_STEP;
                }
                self.touch(item.id);
            }
        }
        Place { pos, ..self.next_place(at) }
    }
}
