//! What people send besides text.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Person;
use crate::files::sniff;
use crate::telegram::bot::Bot;
use crate::telegram::files::Upload;
use crate::telegram::methods;
use crate::telegram::text;
use crate::telegram::world::{Content, Message};

impl Person {
    /// Sends a picture with a caption, which may be empty.
    pub fn sends_photo(&self, bot: &Bot, bytes: impl Into<Bytes>, caption: &str) -> i64 {
        let content = self.file(bot, "photo", "photo.jpg", "image/jpeg", bytes.into(), &[]);
        self.sends(bot, captioned(content, caption))
    }

    /// Sends a file.
    pub fn sends_document(&self, bot: &Bot, name: &str, mime: &str, bytes: impl Into<Bytes>) -> i64 {
        let content = self.file(bot, "document", name, mime, bytes.into(), &[]);
        self.sends(bot, content)
    }

    /// Sends a file with a caption.
    pub fn sends_document_with(
        &self,
        bot: &Bot,
        name: &str,
        mime: &str,
        bytes: impl Into<Bytes>,
        caption: &str,
    ) -> i64 {
        let content = self.file(bot, "document", name, mime, bytes.into(), &[]);
        self.sends(bot, captioned(content, caption))
    }

    /// Sends a voice message of so many seconds.
    pub fn sends_voice(&self, bot: &Bot, bytes: impl Into<Bytes>, seconds: u32) -> i64 {
        let content = self.file(bot, "voice", "voice.oga", "audio/ogg", bytes.into(), &[("duration", json!(seconds))]);
        self.sends(bot, content)
    }

    /// Sends a video with a caption, which may be empty.
    pub fn sends_video(&self, bot: &Bot, bytes: impl Into<Bytes>, caption: &str) -> i64 {
        let details = [("duration", json!(3)), ("width", json!(640)), ("height", json!(360))];
        let content = self.file(bot, "video", "video.mp4", "video/mp4", bytes.into(), &details);
        self.sends(bot, captioned(content, caption))
    }

    /// Sends a round video message.
    pub fn sends_video_note(&self, bot: &Bot, bytes: impl Into<Bytes>) -> i64 {
        let details = [("duration", json!(3)), ("length", json!(240))];
        let content = self.file(bot, "video_note", "note.mp4", "video/mp4", bytes.into(), &details);
        self.sends(bot, content)
    }

    /// Sends a sticker that stands for an emoji.
    pub fn sends_sticker(&self, bot: &Bot, bytes: impl Into<Bytes>, emoji: &str) -> i64 {
        let content = self.file(bot, "sticker", "sticker.webp", "image/webp", bytes.into(), &[("emoji", json!(emoji))]);
        self.sends(bot, content)
    }

    /// Sends a place.
    pub fn sends_location(&self, bot: &Bot, latitude: f64, longitude: f64) -> i64 {
        self.sends(bot, Content::field("location", json!({ "latitude": latitude, "longitude": longitude })))
    }

    /// Sends somebody's phone number.
    pub fn sends_contact(&self, bot: &Bot, first_name: &str, phone: &str) -> i64 {
        self.sends(bot, Content::field("contact", json!({ "phone_number": phone, "first_name": first_name })))
    }

    /// Presses the button that shares the own phone number: a contact with the person's user id.
    pub fn shares_phone(&self, bot: &Bot, phone: &str) -> i64 {
        let name = self.hub.view(|world| world.users.get(&self.id).map(|it| it.first_name.clone()).unwrap_or_default());
        let contact = json!({ "phone_number": phone, "first_name": name, "user_id": self.id });
        self.sends(bot, Content::field("contact", contact))
    }

    /// Sends a poll.
    pub fn sends_poll(&self, bot: &Bot, question: &str, options: &[&str]) -> i64 {
        let id = self.hub.edit(|world| world.rng.digits(19));
        let options: Vec<Value> = options.iter().map(|text| json!({ "text": text, "voter_count": 0 })).collect();
        let poll = json!({
            "id": id, "question": question, "options": options, "total_voter_count": 0, "is_closed": false,
            "is_anonymous": true, "type": "regular", "allows_multiple_answers": false,
        });
        self.sends(bot, Content::field("poll", poll))
    }

    /// Sends pictures together, each with its caption: one message each, with one `media_group_id`.
    pub fn sends_album(&self, bot: &Bot, pictures: Vec<(Bytes, &str)>) -> Vec<i64> {
        let group = self.hub.edit(|world| world.rng.digits(17));
        let mut ids = Vec::new();
        for (bytes, caption) in pictures {
            let content = captioned(self.file(bot, "photo", "photo.jpg", "image/jpeg", bytes, &[]), caption);
            let media_group = Some(group.clone());
            ids.push(self.post(bot, Message { media_group, content, ..Message::default() }));
        }
        ids
    }

    /// Sends whatever a picker gave: pictures as photos, the rest as documents.
    pub(crate) fn sends_file(&self, bot: &Bot, name: &str, mime: &str, bytes: Bytes, caption: &str) -> i64 {
        if matches!(sniff::image_mime(&bytes), Some("image/jpeg" | "image/png" | "image/webp")) {
            return self.sends_photo(bot, bytes, caption);
        }
        self.sends_document_with(bot, name, mime, bytes, caption)
    }

    fn file(
        &self,
        bot: &Bot,
        field: &'static str,
        name: &str,
        mime: &str,
        bytes: Bytes,
        details: &[(&str, Value)],
    ) -> Content {
        let details: Map<String, Value> = details.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect();
        let upload = Upload { name: name.to_owned(), mime: mime.to_owned(), bytes };
        self.hub.edit(|world| methods::file_content(world, bot.id(), field, upload, None, &details))
    }
}

fn captioned(mut content: Content, caption: &str) -> Content {
    caption.clone_into(&mut content.text);
    content.entities = text::detect(caption);
    content
}
