//! One request to the portal with what goes in it: each call is judged by itself; when the request fails, all of them have
//! its fate.

use crate::access::batch::{Command, Entry, Timed};
use crate::access::budget::Fare;
use crate::shared::Inner;
use crate::wire::rest::CallError;
use crate::wire::verdict::{self, Verdict};
use futures_util::future::{BoxFuture, join_all};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// One call of a request.
pub(crate) struct Part {
    pub(super) command: Command<'static>,
    /// What it is watched by until its outcome is known ([`crate::deliver::flights`]).
    pub(super) ids: Vec<String>,
    /// How many messages it is as much work as.
    pub(super) weight: usize,
    /// Whether the time that it takes says how long a message takes.
    pub(super) is_measure: bool,
    /// Tells those who wait what became of it.
    pub(super) unload: Box<dyn FnOnce(Entry) -> BoxFuture<'static, ()> + Send>,
}

/// Makes these calls by one request, and tells everybody.
pub(super) async fn send(bitrix: &Arc<Inner>, mut parts: Vec<Part>, fare: Fare) {
    // Calls are carried out in order (`bitrix24.md` §3.3): what stands behind does not keep a message flying.
    let mut weight = 0;
    for part in &parts {
        weight += part.weight;
        bitrix.flights.started(part.ids.iter().map(String::as_str), weight);
    }
    let commands: Vec<_> = parts.iter_mut().map(|part| std::mem::take(&mut part.command)).collect();
    let mut left = Instant::now();
    let answer = bitrix.portal.batch_at(&commands, fare, &mut left).await;
    note_pace(bitrix, &parts, &answer, left.elapsed());
    let entries = answer.unwrap_or_else(|error| vec![(Err(error), None); parts.len()]);
    let told = parts.into_iter().zip(entries).map(|(part, (entry, _))| {
        let ids = part.ids.iter().map(String::as_str);
        match entry.as_ref().map_err(|error| (error.plain(), verdict::of(error))) {
            Err((CallError::Api { .. }, Verdict::Unknown)) => bitrix.flights.ended(ids),
            Err((_, Verdict::Unknown)) => bitrix.flights.cut(ids, left),
            Ok(_) | Err((_, Verdict::Reject)) => bitrix.flights.landed(ids),
            // Not carried out, and tried again.
            Err(_) => bitrix.flights.ended(ids),
        }
        (part.unload)(entry)
    });
    join_all(told).await;
}

/// How long messages take: as the portal told of their calls, and no less than their part of the whole request.
fn note_pace(bitrix: &Inner, parts: &[Part], answer: &Result<Vec<Timed>, CallError>, ran: Duration) {
    let whole = parts.iter().map(|part| part.weight).sum::<usize>();
    let measures = || parts.iter().enumerate().filter(|(_, part)| part.is_measure);
    let failed = |error: &CallError| verdict::of(error) == Verdict::Unknown;
    match answer {
        Ok(entries) => {
            for (index, part) in measures() {
                match &entries[index] {
                    (Ok(_), told) => {
                        bitrix.pace.note(part.weight, told.unwrap_or_default().max(share(ran, part.weight, whole)));
                    }
                    (Err(error), _) if failed(error) => bitrix.pace.note_cut(whole, ran),
                    (Err(_), _) => {}
                }
            }
        }
        Err(error) if failed(error) && measures().count() > 0 => bitrix.pace.note_cut(whole, ran),
        Err(_) => {}
    }
}

fn share(of: Duration, part: usize, whole: usize) -> Duration {
    let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
    of.saturating_mul(number(part)) / number(whole).max(1)
}
