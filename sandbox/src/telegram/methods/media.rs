//! Photos, documents, voices and the like.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::deliver;
use super::input::{self, Input};
use super::kinds::MediaKind;
use super::send;
use crate::files::sniff;
use crate::telegram::error::ApiError;
use crate::telegram::files::Upload;
use crate::telegram::hub::Hub;
use crate::telegram::params::Params;
use crate::telegram::text::Formatted;
use crate::telegram::world::{Content, World};

pub(super) async fn send(hub: &Arc<Hub>, bot: i64, kind: &MediaKind, params: &Params) -> Result<Value, ApiError> {
    let captioned = !matches!(kind.field, "sticker" | "video_note");
    let caption = if captioned { send::caption(params)? } else { Formatted::default() };
    let given = params.text(kind.field);
    let found = input::find(hub, bot, kind, (kind.field, given), params).await?;
    let found = found.ok_or_else(|| ApiError::bad(format!("there is no {} in the request", kind.word)))?;
    let details = details(params);
    hub.edit(|world| {
        let place = deliver::place(world, bot, params, 1)?;
        let content = content(world, bot, kind, found, &details, caption);
        Ok(deliver::put(world, bot, &place, content, None))
    })
}

/// Numbers and names that come with a file.
fn details(params: &Params) -> Map<String, Value> {
    let mut details = Map::new();
    for name in ["duration", "width", "height", "length"] {
        if let Some(number) = params.int(name) {
            details.insert(name.to_owned(), json!(number));
        }
    }
    for name in ["title", "performer", "emoji"] {
        if !params.text(name).is_empty() {
            details.insert(name.to_owned(), json!(params.text(name)));
        }
    }
    details
}

/// The content of a message with a file.
pub(super) fn content(
    world: &mut World,
    bot: i64,
    kind: &MediaKind,
    input: Input,
    details: &Map<String, Value>,
    caption: Formatted,
) -> Content {
    let upload = match &input {
        Input::New(upload) => Some(upload.clone()),
        Input::Known(id) => world.file_of(bot, id).map(|file| Upload {
            name: file.name.clone(),
            mime: file.mime.clone(),
            bytes: file.bytes.clone(),
        }),
    };
    let upload = upload.unwrap_or_default();
    let known = match input {
        Input::Known(id) => Some(id),
        Input::New(_) => None,
    };
    let mut content = file_content(world, bot, kind.field, upload, known, details);
    (content.text, content.entities) = (caption.text, caption.entities);
    content
}

/// Stores a file, unless it is known, and describes it as its kind of media.
pub(crate) fn file_content(
    world: &mut World,
    bot: i64,
    field: &'static str,
    upload: Upload,
    known: Option<String>,
    details: &Map<String, Value>,
) -> Content {
    if field == "photo" {
        let ids = known.map_or_else(|| world.store_photo(bot, upload), |id| vec![id]);
        let sizes = world.photo_sizes(&ids);
        return Content { file: ids.last().cloned(), ..Content::field("photo", sizes) };
    }
    let mut json = describe(field, &upload, details);
    let id = known.unwrap_or_else(|| world.store_file(bot, field, upload));
    if let Some(file) = world.files.get(&id) {
        json.extend(file.json());
    }
    let mut content = Content { file: Some(id), ..Content::field(field, Value::Object(json.clone())) };
    if field == "animation" {
        // For older programs an animation is a document too.
        json.retain(|name, _| !matches!(name.as_str(), "duration" | "width" | "height"));
        content.fields.insert("document".to_owned(), Value::Object(json));
    }
    content
}

fn ends(upload: &Upload, ending: &str) -> bool {
    upload.name.rsplit_once('.').is_some_and(|(_, it)| it.eq_ignore_ascii_case(ending))
}

/// The fields before `file_id`, in the order of their kind.
fn describe(field: &str, upload: &Upload, details: &Map<String, Value>) -> Map<String, Value> {
    let number = |name: &str| details.get(name).cloned().unwrap_or(json!(0));
    let (width, height) = sniff::dimensions(&upload.bytes).unwrap_or((512, 512));
    let mut json = Map::new();
    let mut put = |name: &str, value: Value| {
        if value != json!("") {
            json.insert(name.to_owned(), value);
        }
    };
    match field {
        "voice" | "audio" => put("duration", number("duration")),
        "video" | "animation" => {
            put("duration", number("duration"));
            put("width", number("width"));
            put("height", number("height"));
        }
        "video_note" => {
            put("duration", number("duration"));
            put("length", number("length"));
        }
        "sticker" => {
            put("width", json!(width));
            put("height", json!(height));
            put("emoji", details.get("emoji").cloned().unwrap_or(json!("")));
            put("is_animated", json!(ends(upload, "tgs")));
            put("is_video", json!(ends(upload, "webm")));
            put("type", json!("regular"));
        }
        _ => {}
    }
    if field == "audio" {
        put("performer", details.get("performer").cloned().unwrap_or(json!("")));
        put("title", details.get("title").cloned().unwrap_or(json!("")));
    }
    if matches!(field, "document" | "video" | "animation" | "audio") {
        put("file_name", json!(upload.name));
    }
    if !matches!(field, "sticker" | "video_note") {
        put("mime_type", json!(upload.mime));
    }
    json
}
