//! The dispatcher's way to the visitors: operators' messages, by the channels.

use super::{Bridge, done};
use crate::domain::error::DeliveryError;
use crate::domain::message::{Note, Thread};
use crate::domain::words::{self, Catalogue};
use crate::engine::channel::{Built, Outgoing};
use crate::engine::overview::excerpt;
use crate::ports::backend::Receipt;
use crate::ports::store::{Act, Job, Outcome};
use std::time::Duration;
use tokio::time::Instant;

/// After this a channel is not waited for any more. Shorter than a lease: nobody else may begin the same meanwhile.
const PATIENCE: Duration = Duration::from_secs(150);

/// How long it is tried to tell a visitor that a message was given up.
const TELLING: Duration = Duration::from_secs(20);

impl Bridge {
    /// Brings what operators wrote, or its change, to its visitor.
    pub(super) async fn send(&self, job: &Job, act: Act) -> Outcome {
        let id = &job.conversation.channel;
        let Some(Built { channel, can, .. }) = self.channel(id) else {
            return self.failed(job, DeliveryError::paused("the channel is not configured"));
        };
        let outgoing = outgoing(job);
        match act {
            Act::Send | Act::Edit if job.item.deleted => return done(Receipt::default()),
            Act::Edit if !can.edits => return self.without_effect(job, act).await,
            Act::Delete if !can.deletes => return self.without_effect(job, act).await,
            Act::Send | Act::Edit | Act::Delete => {}
        }
        let sending = async {
            match act {
                Act::Send => channel.send(outgoing).await,
                Act::Edit => channel.edit(outgoing).await.map(|()| Vec::new()),
                Act::Delete => channel.delete(outgoing).await.map(|()| Vec::new()),
            }
        };
        let late = |_| Err(DeliveryError::unknown(format!("no answer within {} s", PATIENCE.as_secs())));
        let sent = tokio::time::timeout(PATIENCE, sending).await.unwrap_or_else(late);
        match &sent {
            Err(DeliveryError::Closed { after, .. }) => self.gates.shut(id, Instant::now() + *after),
            _ => self.gates.open(id),
        }
        match sent {
            Ok(delivered_as) => Outcome::Done { thread: Thread::default(), delivered_as, confirm: act == Act::Send },
            Err(error) => self.told_to_operators(self.failed(job, error), job, act),
        }
    }

    /// The visitor learns that a message was given up; the dead letter tells the admins.
    pub(super) async fn tell_visitor(&self, job: &Job) {
        let Some(Built { channel, .. }) = self.channel(&job.conversation.channel) else { return };
        let problem = match tokio::time::timeout(TELLING, channel.undelivered(outgoing(job))).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", TELLING.as_secs()),
        };
        tracing::warn!(item = %job.item.id, problem, "the visitor could not be told that a message was given up");
    }

    /// A change that this channel can't apply to what it has delivered.
    async fn without_effect(&self, job: &Job, act: Act) -> Outcome {
        if !job.item.delivered_as.is_empty() {
            let words = self.words();
            let note = failure(words, job, act, words.get("cant_change"));
            self.remember_note(job.conversation.id, &note).await;
        }
        done(Receipt::default())
    }

    /// An operator learns that something did not reach its visitor.
    fn told_to_operators(&self, outcome: Outcome, job: &Job, act: Act) -> Outcome {
        match outcome {
            Outcome::Dead { reason, note: None } => {
                let note = failure(self.words(), job, act, &reason);
                Outcome::Dead { reason, note: Some(note) }
            }
            other => other,
        }
    }

    /// What operators read, in their language.
    fn words(&self) -> &'static Catalogue {
        words::operators(self.backend.language())
    }
}

/// A job's message as a channel gets it.
fn outgoing(job: &Job) -> Outgoing<'_> {
    let Job { conversation, item, uncertain, attempts, created, .. } = job;
    Outgoing { conversation, item, uncertain: *uncertain, attempts: *attempts, since: *created }
}

/// What the operators shall know of a job that failed. Its key makes it one for each message and act, however often
/// the message is edited.
fn failure(words: &Catalogue, job: &Job, act: Act, reason: &str) -> Note {
    let (kind, what) = match act {
        Act::Edit => ("/edit", "not_edited"),
        Act::Delete => ("/delete", "not_deleted"),
        Act::Send => ("", "not_sent"),
    };
    // Of one that is deleted nothing is left to tell.
    let which = Some(excerpt(&job.item, 80)).filter(|which| !which.is_empty()).map(|which| format!("> {which}"));
    let text = format!("{}: {reason}\n{}", words.get(what), which.unwrap_or_default());
    Note { key: format!("failed{kind}/{}", job.item.id), text: text.trim_end().to_owned() }
}
