//! Bodies must come with a certain haste.

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::{StreamExt, stream};
use std::time::Duration;
use tokio::time::Instant;

/// So many bytes must come in each span that is waited for them: the slowest mobile network has ten times as much.
pub(super) const LEAST: usize = 2_500;

/// A body on its way.
struct Flow {
    bytes: BodyDataStream,
    span: Duration,
    /// How long it was waited for in this span (not what was done with what came) …
    waited: Duration,
    /// … and what came.
    got: usize,
}

/// The same body, which breaks off when too little of it comes.
pub(super) fn steady(body: Body, span: Duration) -> Body {
    let flow = Flow { bytes: body.into_data_stream(), span, waited: Duration::ZERO, got: 0 };
    Body::from_stream(stream::unfold(flow, next))
}

async fn next(mut flow: Flow) -> Option<(Result<Bytes, axum::Error>, Flow)> {
    loop {
        let begun = Instant::now();
        let piece = tokio::time::timeout(flow.span.saturating_sub(flow.waited), flow.bytes.next()).await;
        flow.waited += begun.elapsed();
        match piece {
            Ok(piece) => {
                flow.got += piece.as_ref().and_then(|piece| piece.as_ref().ok()).map_or(0, Bytes::len);
                return piece.map(|piece| (piece, flow));
            }
            Err(_) if flow.got >= LEAST => (flow.waited, flow.got) = (Duration::ZERO, 0),
            Err(_) => {
                flow.bytes = Body::empty().into_data_stream();
                return Some((Err(axum::Error::new("too little came for too long")), flow));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    /// A body of pieces of so many bytes, one every so many seconds.
    fn body(pieces: u32, size: usize, seconds: u64) -> Body {
        let next = move |n: u32| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            (n < pieces).then(|| (Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; size])), n + 1))
        };
        Body::from_stream(stream::unfold(0, next))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_be_slow_but_not_endless() {
        let read = async |body| to_bytes(steady(body, Duration::from_secs(10)), 1_000_000).await;
        assert_eq!(read(body(30, 3_000, 8)).await.unwrap().len(), 90_000);
        assert!(read(body(1_000, 1, 1)).await.is_err(), "a byte a second");
        assert!(read(body(2, 3_000, 60)).await.is_err(), "silence");
    }

    /// What takes long on our side is not the sender's fault.
    #[tokio::test(start_paused = true)]
    async fn only_waiting_counts() {
        let mut bytes = steady(body(20, 500, 1), Duration::from_secs(10)).into_data_stream();
        let mut got = 0;
        while let Some(piece) = bytes.next().await {
            got += piece.unwrap().len();
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        assert_eq!(got, 10_000);
    }
}
