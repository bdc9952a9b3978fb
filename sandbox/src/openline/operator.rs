//! What operators do at the portal: write, edit, delete; and what of it reaches the channel (bitrix24.md §6.3–§6.5).

use super::payload::message_delete_data;
use super::sessions::NewMessage;
use crate::events::emit::{Audience, Event};
use crate::model::{Actor, Author, Chat, Connector, Message, State};

impl State {
    /// Writes into a chat as an employee. Gives the message id, or why the user interface refuses (bitrix24.md E7).
    pub(crate) fn operator_writes(
        &mut self,
        user: i64,
        chat_id: i64,
        text: &str,
        files: Vec<i64>,
    ) -> Result<i64, String> {
        self.check_can_write(chat_id)?;
        if text.trim().is_empty() && files.is_empty() {
            return Err("The message is empty.".to_owned());
        }
        let actor = Actor::person(user);
        self.ensure_session(chat_id, actor);
        let new = NewMessage { text: text.to_owned(), files, ..NewMessage::default() };
        let id = self.add_message(chat_id, Author::Operator(user), new);
        self.mark_read(chat_id);
        self.send_to_channel(id, actor);
        Ok(id)
    }

    /// The test the user interface makes before it sends anything.
    pub(crate) fn check_can_write(&self, chat_id: i64) -> Result<(), String> {
        let chat = self.chats.get(&chat_id).ok_or("The chat does not exist.")?;
        if !self.connectors.contains_key(&chat.connector) || !self.is_connected(&chat.connector, chat.line) {
            return Err("The channel is not connected to this open line, or it is in error.".to_owned());
        }
        if self.lines.get(&chat.line).is_none_or(|line| !line.active) {
            return Err("The open line is switched off.".to_owned());
        }
        Ok(())
    }

    /// Hands a stored message to the connector and starts its clock.
    pub(crate) fn send_to_channel(&mut self, id: i64, actor: Actor) {
        let Some((message, chat, connector)) = self.trio(id) else { return };
        let Some(data) = self.message_add_data(&connector, &chat, &message) else { return };
        if let Some(message) = self.messages.get_mut(&id) {
            message.sending = true;
        }
        self.emit(&Event::new("ONIMCONNECTORMESSAGEADD", data, Audience::App(connector.app), actor));
    }

    /// Edits an employee's message; the channel hears of it only once ids were confirmed.
    pub(crate) fn operator_edits(&mut self, user: i64, id: i64, text: &str) -> Result<(), String> {
        let message = self.messages.get(&id).filter(|message| !message.deleted).ok_or("The message does not exist.")?;
        if matches!(message.author, Author::Client(_)) {
            return Err("The client's messages cannot be edited.".to_owned());
        }
        if text.trim().is_empty() {
            return Err("The message is empty.".to_owned());
        }
        let known = self.trio(id);
        if known.as_ref().is_some_and(|(_, _, connector)| !connector.flags.edit_internal_messages) {
            return Err("This channel does not let messages be edited.".to_owned());
        }
        self.rewrite_message(id, Some(text));
        if let Some((message, chat, connector)) =
            self.trio(id).filter(|(message, _, _)| !message.external_ids.is_empty())
        {
            let data = self.message_update_data(&connector, &chat, &message);
            let audience = Audience::App(connector.app);
            self.emit(&Event::new("ONIMCONNECTORMESSAGEUPDATE", data, audience, Actor::person(user)));
        }
        Ok(())
    }

    /// Deletes a message, the client's included where the connector allows it.
    pub(crate) fn operator_deletes(&mut self, user: i64, id: i64) -> Result<(), String> {
        let message = self.messages.get(&id).filter(|message| !message.deleted).ok_or("The message does not exist.")?;
        let of_client = matches!(message.author, Author::Client(_));
        let known = self.trio(id);
        let allowed = known.as_ref().is_none_or(|(_, _, connector)| {
            // The flag for editing governs the deletion of operators' messages too (bitrix24.md §4.1).
            if of_client { connector.flags.del_external_messages } else { connector.flags.edit_internal_messages }
        });
        if !allowed {
            return Err("This channel does not let messages be deleted.".to_owned());
        }
        self.rewrite_message(id, None);
        if let Some((message, chat, connector)) = known.filter(|(message, _, _)| !message.external_ids.is_empty()) {
            let data = message_delete_data(&chat, &message);
            let audience = Audience::App(connector.app);
            self.emit(&Event::new("ONIMCONNECTORMESSAGEDELETE", data, audience, Actor::person(user)));
        }
        Ok(())
    }

    /// Delivery confirmation: the first one stops the clock and stores the external ids (bitrix24.md §4.10).
    pub(crate) fn confirm_delivery(&mut self, id: i64, external_ids: Vec<String>) {
        let rev = self.touch();
        let Some(message) = self.messages.get_mut(&id) else { return };
        message.rev = rev;
        message.read = true;
        if message.sending {
            message.sending = false;
            if message.external_ids.is_empty() {
                message.external_ids = external_ids;
            }
        }
        let chat = message.chat_id;
        self.touch_chat(chat);
    }

    /// The operators have seen everything in a chat.
    pub(crate) fn mark_read(&mut self, chat_id: i64) {
        let last = self.messages_of(chat_id).next_back().map_or(0, |message| message.id);
        if let Some(chat) = self.chats.get_mut(&chat_id).filter(|chat| chat.read_up_to != last) {
            chat.read_up_to = last;
            self.touch_chat(chat_id);
        }
    }

    /// Chooses who acts at the desk; false when there is no such employee.
    pub(crate) fn set_operator(&mut self, user: i64) -> bool {
        let employed = self.users.get(&user).is_some_and(|user| user.active && user.external_key.is_none());
        if employed {
            self.operator = user;
        }
        employed
    }

    /// A message with its chat and connector.
    fn trio(&self, id: i64) -> Option<(Message, Chat, Connector)> {
        let message = self.messages.get(&id)?;
        let chat = self.chats.get(&message.chat_id)?;
        let connector = self.connectors.get(&chat.connector)?;
        Some((message.clone(), chat.clone(), connector.clone()))
    }
}
