//! The bytes of one connection, between the network and hyper.
//!
//! hyper has no time-out for whoever reads nothing, and its parser takes a bare line feed for a line end, which proxies
//! may see otherwise. So hyper gets a head alone and whole before the bytes behind it, with a byte that it refuses in the
//! place of a bare line feed, and then as much of the body as the head says.

use bytes::{Buf, BytesMut};
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How long the body of the request is that hyper has read the head of; said by who handles it.
#[derive(Clone, Default)]
pub(super) struct BodyLength(Arc<AtomicU64>);

impl BodyLength {
    /// It goes to the end of the connection, as far as we can tell.
    pub(super) const UNKNOWN: u64 = u64::MAX;

    pub(super) fn set(&self, length: u64) {
        self.0.store(length, Ordering::Release);
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::AcqRel)
    }
}

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// A request's head.
    Head(Head),
    /// What the head that has just ended says.
    AfterHead,
    /// So many bytes of a body.
    Body(u64),
    /// Whatever comes.
    Rest,
}

/// How far a head has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Head {
    /// Whether something of it has come, but for empty lines before it.
    begun: bool,
    /// How many bytes of `\r\n\r\n` there are at its end.
    ending: u8,
}

/// A connection that is watched.
pub(super) struct Guarded {
    stream: TcpStream,
    expected: Expected,
    length: BodyLength,
    /// Read already, for later.
    ahead: BytesMut,
    stall: Duration,
    /// While something can't be written: when that has gone on for too long.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    pub(super) fn new(stream: TcpStream, stall: Duration) -> (Self, BodyLength) {
        let (length, expected) = (BodyLength::default(), Expected::Head(Head::default()));
        let guarded = Self { stream, expected, length: length.clone(), ahead: BytesMut::new(), stall, stalled: None };
        (guarded, length)
    }

    /// How many of these bytes hyper may have now; a bare line feed among them is replaced.
    fn admit(&mut self, bytes: &mut [u8]) -> usize {
        if self.expected == Expected::AfterHead {
            self.expected = match self.length.take() {
                0 => Expected::Head(Head::default()),
                BodyLength::UNKNOWN => Expected::Rest,
                length => Expected::Body(length),
            };
        }
        match &mut self.expected {
            Expected::Head(head) => {
                for (index, byte) in bytes.iter_mut().enumerate() {
                    match head.step(*byte) {
                        Reading::On => {}
                        Reading::End => {
                            self.expected = Expected::AfterHead;
                            return index + 1;
                        }
                        Reading::Bare => {
                            *byte = 0;
                            self.expected = Expected::Rest;
                            break;
                        }
                    }
                }
                bytes.len()
            }
            Expected::Body(left) => {
                let now = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= now as u64;
                if *left == 0 {
                    self.expected = Expected::Head(Head::default());
                }
                now
            }
            Expected::AfterHead | Expected::Rest => bytes.len(),
        }
    }

    /// Passes on what a write came to, unless nothing could be written for too long.
    fn timed<T>(&mut self, written: Poll<Result<T>>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(Error::from(ErrorKind::TimedOut)))
    }
}

enum Reading {
    On,
    End,
    Bare,
}

impl Head {
    fn step(&mut self, byte: u8) -> Reading {
        (self.ending, self.begun) = match (byte, self.ending) {
            (b'\r', 2) => (3, self.begun),
            (b'\r', _) => (1, self.begun),
            (b'\n', 3) if self.begun => return Reading::End,
            (b'\n', 1 | 3) => (2, self.begun),
            (b'\n', _) => return Reading::Bare,
            _ => (0, true),
        };
        Reading::On
    }
}

impl AsyncRead for Guarded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buf.filled().len();
        if self.ahead.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        } else {
            let now = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead[..now]);
            self.ahead.advance(now);
        }
        let fresh = &mut buf.filled_mut()[before..];
        if fresh.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let admitted = self.admit(fresh);
        if admitted < fresh.len() {
            let later = std::mem::take(&mut self.ahead);
            self.ahead.reserve(fresh.len() - admitted + later.len());
            self.ahead.extend_from_slice(&fresh[admitted..]);
            self.ahead.extend_from_slice(&later);
        } else if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        buf.set_filled(before + admitted);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.timed(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.timed(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the head ends; `None` when it goes on, `Err` at a bare line feed.
    fn end(bytes: &[u8]) -> std::result::Result<Option<usize>, usize> {
        let mut head = Head::default();
        for (index, byte) in bytes.iter().enumerate() {
            match head.step(*byte) {
                Reading::On => {}
                Reading::End => return Ok(Some(index + 1)),
                Reading::Bare => return Err(index),
            }
        }
        Ok(None)
    }

    #[test]
    fn a_head_ends_at_its_empty_line() {
        assert_eq!(end(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nbody\n"), Ok(Some(27)));
        assert_eq!(end(b"\r\n\r\nGET / HTTP/1.1\r\n\r\n"), Ok(Some(22)));
        assert_eq!(end(b"GET / HTTP/1.1\r\nHost: x\r\n"), Ok(None));
        assert_eq!(end(b"GET / HTTP/1.1\r\n\r\r\n"), Ok(None));
    }

    #[test]
    fn a_bare_line_feed_is_seen() {
        assert_eq!(end(b"GET / HTTP/1.1\nHost: x\n\n"), Err(14));
        assert_eq!(end(b"GET / HTTP/1.1\r\nHost: x\r\n\n"), Err(25));
        assert_eq!(end(b"\n"), Err(0));
    }

    /// The same, said in one sentence: a line feed without its carriage return, or an empty line after something.
    fn naive(bytes: &[u8]) -> std::result::Result<Option<usize>, usize> {
        for (index, byte) in bytes.iter().enumerate() {
            let so_far = &bytes[..=index];
            if *byte == b'\n' && !so_far.ends_with(b"\r\n") {
                return Err(index);
            }
            let begun = so_far.iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
            if begun && so_far.ends_with(b"\r\n\r\n") {
                return Ok(Some(index + 1));
            }
        }
        Ok(None)
    }

    proptest::proptest! {
        #[test]
        fn a_heads_end_is_found_whatever_comes(bytes in "[\r\nGx: ]{0,200}") {
            proptest::prop_assert_eq!(end(bytes.as_bytes()), naive(bytes.as_bytes()));
        }
    }
}
