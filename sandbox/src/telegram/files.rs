//! Files on the stand-in's disk: who may use them, under which path, and for how long.

use bytes::Bytes;
use serde_json::{Value, json};

use super::error::ApiError;
use super::kept::StoredFile;
use super::world::World;
use crate::files::sniff;

/// Largest file that `getFile` gives, 20 MB.
pub(crate) const MAX_DOWNLOAD: usize = 20 << 20;
/// Largest photo a bot may upload, 10 MB.
pub(crate) const MAX_PHOTO: usize = 10 << 20;
/// Largest other file a bot may upload, 50 MB.
pub(crate) const MAX_UPLOAD: usize = 50 << 20;
/// How long a download link lives at least, and here exactly: one hour.
const LINK_LIFE_MS: i64 = 3_600_000;

/// What somebody uploads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) bytes: Bytes,
}

impl World {
    /// Keeps a file and gives its `file_id`.
    pub(crate) fn store_file(&mut self, bot: i64, kind: &'static str, upload: Upload) -> String {
        let number = self.files.len();
        let folder = match kind {
            "voice" => "voice",
            "animation" => "animations",
            "audio" => "music",
            "sticker" => "stickers",
            "video" => "videos",
            "video_note" => "video_notes",
            "photo" => "photos",
            _ => "documents",
        };
        let ending = upload.name.rsplit_once('.').map(|(_, ending)| format!(".{ending}")).unwrap_or_default();
        let id = format!("AgACAgIAAx{}-{}", self.rng.word(48), number);
        let unique_id = format!("AQAD{}", self.rng.word(11));
        let path = format!("{folder}/file_{number}{ending}");
        let Upload { name, mime, bytes } = upload;
        let file = StoredFile { bot, id: id.clone(), unique_id, kind, name, mime, bytes, path, link_until: 0 };
        self.files.insert(id.clone(), file);
        id
    }

    /// A file this bot may use; ids of other bots mean nothing to it.
    pub(crate) fn file_of(&self, bot: i64, id: &str) -> Option<&StoredFile> {
        self.files.get(id).filter(|file| file.bot == bot)
    }

    /// `getFile`: opens the path for an hour.
    pub(crate) fn open_file(&mut self, bot: i64, id: &str) -> Result<Value, ApiError> {
        if id.is_empty() {
            return Err(ApiError::bad("file_id not specified"));
        }
        let now = self.now;
        let file = self.files.get_mut(id).filter(|file| file.bot == bot);
        let file = file.ok_or_else(|| ApiError::bad("invalid file_id"))?;
        if file.bytes.len() > MAX_DOWNLOAD {
            return Err(ApiError::bad("file is too big"));
        }
        file.link_until = now + LINK_LIFE_MS;
        let mut json = file.json();
        json.insert("file_path".to_owned(), json!(file.path));
        Ok(Value::Object(json))
    }

    /// The content behind a path, while its link lives.
    pub(crate) fn download(&self, bot: i64, path: &str) -> Option<Bytes> {
        let file = self.files.values().find(|file| file.bot == bot && file.path == path)?;
        (self.now < file.link_until).then(|| file.bytes.clone())
    }

    /// Stores the sizes of a picture, the whole one last; the small one has the same content here.
    pub(crate) fn store_photo(&mut self, bot: i64, upload: Upload) -> Vec<String> {
        let small = self.store_file(bot, "photo", upload.clone());
        let whole = self.store_file(bot, "photo", upload);
        vec![small, whole]
    }

    /// `PhotoSize` of each.
    pub(crate) fn photo_sizes(&self, ids: &[String]) -> Value {
        let files = ids.iter().filter_map(|id| self.files.get(id));
        files
            .enumerate()
            .map(|(index, file)| {
                let (width, height) = sniff::dimensions(&file.bytes).unwrap_or((800, 600));
                let (width, height) = if index + 1 < ids.len() { shrink(width, height) } else { (width, height) };
                let mut json = file.json();
                json.insert("width".to_owned(), json!(width));
                json.insert("height".to_owned(), json!(height));
                Value::Object(json)
            })
            .collect()
    }
}

/// Fits into 90 by 90.
fn shrink(width: u32, height: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    if longest <= 90 { (width, height) } else { ((width * 90 / longest).max(1), (height * 90 / longest).max(1)) }
}

/// What Telegram refuses as a photo.
pub(crate) fn check_photo(bytes: &Bytes) -> Result<(), ApiError> {
    if bytes.len() > MAX_PHOTO {
        let size = bytes.len();
        let words = format!("file of size {size} bytes is too big for a photo; the maximum size is {MAX_PHOTO} bytes");
        return Err(ApiError::bad(words));
    }
    if sniff::image_mime(bytes).is_none() {
        return Err(ApiError::bad("IMAGE_PROCESS_FAILED"));
    }
    let (width, height) = sniff::dimensions(bytes).unwrap_or((800, 600));
    let (long, short) = (width.max(height), width.min(height).max(1));
    if width + height > 10_000 || long / short > 20 {
        return Err(ApiError::bad("PHOTO_INVALID_DIMENSIONS"));
    }
    Ok(())
}
