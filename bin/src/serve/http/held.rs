//! Answers that go on for long: news as they come, and calls that are held until there are any.
//!
//! hyper keeps two buffers of 8 kB for a connection from its first byte to its last. Most connections of a chat do nothing
//! but wait, so what they wait for is written here, with no buffer at all: `Transfer-Encoding: chunked` (RFC 9112 §7.1).

use super::line::Line;
use axum::body::{BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Version, header, response};
use axum::response::Response;
use bytes::{BufMut, BytesMut};
use futures_util::{FutureExt, StreamExt};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// Whoever takes nothing for so long is gone.
const TAKES: Duration = Duration::from_secs(60);
/// What is ready is written together, up to about so much.
const TOGETHER: usize = 64 * 1024;
const END: &[u8] = b"0\r\n\r\n";

/// Whether the answer to a request may be written here: nothing of the request is still to come, the client knows chunks,
/// and the connection goes on after it.
pub(super) fn may_hold<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let others = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::UPGRADE];
    let plain = |name: &header::HeaderName| headers.get(name).is_none_or(|value| value.as_bytes() == b"keep-alive");
    request.method() == Method::GET && request.version() == Version::HTTP_11 && others.iter().all(plain)
}

/// Whether an answer goes on: nobody knows yet how long it will be.
pub(super) fn goes_on(answer: &Response) -> bool {
    let known = answer.headers().contains_key(header::CONTENT_LENGTH);
    answer.status().is_success() && !known && answer.body().size_hint().exact().is_none()
}

/// Writes an answer to its end; the connection, when the next request may come on it.
pub(super) async fn write(mut line: Line, answer: Response) -> Option<Line> {
    let (head, body) = answer.into_parts();
    let mut body = body.into_data_stream();
    let mut out = head_of(&head);
    let mut ended = ready(&mut body, &mut out)?;
    loop {
        tokio::time::timeout(TAKES, line.write_all(&out)).await.ok()?.ok()?;
        if ended {
            return Some(line);
        }
        drop(out);
        let next = tokio::select! {
            biased;
            next = body.next() => next,
            () = line.gone() => return None,
        };
        out = BytesMut::new();
        ended = add(next, &mut out)? || ready(&mut body, &mut out)?;
    }
}

/// Adds what is ready; whether that was all. `None` when it breaks off: the client must not take it for whole.
fn ready(body: &mut BodyDataStream, out: &mut BytesMut) -> Option<bool> {
    while out.len() < TOGETHER {
        match body.next().now_or_never() {
            None => return Some(false),
            Some(next) => {
                if add(next, out)? {
                    return Some(true);
                }
            }
        }
    }
    Some(false)
}

fn add(next: Option<Result<Bytes, axum::Error>>, out: &mut BytesMut) -> Option<bool> {
    match next {
        None => out.extend_from_slice(END),
        Some(Err(_)) => return None,
        // An empty chunk would be the end.
        Some(Ok(piece)) if piece.is_empty() => return Some(false),
        Some(Ok(piece)) => {
            out.reserve(piece.len() + 16);
            out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            out.extend_from_slice(&piece);
            out.extend_from_slice(b"\r\n");
            return Some(false);
        }
    }
    Some(true)
}

fn head_of(head: &response::Parts) -> BytesMut {
    let mut out = BytesMut::with_capacity(512);
    let reason = head.status.canonical_reason().unwrap_or_default();
    out.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", head.status.as_u16()).as_bytes());
    fields(&head.headers, &mut out);
    out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    let now = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&jiff::Timestamp::now());
    if let (false, Ok(now)) = (head.headers.contains_key(header::DATE), now) {
        out.extend_from_slice(format!("date: {now}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn fields(headers: &HeaderMap, out: &mut BytesMut) {
    for (name, value) in headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.put_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}
