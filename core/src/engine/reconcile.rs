//! Replies that never reached us: the portal never repeats an event, so what was written while we were away, or was
//! dropped on the way, is fetched from the dialogs' histories and taken as if its event had come.
//!
//! It costs what changes: dialogs in which something happened lately are looked at often, quiet ones ever less often, and
//! each from where it was seen last ([`Seen`]). After a gap all of them are looked at at once, the lively ones first.

mod seen;

use crate::domain::error::{DeliveryError, StoreError};
use crate::domain::id::ConversationId;
use crate::domain::message::{Happened, OperatorEvent, Thread};
use crate::engine::inbox::Doors;
use crate::ports::backend::{Backend, Missed, Watched};
use crate::ports::store::PastDialog;
use seen::Seen;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_secs(3600);

/// How often dialogs are looked at in which something happened within that time: every so many of the shortest pauses.
/// Those that are older than the last are not looked at any more.
const TIERS: [(Duration, u32); 4] =
    [(Duration::from_secs(600), 1), (HOUR, 10), (HOUR.saturating_mul(24), 120), (HOUR.saturating_mul(24 * 30), 720)];

/// The tier that has all dialogs.
const ALL: usize = TIERS.len() - 1;

/// So many pages of a round fit into its tier's time; of more it takes longer.
const PAGES: u32 = 200;

/// Until a round is made again that the store broke off.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Shortest and longest pause before a round goes on that the portal broke off.
const PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// How often it is written down up to where dialogs were seen.
const KEEP: Duration = Duration::from_secs(300);

/// What one round found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Dialogs that were looked at.
    pub dialogs: usize,
    /// Messages that their histories named as not confirmed. Those we had already count too.
    pub found: usize,
    /// Whether all dialogs were looked at; not so when the portal went away meanwhile.
    pub whole: bool,
}

/// How far a tier's round has come.
struct Tier {
    due: Instant,
    after: Option<ConversationId>,
    /// The gaps that were known when it began.
    gaps: u64,
    /// It is the first after a gap.
    is_first: bool,
}

/// Which dialogs are looked at when.
struct Schedule {
    every: Duration,
    tiers: [Tier; TIERS.len()],
}

impl Schedule {
    /// All at once, the liveliest first.
    fn begin(every: Duration, gaps: u64) -> Self {
        let due = Instant::now();
        Self { every, tiers: TIERS.map(|_| Tier { due, after: None, gaps, is_first: true }) }
    }

    /// The liveliest tier that is due, or when the next one will be.
    fn next(&self, now: Instant) -> Result<usize, Instant> {
        let due = self.tiers.iter().position(|tier| tier.due <= now);
        due.ok_or_else(|| self.tiers.iter().map(|tier| tier.due).min().unwrap_or(now))
    }

    /// A tier's round goes on behind `last`: at once when something may have been missed, else as slowly as its time allows,
    /// so that ten thousand quiet dialogs are no crowd of calls.
    fn go_on(&mut self, at: usize, last: ConversationId) {
        let tier = &mut self.tiers[at];
        tier.after = Some(last);
        if !tier.is_first {
            tier.due = Instant::now() + self.every * TIERS[at].1 / PAGES;
        }
    }

    /// A tier's round is over.
    fn done(&mut self, at: usize) {
        let tier = &mut self.tiers[at];
        (tier.after, tier.due, tier.is_first) = (None, Instant::now() + self.every * TIERS[at].1, false);
    }
}

/// Looks for missed replies.
struct Watch<'d> {
    doors: &'d Doors,
    backend: &'d Arc<dyn Backend>,
    seen: Seen,
    round: Round,
    /// Whether the database came back from a backup: then what has arrived before is taken, too. `None` until it is known.
    back: Option<bool>,
}

/// Fetches what was missed: at the start, after every gap, and now and then; the liveliest dialogs `every` so long.
pub(crate) async fn run(doors: Doors, backend: Arc<dyn Backend>, every: Duration, stop: CancellationToken) {
    let (seen, round) = (Seen::load(&doors).await, Round::default());
    let mut watch = Watch { doors: &doors, backend: &backend, seen, round, back: None };
    stop.run_until_cancelled(watch.go_on(every)).await;
    watch.seen.keep(&doors).await;
}

/// Looks at every dialog that is over once more, and at every open one, from its beginning.
///
/// # Errors
/// When the store can't be used.
pub(crate) async fn round(doors: &Doors, backend: &Arc<dyn Backend>) -> Result<Round, StoreError> {
    let back = Some(doors.store.is_restored().await?);
    let mut watch = Watch { doors, backend, seen: Seen::default(), round: Round::default(), back };
    watch.round.whole = !matches!(watch.past().await?, Look::Away(_));
    let mut after = None;
    while watch.round.whole {
        match watch.page(ALL, after, false).await? {
            Page::Whole => break,
            Page::More(last) => after = Some(last),
            Page::Away(_) => watch.round.whole = false,
        }
    }
    Ok(watch.round)
}

/// What one page of a tier was.
enum Page {
    /// The last.
    Whole,
    /// There are more behind this one.
    More(ConversationId),
    /// The portal is away; look again after so long.
    Away(Duration),
}

impl Watch<'_> {
    async fn go_on(&mut self, every: Duration) {
        let (mut gaps, mut kept) = (self.doors.missing.current(), Instant::now());
        let mut schedule = Schedule::begin(every, gaps);
        loop {
            self.backend.ready().await;
            if gaps != self.doors.missing.current() {
                gaps = self.doors.missing.current();
                schedule = Schedule::begin(every, gaps);
            }
            match schedule.next(Instant::now()) {
                Err(next) => {
                    let _ = tokio::time::timeout_at(next, self.doors.missing.noticed()).await;
                }
                Ok(at) => {
                    if let Err(error) = self.one(at, &mut schedule).await {
                        tracing::error!(%error, "missed replies could not be stored");
                        tokio::time::sleep(STORE_PAUSE).await;
                    }
                }
            }
            if kept.elapsed() >= KEEP {
                self.seen.keep(self.doors).await;
                kept = Instant::now();
            }
        }
    }

    /// One page of a tier, so that livelier ones may come in between.
    async fn one(&mut self, at: usize, schedule: &mut Schedule) -> Result<(), StoreError> {
        if self.back.is_none() {
            self.back = Some(self.doors.store.is_restored().await?);
        }
        let tier = &mut schedule.tiers[at];
        if tier.after.is_none() {
            tier.gaps = self.doors.missing.current();
            if at == ALL {
                self.seen.begin_sweep();
            }
            if let Look::Away(pause) = self.past().await? {
                tier.due = Instant::now() + pause;
                return Ok(());
            }
        }
        match self.page(at, tier.after, !tier.is_first).await? {
            Page::Away(pause) => tier.due = Instant::now() + pause,
            Page::More(last) => schedule.go_on(at, last),
            Page::Whole => {
                if at == ALL {
                    self.seen.end_sweep();
                    self.doors.missing.fetched(tier.gaps);
                    self.made_good().await?;
                }
                schedule.done(at);
                self.tell();
            }
        }
        Ok(())
    }

    /// After a backup was restored, a whole round has fetched what was missing.
    async fn made_good(&mut self) -> Result<(), StoreError> {
        if self.back == Some(true) {
            self.doors.store.made_good().await?;
            self.back = Some(false);
            tracing::info!("what a restored backup did not have was fetched back");
        }
        Ok(())
    }

    fn tell(&mut self) {
        let Round { dialogs, found, .. } = std::mem::take(&mut self.round);
        if found == 0 {
            tracing::debug!(dialogs, "no reply was missed");
        } else {
            tracing::info!(dialogs, found, "replies fetched from the portal's history");
        }
    }

    /// The dialogs that are over, until each was read once.
    async fn past(&mut self) -> Result<Look, StoreError> {
        let (mut after, since) = (0, self.doors.clock.now().minus(TIERS[ALL].0));
        loop {
            let page = self.doors.store.past_dialogs(after, since, self.backend.missed_limit()).await?;
            let Some(last) = page.last() else { return Ok(Look::Done) };
            after = last.id;
            let watched: Vec<_> = page.iter().map(|past| watched(past.clone())).collect();
            self.round.dialogs += page.len();
            let (mut there, mut read) = (Look::Done, Vec::new());
            for (past, result) in page.iter().zip(self.backend.missed(&watched).await) {
                // What they tell of the conversation's place is over, too.
                let elsewhere = |event| OperatorEvent { thread: Thread::default(), ..event };
                let result = result.map(|missed| missed.events.into_iter().map(elsewhere).collect());
                match self.take(result).await? {
                    Look::Done => read.push(past.id),
                    Look::Failed => {}
                    away @ Look::Away(_) => there = away,
                }
            }
            if !read.is_empty() {
                self.doors.store.forget_past_dialogs(read).await?;
            }
            if matches!(there, Look::Away(_)) {
                return Ok(there);
            }
        }
    }

    /// Some of the open dialogs of a tier, behind `after`.
    async fn page(&mut self, tier: usize, after: Option<ConversationId>, patient: bool) -> Result<Page, StoreError> {
        let since = self.doors.clock.now().minus(TIERS[tier].0);
        let limit = self.backend.missed_limit();
        let page = self.doors.store.following(after, since, limit).await?;
        let Some(last) = page.last().map(|last| last.id) else { return Ok(Page::Whole) };
        let is_last = page.len() < limit;
        let watched: Vec<_> = page.into_iter().map(|conversation| self.seen.watched(conversation, patient)).collect();
        self.round.dialogs += watched.len();
        let mut away = None;
        for (dialog, result) in watched.iter().zip(self.backend.missed(&watched).await) {
            let newest = result.as_ref().ok().and_then(|missed: &Missed| missed.newest);
            let look = self.take(result.map(|missed| missed.events)).await?;
            match (look, newest) {
                (Look::Away(pause), _) => away = Some(pause),
                (Look::Done, Some(newest)) => self.seen.note(&dialog.conversation, newest),
                _ => {}
            }
        }
        Ok(match away {
            Some(pause) => Page::Away(pause),
            None if is_last => Page::Whole,
            None => Page::More(last),
        })
    }

    /// Takes what one look into a dialog's history brought.
    async fn take(&mut self, result: Result<Vec<OperatorEvent>, DeliveryError>) -> Result<Look, StoreError> {
        match result {
            Ok(mut events) => {
                let back = self.back == Some(true);
                events.retain(|event| back || !matches!(event.happened, Happened::Arrived { .. }));
                self.round.found += events.len();
                if !events.is_empty() {
                    self.doors.operator_inbox().accept(events).await?;
                }
                Ok(Look::Done)
            }
            Err(DeliveryError::Paused { reason, after }) => {
                tracing::warn!(reason, "missed replies can't be fetched now");
                Ok(Look::Away(after.clamp(PAUSE.0, PAUSE.1)))
            }
            Err(error) => {
                tracing::warn!(%error, "a dialog's history could not be read");
                Ok(Look::Failed)
            }
        }
    }
}

fn watched(past: PastDialog) -> Watched {
    Watched { conversation: past.conversation, seen: None, patient: false }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Done,
    Failed,
    /// They can't be read now: the round goes on after so long, or begins anew when the portal is back.
    Away(Duration),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each tier is looked at in a day.
    async fn rounds(every: Duration) -> [u32; TIERS.len()] {
        let (mut schedule, mut rounds) = (Schedule::begin(every, 0), [0; TIERS.len()]);
        let end = Instant::now() + HOUR * 24;
        while Instant::now() < end {
            match schedule.next(Instant::now()) {
                Ok(at) => {
                    rounds[at] += 1;
                    schedule.done(at);
                }
                Err(next) => tokio::time::sleep_until(next).await,
            }
        }
        rounds
    }

    #[tokio::test(start_paused = true)]
    async fn lively_dialogs_are_looked_at_often_and_quiet_ones_ever_less() {
        let [lively, hour, day, quiet] = rounds(Duration::from_secs(25)).await;
        assert!((3400..=3460).contains(&lively), "{lively}");
        assert!((300..=350).contains(&hour) && (25..=30).contains(&day), "{hour} {day}");
        // Ten thousand quiet ones are two hundred requests five times a day.
        assert_eq!(quiet, 5);
    }

    /// Ten thousand quiet dialogs, fifty a page: in any ten minutes they use less than a twentieth of what a method may work
    /// there (420 s), at 20 ms each.
    #[tokio::test(start_paused = true)]
    async fn quiet_dialogs_use_little_of_a_methods_time() {
        let (mut schedule, mut looks) = (Schedule::begin(Duration::from_secs(25), 0), Vec::new());
        (0..=ALL).for_each(|at| schedule.done(at));
        let (began, mut page) = (Instant::now(), 0);
        while began.elapsed() < HOUR * 24 {
            match schedule.next(Instant::now()) {
                Ok(ALL) => {
                    looks.push(began.elapsed());
                    page += 1;
                    if page % 200 == 0 { schedule.done(ALL) } else { schedule.go_on(ALL, ConversationId(page)) }
                }
                Ok(at) => schedule.done(at),
                Err(next) => tokio::time::sleep_until(next).await,
            }
        }
        let most =
            looks.iter().map(|from| looks.iter().filter(|at| (*from..*from + HOUR / 6).contains(*at)).count()).max();
        let used = Duration::from_millis(20) * 50 * u32::try_from(most.unwrap_or(0)).unwrap();
        assert!(used * 20 <= Duration::from_secs(420), "{used:?}");
        assert!(looks.len() >= 400, "all of them were looked at twice at least: {}", looks.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_round_of_all_holds_up_no_lively_dialog() {
        let mut schedule = Schedule::begin(Duration::from_secs(25), 0);
        (0..ALL).for_each(|at| schedule.done(at));
        assert_eq!(schedule.next(Instant::now()), Ok(ALL));
        schedule.tiers[ALL].after = Some(ConversationId(50));
        tokio::time::advance(Duration::from_secs(26)).await;
        assert_eq!(schedule.next(Instant::now()), Ok(0));
        schedule.done(0);
        assert_eq!(schedule.next(Instant::now()), Ok(ALL), "it goes on");
    }
}
