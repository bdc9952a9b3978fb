//! The methods of the Bot API that this stand-in has.

mod album;
mod change;
mod deliver;
mod input;
mod intake;
mod kinds;
mod media;
mod reply;
mod send;
mod small;

pub(crate) use media::file_content;
pub(crate) use reply::Reply;

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::{ApiError, Failure};
use super::hub::Hub;
use super::params::Params;

/// Names as documented; calls may write them in any case.
const NAMES: &[&str] = &[
    "getMe",
    "getUpdates",
    "setWebhook",
    "deleteWebhook",
    "getWebhookInfo",
    "sendMessage",
    "sendPhoto",
    "sendDocument",
    "sendVoice",
    "sendVideo",
    "sendAudio",
    "sendAnimation",
    "sendSticker",
    "sendVideoNote",
    "sendMediaGroup",
    "sendLocation",
    "sendContact",
    "sendChatAction",
    "editMessageText",
    "editMessageCaption",
    "editMessageReplyMarkup",
    "deleteMessage",
    "deleteMessages",
    "getFile",
    "getChat",
    "answerCallbackQuery",
    "setMyCommands",
    "getMyCommands",
    "deleteMyCommands",
];

/// The documented spelling; unknown names stay as they are.
pub(crate) fn proper_name(method: &str) -> &str {
    NAMES.iter().find(|name| name.eq_ignore_ascii_case(method)).copied().unwrap_or(method)
}

/// Runs a method.
pub(crate) async fn call(hub: &Arc<Hub>, bot: i64, method: &str, params: &Params) -> Result<Reply, Failure> {
    let method = proper_name(method);
    match method {
        "getUpdates" => return intake::get_updates(hub, bot, params).await,
        "setWebhook" => return intake::set_webhook(hub, bot, params),
        "deleteWebhook" => return Ok(intake::delete_webhook(hub, bot, params)),
        "sendMediaGroup" => return Ok(album::send(hub, bot, params).await?.into()),
        _ => {}
    }
    if let Some(kind) = kinds::of_method(method) {
        return Ok(media::send(hub, bot, kind, params).await?.into());
    }
    Ok(hub.edit(|world| run(world, bot, method, params))?.into())
}

/// Methods that need nothing but the memory.
fn run(world: &mut super::world::World, bot: i64, method: &str, params: &Params) -> Result<Value, ApiError> {
    match method {
        "getMe" => Ok(small::me(world, bot)),
        "getWebhookInfo" => Ok(intake::info(world, bot)),
        "sendMessage" => send::message(world, bot, params),
        "sendLocation" => send::location(world, bot, params),
        "sendContact" => send::contact(world, bot, params),
        "sendChatAction" => send::action(world, bot, params),
        "editMessageText" => change::text(world, bot, params),
        "editMessageCaption" => change::caption(world, bot, params),
        "editMessageReplyMarkup" => change::markup(world, bot, params),
        "deleteMessage" => change::delete(world, bot, params),
        "deleteMessages" => change::delete_many(world, bot, params),
        "getFile" => world.open_file(bot, params.text("file_id")),
        "getChat" => small::chat(world, bot, params),
        "answerCallbackQuery" => small::answer_callback(world, bot, params),
        "setMyCommands" => small::set_commands(world, bot, params),
        "getMyCommands" => Ok(world.bots.get(&bot).map_or(json!([]), |bot| bot.commands.clone())),
        "deleteMyCommands" => small::delete_commands(world, bot),
        _ => Err(ApiError::new(404, "Not Found: method not found")),
    }
}
