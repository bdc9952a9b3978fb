//! `sendMediaGroup`: two to ten files in one go.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::input::{self, Input};
use super::kinds::{self, MediaKind};
use super::media;
use super::{deliver, send};
use crate::telegram::error::ApiError;
use crate::telegram::hub::Hub;
use crate::telegram::params::Params;
use crate::telegram::text::Formatted;

/// Kinds that may stand in an album.
const ALLOWED: [&str; 4] = ["photo", "video", "audio", "document"];

/// One element, ready to be sent.
struct Element {
    kind: &'static MediaKind,
    input: Input,
    caption: Formatted,
    details: Map<String, Value>,
}

pub(super) async fn send(hub: &Arc<Hub>, bot: i64, params: &Params) -> Result<Value, ApiError> {
    if params.text("media").is_empty() {
        return Err(ApiError::bad("parameter \"media\" is required"));
    }
    let media = params.json("media", "media")?;
    let Some(Value::Array(media)) = media else { return Err(ApiError::bad("expected an Array of InputMedia")) };
    let mut elements = Vec::new();
    for item in &media {
        elements.push(element(hub, bot, item, params).await?);
    }
    check(&elements)?;
    hub.edit(|world| {
        let place = deliver::place(world, bot, params, elements.len())?;
        let group = world.rng.digits(17);
        let group = (elements.len() > 1).then_some(group);
        let mut sent = Vec::new();
        for Element { kind, input, caption, details } in elements {
            let content = media::content(world, bot, kind, input, &details, caption);
            sent.push(deliver::put(world, bot, &place, content, group.clone()));
        }
        Ok(Value::Array(sent))
    })
}

fn check(elements: &[Element]) -> Result<(), ApiError> {
    if elements.len() > 10 {
        return Err(ApiError::bad("too many messages to send as an album"));
    }
    let Some(first) = elements.first() else { return Err(ApiError::bad("there are no messages to send")) };
    let mixed = elements.iter().any(|it| it.kind.field != first.kind.field);
    let alone = elements.iter().find(|it| matches!(it.kind.field, "audio" | "document"));
    match alone {
        Some(it) if mixed => {
            let word = if it.kind.field == "audio" { "Audio" } else { "Document" };
            Err(ApiError::bad(format!("{word} can't be mixed with other media types")))
        }
        _ => Ok(()),
    }
}

async fn element(hub: &Arc<Hub>, bot: i64, item: &Value, params: &Params) -> Result<Element, ApiError> {
    let broken = |words: &str| ApiError::bad(format!("can't parse InputMedia: {words}"));
    let object = item.as_object().ok_or_else(|| broken("expected an Object"))?;
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let caption = send::measured_caption(text("caption"), text("parse_mode"), object.get("caption_entities"))?;
    if text("type").is_empty() {
        return Err(broken("Can't find field \"type\""));
    }
    let kind = kinds::of_type(text("type")).filter(|kind| ALLOWED.contains(&kind.field));
    let kind = kind.ok_or_else(|| broken(&format!("type \"{}\" can't be used in sendMediaGroup", text("type"))))?;
    let found = match text("media") {
        "" => None,
        given => input::find(hub, bot, kind, ("", given), params).await?,
    };
    let input = found.ok_or_else(|| broken("media not found"))?;
    let names = ["duration", "width", "height", "title", "performer"];
    let details = object.iter().filter(|(name, _)| names.contains(&name.as_str()));
    Ok(Element { kind, input, caption, details: details.map(|(name, value)| (name.clone(), value.clone())).collect() })
}
