//! One conversation of the simple store: where its items stand, and what it hears.

use super::{Mail, Room};
use crate::domain::message::{Dialog, Happened, ItemKind, Side, State, Thread};
use crate::ports::clock::Timestamp;
use crate::ports::store::Act;

impl Room {
    pub(super) fn visitors(&self, key: &str) -> Option<usize> {
        self.mails.iter().position(|mail| mail.side == Side::Visitor && mail.key == key)
    }

    /// Puts a mail before the first one with a greater remote id, or at the end.
    pub(super) fn place(&mut self, mail: Mail) -> usize {
        let later = |index: &usize| mail.remote.is_some() && self.mails[*index].remote > mail.remote;
        let place = self.order.iter().position(later).unwrap_or(self.order.len());
        self.place_at(place, mail)
    }

    /// Puts the line's greeting before what the visitor wrote last.
    pub(super) fn place_greeting(&mut self, mail: Mail) -> usize {
        let newest = self.mails.iter().all(|known| known.remote < mail.remote);
        if newest { self.place_at(self.last_words(), mail) } else { self.place(mail) }
    }

    /// Puts the mark of a dialog's beginning before what it began with.
    pub(super) fn place_start(&mut self, mail: Mail) -> usize {
        let kind = |place: &usize| self.mails[self.order[*place]].kind;
        let is_mark = |place: &usize| matches!(kind(place), ItemKind::DialogStarted | ItemKind::DialogFinished);
        let all = self.order.len();
        let since = (0..all).rev().find(is_mark).map_or(0, |mark| mark + 1);
        let first = (since..all).find(|place| self.mails[self.order[*place]].side == Side::Visitor);
        let place = Some(self.last_words()).filter(|last| *last < all).or(first).unwrap_or(all);
        self.place_at(place, mail)
    }

    /// Where the visitor's messages begin that nobody has answered.
    pub(super) fn last_words(&self) -> usize {
        let is_other = |index: &usize| self.mails[*index].side != Side::Visitor;
        self.order.iter().rposition(is_other).map_or(0, |other| other + 1)
    }

    pub(super) fn place_at(&mut self, place: usize, mail: Mail) -> usize {
        self.order.insert(place, self.mails.len());
        self.active = self.active.max(mail.at);
        self.mails.push(mail);
        self.changed = true;
        self.mails.len() - 1
    }

    pub(super) fn set_state(&mut self, mail: usize, state: State) -> bool {
        let mail = &mut self.mails[mail];
        let seen = mail.state != state && mail.side == Side::Visitor;
        mail.state = state;
        self.changed |= seen;
        seen
    }

    pub(super) fn hear(&mut self, happened: &Happened, now: Timestamp) -> (bool, Option<(Act, usize)>) {
        let of = |remote: i64| self.mails.iter().position(|mail| mail.remote == Some(remote));
        match happened {
            Happened::Wrote { remote, side, content, .. } => {
                if of(*remote).is_some() {
                    return (false, None);
                }
                let new = Mail::new(ItemKind::Message, *side, &content.text.to_plain(), now);
                let mail = self.place(Mail { remote: Some(*remote), ..new });
                (true, Some((Act::Send, mail)))
            }
            Happened::Greeted { remote, content } => {
                if of(*remote).is_some() {
                    return (false, None);
                }
                let new = Mail::new(ItemKind::Message, Side::System, &content.text.to_plain(), now);
                let mail = self.place_greeting(Mail { remote: Some(*remote), ..new });
                (true, Some((Act::Send, mail)))
            }
            Happened::Arrived { remote, side, content, delivered_as, .. } => {
                if of(*remote).is_some() {
                    return (false, None);
                }
                let new = Mail::new(ItemKind::Message, *side, &content.text.to_plain(), now);
                let (state, delivered_as) = (State::Delivered, delivered_as.clone());
                self.place(Mail { remote: Some(*remote), state, delivered_as, ..new });
                (true, None)
            }
            Happened::Edited { remote, at, text } => {
                let Some(index) = of(*remote).filter(|index| !self.mails[*index].deleted) else { return (false, None) };
                let mail = &mut self.mails[index];
                if mail.heard > Some(*at) {
                    return (false, None);
                }
                mail.heard = Some(*at);
                if mail.text == text.to_plain() {
                    return (false, None);
                }
                (mail.text, mail.edited) = (text.to_plain(), true);
                (true, Some((Act::Edit, index)))
            }
            Happened::Deleted { remote } => {
                let Some(index) = of(*remote).filter(|index| !self.mails[*index].deleted) else { return (false, None) };
                self.mails[index].delete();
                (true, Some((Act::Delete, index)))
            }
            Happened::DialogStarted { session } => (self.start(session, now), None),
            Happened::DialogFinished { session } => (self.finish(session, now), None),
        }
    }

    pub(in crate::contract) fn tell(&mut self, thread: &Thread) {
        if let (Some(known), Some(next)) = (&self.thread.session, &thread.session)
            && known != next
        {
            self.past.insert(known.clone());
        }
        self.thread.update(thread);
    }

    pub(super) fn delivered_into(&mut self, thread: &Thread) {
        self.tell(thread);
        if thread.session.as_ref().is_some_and(|session| !self.finished.contains(session)) {
            self.dialog = Dialog::Open;
        }
    }

    pub(super) fn start(&mut self, session: &str, now: Timestamp) -> bool {
        let known = self.finished.contains(session) || self.started.iter().any(|known| known == session);
        if !known {
            self.started.push(session.to_owned());
            self.dialog = Dialog::Open;
            self.place_start(Mail::new(ItemKind::DialogStarted, Side::System, "", now));
        }
        !known
    }

    pub(super) fn finish(&mut self, session: &str, now: Timestamp) -> bool {
        let new = self.finished.insert(session.to_owned());
        if new {
            self.past.insert(session.to_owned());
            if self.started.last().is_none_or(|running| self.finished.contains(running)) {
                self.dialog = Dialog::Closed;
            }
            self.place(Mail::new(ItemKind::DialogFinished, Side::System, "", now));
        }
        new
    }
}
