//! What may be done on the dashboard: replay, drop, pause, resume. Each button brings a signed word that says what it does,
//! to what, and to whom the page was shown; without one nothing is done.

use super::pages;
use super::shown::{Shared, Who};
use crate::texts::Catalogue;
use crate::web::called::{Given, asked_language, whole};
use crate::web::page::Page;
use crate::web::word;
use crate::wire::form;
use crate::wire::values::text;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use openline_core::desk::Desk;
use openline_core::store::Replayed;
use openline_core::{ChannelId, ClientAddress, JobId, StoreError, sampled};
use std::sync::Arc;

/// What a button does.
#[derive(Debug)]
enum Act {
    /// Looks again.
    Look,
    Replay(JobId),
    Drop(JobId),
    Pause(ChannelId),
    Resume(ChannelId),
}

impl Act {
    fn read(action: &str, target: &str) -> Option<Self> {
        let job = || target.parse().ok().map(JobId);
        let channel = || ChannelId::parse(target).ok();
        match action {
            "look" => Some(Self::Look),
            "replay" => job().map(Self::Replay),
            "drop" => job().map(Self::Drop),
            "pause" => channel().map(Self::Pause),
            "resume" => channel().map(Self::Resume),
            _ => None,
        }
    }

    /// For the log.
    fn name(&self) -> (&'static str, String) {
        match self {
            Self::Look => ("look", String::new()),
            Self::Replay(job) => ("dead replay", format!("letter {job}")),
            Self::Drop(job) => ("dead drop", format!("letter {job}")),
            Self::Pause(channel) => ("pause", format!("channel {channel}")),
            Self::Resume(channel) => ("resume", format!("channel {channel}")),
        }
    }
}

/// What came of it: the key of what is said, or a sentence with a number in it.
enum Came {
    Of(&'static str),
    Nothing,
    Behind(JobId),
}

/// A button that was pressed in the portal.
pub(in crate::web) async fn act(
    State(shared): State<Shared>,
    from: ClientAddress,
    RawQuery(query): RawQuery,
    Given(body): Given,
) -> Response {
    let language = asked_language(&shared.bitrix, query);
    let bitrix = Arc::clone(&shared.bitrix);
    whole(&bitrix, async move { pressed(&shared, None, &body, language, from).await }).await
}

/// A button that was pressed at `/admin`.
pub(super) async fn act_alone(
    State(shared): State<Shared>,
    from: ClientAddress,
    headers: HeaderMap,
    Given(body): Given,
) -> Response {
    let language = pages::preferred(&headers);
    let bitrix = Arc::clone(&shared.bitrix);
    whole(&bitrix, async move { pressed(&shared, Some(&Who::Machine), &body, language, from).await }).await
}

/// `on`: whose page this is, where that is one only.
async fn pressed(
    shared: &Shared,
    on: Option<&Who>,
    body: &Bytes,
    language: &'static Catalogue,
    from: ClientAddress,
) -> Response {
    let fields = form::pick(body, &["word", "why"]).unwrap_or_default();
    let brought = text(fields.get("word")).unwrap_or_default();
    let why = text(fields.get("why")).unwrap_or_default();
    let bitrix = &shared.bitrix;
    let read = word::read(&bitrix.board_keys, &brought, bitrix.portal.clock().now());
    let read = read.and_then(|[user, action, target]| {
        let machine = Some(Who::Machine).filter(|machine| machine.name() == user);
        let who = machine.unwrap_or_else(|| Who::Portal(user.to_owned()));
        Some((who, Act::read(action, target)?))
    });
    let fits = |who: &Who| on.map_or(*who != Who::Machine, |on| on == who);
    let Some((who, act)) = read.filter(|(who, _)| fits(who)) else {
        sampled!(warn, target: "security", client = %from, result = "refused", "a button of the dashboard without a word of ours");
        let page = Page::failure(language, "nothing_done").saying(language.get("stale").to_owned());
        return if on.is_some() { page.respond_alone() } else { page.respond(bitrix) };
    };
    let note = carry_out(&shared.desk(), &who, &act, &why, language, from).await;
    pages::page(shared, &who, language, None, note).await
}

/// Does it; what to say of it.
async fn carry_out(
    desk: &Desk,
    who: &Who,
    act: &Act,
    why: &str,
    language: &'static Catalogue,
    from: ClientAddress,
) -> Option<String> {
    if matches!(act, Act::Look) {
        return None;
    }
    let came = work(desk, who, act, why).await;
    let result = match &came {
        Ok(Came::Of(_)) => "done",
        Ok(Came::Nothing | Came::Behind(_)) => "nothing to do",
        Err(_) => "failed",
    };
    let (action, what) = act.name();
    let user = who.name();
    tracing::info!(target: "security", client = %from, user, action, what, result, "a button of the dashboard was pressed");
    Some(match came {
        Ok(Came::Of(key)) => language.get(key).to_owned(),
        Ok(Came::Nothing) => language.get("did_nothing").to_owned(),
        Ok(Came::Behind(first)) => language.fill("did_behind", &[("number", &first.to_string())]),
        Err(error) => {
            tracing::error!(%error, action, "what was asked for on the dashboard failed");
            language.get("did_fail").to_owned()
        }
    })
}

async fn work(desk: &Desk, who: &Who, act: &Act, why: &str) -> Result<Came, StoreError> {
    let (done, key) = match act {
        Act::Look => (false, ""),
        Act::Replay(job) => match desk.replay(*job).await? {
            Some(Replayed::Behind(first)) => return Ok(Came::Behind(first)),
            replayed => (replayed.is_some(), "did_replay"),
        },
        Act::Drop(job) => (desk.forget(*job).await?, "did_drop"),
        Act::Pause(channel) => (desk.pause(channel, why, who.by()).await?, "did_pause"),
        Act::Resume(channel) => (desk.resume(channel).await?, "did_resume"),
    };
    Ok(if done { Came::Of(key) } else { Came::Nothing })
}
