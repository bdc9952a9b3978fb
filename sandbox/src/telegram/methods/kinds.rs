//! The kinds of media.

/// One kind of media.
#[derive(Debug)]
pub(super) struct MediaKind {
    pub(super) method: &'static str,
    /// Parameter and field of the message.
    pub(super) field: &'static str,
    /// What the refusal calls it.
    pub(super) word: &'static str,
}

const KINDS: &[MediaKind] = &[
    MediaKind { method: "sendPhoto", field: "photo", word: "photo" },
    MediaKind { method: "sendDocument", field: "document", word: "document" },
    MediaKind { method: "sendVoice", field: "voice", word: "voice" },
    MediaKind { method: "sendVideo", field: "video", word: "video" },
    MediaKind { method: "sendAudio", field: "audio", word: "audio" },
    MediaKind { method: "sendAnimation", field: "animation", word: "animation" },
    MediaKind { method: "sendSticker", field: "sticker", word: "sticker" },
    MediaKind { method: "sendVideoNote", field: "video_note", word: "video note" },
];

pub(super) fn of_method(method: &str) -> Option<&'static MediaKind> {
    KINDS.iter().find(|kind| kind.method == method)
}

/// The kind of an element of an album.
pub(super) fn of_type(name: &str) -> Option<&'static MediaKind> {
    KINDS.iter().find(|kind| kind.field == name)
}
