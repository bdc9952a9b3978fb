//! Texts, places, contacts and chat actions.

use serde_json::{Map, Value, json};

use super::deliver;
use crate::telegram::error::ApiError;
use crate::telegram::params::Params;
use crate::telegram::text::{self, Formatted, MAX_CAPTION, MAX_TEXT};
use crate::telegram::world::{Content, World};

/// Actions a bot may be shown to do.
const ACTIONS: [&str; 14] = [
    "cancel",
    "typing",
    "record_video",
    "upload_video",
    "record_audio",
    "record_voice",
    "upload_audio",
    "upload_voice",
    "upload_photo",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

/// The text of a message, as far as it can be judged before the chat.
pub(super) fn given_text(params: &Params) -> Result<Formatted, ApiError> {
    if params.text("text").is_empty() {
        return Err(ApiError::bad("message text is empty"));
    }
    text::parse(params.text("text"), params.text("parse_mode"), params.entities("entities").as_ref())
}

/// Trims and measures a text.
pub(super) fn finished_text(formatted: Formatted) -> Result<Formatted, ApiError> {
    let finished = text::finish(formatted, false)?;
    if text::length(&finished.text) > MAX_TEXT {
        return Err(ApiError::bad("message is too long"));
    }
    Ok(finished)
}

/// The caption from its parameters; may be empty.
pub(super) fn caption(params: &Params) -> Result<Formatted, ApiError> {
    let entities = params.entities("caption_entities");
    measured_caption(params.text("caption"), params.text("parse_mode"), entities.as_ref())
}

/// A caption, read, trimmed and measured.
pub(super) fn measured_caption(given: &str, mode: &str, entities: Option<&Value>) -> Result<Formatted, ApiError> {
    let finished = text::finish(text::parse(given, mode, entities)?, true)?;
    if text::length(&finished.text) > MAX_CAPTION {
        return Err(ApiError::bad("message caption is too long"));
    }
    Ok(finished)
}

/// `link_preview_options` as it stands in the message.
pub(super) fn link_preview(params: &Params) -> Result<Map<String, Value>, ApiError> {
    let mut fields = Map::new();
    match params.json("link_preview_options", "link preview options")? {
        Some(Value::Object(options)) => {
            fields.insert("link_preview_options".to_owned(), Value::Object(options));
        }
        Some(_) => return Err(ApiError::bad("object expected as link preview options")),
        None if params.flag("disable_web_page_preview") => {
            fields.insert("link_preview_options".to_owned(), json!({ "is_disabled": true }));
        }
        None => {}
    }
    Ok(fields)
}

pub(super) fn message(world: &mut World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    let fields = link_preview(params)?;
    let formatted = given_text(params)?;
    deliver::chat(world, bot, params)?;
    let formatted = finished_text(formatted)?;
    let place = deliver::place(world, bot, params, 1)?;
    let content = Content { fields, ..Content::text(&formatted.text, formatted.entities) };
    Ok(deliver::put(world, bot, &place, content, None))
}

pub(super) fn location(world: &mut World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    let number = |name: &str| {
        let given = params.text(name);
        if given.is_empty() { Err(ApiError::bad(format!("{name} is empty"))) } else { Ok(given.parse().unwrap_or(0.0)) }
    };
    let (latitude, longitude): (f64, f64) = (number("latitude")?, number("longitude")?);
    if latitude.abs() > 90.0 || longitude.abs() > 180.0 {
        return Err(ApiError::bad("wrong location specified"));
    }
    let place = deliver::place(world, bot, params, 1)?;
    let content = Content::field("location", json!({ "latitude": latitude, "longitude": longitude }));
    Ok(deliver::put(world, bot, &place, content, None))
}

pub(super) fn contact(world: &mut World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    let needed = |name: &str| {
        let given = params.text(name);
        let words = || ApiError::bad(format!("parameter \"{name}\" is required"));
        if given.is_empty() { Err(words()) } else { Ok(given.to_owned()) }
    };
    let mut contact = json!({ "phone_number": needed("phone_number")?, "first_name": needed("first_name")? });
    if let (Some(object), false) = (contact.as_object_mut(), params.text("last_name").is_empty()) {
        object.insert("last_name".to_owned(), json!(params.text("last_name")));
    }
    let place = deliver::place(world, bot, params, 1)?;
    Ok(deliver::put(world, bot, &place, Content::field("contact", contact), None))
}

pub(super) fn action(world: &mut World, bot: i64, params: &Params) -> Result<Value, ApiError> {
    let action = params.text("action");
    if !ACTIONS.contains(&action) {
        return Err(ApiError::bad("wrong parameter action in request"));
    }
    let chat = deliver::chat(world, bot, params)?;
    deliver::refuse_person(world, bot, chat)?;
    if let Some(private) = world.privates.get_mut(&(bot, chat)) {
        private.action = Some(action.to_owned()).filter(|action| action != "cancel");
    } else if let Some(group) = world.groups.get_mut(&chat) {
        group.actions.insert(bot, action.to_owned());
    }
    Ok(json!(true))
}
