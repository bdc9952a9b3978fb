//! Files on the portal's disk (in memory): downloaded from the connector or attached by operators.

use bytes::Bytes;

/// The portal's own class of a file, the `type` of bitrix24.md §8.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileClass {
    Image,
    Video,
    Audio,
    File,
}

impl FileClass {
    /// Class of a MIME type.
    pub(crate) fn of(mime: &str) -> Self {
        match mime.split('/').next() {
            Some("image") if mime != "image/svg+xml" => Self::Image,
            Some("video") => Self::Video,
            Some("audio") => Self::Audio,
            _ => Self::File,
        }
    }

    /// The word on the wire.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::File => "file",
        }
    }
}

/// One stored file.
#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) bytes: Bytes,
    /// The `xxxx` of the short link `/~xxxx`.
    pub(crate) short: String,
    /// The `SIGN` of the long link; no expiry.
    pub(crate) sign: String,
    /// Width and height in pixels, when it is an image we can measure.
    pub(crate) dimensions: Option<(u32, u32)>,
}

impl StoredFile {
    pub(crate) fn class(&self) -> FileClass {
        FileClass::of(&self.mime)
    }

    /// Extension of the name, lower case, without the dot.
    pub(crate) fn extension(&self) -> String {
        self.name.rsplit_once('.').map_or(String::new(), |(_, extension)| extension.to_lowercase())
    }

    /// The address that a history names, `urldownload`.
    pub(crate) fn disk_path(&self, action: &str) -> String {
        let name = percent_encoding::utf8_percent_encode(&self.name, percent_encoding::NON_ALPHANUMERIC);
        format!(
            "/bitrix/services/main/ajax.php?action=disk.api.file.{action}&SITE_ID=s1&humanRE=1&fileId={}&exact=N&_esd={}\
             &fileName={name}",
            self.id, self.sign
        )
    }

    /// `/pub/im.file.php?FILE_ID=…&SIGN=…`, with `&img=y` for images.
    pub(crate) fn signed_path(&self) -> String {
        let image = if self.class() == FileClass::Image { "&img=y" } else { "" };
        format!("/pub/im.file.php?FILE_ID={}&SIGN={}{image}", self.id, self.sign)
    }
}
