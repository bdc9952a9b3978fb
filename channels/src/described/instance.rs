//! One described channel at work: what it was given, its calls, its token, its pause.

use super::calls::{Request, Step};
use super::description::Description;
use super::events::Group;
use super::expr::Scope;
use super::filters;
use super::memory::{Heard, Progress};
use super::parts::Writing;
use super::settings::Given;
use super::transport::{FileOut, Transport};
use super::verdicts::Failed;
use minijinja::Value;
use openline_core::clock::Timestamp;
use openline_core::lately::Lately;
use openline_core::{ChatId, Clock, ConversationId, DeliveryError, StoreError, VisitorInbox};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A token is renewed so long before its end, in seconds.
const EARLY: u64 = 60;
/// A message waits so long for its turn by the messenger's rates; then it is tried again later.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// Under which name it is kept what the next token is fetched with.
const REFRESH: &str = "refresh";
/// Under which name values stand that events left for later calls.
pub(super) const KEPT: &str = "kept";

/// What is sent again and again belongs to one call.
pub(crate) struct Call<'c> {
    pub(super) steps: &'c [Step],
    pub(super) attempts: u32,
    pub(super) file: Option<&'c FileOut>,
}

impl<'c> Call<'c> {
    pub(super) fn of(steps: &'c [Step]) -> Self {
        Self { steps, attempts: 0, file: None }
    }
}

/// One channel.
pub(crate) struct Instance {
    pub(super) description: Arc<Description>,
    pub(super) given: Given,
    /// Settings and what else is always there.
    base: Scope,
    pub(super) transport: Box<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) inbox: OnceLock<VisitorInbox>,
    /// What came.
    heard: Lately<ChatId, Heard>,
    /// What goes: as it is stored, or that it is over.
    sending: Lately<ChatId, Progress>,
    token: tokio::sync::Mutex<Option<(String, Timestamp)>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the setup's steps took.
    setup: Value,
    /// The messenger lets nothing in; core tries it again then.
    pause: Option<(Timestamp, String)>,
    trouble: Option<String>,
    /// When the next message may be sent: of all chats (empty), and of each.
    next: HashMap<String, Timestamp>,
    /// Events that no rule knew.
    unknown: u64,
}

impl Instance {
    pub(super) fn new(
        description: Arc<Description>,
        given: Given,
        hook: &str,
        transport: Box<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let base = given.scope.with("hook", hook);
        let token = tokio::sync::Mutex::default();
        let (heard, sending, state) = (Lately::default(), Lately::default(), Mutex::default());
        Self { description, given, base, transport, clock, inbox: OnceLock::new(), heard, sending, token, state }
    }

    /// What came, unless another process may know better.
    pub(super) fn heard(&self) -> Option<&Lately<ChatId, Heard>> {
        self.is_alone().then_some(&self.heard)
    }

    /// What goes, unless another process may know better.
    pub(super) fn sending(&self) -> Option<&Lately<ChatId, Progress>> {
        self.is_alone().then_some(&self.sending)
    }

    /// Values that a chat's events left for calls.
    pub(super) async fn kept(
        &self,
        inbox: &VisitorInbox,
        chat: &ChatId,
        id: ConversationId,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        if !self.description.events.iter().any(Group::keeps) {
            return Ok(BTreeMap::new());
        }
        let same = |heard: &mut Heard| heard.kept.clone().filter(|_| heard.conversation == id);
        if let Some(kept) = self.heard().and_then(|lately| lately.at(chat, same)).flatten() {
            return Ok(kept);
        }
        let kept = inbox.remember_of(chat, KEPT).await?;
        let kept = kept.and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default();
        self.keeps(chat, id, &kept);
        Ok(kept)
    }

    /// Remembers what is stored of them.
    pub(super) fn keeps(&self, chat: &ChatId, id: ConversationId, kept: &BTreeMap<String, String>) {
        if let Some(lately) = self.heard() {
            let same = |heard: &mut Heard| heard.conversation == id;
            lately.at(chat, |heard| heard.kept = same(heard).then(|| kept.clone()));
        }
    }

    fn is_alone(&self) -> bool {
        self.inbox.get().is_some_and(|inbox| !inbox.is_shared())
    }

    /// What every expression may name.
    pub(super) fn scope(&self) -> Scope {
        let mut scope = self.base.clone();
        scope.set("now", self.clock.now().seconds());
        scope.set("setup", self.state.lock().setup.clone());
        scope
    }

    /// How texts are written.
    pub(super) fn writing(&self) -> Result<Writing<'_>, DeliveryError> {
        Writing::of(&self.description, &self.scope()).map_err(DeliveryError::refused)
    }

    /// Makes calls, one after the other; what they take is in the scope afterwards. Gives the id in the answer of the step
    /// that says one. A step before that has sent nothing, whatever became of it.
    pub(super) async fn run(&self, call: &Call<'_>, scope: &mut Scope) -> Result<Option<String>, Failed> {
        let begun = scope.clone();
        match self.run_once(call, scope).await {
            Err(failed) if failed.unauthorized && self.description.token.is_some() => {
                *self.token.lock().await = None;
                *scope = begun;
                self.run_once(call, scope).await
            }
            other => other,
        }
    }

    async fn run_once(&self, call: &Call<'_>, scope: &mut Scope) -> Result<Option<String>, Failed> {
        if self.description.token.is_some() {
            match self.token().await {
                Ok(token) => scope.set("token", token),
                // A file at an open address can be had without.
                Err(_) if call.steps.is_empty() => {}
                Err(failed) => return Err(failed),
            }
        }
        self.steps(call, scope).await
    }

    async fn steps(&self, call: &Call<'_>, scope: &mut Scope) -> Result<Option<String>, Failed> {
        let mut id = None;
        let sends = call.steps.iter().any(|step| step.id.is_some());
        for step in call.steps {
            let bad =
                |problem: String| Failed::from(DeliveryError::refused(format!("a call can't be made: {problem}")));
            if !step.applies(scope).map_err(bad)? {
                continue;
            }
            let request = step.request(&self.description.http, scope).map_err(bad)?;
            let result = self.one(step, &request, call, scope).await;
            let seen = result.map_err(|failed| if sends && step.id.is_none() { not_sent(failed) } else { failed })?;
            step.take(&seen, scope).map_err(bad)?;
            if let Some(expr) = &step.id {
                let found = expr.eval(&seen).map(|id| filters::text(&id)).unwrap_or_default();
                // What stands between us and the messenger answers so.
                let is_page =
                    seen.get("answer").is_undefined() && !filters::text(&seen.get("answer_text")).trim().is_empty();
                if found.is_empty() && is_page {
                    let reason = format!("{}'s answer is not JSON and names no message", self.description.name);
                    return Err(DeliveryError::unknown(reason).into());
                }
                id = Some(found);
            }
        }
        Ok(id)
    }

    /// One call, again while the messenger is not ready.
    async fn one(&self, step: &Step, request: &Request, call: &Call<'_>, scope: &Scope) -> Result<Scope, Failed> {
        let mut tries = 0;
        loop {
            let answer = self.transport.call(request, call.file).await?;
            let seen = answer.seen(scope);
            if let Some(again) = step.again.as_ref().filter(|again| tries < again.times)
                && step.is_early(&seen)
            {
                tries += 1;
                tokio::time::sleep(again.pause).await;
                continue;
            }
            let Description { name, answers, .. } = &*self.description;
            answers.judge(name, &answer, &seen, call.attempts)?;
            return Ok(seen);
        }
    }

    /// The token, fetched by one at a time.
    async fn token(&self) -> Result<String, Failed> {
        let Some(how) = &self.description.token else { return Ok(String::new()) };
        let mut held = self.token.lock().await;
        if let Some((token, until)) = &*held
            && *until > self.clock.now()
        {
            return Ok(token.clone());
        }
        let mut scope = self.scope();
        let kept = match self.inbox.get() {
            Some(inbox) => inbox.remember(REFRESH).await.map_err(|error| DeliveryError::retry(error.to_string()))?,
            None => None,
        };
        scope.set("refresh", kept.and_then(|kept| String::from_utf8(kept).ok()).unwrap_or_default());
        self.steps(&Call::of(&how.steps), &mut scope).await.map_err(not_sent)?;
        let fetched = how.read(&scope).map_err(|problem| DeliveryError::closed(format!("no token: {problem}")))?;
        if let (Some(refresh), Some(inbox)) = (&fetched.refresh, self.inbox.get()) {
            // Before it is used: the old one may not work any more.
            let kept = inbox.keep(REFRESH, refresh.as_bytes()).await;
            kept.map_err(|error| DeliveryError::retry(error.to_string()))?;
        }
        let good = Duration::from_secs(fetched.seconds.saturating_sub(EARLY).max(1));
        *held = Some((fetched.token.clone(), self.clock.now().plus(good)));
        Ok(fetched.token)
    }

    /// Remembers for people why the channel is closed.
    pub(super) fn settle(&self, failed: Failed) -> DeliveryError {
        if let DeliveryError::Closed { reason, after } = &failed.error {
            self.state.lock().pause = Some((self.clock.now().plus(*after), reason.clone()));
        }
        failed.error
    }

    /// Waits until the messenger's rates let one more message of this chat go; not for long.
    pub(super) async fn admitted(&self, chat: &str) -> Result<(), DeliveryError> {
        let Description { per_second, chat_per_minute, chat_burst, .. } = *self.description;
        let rates = [
            // A second's worth may go at once after a silence.
            (String::new(), per_second.map(|n| 1.0 / n), per_second.unwrap_or(1.0)),
            (format!("={chat}"), chat_per_minute.map(|n| 60.0 / n), f64::from(chat_burst)),
        ];
        let wait = {
            let (mut state, now) = (self.state.lock(), self.clock.now());
            if state.next.len() > 10_000 {
                state.next.retain(|_, next| *next > now.minus(Duration::from_secs(3600)));
            }
            let mut places = Vec::new();
            for (key, gap, burst) in rates {
                let Some(gap) = gap.filter(|gap| gap.is_finite() && *gap > 0.0) else { continue };
                let earliest = now.minus(Duration::from_secs_f64((gap * burst).min(3600.0)));
                let place = state.next.get(&key).copied().unwrap_or(earliest).max(earliest);
                places.push((key, place.plus(Duration::from_secs_f64(gap.min(3600.0)))));
            }
            let wait = places.iter().map(|(_, place)| now.until(*place)).max().unwrap_or_default();
            if wait > LONGEST_WAIT {
                let reason = "the messenger's rate is used up".to_owned();
                return Err(DeliveryError::Retry { reason, after: Some(wait) });
            }
            state.next.extend(places);
            wait
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// What the setup's steps took.
    pub(super) fn is_set_up(&self, taken: &Scope, names: &[String]) {
        let mut state = self.state.lock();
        state.setup = Value::from_pairs(names.iter().map(|name| (name.clone(), taken.get(name))));
        state.trouble = None;
    }

    pub(super) fn troubled(&self, trouble: &str) {
        let mut state = self.state.lock();
        if state.trouble.as_deref() != Some(trouble) {
            let channel = self.inbox.get().map(|inbox| inbox.channel().to_string()).unwrap_or_default();
            tracing::error!(channel, trouble, "the messenger is not set up, trying again");
            state.trouble = Some(trouble.to_owned());
        }
    }

    /// Counts events that no rule knew.
    pub(super) fn unknown(&self, shape: &str) {
        let mut state = self.state.lock();
        state.unknown += 1;
        let channel = self.inbox.get().map(|inbox| inbox.channel().to_string()).unwrap_or_default();
        if let Some(inbox) = self.inbox.get() {
            inbox.unknown();
        }
        tracing::warn!(channel, shape, count = state.unknown, "an event that no rule of the description knows");
    }

    /// One line when something is wrong.
    pub(super) fn health(&self) -> Result<(), String> {
        let state = self.state.lock();
        match (&state.pause, &state.trouble) {
            (Some((until, reason)), _) if *until > self.clock.now() => Err(reason.clone()),
            (_, Some(trouble)) => Err(trouble.clone()),
            _ => Ok(()),
        }
    }
}

/// A call that only prepares has sent nothing.
pub(super) fn not_sent(failed: Failed) -> Failed {
    match failed.error {
        DeliveryError::Unknown { reason } => Failed { error: DeliveryError::retry(reason), ..failed },
        _ => failed,
    }
}
