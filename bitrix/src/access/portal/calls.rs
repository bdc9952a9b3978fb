//! One call of a method, with its renewals, its price and what it tells of the portal.

use super::{OVERFLOW, Portal};
use crate::access::budget::Fare;
use crate::access::credentials::Credentials;
use crate::access::measure;
use crate::wire::rest::{self, Answer, CallError, Spent};
use crate::wire::verdict::{self, Verdict};
use openline_core::again::{chance, spread};
use openline_core::{DeliveryError, Timestamp};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a blocked method rests when the portal does not say.
const BLOCKED: Duration = Duration::from_secs(60);
/// Between the tries of a question that broke off …
const PAUSES: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(600)];
/// … as long as it has not taken longer than this.
const QUICK: Duration = Duration::from_secs(5);
/// Until a request that was refused with it is sent again.
const DOUBT: Duration = Duration::from_millis(150);
/// After an outage of so long events may have been lost.
const GAP: Duration = Duration::from_secs(10);

/// Makes a call that changes nothing, or nothing more when it is carried out twice. One that broke off is made again at
/// once: whoever asks decides nothing without an answer, and would wait long before asking again.
pub(crate) async fn asking<T, F>(mut call: impl FnMut() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let began = Instant::now();
    for pause in PAUSES {
        match call().await {
            Err(error) if verdict::of(&error) == Verdict::Unknown && began.elapsed() < QUICK => {
                tokio::time::sleep(spread(pause, chance())).await;
            }
            other => return other,
        }
    }
    call().await
}

impl Portal {
    /// Calls a method as the installed application. Renews the token and follows a move of the portal, each once; sorts
    /// every failure by its verdict, so that callers only decide about their own item. A method that is blocked by its
    /// operating time is not called.
    pub(crate) async fn call(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
        fare: impl Into<Fare>,
    ) -> Result<Answer, CallError> {
        self.call_at(method, params, fare, &mut Instant::now()).await
    }

    /// The same; `left` becomes when the request that was answered, or that was not, left: a call may have to wait for its
    /// request, and is sent again when it was refused.
    pub(crate) async fn call_at(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
        fare: impl Into<Fare>,
        left: &mut Instant,
    ) -> Result<Answer, CallError> {
        let fare = fare.into();
        if self.budget.blocked(method, fare.class, self.clock().now()).is_some() {
            self.unpay(fare);
            return Err(CallError::blocked(method));
        }
        let began = Instant::now();
        let mut used = self.credentials();
        let result = self.call_renewing(method, params, fare, &mut used, left).await;
        measure::called(method, result.as_ref().err(), began.elapsed());
        match &result {
            Ok(answer) => {
                self.note_spent(method, answer.spent, answer.took);
                if let Some(outage) = self.gate.succeeded(began) {
                    tracing::info!(outage_ms = outage.as_millis(), "the portal can be worked with again");
                    let _ = if outage < GAP {
                        self.inbox.backend_goes_on().await
                    } else {
                        self.inbox.backend_is_back().await
                    };
                }
            }
            Err(error) => self.learn(method, error, used.as_deref(), began).await,
        }
        result
    }

    /// The pause while calls make no sense, as core understands it.
    pub(crate) fn shut(&self) -> Option<DeliveryError> {
        let after = self.gate.shut_for()?;
        let reason = self.gate.reason().unwrap_or_else(|| "the portal can't be worked with".to_owned());
        Some(DeliveryError::Paused { reason, after })
    }

    /// A request that was counted is not made.
    pub(crate) fn unpay(&self, fare: Fare) {
        if fare.paid {
            self.budget.give_back();
        }
    }

    /// Takes into account what a call cost that took so long.
    pub(crate) fn note_spent(&self, method: &str, spent: Spent, took: Duration) {
        if let Some(reset_at) = spent.reset_at {
            let (used, reset_at) = (spent.operating.unwrap_or(0.0), Timestamp(reset_at.saturating_mul(1000)));
            let cost = spent.processing.unwrap_or(took.as_secs_f64());
            measure::spent(method, used);
            self.budget.note_operating(method, used, reset_at, cost, self.clock().now());
        }
    }

    /// A method is blocked: it is not called until its operating time frees up.
    pub(crate) fn block(&self, method: &str, error: &CallError) {
        self.budget.block(method, self.clock().now(), error.after().unwrap_or(BLOCKED));
    }

    /// Calls a method that changes nothing, or nothing more when it is carried out twice, see [`asking`].
    pub(crate) async fn ask(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
        fare: impl Into<Fare>,
    ) -> Result<Answer, CallError> {
        let mut fare = fare.into();
        asking(|| {
            let now = fare;
            fare = fare.class.into();
            self.call(method, params, now)
        })
        .await
    }

    async fn call_renewing(
        self: &Arc<Self>,
        method: &str,
        params: &Value,
        mut fare: Fare,
        used: &mut Option<Arc<Credentials>>,
        left: &mut Instant,
    ) -> Result<Answer, CallError> {
        let mut credentials = self.fresh().await.inspect_err(|_| self.unpay(fare))?;
        let (mut renewed, mut doubts) = (false, self.budget.doubts());
        loop {
            *used = Some(Arc::clone(&credentials));
            if !std::mem::take(&mut fare.paid) {
                self.budget.take(fare.class).await;
            }
            *left = Instant::now();
            let result = self.call_moving(&credentials, method, params).await;
            if is_taken(&result) {
                self.budget.accepted();
            }
            match result {
                // Not carried out. A full bucket refuses it again, a bad moment does not.
                Err(CallError::Api { code, .. }) if doubts > 0 && code.eq_ignore_ascii_case(OVERFLOW) => {
                    doubts -= 1;
                    tokio::time::sleep(spread(DOUBT, chance())).await;
                }
                Err(error) if !renewed && verdict::of(&error) == Verdict::Refresh => {
                    renewed = true;
                    credentials = self.renew(&credentials).await?;
                }
                other => return other,
            }
        }
    }

    /// One call; when the portal has moved, once more where the authorization server says that it is now
    /// (`bitrix24.md` §2.9). Where the redirect leads is not believed.
    async fn call_moving(
        self: &Arc<Self>,
        credentials: &Credentials,
        method: &str,
        params: &Value,
    ) -> Result<Answer, CallError> {
        let endpoint = &credentials.client_endpoint;
        let result = rest::call(&self.client(), endpoint, &credentials.access_token, method, params).await;
        if !matches!(result, Err(CallError::Moved { .. })) {
            return result;
        }
        self.find_endpoint().await;
        match self.credentials().filter(|now| now.client_endpoint != *endpoint) {
            Some(now) => rest::call(&self.client(), &now.client_endpoint, &now.access_token, method, params).await,
            None => result,
        }
    }
}

/// Whether the portal took a request, whatever became of it.
fn is_taken(result: &Result<Answer, CallError>) -> bool {
    matches!(result, Ok(_) | Err(CallError::Api { status: ..500, .. }))
}
