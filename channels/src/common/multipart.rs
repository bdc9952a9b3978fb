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
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use futures_util::stream;

    fn headers(kind: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))])
    }

    /// A body that comes in pieces of `size` bytes.
    fn parts(body: &[u8], size: usize) -> Parts {
        let pieces: Vec<_> = body.chunks(size).map(|piece| Ok::<_, Error>(Bytes::copy_from_slice(piece))).collect();
        let body = Body::from_stream(stream::iter(pieces));
        Parts::new(&headers("multipart/form-data; boundary=AbC"), body, 100_000).unwrap()
    }

    async fn all(mut parts: Parts) -> Result<Vec<(Part, Vec<u8>)>> {
        let mut found = Vec::new();
        while let Some(part) = parts.next().await? {
            let mut content = Vec::new();
            while let Some(piece) = parts.piece().await? {
                content.extend_from_slice(&piece);
            }
            found.push((part, content));
        }
        Ok(found)
    }

    const BODY: &[u8] = b"--AbC\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n\r\nhi\r\n--Ab\r\n\r\n\
        --AbC \r\ncontent-disposition: form-data; filename=\"a;\\\"b\\\\c=\xc3\xa4.txt\"; name=files\r\n\
        Content-Type: text/plain; charset=x\r\n\r\n\xff\x00\r\n\r\n--AbC\r\nContent-Disposition: form-data; \
        name=\"empty\"; filename=\"\"\r\n\r\n\r\n--AbC--\r\nafterwards";

    #[tokio::test]
    async fn parts_are_the_same_however_the_body_is_cut() {
        for size in [1, 2, 3, 7, 30, 1000] {
            let found = all(parts(BODY, size)).await.unwrap();
            let (text, file, empty) = (&found[0], &found[1], &found[2]);
            assert_eq!((text.0.name.as_str(), text.0.file_name.as_deref()), ("text", None), "{size}");
            assert_eq!(text.1, b"\r\nhi\r\n--Ab\r\n", "{size}");
            assert_eq!(file.0.file_name.as_deref(), Some("a;\"b\\c=\u{e4}.txt"));
            assert_eq!((file.0.name.as_str(), file.0.mime.as_str()), ("files", "text/plain; charset=x"));
            assert_eq!(file.1, b"\xff\x00\r\n");
            assert_eq!((empty.0.file_name.as_deref(), empty.1.len(), found.len()), (Some(""), 0, 3));
        }
    }

    #[test]
    fn names_in_other_letters_are_read() {
        let name = |given: &str| {
            part(&format!("Content-Disposition: form-data; name=\"files\"; {given}\r\nContent-Type: a/b")).file_name
        };
        let wide = "filename*=utf-8''%D0%BE%D1%82%D1%87%D1%91%D1%82.pdf";
        assert_eq!(name(wide).as_deref(), Some("отчёт.pdf"));
        assert_eq!(name(&format!("filename=\"?.pdf\"; {wide}")).as_deref(), Some("отчёт.pdf"));
        assert_eq!(name("FileName* = UTF-8'ru'a%27b ; x=y").as_deref(), Some("a'b"));
        assert_eq!(name("filename*=iso-8859-1'en'%A3%20rates").as_deref(), Some("£ rates"));
        // What can't be read leaves the plain name.
        for bad in ["utf-8''%ff", "koi8-r''%C1", "plain", "utf-8'x"] {
            assert_eq!(name(&format!("filename*={bad}; filename=\"a.pdf\"")).as_deref(), Some("a.pdf"), "{bad}");
            assert_eq!(name(&format!("filename*={bad}")), None, "{bad}");
        }
        assert_eq!(part("Content-Disposition: form-data; name*=utf-8''t%C3%A4xt").name, "täxt");
    }

    #[tokio::test]
    async fn what_is_left_of_a_part_is_passed_over() {
        let mut parts = parts(BODY, 5);
        let mut names = Vec::new();
        while let Some(part) = parts.next().await.unwrap() {
            names.push(part.name);
        }
        assert_eq!(names, ["text", "files", "empty"]);
    }

    #[tokio::test]
    async fn broken_bodies_are_told() {
        let kind = async |body: &[u8]| all(parts(body, 9)).await.unwrap_err().kind();
        assert_eq!(kind(b"").await, ErrorKind::UnexpectedEof);
        assert_eq!(kind(b"no boundary at all").await, ErrorKind::UnexpectedEof);
        assert_eq!(kind(&BODY[..BODY.len() - 30]).await, ErrorKind::UnexpectedEof);
        assert_eq!(kind(b"--AbC\r\nname: \xff\r\n\r\nx\r\n--AbC--").await, ErrorKind::InvalidData);
        assert_eq!(kind(&[b"--AbC\r\n", vec![b'x'; 20_000].as_slice()].concat()).await, ErrorKind::InvalidData);
        assert_eq!(kind(&vec![b'x'; 200_000]).await, ErrorKind::FileTooLarge);
        for none in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; charset=x"] {
            assert!(is_multipart(&headers(none)) && Parts::new(&headers(none), Body::empty(), 9).is_err());
        }
        assert!(!is_multipart(&headers("application/json")));
    }

    #[tokio::test]
    async fn little_is_held_whatever_comes() {
        let endless = stream::repeat_with(|| Ok::<_, Error>(Bytes::from_static(&[b'\r'; 1000]))).take(90);
        let mut parts = parts(b"", 1);
        parts.body = Body::from_stream(endless).into_data_stream();
        while let Ok(Some(_)) = parts.piece().await {
            assert!(parts.held.len() < 2000);
        }
    }

    /// Reads all parts of a body that comes in these pieces; how much was held at the most.
    async fn read_all(boundary: &str, pieces: Vec<Vec<u8>>) -> (Result<Vec<(Part, Vec<u8>)>>, usize) {
        let kind = format!("multipart/form-data; boundary={boundary}");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        let body = Body::from_stream(stream::iter(pieces.into_iter().map(|piece| Ok::<_, Error>(Bytes::from(piece)))));
        let mut parts = Parts::new(&headers, body, 1_000_000).unwrap();
        let (mut read, mut most) = (Vec::new(), 0);
        loop {
            let part = match parts.next().await {
                Ok(Some(part)) => part,
                Ok(None) => return (Ok(read), most),
                Err(error) => return (Err(error), most),
            };
            let mut content = Vec::new();
            loop {
                most = most.max(parts.held.len());
                match parts.piece().await {
                    Ok(Some(piece)) => content.extend_from_slice(&piece),
                    Ok(None) => break,
                    Err(error) => return (Err(error), most),
                }
            }
            read.push((part, content));
        }
    }

    fn in_pieces(body: &[u8], size: usize) -> Vec<Vec<u8>> {
        body.chunks(size).map(<[u8]>::to_vec).collect()
    }

    fn waits<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            body in proptest::collection::vec(
                proptest::prop_oneof![
                    proptest::strategy::Just(b"\r\n--x".to_vec()),
                    proptest::strategy::Just(b"\r\n\r\n".to_vec()),
                    proptest::strategy::Just(b"Content-Disposition: form-data; name=\"a\"; filename*=UTF-8''%".to_vec()),
                    proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
                ],
                0..30,
            ),
            size in 1..200usize,
        ) {
            let (_, held) = waits(read_all("x", in_pieces(&body.concat(), size)));
            proptest::prop_assert!(held <= MAX_HEAD + 2 * size + 16, "{held} bytes were held");
        }

        #[test]
        fn what_was_written_is_what_is_read_however_it_comes(
            contents in proptest::collection::vec(
                proptest::collection::vec(proptest::prop_oneof!["[\r\n-]", "[x-]", ".{0,5}"], 0..30),
                1..5,
            ),
            size in 1..100usize,
        ) {
            // None of them may hold what stands between parts.
            let contents: Vec<_> = contents.iter().map(|pieces| pieces.concat().replace("\r\n--xY", "").into_bytes()).collect();
            let mut body = Vec::new();
            for content in &contents {
                body.extend_from_slice(b"--xY\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n");
                body.extend_from_slice(content);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"--xY--\r\n");
            let (read, _) = waits(read_all("xY", in_pieces(&body, size)));
            let read: Vec<_> = read.unwrap().into_iter().map(|(_, content)| content).collect();
            proptest::prop_assert_eq!(read, contents);
        }
    }
}
