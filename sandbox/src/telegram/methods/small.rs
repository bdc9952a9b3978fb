//! Who the bot is, what a chat is, commands and pressed buttons.

use serde_json::{Value, json};

use super::deliver;
use crate::telegram::error::ApiError;
use crate::telegram::params::Params;
use crate::telegram::world::World;

pub(super) fn me(world: &World, bot: i64) -> Value {
    let mut json = world.user_json(bot);
    let reads = world.bots.get(&bot).is_some_and(|bot| bot.reads_groups);
    if let Some(object) = json.as_object_mut() {
        object.insert("can_join_groups".to_owned(), json!(true));
        object.insert("can_read_all_group_messages".to_owned(), json!(reads));
        for name in ["supports_inline_queries", "can_connect_to_business", "has_main_web_app"] {
            object.insert(name.to_owned(), json!(false));
        }
    }
    json
}

/// `ChatFullInfo`, without what a stand-in does not know.
pub(super) fn chat(world: &World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    let chat = deliver::chat(world, bot, params)?;
    let mut json = world.chat_json(chat);
    if let Some(object) = json.as_object_mut() {
        object.insert("accent_color_id".to_owned(), json!(0));
        object.insert("max_reaction_count".to_owned(), json!(11));
    }
    Ok(json)
}

pub(super) fn answer_callback(world: &mut World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    let id = params.text("callback_query_id");
    let waiting = world.bots.get_mut(&bot).is_some_and(|bot| bot.callbacks.remove(id));
    if waiting {
        return Ok(json!(true));
    }
    Err(ApiError::bad("query is too old and response timeout expired or query ID is invalid"))
}

pub(super) fn set_commands(world: &mut World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    let Some(Value::Array(list)) = params.json("commands", "commands")? else {
        return Err(ApiError::bad("expected an Array of BotCommand"));
    };
    for command in &list {
        let text = |name: &str| command.get(name).and_then(Value::as_str).unwrap_or_default();
        let (name, description) = (text("command").trim_start_matches('/'), text("description"));
        let fine = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
        if name.is_empty() || name.len() > 32 || !name.chars().all(fine) {
            return Err(ApiError::bad("BOT_COMMAND_INVALID"));
        }
        if description.is_empty() || description.chars().count() > 256 {
            return Err(ApiError::bad("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    if list.len() > 100 {
        return Err(ApiError::bad("too many bot commands specified"));
    }
    if let Some(state) = world.bots.get_mut(&bot) {
        state.commands = Value::Array(list);
    }
    Ok(json!(true))
}

pub(super) fn delete_commands(world: &mut World, bot: i64) -> Result<Value, ApiError> {
    let state = world.bots.get_mut(&bot).ok_or_else(ApiError::not_found)?;
    state.commands = json!([]);
    Ok(json!(true))
}
