//! Operators' files on their way to the visitor.

use crate::common::http::Lost;
use crate::common::media::media_type;
use crate::common::rich::Rendered;
use crate::telegram::client::errors::Failure;
use crate::telegram::outgoing::render::entities;
use crate::telegram::outgoing::sender::{Sender, Stopped, message_id};
use crate::telegram::updates::chats::Spot;
use futures_util::StreamExt;
use openline_core::DeliveryError;
use openline_core::backend::FileStream;
use openline_core::channel::Outgoing;
use openline_core::files::file_name;
use openline_core::message::File;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use teloxide::payloads::{SendAnimation, SendAudio, SendDocument, SendPhoto, SendVideo, SendVoice};
use teloxide::types::{ChatId, InputFile};
use tokio_util::io::StreamReader;

/// Most bytes that Telegram takes from bots.
pub(in crate::telegram) const LARGEST: u64 = 50_000_000;
/// Most bytes of what shall be shown as a photo.
const LARGEST_PHOTO: u64 = 10_000_000;

/// After so many failed attempts an upload that gets no answer (it may take too long on this line) is not tried again.
const TRIES: u32 = 3;

/// How Telegram shows a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Photo,
    Animation,
    Video,
    Voice,
    Audio,
    Document,
}

/// Sends a file. `Unsupported`: it is too large for Telegram, or for the way there.
pub(in crate::telegram) async fn file(
    sender: &Sender,
    spot: Spot,
    message: Outgoing<'_>,
    index: usize,
    caption: Option<&Rendered>,
) -> Result<i64, Stopped> {
    let Some(file) = message.item.content.files.get(index) else {
        return Err(Stopped::Here(DeliveryError::refused("the file is not there any more")));
    };
    let (mut shape, mut formatted) = (None, true);
    loop {
        let stream = sender.inbox.open_file(file).await.map_err(Stopped::Here)?;
        let size = file.size.or(stream.size);
        if size.is_some_and(|size| size > LARGEST) {
            return Err(Stopped::Here(DeliveryError::Unsupported));
        }
        let shown = shape.unwrap_or_else(|| shape_of(file, stream.mime.as_deref(), size));
        let failure = match once(sender, spot, shown, file, stream, caption, formatted).await {
            Err(Stopped::There(failure)) => failure,
            other => return other,
        };
        let hopeless = matches!(failure, Failure::Lost(Lost::Cut(_))) && message.attempts + 1 >= TRIES;
        if hopeless || failure.is_about_size() {
            tracing::warn!(item = %message.item.id, problem = failure.line(), "a file goes as a link");
            return Err(Stopped::Here(DeliveryError::Unsupported));
        }
        if failure.is_about_entities() && formatted && caption.is_some() {
            formatted = false;
        } else if failure.code() == Some(400) && shown != Shape::Document && is_about_content(&failure) {
            shape = Some(Shape::Document);
        } else {
            return Err(Stopped::There(failure));
        }
    }
}

/// Telegram looks into photos and the like; as a document it takes anything.
fn is_about_content(failure: &Failure) -> bool {
    ["photo", "image", "video", "voice", "audio", "dimensions", "wrong type", "media"].iter().any(|w| failure.says(w))
}

async fn once(
    sender: &Sender,
    spot: Spot,
    shape: Shape,
    file: &File,
    stream: FileStream,
    caption: Option<&Rendered>,
    formatted: bool,
) -> Result<i64, Stopped> {
    let flow = Arc::new(Flow::default());
    let input = input(stream, file, &flow);
    let text = caption.map(|caption| caption.text.clone());
    let entities = caption.filter(|_| formatted).map(entities);
    // The payloads have no trait in common that names these fields.
    macro_rules! upload {
        ($payload:ident) => {{
            let mut payload = $payload::new(ChatId(spot.chat), input);
            payload.message_thread_id = spot.thread();
            (payload.caption, payload.caption_entities) = (text, entities);
            sender.api.upload(payload).await
        }};
    }
    let sent: Result<Value, Failure> = match shape {
        Shape::Photo => upload!(SendPhoto),
        Shape::Animation => upload!(SendAnimation),
        Shape::Video => upload!(SendVideo),
        Shape::Voice => upload!(SendVoice),
        Shape::Audio => upload!(SendAudio),
        Shape::Document => upload!(SendDocument),
    };
    if sent.is_err() && flow.over.load(Ordering::Relaxed) {
        return Err(Stopped::Here(DeliveryError::Unsupported));
    }
    if sent.is_err() && flow.broken.load(Ordering::Relaxed) {
        return Err(Stopped::Here(DeliveryError::retry("the operator's file broke off on its way")));
    }
    Ok(message_id(&sent?)?)
}

/// How a file's bytes came to an end before their time.
#[derive(Default)]
struct Flow {
    /// They broke off.
    broken: AtomicBool,
    /// There are more of them than Telegram takes.
    over: AtomicBool,
}

/// The bytes for teloxide, as they come. When it is not told before how many there are, that may turn out too late: a
/// body that breaks off is no message.
fn input(stream: FileStream, file: &File, flow: &Arc<Flow>) -> InputFile {
    let (flow, mut sent) = (Arc::clone(flow), 0);
    let bytes = stream.bytes.map(move |piece| {
        let piece = piece.inspect_err(|_| flow.broken.store(true, Ordering::Relaxed))?;
        sent += piece.len() as u64;
        if sent > LARGEST {
            flow.over.store(true, Ordering::Relaxed);
            return Err(std::io::Error::other("more than Telegram takes"));
        }
        Ok(piece)
    });
    InputFile::read(StreamReader::new(bytes)).file_name(file_name(&file.name))
}

fn shape_of(file: &File, served: Option<&str>, size: Option<u64>) -> Shape {
    let mime = media_type(file, served);
    match mime.as_str() {
        "image/jpeg" | "image/png" | "image/webp" | "image/bmp" if size.is_none_or(|size| size <= LARGEST_PHOTO) => {
            Shape::Photo
        }
        "image/gif" => Shape::Animation,
        "video/mp4" => Shape::Video,
        "audio/ogg" => Shape::Voice,
        "audio/mpeg" | "audio/mp4" => Shape::Audio,
        _ => Shape::Document,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openline_core::message::FileSource;

    #[test]
    fn files_have_the_shape_that_telegram_shows() {
        let shape = |name: &str, mime: &str, size| {
            let source = FileSource::Backend(String::new());
            shape_of(&File { name: name.into(), mime: mime.into(), size, pixels: None, source }, None, size)
        };
        assert_eq!(shape("a", "image/png", Some(5)), Shape::Photo);
        assert_eq!(shape("a.JPG", "", None), Shape::Photo);
        assert_eq!(shape("a.png", "image/png", Some(LARGEST_PHOTO + 1)), Shape::Document);
        assert_eq!(shape("a.svg", "image/svg+xml", Some(5)), Shape::Document);
        assert_eq!(shape("a.ogg", "application/octet-stream", None), Shape::Voice);
        assert_eq!(shape("a", "audio/ogg; codecs=opus", None), Shape::Voice);
        assert_eq!(shape("a.pdf", "application/pdf", None), Shape::Document);
    }
}
