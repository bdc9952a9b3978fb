//! Files that visitors send: what they are, and how they get here.

use crate::telegram::client::api::Api;
use crate::telegram::client::errors::Failure;
use openline_core::VisitorInbox;
use openline_core::files::FileError;
use openline_core::message::File;
use serde_json::Value;
use teloxide::payloads::GetFile;
use teloxide::types::FileId;

/// A file at Telegram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::telegram) struct Media {
    /// What it is called among operators: "photo".
    pub(in crate::telegram) label: &'static str,
    /// Telegram's id.
    id: String,
    name: String,
    mime: String,
    /// Bytes, when told.
    size: Option<u64>,
    /// What it says without a caption: a sticker's emoji.
    pub(in crate::telegram) says: String,
}

/// The kinds, with ending and type for those that have none of their own. An animation is a document as well.
const KINDS: [(&str, &str, &str); 8] = [
    ("animation", "mp4", "video/mp4"),
    ("video", "mp4", "video/mp4"),
    ("video_note", "mp4", "video/mp4"),
    ("voice", "ogg", "audio/ogg"),
    ("audio", "mp3", "audio/mpeg"),
    ("document", "bin", "application/octet-stream"),
    ("photo", "jpg", "image/jpeg"),
    ("sticker", "webp", "image/webp"),
];

/// Larger stickers are told by their emoji only.
const STICKER: u64 = 1_000_000;

/// The file of a message.
pub(in crate::telegram) fn of(message: &Value) -> Option<Media> {
    let (key, ending, mime) = KINDS.iter().find(|(key, ..)| !message[*key].is_null())?;
    let file = if *key == "photo" { largest(&message["photo"])? } else { &message[*key] };
    let id = file["file_id"].as_str()?.to_owned();
    let size = file["file_size"].as_u64();
    let (ending, mime) = match *key {
        "sticker" if size.is_some_and(|size| size > STICKER) => return None,
        "sticker" if file["is_animated"] == Value::Bool(true) => ("tgs", "application/x-tgsticker"),
        "sticker" if file["is_video"] == Value::Bool(true) => ("webm", "video/webm"),
        _ => (*ending, *mime),
    };
    let text = |key: &str| file[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let number = message["message_id"].as_i64().unwrap_or_default();
    let says = if *key == "sticker" { text("emoji").unwrap_or_default() } else { String::new() };
    Some(Media {
        label: if *key == "video_note" { "video message" } else { key },
        id,
        name: text("file_name").unwrap_or_else(|| format!("{key}_{number}.{ending}")),
        mime: text("mime_type").unwrap_or_else(|| mime.to_owned()),
        size,
        says,
    })
}

fn largest(sizes: &Value) -> Option<&Value> {
    let area = |size: &&Value| size["width"].as_u64().unwrap_or(0).saturating_mul(size["height"].as_u64().unwrap_or(0));
    sizes.as_array()?.iter().max_by_key(area)
}

/// Why a file is not here.
#[derive(Debug)]
pub(in crate::telegram) enum Missing {
    /// It never will be; a remark for the operators.
    Never(String),
    /// Telegram does not give it now.
    Now(String),
    /// We can't keep it now.
    Storage(String),
}

/// Fetches a file and keeps it.
pub(in crate::telegram) async fn fetch(api: &Api, inbox: &VisitorInbox, media: &Media) -> Result<File, Missing> {
    let most = inbox.file_rules().most;
    if media.size.is_some_and(|size| size > most) {
        return Err(Missing::Never(FileError::TooLarge { most }.to_string()));
    }
    let found = api.call(&GetFile::new(FileId(media.id.clone()))).await.map_err(|failure| not_given(&failure))?;
    let path = found["file_path"].as_str().ok_or_else(|| Missing::Now("Telegram named no path".to_owned()))?;
    if path.starts_with('/') || path.get(1..3) == Some(":\\") {
        let problem = "the Bot API server keeps it to itself: it runs with --local, which openline can't work with";
        tracing::error!(channel = %inbox.channel(), problem, "a visitor's file was given up");
        return Err(Missing::Never(problem.to_owned()));
    }
    let bytes = api.download(path).await.map_err(|failure| not_given(&failure))?;
    inbox.keep_file(&media.name, &media.mime, bytes).await.map_err(|error| match error {
        FileError::TooLarge { .. } | FileError::Empty | FileError::TypeRefused(_) | FileError::NotLetThrough(_) => {
            Missing::Never(error.to_string())
        }
        FileError::Broken(_) => Missing::Now(error.to_string()),
        FileError::Unavailable(_) | FileError::Full | FileError::Gone => Missing::Storage(error.to_string()),
    })
}

fn not_given(failure: &Failure) -> Missing {
    if failure.says("file is too big") {
        return Missing::Never("the file is larger than the 20 MB that Telegram gives to bots".to_owned());
    }
    Missing::Now(failure.line())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_largest_photo_is_taken() {
        let message = json!({"message_id": 4, "photo": [
            {"file_id": "s", "width": 90, "height": 90}, {"file_id": "l", "width": 900, "height": 900},
            {"file_id": "m", "width": 300, "height": 300},
        ]});
        let photo = of(&message).unwrap();
        assert_eq!((photo.id.as_str(), photo.name.as_str(), photo.mime.as_str()), ("l", "photo_4.jpg", "image/jpeg"));
        assert_eq!(of(&json!({"photo": []})), None);
    }

    #[test]
    fn every_kind_of_file_is_known() {
        for (key, label) in
            [("voice", "voice"), ("video", "video"), ("video_note", "video message"), ("audio", "audio")]
        {
            assert_eq!(of(&json!({key: {"file_id": "x"}})).unwrap().label, label);
        }
        let gif = json!({"animation": {"file_id": "a"}, "document": {"file_id": "d"}});
        assert_eq!(of(&gif).unwrap().id, "a");
        let named = json!({"document": {"file_id": "d", "file_name": "a.pdf", "mime_type": "application/pdf"}});
        assert_eq!(of(&named).unwrap().name, "a.pdf");
    }

    #[test]
    fn stickers_come_with_their_emoji() {
        let sticker = of(&json!({"message_id": 1, "sticker": {"file_id": "x", "emoji": "😀", "is_animated": true}}));
        let sticker = sticker.unwrap();
        assert_eq!((sticker.name.as_str(), sticker.says.as_str()), ("sticker_1.tgs", "😀"));
        assert_eq!(of(&json!({"sticker": {"file_id": "x", "file_size": 2_000_000}})), None);
    }

    #[test]
    fn too_big_for_bots_is_said() {
        let told = not_given(&Failure::answer(400, "Bad Request: file is too big"));
        assert!(matches!(told, Missing::Never(text) if text.contains("20 MB")));
        assert!(matches!(not_given(&Failure::answer(502, "x")), Missing::Now(_)));
    }
}
