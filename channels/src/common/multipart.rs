//! `multipart/form-data` (RFC 7578), read as it comes. Whatever is sent, no more is held than one piece of the body and
//! the head of one part; the usual parsers hold everything until a part's head or the first boundary is whole.

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use openline_core::files::ByteStream;
use percent_encoding::percent_decode_str;
use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Longest head of a part.
const MAX_HEAD: usize = 8 * 1024;
/// Longest boundary (RFC 2046).
const MAX_BOUNDARY: usize = 70;

/// The parts of a body.
pub(crate) struct Parts {
    body: BodyDataStream,
    held: BytesMut,
    /// What stands between two parts: line end, two hyphens, boundary.
    mark: Vec<u8>,
    /// Bytes that may still come.
    left: u64,
    /// Why nothing comes any more.
    failed: Option<ErrorKind>,
}

/// What is said of a part before its content.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Of files, as the sender names them; may be empty.
    pub(crate) file_name: Option<String>,
    /// The media type as the sender claims it; may be empty.
    pub(crate) mime: String,
}

/// Whether a body is of this kind.
pub(crate) fn is_multipart(headers: &HeaderMap) -> bool {
    content_type(headers).0.eq_ignore_ascii_case("multipart/form-data")
}

fn content_type(headers: &HeaderMap) -> (&str, &str) {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
    (kind.trim(), parameters)
}

impl Parts {
    /// Reads at most `most` bytes.
    ///
    /// # Errors
    /// `InvalidData` when no boundary is named.
    pub(crate) fn new(headers: &HeaderMap, body: Body, most: u64) -> Result<Self> {
        let boundary = parameter(content_type(headers).1, "boundary").unwrap_or_default();
        if !(1..=MAX_BOUNDARY).contains(&boundary.len()) {
            return Err(invalid("the content type names no boundary"));
        }
        // As if a line had ended before the first mark.
        let held = BytesMut::from(&b"\r\n"[..]);
        let mark = format!("\r\n--{boundary}").into_bytes();
        Ok(Self { body: body.into_data_stream(), held, mark, left: most, failed: None })
    }

    /// The next part; what is left of the one before is passed over. `None` at the end.
    ///
    /// # Errors
    /// `FileTooLarge` when more comes than is read, `InvalidData` when it is not as it should be, others when it breaks
    /// off. A failure stays.
    pub(crate) async fn next(&mut self) -> Result<Option<Part>> {
        while self.piece().await?.is_some() {}
        self.held.advance(self.mark.len());
        while self.held.len() < 2 {
            self.fill().await?;
        }
        if self.held.starts_with(b"--") {
            return Ok(None);
        }
        let end = loop {
            match self.held.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end,
                None if self.held.len() > MAX_HEAD => return Err(invalid("the head of a part is too long")),
                None => self.fill().await?,
            }
        };
        let head = self.held.split_to(end);
        self.held.advance(4);
        let head = std::str::from_utf8(&head).map_err(|_| invalid("the head of a part is not in UTF-8"))?;
        Ok(Some(part(head)))
    }

    /// The next piece of the part's content; `None` at its end.
    ///
    /// # Errors
    /// As [`Parts::next`].
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>> {
        loop {
            match find(&self.held, &self.mark) {
                Some(0) => return Ok(None),
                Some(at) => return Ok(Some(self.held.split_to(at).freeze())),
                // A mark may have begun at the end.
                None if self.held.len() >= self.mark.len() => {
                    let sure = self.held.len() - self.mark.len() + 1;
                    return Ok(Some(self.held.split_to(sure).freeze()));
                }
                None => self.fill().await?,
            }
        }
    }

    /// Why nothing comes any more, if that is so.
    pub(crate) fn failure(&self) -> Option<ErrorKind> {
        self.failed
    }

    async fn fill(&mut self) -> Result<()> {
        if self.failed.is_none() {
            let piece = self.body.next().await;
            self.failed = match &piece {
                None => Some(ErrorKind::UnexpectedEof),
                Some(Err(_)) => Some(ErrorKind::ConnectionAborted),
                Some(Ok(piece)) if piece.len() as u64 > self.left => Some(ErrorKind::FileTooLarge),
                Some(Ok(piece)) => {
                    self.left -= piece.len() as u64;
                    self.held.extend_from_slice(piece);
                    None
                }
            };
        }
        self.failed.map_or(Ok(()), |kind| Err(kind.into()))
    }
}

/// The content of the part that is being read: `first`, and what comes.
pub(crate) fn content(first: Option<Bytes>, parts: Arc<Mutex<Parts>>) -> ByteStream {
    let next = async |parts: Arc<Mutex<Parts>>| {
        let piece = parts.lock().await.piece().await?;
        Ok(piece.map(|piece| (piece, parts)))
    };
    stream::iter(first.map(Ok)).chain(stream::try_unfold(parts, next)).boxed()
}

fn invalid(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

fn find(held: &[u8], mark: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = held[from..].iter().position(|byte| *byte == b'\r') {
        if held[from + at..].starts_with(mark) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// Reads a head; what it does not say stays empty.
fn part(head: &str) -> Part {
    let mut part = Part::default();
    for (name, value) in head.split("\r\n").filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-disposition") {
            let parameters = value.split_once(';').map(|(_, parameters)| parameters).unwrap_or_default();
            part.name = wide(parameters, "name*").or_else(|| parameter(parameters, "name")).unwrap_or_default();
            part.file_name = wide(parameters, "filename*").or_else(|| parameter(parameters, "filename"));
        } else if name.eq_ignore_ascii_case("content-type") {
            value.trim().clone_into(&mut part.mime);
        }
    }
    part
}

/// A parameter in the form for other letters than those of ASCII: character set, language, percent-encoded bytes
/// (RFC 8187; browsers don't use it in forms, some HTTP libraries do). `None` when it is not there or can't be read.
fn wide(parameters: &str, wanted: &str) -> Option<String> {
    let value = parameter(parameters, wanted)?;
    let mut pieces = value.splitn(3, '\'');
    let (set, _, encoded) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let bytes = percent_decode_str(encoded);
    if set.eq_ignore_ascii_case("utf-8") {
        bytes.decode_utf8().ok().map(std::borrow::Cow::into_owned)
    } else {
        set.eq_ignore_ascii_case("iso-8859-1").then(|| bytes.map(char::from).collect())
    }
}

/// A parameter of a header: a word, or a text in quotes in which a backslash stands before quotes and itself.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => after
                .split_once(';')
                .map_or((after.trim().to_owned(), ""), |(word, after)| (word.trim().to_owned(), after)),
        };
        if name.trim_matches([' ', ';', '\t']).eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

/// A quoted text, and what stands after it.
fn unquoted(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &quoted[at + 1..]),
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, next)) => text.push(next),
                // A path of Windows, as old browsers send it.
                None => text.push(c),
            },
            c => text.push(c),
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests;
