//! Intake by asking: `getUpdates`, held by Telegram until there is something. Asking for what comes after an update is
//! its acknowledgement, so that is done only when everything before is stored. While an update takes long (a visitor's
//! file), Telegram is asked from that one on again and again, so that the others do not wait for it.

use crate::telegram::client::api::HOLD;
use crate::telegram::client::status::{Status, Trouble};
use crate::telegram::outgoing::window::{ChatNumber, LADDER, Window, number};
use crate::telegram::updates::intake::read;
use crate::telegram::updates::way_in::{Held, Intake};
use futures_util::FutureExt;
use openline_core::StoreError;
use openline_core::clock::Timestamp;
use serde_json::Value;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use teloxide::payloads::{DeleteWebhook, GetMe, GetUpdates, GetUpdatesSetters};
use teloxide::types::AllowedUpdate;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

/// What we want to be told.
pub(in crate::telegram) const WANTED: [AllowedUpdate; 4] =
    [AllowedUpdate::Message, AllowedUpdate::EditedMessage, AllowedUpdate::MyChatMember, AllowedUpdate::MessageReaction];
/// Chats whose updates are taken at the same time.
const CHATS: usize = 32;
/// So often an update may end in a fault of ours before it is set aside.
const FAULTS: u32 = 3;
/// How long it is from one question to the next while updates are under way, or when Telegram answers at once with
/// nothing though it was told to wait.
const MOMENT: Duration = Duration::from_secs(1);
/// After a week without updates Telegram begins their numbers anew; an offset is good for less.
const OFFSET_LIFETIME: Duration = Duration::from_secs(6 * 24 * 3600);

/// Polls until `stop`. Whatever fails is told by `status` and tried again.
pub(in crate::telegram) async fn run(intake: Arc<Intake>, status: &Status, stop: &CancellationToken) {
    let key = format!("offset/{}", intake.settings.bot());
    let free = Arc::new(Semaphore::new(CHATS));
    let (window, work) = (Window::default(), JoinSet::new());
    let mut poll =
        Poll { intake, key, ready: false, steady: false, offset: None, window, work, faults: HashMap::new(), free };
    let mut pause = Pause::default();
    while let Some(round) = stop.run_until_cancelled(poll.round(status)).await {
        poll.steady = round.is_ok();
        let inbox = &poll.intake.inbox;
        match round {
            Ok(()) => {
                match poll.window.problem() {
                    Some(problem) => status.fails(inbox, problem.to_owned()),
                    None => status.works(inbox),
                }
                pause = Pause::default();
            }
            Err(trouble) => {
                status.fails(inbox, trouble.line());
                stop.run_until_cancelled(tokio::time::sleep(pause.next(&trouble))).await;
            }
        }
    }
}

/// How long to wait after a failure: by the ladder, or what Telegram says.
#[derive(Default)]
pub(in crate::telegram) struct Pause {
    failures: u32,
}

impl Pause {
    pub(in crate::telegram) fn next(&mut self, trouble: &Trouble) -> Duration {
        let wait = LADDER.step(self.failures);
        self.failures += 1;
        match trouble {
            Trouble::Telegram(failure) => failure.retry_after().unwrap_or_default().max(wait),
            Trouble::Here(_) => wait,
        }
    }
}

struct Poll {
    intake: Arc<Intake>,
    /// Where the offset is kept; another bot's numbers are others.
    key: String,
    /// Whether Telegram knows us, and our own webhook is gone. That is asked for once: a webhook that is there later is
    /// another program's.
    ready: bool,
    /// Whether the last round succeeded; if not, Telegram is asked to answer at once, so that health is known soon.
    steady: bool,
    /// The first update that is not taken yet, and since when that is known.
    offset: Option<(i64, Timestamp)>,
    window: Window,
    /// The updates that are being taken, one of a chat.
    work: JoinSet<Ended>,
    /// How often an update ended in a fault of ours.
    faults: HashMap<i64, u32>,
    free: Arc<Semaphore>,
}

/// What became of an update.
struct Ended {
    chat: ChatNumber,
    number: i64,
    /// None: by a fault of ours.
    result: Option<Result<(), Held>>,
}

impl Poll {
    async fn round(&mut self, status: &Status) -> Result<(), Trouble> {
        self.prepare(status).await?;
        let begun = Instant::now();
        let hold = if self.steady && self.window.is_empty() { HOLD } else { 0 };
        let updates = self.ask(hold).await?;
        let new = self.window.hear(&updates, begun);
        let idle = new.is_empty() && hold > 0;
        for (chat, update) in new {
            self.begin(chat, update);
        }
        let taken = self.work_until(begun + MOMENT).await;
        self.acknowledge(updates.iter().filter_map(number).min()).await?;
        taken?;
        if idle || !self.window.is_empty() {
            sleep_until(begun + MOMENT).await;
        }
        Ok(())
    }

    async fn prepare(&mut self, status: &Status) -> Result<(), Trouble> {
        if !self.ready {
            let intake = &self.intake;
            self.offset = self.kept().await?;
            status.recall(&intake.inbox).await?;
            status.learn(&intake.inbox, &intake.api.call(&GetMe::new()).await?).await?;
            intake.api.call(&DeleteWebhook::new()).await?;
            self.ready = true;
        }
        Ok(())
    }

    async fn ask(&self, hold: u32) -> Result<Vec<Value>, Trouble> {
        let mut ask = GetUpdates::new().timeout(hold).allowed_updates(WANTED);
        let now = self.intake.inbox.now();
        let offset = self.offset.filter(|(_, since)| since.until(now) < OFFSET_LIFETIME);
        ask.offset = offset.and_then(|(offset, _)| i32::try_from(offset).ok());
        Ok(self.intake.api.updates(&ask, read).await?)
    }

    fn begin(&mut self, chat: ChatNumber, update: Value) {
        let (intake, free) = (Arc::clone(&self.intake), Arc::clone(&self.free));
        self.work.spawn(async move {
            let _turn = free.acquire_owned().await;
            let result = AssertUnwindSafe(intake.take(&update)).catch_unwind().await.ok();
            Ended { chat, number: number(&update).unwrap_or_default(), result }
        });
    }

    /// Takes updates until there are none, but not for longer. A chat whose file does not come rests for itself; when
    /// nothing can be stored, all do.
    async fn work_until(&mut self, end: Instant) -> Result<(), Trouble> {
        let mut trouble = None;
        while let Ok(Some(ended)) = timeout_at(end, self.work.join_next()).await {
            let Ok(Ended { chat, number, result }) = ended else {
                // What was under way begins anew: it comes again.
                self.work.shutdown().await;
                self.window = Window::default();
                return Err(Trouble::Here("an update was not taken to its end".to_owned()));
            };
            match result.unwrap_or_else(|| self.faulty(number)) {
                Ok(()) => {
                    self.faults.remove(&number);
                    if let Some(next) = self.window.took(chat, number) {
                        self.begin(chat, next);
                    }
                }
                Err(held) => {
                    self.window.failed(chat, number);
                    match held {
                        // An erasure is this chat's alone, and over in a moment.
                        Held::File(_) | Held::Fault | Held::Store(StoreError::Erasing) => {
                            self.window.rest(chat, held.to_string(), Instant::now());
                        }
                        Held::Store(_) => trouble = Some(held),
                    }
                }
            }
        }
        trouble.map_or(Ok(()), |held| Err(held.into()))
    }

    /// An update that ends in a fault of ours comes again, but not for ever: nothing behind it would be acknowledged.
    fn faulty(&mut self, number: i64) -> Result<(), Held> {
        let faults = self.faults.entry(number).or_default();
        *faults += 1;
        if *faults < FAULTS {
            return Err(Held::Fault);
        }
        self.intake.set_aside(Some(number), "it can't be taken to its end");
        Ok(())
    }

    /// What is before the first that is not taken is not asked for again. `first`: of those that just came.
    async fn acknowledge(&mut self, first: Option<i64>) -> Result<(), StoreError> {
        if let Some(next) = self.window.next().filter(|next| first.is_some_and(|first| first < *next)) {
            let now = self.intake.inbox.now();
            self.intake.inbox.keep(&self.key, format!("{next} {}", now.0).as_bytes()).await?;
            self.offset = Some((next, now));
        }
        Ok(())
    }

    async fn kept(&self) -> Result<Option<(i64, Timestamp)>, StoreError> {
        let kept = self.intake.inbox.remember(&self.key).await?;
        let text = kept.and_then(|kept| String::from_utf8(kept).ok()).unwrap_or_default();
        let parts = text.split_once(' ').and_then(|(offset, at)| Some((offset.parse().ok()?, at.parse().ok()?)));
        Ok(parts.map(|(offset, at)| (offset, Timestamp(at))))
    }
}
