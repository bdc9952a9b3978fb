//! News as server-sent events: one answer that stays open, instead of one held call after another.
//!
//! Thousands of these are open at once, so what each keeps between events is small: no buffers, and what is needed for a
//! moment only is boxed. Padding against proxies that hold back small answers is not sent: a page behind one notices that nothing
//! arrives, and polls.

use super::shared::OfStream;
use crate::website::error::{AnyCall, Problem, Refusal};
use crate::website::item::WireSlice;
use crate::website::sent::query::{NEWS, number, query};
use crate::website::session::ended::Mark;
use crate::website::site::{Reader, Site};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use openline_core::limits::Waiting;
use openline_core::{ChatId, ClientAddress, ConversationId, Rev, StoreError};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Something is sent at least this often, so that proxies and browsers know that the connection lives.
const BEAT: Duration = Duration::from_secs(20);

#[utoipa::path(
    get, path = "/stream", operation_id = "stream", summary = "What is new, as it comes",
    params(OfStream),
    responses(
        AnyCall,
        (status = 200, body = String, content_type = "text/event-stream", description = "Events `news`, whose id is the \
            cursor and whose data is what updates answers; a comment at least every 20 s.")
    )
)]
pub(in crate::website) async fn open(
    State(site): State<Arc<Site>>,
    from: ClientAddress,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let session = site.known_session(&headers)?;
    let (mark, chat) = (site.mark(&session), session.chat);
    let since = since(&headers, raw)?;
    let reader = Reader::of(&headers);
    let place = site.may_wait(&chat, from)?;
    let mut follower = Follower { site, reader, mark, chat, id: None, since, first: None, _place: place };
    follower.first = Some(follower.begin().await?);
    let headers = [
        (header::CACHE_CONTROL.as_str(), "no-store, no-transform"),
        ("x-accel-buffering", "no"), // nginx and its like pass it on as it comes
    ];
    // Without axum's keep-alive: a beat is also the moment to look whether the session is over.
    Ok((headers, Sse::new(events(follower))).into_response())
}

/// Where to go on: what the browser remembers by itself is newer than what was once written into the address.
fn since(headers: &HeaderMap, raw: Option<String>) -> Result<i64, Problem> {
    if let Some(last) = headers.get("last-event-id") {
        let last = last.to_str().ok().and_then(|last| last.trim().parse().ok());
        return last.ok_or_else(|| Problem::of(Refusal::BadQuery, "Last-Event-ID must be a whole number"));
    }
    number(&query(raw)?, "since")?.ok_or_else(|| Problem::of(Refusal::BadQuery, "since is missing"))
}

fn events(follower: Follower) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(follower, step)
}

async fn step(mut follower: Follower) -> Option<(Result<Event, Infallible>, Follower)> {
    let event = follower.next().await?;
    Some((Ok(event), follower))
}

/// One open stream.
struct Follower {
    site: Arc<Site>,
    reader: Reader,
    mark: Mark,
    chat: ChatId,
    /// `None` until the first message.
    id: Option<ConversationId>,
    since: i64,
    /// Made before the answer begins, so that what goes wrong then is answered by a status.
    first: Option<Event>,
    _place: Box<Waiting>,
}

impl Follower {
    async fn begin(&mut self) -> Result<Event, StoreError> {
        self.id = self.site.inbox.find(&self.chat).await?;
        let Some(id) = self.id else {
            let reset = self.since != 0;
            self.since = 0;
            return Ok(event(&WireSlice::nothing(0, reset)));
        };
        let newest = self.site.newest(id, self.since).await?;
        match self.since {
            since if since == newest.0 => Ok(event(&WireSlice::nothing(since, false))),
            since => self.news(id, since < 0 || since > newest.0).await,
        }
    }

    /// What goes out next; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let begun = Instant::now();
        let has_news = self.wait().await?;
        // Somebody may have signed out meanwhile, or asked to be forgotten.
        if Box::pin(self.site.is_over(&self.mark)).await.map_err(|error| log(&error)).ok()? {
            return None;
        }
        if has_news {
            let id = self.id?;
            return Box::pin(self.news(id, false)).await.map_err(|error| log(&error)).ok();
        }
        // A wait that ended early was ended: the program stops, or what it waited at is not to be trusted any more.
        (begun.elapsed() >= BEAT).then_some(Event::DEFAULT_KEEP_ALIVE)
    }

    /// Waits for news as long as one may be silent; whether there are any.
    async fn wait(&mut self) -> Option<bool> {
        let inbox = &self.site.inbox;
        let Some(id) = self.id else {
            self.id = Box::pin(inbox.wait_for_first(&self.chat, BEAT)).await.map_err(|error| log(&error)).ok()?;
            return Some(self.id.is_some());
        };
        let since = Rev(self.since);
        let newest = inbox.newest(id).await.map_err(|error| log(&error)).ok()?;
        Some(newest > since || inbox.wait_above(id, since, BEAT).await)
    }

    async fn news(&mut self, id: ConversationId, reset: bool) -> Result<Event, StoreError> {
        let since = if reset { Rev(0) } else { Rev(self.since) };
        let slice = self.site.inbox.items_since(id, since, NEWS).await?;
        let news = WireSlice::news(&slice, &self.site.links(self.reader, id), reset);
        self.since = news.cursor;
        Ok(event(&news))
    }
}

fn event(news: &WireSlice<'_>) -> Event {
    // Made of texts and numbers only: there is nothing in it that JSON can't say.
    Event::default().event("news").id(news.cursor.to_string()).json_data(news).unwrap_or_default()
}

fn log(error: &StoreError) {
    tracing::error!(%error, "a stream of news ends: the store can't be read");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<A, F: Future>(_: fn(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn what_an_open_stream_keeps_is_small() {
        let kept = size(step) + size_of::<Follower>();
        assert!(kept <= 1024, "{kept} bytes for each open stream");
    }

    #[test]
    fn what_the_browser_remembers_wins() {
        let headers =
            |value: &'static str| HeaderMap::from_iter([("last-event-id".parse().unwrap(), value.parse().unwrap())]);
        assert_eq!(since(&headers("7"), Some("since=3".into())).unwrap(), 7);
        assert_eq!(since(&HeaderMap::new(), Some("since=3".into())).unwrap(), 3);
        assert_eq!(since(&HeaderMap::new(), None).unwrap_err().refusal, Refusal::BadQuery);
        assert_eq!(since(&headers("x"), Some("since=3".into())).unwrap_err().refusal, Refusal::BadQuery);
    }

    #[tokio::test]
    async fn an_event_is_one_line_of_data_and_a_beat_a_comment() {
        let sent = [event(&WireSlice::nothing(5, false)), Event::DEFAULT_KEEP_ALIVE].map(Ok::<_, Infallible>);
        let body = Sse::new(stream::iter(sent)).into_response().into_body();
        let wanted = "event: news\nid: 5\ndata: {\"cursor\":5,\"items\":[],\"more\":false}\n\n:\n\n";
        assert_eq!(axum::body::to_bytes(body, 200).await.unwrap(), wanted);
    }
}
