//! A person in private chats with bots.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::telegram::bot::Bot;
use crate::telegram::hub::Hub;
use crate::telegram::seen::{Seen, seen};
use crate::telegram::text;
use crate::telegram::world::{Content, Message, World};

/// Somebody with a Telegram account. Cheap to clone; all clones are the same person.
#[derive(Debug, Clone)]
pub struct Person {
    pub(crate) hub: Arc<Hub>,
    pub(crate) id: i64,
}

impl Person {
    /// User id, which is the id of the private chat too.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Gives the account a `@username`.
    #[must_use]
    pub fn with_username(self, username: &str) -> Self {
        self.change(|user| username.clone_into(&mut user.username));
        self
    }

    /// Sets the language of the person's app, `en` at first; empty for none.
    #[must_use]
    pub fn with_language(self, language: &str) -> Self {
        self.change(|user| language.clone_into(&mut user.language));
        self
    }

    /// Takes another name.
    pub fn renames(&self, first: &str, last: &str) {
        self.change(|user| {
            first.clone_into(&mut user.first_name);
            last.clone_into(&mut user.last_name);
        });
    }

    /// Deletes the account: bots are answered 403 from now on.
    pub fn deletes_account(&self) {
        self.change(|user| user.deleted = true);
    }

    fn change(&self, change: impl FnOnce(&mut crate::telegram::world::User)) {
        self.hub.edit(|world| world.users.get_mut(&self.id).map(change));
    }

    /// Writes to a bot; gives the message id. Links, commands and the like are marked as Telegram does.
    /// The first message opens the chat; a blocked bot is unblocked first, as the app does.
    pub fn writes(&self, bot: &Bot, text: &str) -> i64 {
        self.sends(bot, Content::text(text, text::detect(text)))
    }

    /// Writes with entities of one's own, an array of `MessageEntity`, instead of the detected ones.
    pub fn writes_with(&self, bot: &Bot, text: &str, entities: Value) -> i64 {
        let entities = if let Value::Array(list) = entities { list } else { Vec::new() };
        self.sends(bot, Content::text(text, entities))
    }

    /// Presses "Start", with the payload of a deep link or an empty one.
    pub fn starts(&self, bot: &Bot, payload: &str) -> i64 {
        let text = format!("/start {payload}");
        self.writes(bot, text.trim_end())
    }

    /// Answers a message of the chat.
    ///
    /// # Errors
    /// There is no such message.
    pub fn replies_to(&self, bot: &Bot, message: i64, text: &str) -> Result<i64, String> {
        let known = self.hub.view(|world| world.message(bot.id(), self.id, message).is_some());
        if !known {
            return Err(format!("there is no message {message} in this chat"));
        }
        let content = Content::text(text, text::detect(text));
        Ok(self.post(bot, Message { reply_to: Some(message), content, ..Message::default() }))
    }

    /// Forwards a text that somebody else wrote, known by name only.
    pub fn forwards(&self, bot: &Bot, text: &str, author: &str) -> i64 {
        let at = self.hub.view(|world| world.now) / 1000;
        let origin = json!({ "type": "hidden_user", "sender_user_name": author, "date": at - 60 });
        let content = Content::text(text, text::detect(text));
        self.post(bot, Message { forward_origin: Some(origin), content, ..Message::default() })
    }

    /// Sends something in a field no program knows yet, or one this stand-in has no verb for.
    pub fn sends_unknown(&self, bot: &Bot, field: &str, value: Value) -> i64 {
        self.sends(bot, Content::field(field, value))
    }

    /// Changes the text or caption of an own message; the bot gets `edited_message`.
    ///
    /// # Errors
    /// The message is not there, is not the person's, or reads the same already.
    pub fn edits(&self, bot: &Bot, message: i64, text: &str) -> Result<(), String> {
        self.hub.edit(|world| {
            let now = world.now;
            let own = world.messages.get_mut(&(bot.id(), message)).filter(|it| it.from == self.id && !it.deleted);
            let own = own.ok_or_else(|| format!("there is no message {message} of this person"))?;
            if own.content.text == text {
                return Err("the message reads the same already".to_owned());
            }
            text.clone_into(&mut own.content.text);
            own.content.entities = text::detect(text);
            own.edited_at = Some(now);
            world.announce(bot.id(), message, "edited_message");
            Ok(())
        })
    }

    /// Deletes a message of the chat. Telegram does not tell the bot.
    ///
    /// # Errors
    /// There is no such message.
    pub fn deletes(&self, bot: &Bot, message: i64) -> Result<(), String> {
        self.hub.edit(|world| {
            let found = world.messages.get_mut(&(bot.id(), message)).filter(|it| it.chat == self.id && !it.deleted);
            found.map(|it| it.deleted = true).ok_or_else(|| format!("there is no message {message} in this chat"))
        })
    }

    /// Blocks the bot; it gets `my_chat_member` with `kicked`.
    pub fn blocks(&self, bot: &Bot) {
        self.hub.edit(|world| set_blocked(world, bot.id(), self.id, true));
    }

    /// Unblocks the bot; it gets `my_chat_member` with `member`.
    pub fn unblocks(&self, bot: &Bot) {
        self.hub.edit(|world| set_blocked(world, bot.id(), self.id, false));
    }

    /// Presses a button of an inline keyboard; gives the id of the callback query.
    ///
    /// # Errors
    /// The message has no button with this `callback_data`.
    pub fn presses(&self, bot: &Bot, message: i64, data: &str) -> Result<String, String> {
        self.hub.edit(|world| {
            let shown = world.message(bot.id(), self.id, message);
            let shown = shown.filter(|it| has_button(it.markup.as_ref(), data));
            let shown = shown.ok_or_else(|| format!("message {message} has no button with data {data:?}"))?;
            let (shown, from) = (world.message_json(shown), world.user_json(self.id));
            let (id, instance) = (world.rng.digits(18), world.rng.digits(18));
            if let Some(state) = world.bots.get_mut(&bot.id()) {
                state.callbacks.insert(id.clone());
            }
            let query = json!({ "id": id, "from": from, "message": shown, "chat_instance": instance, "data": data });
            world.push(bot.id(), "callback_query", self.id, query);
            Ok(id)
        })
    }

    /// The chat with a bot as it stands on the person's screen, deleted messages marked.
    pub fn sees(&self, bot: &Bot) -> Vec<Seen> {
        self.hub.view(|world| seen(world, bot.id(), self.id))
    }

    /// Sends any content.
    pub(crate) fn sends(&self, bot: &Bot, content: Content) -> i64 {
        self.post(bot, Message { content, ..Message::default() })
    }

    pub(crate) fn post(&self, bot: &Bot, message: Message) -> i64 {
        self.hub.edit(|world| {
            set_blocked(world, bot.id(), self.id, false);
            let id = world.post(Message { bot: bot.id(), chat: self.id, from: self.id, ..message });
            world.announce(bot.id(), id, "message");
            id
        })
    }
}

/// Opens the chat when it is new, and tells the bot when its membership changes.
fn set_blocked(world: &mut World, bot: i64, user: i64, blocked: bool) {
    let private = world.privates.entry((bot, user)).or_default();
    if private.blocked == blocked {
        return;
    }
    private.blocked = blocked;
    let (old, new) = if blocked { ("member", "kicked") } else { ("kicked", "member") };
    let update = world.membership_json(bot, user, user, old, new);
    world.push(bot, "my_chat_member", user, update);
}

fn has_button(markup: Option<&Value>, data: &str) -> bool {
    let rows = markup.and_then(|markup| markup.get("inline_keyboard")?.as_array());
    let mut buttons = rows.into_iter().flatten().filter_map(Value::as_array).flatten();
    buttons.any(|button| button.get("callback_data").and_then(Value::as_str) == Some(data))
}
