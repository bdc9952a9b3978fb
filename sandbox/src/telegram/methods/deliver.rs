//! What all sending methods share: may the bot write there, what does it reply to, how fast is it.

use serde_json::{Value, json};

use crate::telegram::error::ApiError;
use crate::telegram::params::Params;
use crate::telegram::world::{Content, Message, World};

/// Finds the chat by `chat_id` or `@username` and refuses what the bot may not see.
pub(super) fn chat(world: &World, bot: i64, params: &Params) -> Result<i64, ApiError> {
    let given = params.text("chat_id");
    if given.is_empty() {
        return Err(ApiError::bad("chat_id is empty"));
    }
    let missing = || ApiError::bad("chat not found");
    // People cannot be found by their names, and this stand-in has no public groups.
    let id: i64 = given.parse().map_err(|_| missing())?;
    if id > 0 {
        return person_chat(world, bot, id).map(|()| id);
    }
    let group = world.groups.get(&id).ok_or_else(missing)?;
    let word = if group.supergroup { "supergroup" } else { "group" };
    if let Some(to) = group.migrated_to.filter(|_| group.bots.contains(&bot) || group.kicked.contains(&bot)) {
        return Err(ApiError::migrated(to));
    }
    if group.bots.contains(&bot) {
        return Ok(id);
    }
    if group.kicked.contains(&bot) {
        return Err(ApiError::forbidden(&format!("bot was kicked from the {word} chat")));
    }
    Err(missing())
}

fn person_chat(world: &World, bot: i64, user: i64) -> Result<(), ApiError> {
    let shares_group = world.groups.values().any(|it| it.bots.contains(&bot) && it.members.contains(&user));
    let known = world.privates.contains_key(&(bot, user));
    match world.users.get(&user) {
        Some(other) if other.is_bot && user != bot => Err(ApiError::forbidden("bot can't send messages to bots")),
        Some(other) if other.deleted && known => Err(ApiError::forbidden("user is deactivated")),
        Some(_) if known => Ok(()),
        Some(_) if shares_group => Err(ApiError::forbidden("bot can't initiate conversation with a user")),
        _ => Err(ApiError::bad("chat not found")),
    }
}

/// Refuses to send to somebody who blocked the bot.
pub(super) fn refuse_person(world: &World, bot: i64, chat: i64) -> Result<(), ApiError> {
    match world.privates.get(&(bot, chat)) {
        Some(private) if private.blocked => Err(ApiError::forbidden("bot was blocked by the user")),
        _ => Ok(()),
    }
}

/// The leaky bucket of a chat, when it is switched on.
fn check_flood(world: &mut World, bot: i64, chat: i64, messages: usize) -> Result<(), ApiError> {
    let now = world.now;
    let (Some(limit), Some(state)) = (world.switches.flood, world.bots.get_mut(&bot)) else { return Ok(()) };
    let (level, at) = state.flood.get(&chat).copied().unwrap_or((0.0, now));
    #[expect(clippy::cast_precision_loss, reason = "milliseconds between calls and a few messages are small")]
    let (passed, more) = ((now - at).max(0) as f64 / 1000.0, messages as f64);
    let level = (level - passed * limit.per_second).max(0.0) + more;
    if level > limit.burst {
        #[expect(clippy::cast_possible_truncation, reason = "a bucket of a few messages empties within minutes")]
        let seconds = ((level - limit.burst) / limit.per_second.max(0.001)).ceil() as i64;
        return Err(ApiError::retry_after(seconds.max(1)));
    }
    state.flood.insert(chat, (level, now));
    Ok(())
}

/// The message a new one replies to.
fn reply(world: &World, bot: i64, chat: i64, params: &Params) -> Result<Option<i64>, ApiError> {
    let (id, forgiving) = match params.json("reply_parameters", "reply parameters")? {
        Some(Value::Object(given)) if given.is_empty() => return Ok(None),
        Some(Value::Object(given)) => {
            let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
            let id = given.get("message_id").and_then(number);
            let id = id.ok_or_else(|| ApiError::bad("can't find field \"message_id\""))?;
            (id, given.get("allow_sending_without_reply").and_then(Value::as_bool).unwrap_or(false))
        }
        Some(_) => return Err(ApiError::bad("object expected as reply parameters")),
        None => match params.int("reply_to_message_id") {
            Some(id) => (id, params.flag("allow_sending_without_reply")),
            None => return Ok(None),
        },
    };
    if id <= 0 {
        return Ok(None);
    }
    match world.message(bot, chat, id) {
        Some(_) => Ok(Some(id)),
        None if forgiving => Ok(None),
        None => Err(ApiError::bad("message to be replied not found")),
    }
}

/// An inline keyboard or whatever else stands under a message; only its form is checked.
pub(super) fn markup(params: &Params) -> Result<Option<Value>, ApiError> {
    let markup = params.json("reply_markup", "reply keyboard markup")?;
    match &markup {
        Some(Value::Object(object)) => {
            let broken = object
                .get("inline_keyboard")
                .is_some_and(|rows| !rows.as_array().is_some_and(|rows| rows.iter().all(Value::is_array)));
            if broken { Err(ApiError::bad("field \"inline_keyboard\" must be an Array of Arrays")) } else { Ok(markup) }
        }
        Some(_) => Err(ApiError::bad("object expected as reply markup")),
        None => Ok(None),
    }
}

/// Where messages go, after everything that may be refused was asked.
#[derive(Debug)]
pub(super) struct Target {
    chat: i64,
    reply_to: Option<i64>,
    markup: Option<Value>,
}

/// May the bot send so many messages there now?
pub(super) fn place(world: &mut World, bot: i64, params: &Params, messages: usize) -> Result<Target, ApiError> {
    let chat = chat(world, bot, params)?;
    let reply_to = reply(world, bot, chat, params)?;
    let markup = markup(params)?;
    refuse_person(world, bot, chat)?;
    check_flood(world, bot, chat, messages)?;
    Ok(Target { chat, reply_to, markup })
}

/// Puts a bot's message into its chat and gives it as JSON.
pub(super) fn put(world: &mut World, bot: i64, place: &Target, content: Content, group: Option<String>) -> Value {
    let message = Message {
        bot,
        chat: place.chat,
        from: bot,
        reply_to: place.reply_to,
        markup: place.markup.clone(),
        media_group: group,
        content,
        ..Message::default()
    };
    // The message ends whatever the bot was shown to be doing.
    if let Some(private) = world.privates.get_mut(&(bot, place.chat)) {
        private.action = None;
    }
    let id = world.post(message);
    world.messages.get(&(bot, id)).map_or(json!(null), |message| world.message_json(message))
}
