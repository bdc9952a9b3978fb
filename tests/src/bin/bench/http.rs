//! A small HTTP/1.1 client: prepared bytes out, as little parsing as possible in. It shares the machine with what it
//! measures.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A kept-alive connection with one request under way at a time.
pub(crate) struct Connection {
    stream: TcpStream,
    inbox: Vec<u8>,
}

/// An answer, in the connection's buffer.
pub(crate) struct Answer<'c> {
    /// The status.
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: &'c [u8],
    /// The body.
    pub(crate) body: &'c [u8],
    /// What else was on the wire: what chunks are framed by.
    frames: usize,
}

impl Answer<'_> {
    /// Bytes on the wire.
    pub(crate) fn size(&self) -> usize {
        self.head.len() + self.body.len() + self.frames
    }
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, inbox: Vec::with_capacity(1024) })
    }

    /// Sends a request and waits for the whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.inbox.clear();
        let (head, whole, frames) = loop {
            let closed = self.stream.read_buf(&mut self.inbox).await? == 0;
            match head_end(&self.inbox) {
                Some(head) if is_chunked(&self.inbox[..head]) => {
                    if let Some(frames) = unchunk(&mut self.inbox, head)? {
                        break (head, self.inbox.len(), frames);
                    }
                }
                Some(head) => match content_length(&self.inbox[..head]) {
                    Some(length) if self.inbox.len() >= head + length => break (head, head + length, 0),
                    None if closed => break (head, self.inbox.len(), 0),
                    _ => {}
                },
                None if self.inbox.len() > 64 * 1024 => return Err(bad("an endless head")),
                None => {}
            }
            if closed {
                return Err(bad("the answer broke off"));
            }
        };
        let status = std::str::from_utf8(self.inbox.get(9..12).unwrap_or_default()).ok();
        let status = status.and_then(|status| status.parse().ok()).ok_or_else(|| bad("no status"))?;
        Ok(Answer { status, head: &self.inbox[..head], body: &self.inbox[head..whole], frames })
    }
}

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

fn is_chunked(head: &[u8]) -> bool {
    header(head, "transfer-encoding") == Some("chunked")
}

/// Takes the frames out of a body that begins at `head`, when its last chunk is there; how many bytes they were.
fn unchunk(inbox: &mut Vec<u8>, head: usize) -> Result<Option<usize>> {
    if !inbox.ends_with(b"0\r\n\r\n") {
        return Ok(None);
    }
    let (mut body, mut at) = (Vec::new(), head);
    loop {
        let rest = &inbox[at..];
        let line = rest.windows(2).position(|window| window == b"\r\n").ok_or_else(|| bad("a broken chunk"))?;
        let size = std::str::from_utf8(&rest[..line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        match size.ok_or_else(|| bad("a chunk without its size"))? {
            0 => break,
            size => {
                let Some(chunk) = rest.get(line + 2..line + 2 + size) else { return Ok(None) };
                body.extend_from_slice(chunk);
                at += line + 2 + size + 2;
            }
        }
    }
    let frames = inbox.len() - head - body.len();
    inbox.truncate(head);
    inbox.extend_from_slice(&body);
    Ok(Some(frames))
}

fn content_length(head: &[u8]) -> Option<usize> {
    header(head, "content-length").and_then(|value| value.parse().ok())
}

/// A header's value.
pub(crate) fn header<'h>(head: &'h [u8], name: &str) -> Option<&'h str> {
    let lines = head.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let mut pairs = lines.filter_map(|line| line.split_once(':'));
    pairs.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
