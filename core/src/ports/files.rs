//! Visitors' files: kept under the hash of their content, and opened again by whoever holds a signed link.
//!
//! Operators' files stay where they are, see [`crate::ports::backend::Backend::open`].

use crate::domain::id::{ChannelId, ConversationId, FileId, MessageId};
use crate::domain::media::{self, SVG};
use crate::domain::message::{File, FileSource};
use crate::domain::secret::{Keys, MasterSecret, same, sign};
use crate::ports::backend::FileStream;
use crate::ports::clock::Timestamp;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::HashMap;
use std::time::Duration;

/// Bytes on their way in.
pub type ByteStream = BoxStream<'static, std::io::Result<Bytes>>;

/// How much of a file's beginning [`Kept::head`] holds, in bytes.
pub const HEAD: usize = 64 * 1024;

/// Why a file was not kept, or can't be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It has more bytes than are taken.
    #[error("the file is larger than {} MB", most / 1_000_000)]
    TooLarge {
        /// Most bytes.
        most: u64,
    },
    /// It has no bytes at all.
    #[error("the file is empty")]
    Empty,
    /// Files of this type are not taken.
    #[error("files of the type {0} are not taken")]
    TypeRefused(String),
    /// The check that the configuration names did not let it through; the words say why.
    #[error("{0}")]
    NotLetThrough(&'static str),
    /// The sender's stream broke off.
    #[error("the file did not come whole: {0}")]
    Broken(String),
    /// The storage can't take or give it now (disk full, folder gone); repeat later.
    #[error("file storage unavailable: {0}")]
    Unavailable(String),
    /// So little room is left that no more files are taken; see [`Files::problem`].
    #[error("there is no room for files")]
    Full,
    /// There is no such file any more.
    #[error("the file is not there any more")]
    Gone,
}

/// What became of a stream that was kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The hash of the content.
    pub id: FileId,
    /// Bytes.
    pub size: u64,
    /// The first bytes, at most [`HEAD`], to tell what it is.
    pub head: Bytes,
}

/// Durable storage of bytes by their content.
#[async_trait]
pub trait Files: Send + Sync + 'static {
    /// Keeps a stream. When it returns, the bytes are durable; when it fails, nothing is left of them. The same content
    /// is kept once.
    ///
    /// # Errors
    /// [`FileError`]; `TooLarge` as soon as more than `most` bytes came.
    async fn keep(&self, bytes: ByteStream, most: u64) -> Result<Kept, FileError>;

    /// Why no files can be kept at the moment, for whoever has to mend it. It answers without waiting.
    fn problem(&self) -> Option<String> {
        None
    }

    /// Opens kept bytes.
    ///
    /// # Errors
    /// [`FileError::Gone`] when there are none.
    async fn open(&self, id: &FileId) -> Result<FileStream, FileError>;

    /// Forgets bytes that no message names any more. False when they were kept so lately (within the last hour) that a
    /// message that is just being stored may name them: ask again later; unless they are to go `at_once`, because nobody
    /// stores such a message. True when there are none.
    ///
    /// # Errors
    /// [`FileError::Unavailable`].
    async fn remove(&self, id: &FileId, at_once: bool) -> Result<bool, FileError>;
}

/// Which files are taken from visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRules {
    /// Most bytes of one file.
    pub most: u64,
    /// Media types that are taken, `image/*` for a whole family (but for SVG, a document with scripts, which has to be
    /// named outright), `*/*` for all.
    pub types: Vec<String>,
}

/// What visitors usually send: pictures, sounds, films, PDF, texts and office documents; nothing that runs when it is opened.
pub const USUAL: [&str; 19] = [
    "image/*",
    "audio/*",
    "video/*",
    "application/pdf",
    "text/plain",
    "text/csv",
    "text/rtf",
    "application/rtf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.apple.pages",
    "application/vnd.apple.numbers",
];

/// Endings by which programs, scripts and pages are opened, whatever type is claimed for them.
const RUN: &str = " app apk appimage bat chm cmd com cpl dll dmg exe hta htm html iso jar js jse lnk msc msi msix msp pif ps1 \
    py reg scf scr sh svg sys url vb vbe vbs ws wsf wsh xhtml xll ";

/// What stands for the type of a file that runs when it is opened, by its name; in rules, too.
pub const PROGRAM: &str = "application/x-program";

impl Default for FileRules {
    fn default() -> Self {
        Self { most: 25_000_000, types: USUAL.map(str::to_owned).to_vec() }
    }
}

impl FileRules {
    /// Takes a file of this name, for which this type was told, or says by which type it is refused.
    pub(crate) fn refuses(&self, name: &str, told: &str) -> Option<String> {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.trim().to_lowercase()).unwrap_or_default();
        let runs = !ending.is_empty() && !ending.contains(' ') && RUN.contains(&format!(" {ending} "));
        // A picture is what its content says, whatever it is called.
        let is_shown = told.starts_with("image/") && told != SVG;
        if runs && !is_shown && told != SVG && !self.takes(PROGRAM) {
            return Some(format!("{PROGRAM} (.{ending})"));
        }
        (!self.takes(told)).then(|| told.to_owned())
    }

    /// Whether files of any type are taken.
    pub fn takes_all(&self) -> bool {
        self.types.iter().any(|rule| rule == "*/*")
    }

    /// Whether a media type is taken.
    pub fn takes(&self, mime: &str) -> bool {
        let family = mime.split('/').next().unwrap_or_default();
        let of_family = |rule: &String| rule.strip_suffix("/*").is_some_and(|wanted| wanted == family && mime != SVG);
        let matches = |rule: &String| rule == mime || rule == "*/*" || of_family(rule);
        self.types.iter().any(matches)
    }
}

/// How visitors' files are dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePolicy {
    /// Which are taken.
    pub rules: FileRules,
    /// What channels have instead of that.
    pub of_channels: HashMap<ChannelId, FileRules>,
    /// How long an address is good for [`Holder::Reader`].
    pub reader_link: Duration,
}

/// [`FilePolicy::reader_link`] unless it is configured: long enough to look at what was just read.
pub const READER_LINK: Duration = Duration::from_secs(15 * 60);

impl FilePolicy {
    /// What is taken in a channel.
    pub(crate) fn of(&self, channel: &ChannelId) -> &FileRules {
        self.of_channels.get(channel).unwrap_or(&self.rules)
    }
}

impl From<FileRules> for FilePolicy {
    fn from(rules: FileRules) -> Self {
        Self { rules, of_channels: HashMap::new(), reader_link: READER_LINK }
    }
}

/// The media type of what comes, and all of it again. `mime` is what the sender claims; of pictures the content decides,
/// and of sounds and films whether they are such.
///
/// # Errors
/// [`FileError::Broken`].
pub(crate) async fn media_type(mime: &str, mut bytes: ByteStream) -> Result<(String, ByteStream), FileError> {
    let (mut head, mut read) = (Vec::new(), Vec::new());
    while head.len() < media::ENOUGH
        && let Some(piece) = bytes.next().await
    {
        let piece = piece.map_err(|error| FileError::Broken(error.to_string()))?;
        head.extend_from_slice(&piece[..piece.len().min(media::ENOUGH)]);
        read.push(Ok(piece));
    }
    Ok((media::told(mime, &head), stream::iter(read).chain(bytes).boxed()))
}

/// What a kept file is to its message. `mime` is what the sender claims; see [`VisitorInbox::keep_file`].
///
/// [`VisitorInbox::keep_file`]: crate::engine::inbox::VisitorInbox::keep_file
pub fn describe(name: &str, mime: &str, kept: &Kept) -> File {
    let mime = media::told(mime, &kept.head);
    let pixels = imagesize::blob_size(&kept.head).ok().filter(|_| mime.starts_with("image/"));
    let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    File {
        name: file_name(name),
        mime,
        size: Some(kept.size),
        pixels: pixels.map(|size| (side(size.width), side(size.height))),
        source: FileSource::Stored(kept.id.clone()),
    }
}

/// The last part of a name, without what no file system or header likes; never empty, at most 150 characters, the
/// ending kept.
pub fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let bad = |c: &char| {
        !c.is_control()
            && !matches!(c, '"' | '<' | '>' | '|' | ':' | '*' | '?' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let clean: String = last.chars().filter(bad).collect();
    let clean: Vec<char> = clean.trim().trim_start_matches('.').chars().collect();
    let kept = &clean[clean.len().saturating_sub(150)..];
    let name: String = kept.iter().collect();
    let name = name.trim_start_matches('.').to_owned();
    if name.trim().is_empty() { "file".to_owned() } else { name }
}

/// The response headers under which a file may be given to a browser: pictures are shown, everything else is saved;
/// nothing is ever run or guessed.
pub fn headers(file: &File) -> [(&'static str, String); 4] {
    let (kind, way) =
        if file.is_picture() { (file.mime.as_str(), "inline") } else { ("application/octet-stream", "attachment") };
    let name = utf8_percent_encode(&file.name, NON_ALPHANUMERIC);
    [
        ("content-type", kind.to_owned()),
        ("content-disposition", format!("{way}; filename*=UTF-8''{name}")),
        ("x-content-type-options", "nosniff".to_owned()),
        ("content-security-policy", "default-src 'none'; sandbox".to_owned()),
    ]
}

/// Which file of which message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilePlace {
    /// The conversation.
    pub conversation: ConversationId,
    /// The message.
    pub message: MessageId,
    /// Which of its files.
    pub index: usize,
}

/// Who gets an address of a file, which says how long it is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Who reads a conversation with a token, and can ask for another address at any time: minutes.
    Reader,
    /// The backend, which fetches the file when it has the message, or somewhat later: a day.
    Backend,
    /// People in a messenger, who have nothing but the address: a week.
    Messenger,
}

/// Makes and checks the addresses under which somebody without a session (the portal, another program) gets a file.
///
/// An address names a place in a conversation, not the content: what is deleted there is not to be had any more.
#[derive(Clone)]
pub struct FileLinks {
    root: String,
    keys: Keys,
    reader: Duration,
}

/// What a file's name keeps as it is in an address.
const IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// Length of a link's proof, in bytes.
const PROOF: usize = 16;

impl FileLinks {
    /// Links below `public_url`/f/.
    pub fn new(public_url: &str, secret: &MasterSecret) -> Self {
        let root = format!("{}/f", public_url.trim_end_matches('/'));
        Self { root, keys: secret.keys("core/file-links"), reader: READER_LINK }
    }

    /// The same, with another time for [`Holder::Reader`].
    #[must_use]
    pub fn with_reader(self, reader: Duration) -> Self {
        Self { reader, ..self }
    }

    /// The address of a file, good from `now` for as long as its holder needs.
    pub fn url(&self, place: FilePlace, file: &File, now: Timestamp, holder: Holder) -> String {
        let until = now.plus(self.lifetime(holder)).seconds();
        let FilePlace { conversation, message, index } = place;
        let proof = hex::encode(&proof(self.keys.present(), place, until)[..PROOF]);
        let name = utf8_percent_encode(&file.name, IN_A_PATH);
        format!("{}/{conversation}-{message}-{index}-{until}-{proof}/{name}", self.root)
    }

    fn lifetime(&self, holder: Holder) -> Duration {
        match holder {
            Holder::Reader => self.reader,
            Holder::Backend => Duration::from_secs(24 * 3600),
            Holder::Messenger => Duration::from_secs(7 * 24 * 3600),
        }
    }

    /// The place that a link's middle part (`12-34-0-1790000000-…`) names; `None` when it was not made here or is over.
    pub fn check(&self, token: &str, now: Timestamp) -> Option<FilePlace> {
        let mut parts = token.split('-');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let (conversation, message, index, until) = (number()?, number()?, number()?, number()?);
        let place = FilePlace {
            conversation: ConversationId(conversation),
            message: MessageId(message),
            index: usize::try_from(index).ok()?,
        };
        let given = parts.next()?;
        let same = self.keys.any(|key| same(&hex::encode(&proof(key, place, until)[..PROOF]), given));
        (same && parts.next().is_none() && now.seconds() <= until).then_some(place)
    }
}

fn proof(key: &[u8; 32], place: FilePlace, until: i64) -> [u8; 32] {
    let FilePlace { conversation, message, index } = place;
    sign(key, format!("{conversation}/{message}/{index}/{until}").as_bytes())
}

#[cfg(test)]
mod tests;
