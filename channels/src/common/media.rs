//! What an operator's file is, as far as it can be told without reading it.

use openline_core::message::File;

/// Its media type without parameters: as it was told, as its server names it, else by the ending of its name; empty when
/// nobody knows.
pub(crate) fn media_type(file: &File, served: Option<&str>) -> String {
    let ending = file.name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    let told = [file.mime.as_str(), served.unwrap_or_default()];
    let vague = |mime: &str| mime.is_empty() || mime == "application/octet-stream";
    let mime = told.into_iter().find(|mime| !vague(mime)).unwrap_or(match ending.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "mp4" => "video/mp4",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "pdf" => "application/pdf",
        _ => "",
    });
    mime.split(';').next().unwrap_or_default().trim().to_lowercase()
}
