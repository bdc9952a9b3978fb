//! The bytes of one connection.

use bytes::{Buf, Bytes, BytesMut};
use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes of further requests that are taken before the answer under way has ended.
const AHEAD: usize = 16 * 1024;

/// A connection whose bytes are read and written by one and another in turn.
pub(super) struct Line {
    stream: TcpStream,
    /// Read, but not yet by the one who has its turn.
    ahead: BytesMut,
    behind: Arc<AtomicBool>,
}

impl Line {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, ahead: BytesMut::new(), behind: Arc::default() }
    }

    /// Whether the last write could not be done yet: somebody still keeps bytes that must go first.
    pub(super) fn behind(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.behind)
    }

    /// Gives back bytes that were read and not used.
    pub(super) fn put_back(&mut self, unused: &Bytes) {
        let later = std::mem::take(&mut self.ahead);
        self.ahead.extend_from_slice(unused);
        self.ahead.extend_from_slice(&later);
    }

    /// Waits until there is something to read, be it the end.
    pub(super) async fn asked(&self) {
        if self.ahead.is_empty() {
            // What is wrong with it, reading it will tell.
            let _ = self.stream.readable().await;
        }
    }

    /// Waits until the other side has gone. What it sends meanwhile is kept.
    pub(super) async fn gone(&mut self) {
        while self.ahead.len() < AHEAD {
            if self.stream.readable().await.is_err() {
                return;
            }
            match self.stream.try_read_buf(&mut self.ahead) {
                Ok(0) => return,
                Err(error) if error.kind() != ErrorKind::WouldBlock => return,
                _ => {}
            }
        }
        std::future::pending::<()>().await;
    }

    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        self.behind.store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let now = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead[..now]);
        self.ahead.advance(now);
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
