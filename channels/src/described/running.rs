//! What a described channel does by itself: it sets the webhook up and looks after it, or asks for what is new.

use super::caller::Call;
use super::calls::Step;
use super::description::{Description, Poll, Setup};
use super::expr::{Scope, value};
use super::instance::Instance;
use super::intake::Intake;
use minijinja::value::ValueKind;
use openline_core::Check;
use openline_core::again::Ladder;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Under which name it is kept how far a poll has come.
const CURSOR: &str = "cursor";
/// Waiting times after failures, in seconds.
const LADDER: Ladder = Ladder::of(&[1, 2, 5, 15, 30, 60]);

/// Runs until `stop`.
pub(super) async fn run(intake: &Arc<Intake>, stop: &CancellationToken) {
    let description = Arc::clone(&intake.instance.description);
    let polls = polls(&description, &intake.instance.scope());
    let setting_up = async {
        match &description.setup {
            Some(setup) if polls.is_none() => look_after(&intake.instance, setup, stop).await,
            _ => stop.cancelled().await,
        }
    };
    let polling = async {
        match polls {
            Some(poll) => poll_on(intake, poll, stop).await,
            None => stop.cancelled().await,
        }
    };
    tokio::join!(setting_up, polling);
}

/// Sets the webhook up once more, when that is wanted and this messenger has steps for it. Where a token is fetched, that is
/// left to the running service: a refresh token works once.
pub(super) async fn examine(instance: &Instance, mend: bool) -> Vec<Check> {
    let description = &instance.description;
    let by_hand = mend && description.token.is_none() && polls(description, &instance.scope()).is_none();
    let Some(setup) = description.setup.as_ref().filter(|_| by_hand) else { return Vec::new() };
    let mut scope = instance.scope();
    vec![match instance.run(&Call::of(&setup.steps), &mut scope).await {
        Ok(_) => Check::good("webhook", "was set up once more"),
        Err(failed) => Check::bad("webhook", failed.error.to_string(), "look at the settings of the channel"),
    }]
}

/// How the messenger is asked for what is new, where these settings say that it is.
pub(super) fn polls<'d>(description: &'d Description, scope: &Scope) -> Option<&'d Poll> {
    let is_wanted = |poll: &&Poll| poll.when.as_ref().is_none_or(|when| when.holds(scope).unwrap_or(false));
    description.poll.as_ref().filter(is_wanted)
}

async fn look_after(instance: &Instance, setup: &Setup, stop: &CancellationToken) {
    let names: Vec<_> = setup.steps.iter().flat_map(Step::names).collect();
    let mut failures = 0;
    loop {
        let mut scope = instance.scope();
        let wait = match instance.run(&Call::of(&setup.steps), &mut scope).await {
            Ok(_) => {
                failures = 0;
                instance.is_set_up(&scope, &names);
                Duration::from_secs(setup.every_minutes * 60)
            }
            Err(failed) => {
                instance.troubled(&failed.error.to_string());
                failures += 1;
                LADDER.step(failures - 1)
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            return;
        }
    }
}

async fn poll_on(intake: &Arc<Intake>, poll: &Poll, stop: &CancellationToken) {
    let mut failures = 0;
    while let Some(round) = stop.run_until_cancelled(round(intake, poll)).await {
        let wait = match round {
            Ok(()) => {
                failures = 0;
                intake.instance.is_set_up(&intake.instance.scope(), &[]);
                Duration::from_secs(poll.pause)
            }
            Err(problem) => {
                intake.instance.troubled(&problem);
                failures += 1;
                LADDER.step(failures - 1)
            }
        };
        stop.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
}

/// Asks once; the cursor moves on only when all of it is durable.
pub(super) async fn round(intake: &Arc<Intake>, poll: &Poll) -> Result<(), String> {
    let (instance, inbox) = (&intake.instance, &intake.instance.inbox);
    let kept = inbox.remember(CURSOR).await.map_err(|error| error.to_string())?;
    let cursor: serde_json::Value = kept.and_then(|kept| serde_json::from_slice(&kept).ok()).unwrap_or_default();
    let mut scope = instance.scope().with("cursor", value(&cursor));
    instance.run(&Call::of(&poll.steps), &mut scope).await.map_err(|failed| failed.error.to_string())?;
    let bodies = match &poll.events {
        None => vec![scope.get("answer")],
        Some(events) => {
            let found = events.eval(&scope)?;
            let list = found.kind() == ValueKind::Seq;
            list.then(|| found.try_iter().ok()).flatten().into_iter().flatten().collect()
        }
    };
    for body in bodies {
        let scope = instance.scope().with("body", body);
        intake.take(intake.read(&scope)).await.map_err(|held| held.to_string())?;
    }
    if let Some(next) = &poll.cursor {
        let next = next.eval(&scope)?;
        if !next.is_undefined() && !next.is_none() {
            let next = serde_json::to_vec(&next).map_err(|error| error.to_string())?;
            inbox.keep(CURSOR, &next).await.map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}
