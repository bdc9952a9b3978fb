//! How calls are made: with what the settings gave, and with a token. A channel at work has one, and each fixture.

use super::calls::{Request, Step};
use super::description::Description;
use super::expr::Scope;
use super::filters;
use super::parts::Writing;
use super::settings::Given;
use super::transport::{FileOut, Transport};
use super::verdicts::Failed;
use async_trait::async_trait;
use minijinja::Value;
use openline_core::clock::Timestamp;
use openline_core::{Clock, DeliveryError, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// A token is renewed so long before its end, in seconds.
const EARLY: u64 = 60;

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

/// Where that is kept which the next token is fetched with: it works once.
#[async_trait]
pub(super) trait Keeper: Send + Sync {
    /// What was kept last.
    async fn refresh(&self) -> Result<Option<String>, StoreError>;

    /// Keeps it. Durable when it returns.
    async fn keep_refresh(&self, refresh: &str) -> Result<(), StoreError>;
}

/// What expressions may name in a channel with these settings that is called at `hook`.
pub(super) fn base(given: &Given, hook: &str) -> Scope {
    given.scope.with("hook", hook)
}

/// The same at a moment; `setup`: what the setup's steps took.
pub(super) fn at(base: &Scope, now: Timestamp, setup: Value) -> Scope {
    let mut scope = base.with("now", now.seconds());
    scope.set("setup", setup);
    scope
}

/// Makes calls.
pub(crate) struct Caller {
    pub(super) description: Arc<Description>,
    pub(super) given: Given,
    base: Scope,
    pub(super) transport: Box<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    keeper: Box<dyn Keeper>,
    token: tokio::sync::Mutex<Option<(String, Timestamp)>>,
    /// What the setup's steps took.
    setup: Mutex<Value>,
}

impl Caller {
    /// None is made yet.
    pub(super) fn new(
        description: Arc<Description>,
        given: Given,
        hook: &str,
        transport: Box<dyn Transport>,
        clock: Arc<dyn Clock>,
        keeper: Box<dyn Keeper>,
    ) -> Self {
        let base = base(&given, hook);
        let (token, setup) = Default::default();
        Self { description, given, base, transport, clock, keeper, token, setup }
    }

    /// What every expression may name.
    pub(super) fn scope(&self) -> Scope {
        let setup = self.setup.lock().clone();
        at(&self.base, self.clock.now(), setup)
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
        let kept = self.keeper.refresh().await.map_err(|error| DeliveryError::retry(error.to_string()))?;
        scope.set("refresh", kept.unwrap_or_default());
        self.steps(&Call::of(&how.steps), &mut scope).await.map_err(not_sent)?;
        let fetched = how.read(&scope).map_err(|problem| DeliveryError::closed(format!("no token: {problem}")))?;
        if let Some(refresh) = &fetched.refresh {
            // Before it is used: the old one may not work any more.
            let kept = self.keeper.keep_refresh(refresh).await;
            kept.map_err(|error| DeliveryError::retry(error.to_string()))?;
        }
        let good = Duration::from_secs(fetched.seconds.saturating_sub(EARLY).max(1));
        *held = Some((fetched.token.clone(), self.clock.now().plus(good)));
        Ok(fetched.token)
    }

    /// Notes what the setup's steps took.
    pub(super) fn note_setup(&self, taken: &Scope, names: &[String]) {
        let taken = Value::from_pairs(names.iter().map(|name| (name.clone(), taken.get(name))));
        *self.setup.lock() = taken;
    }
}

/// A call that only prepares has sent nothing.
pub(super) fn not_sent(failed: Failed) -> Failed {
    match failed.error {
        DeliveryError::Unknown { reason } => Failed { error: DeliveryError::retry(reason), ..failed },
        _ => failed,
    }
}
