//! The dispatcher's way to the operators: visitors' messages, notes and confirmations, by the backend.

use super::{Bridge, STORE_PAUSE, done};
use crate::domain::error::DeliveryError;
use crate::domain::id::ConversationId;
use crate::domain::message::{Dialog, Note, Thread};
use crate::ports::backend::{Act, Confirmation, Delivery, Receipt};
use crate::ports::files::{FilePlace, Holder};
use crate::ports::store::{Job, Outcome, Queue};
use std::time::Duration;

/// How often a note is tried to be stored; the message that it is about does not wait for longer.
const NOTE_TRIES: u32 = 5;
/// How often a note of unknown outcome is said, within a minute or so, and how long a note is tried that is certainly not
/// there.
const NOTE_SAYINGS: u32 = 7;
const NOTE_PATIENCE: Duration = Duration::from_secs(10 * 60);

impl Bridge {
    /// A note that may not be said (the portal does not let us) is not worth a dead letter, and none is worth holding up
    /// what its visitor writes.
    pub(super) async fn note(&self, job: &Job) -> Outcome {
        let now = self.doors.clock.now();
        let since = job.uncertain.then_some(job.created);
        let reason = match self.backend.note(&job.conversation, &job.item.content.text.to_plain(), since).await {
            Ok(()) => return done(Receipt::default()),
            // What the visitor writes waits behind it.
            Err(DeliveryError::Unknown { reason }) if job.attempts + 1 >= NOTE_SAYINGS => reason,
            Err(DeliveryError::Refused { reason }) => reason,
            Err(DeliveryError::Retry { reason, .. }) if job.created.until(now) > NOTE_PATIENCE => reason,
            Err(error) => return self.failed(job, error),
        };
        tracing::warn!(item = %job.item.id, reason, "the operators could not be told");
        done(Receipt::default())
    }

    /// Brings what a visitor wrote, or its change, to the operators.
    pub(super) async fn deliver(&self, job: &Job, act: Act) -> Outcome {
        if is_moot(job, act) {
            return done(Receipt::default());
        }
        match self.backend.deliver(self.delivery(job, act)).await {
            Ok(receipt) => {
                if let Some(note) = &receipt.note {
                    self.remember_note(job.conversation.id, note).await;
                }
                done(Receipt { thread: news(job, receipt.thread), ..receipt })
            }
            Err(error) => self.failed(job, error),
        }
    }

    /// Stored before the job is settled: after a crash in between, the same note comes again, and is known by its key.
    pub(super) async fn remember_note(&self, conversation: ConversationId, note: &Note) {
        for _ in 0..NOTE_TRIES {
            match self.doors.store.record_note(conversation, note.clone(), self.doors.clock.now()).await {
                Ok(_) => return self.doors.wake(&Queue::Backend),
                Err(error) => {
                    tracing::error!(%error, %conversation, "can't store a note to the operators");
                }
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    fn delivery(&self, job: &Job, act: Act) -> Delivery {
        Delivery {
            conversation: job.conversation.clone(),
            item: job.item.clone(),
            act,
            external_id: job.item.external_id(),
            uncertain: job.uncertain,
            unknown_since: job.unknown_since,
            file_urls: self.file_urls(job),
        }
    }

    fn file_urls(&self, job: &Job) -> Vec<String> {
        let Some(equipment) = &self.doors.equipment else { return Vec::new() };
        let (conversation, message, now) = (job.conversation.id, job.item.id, self.doors.clock.now());
        let url = |(index, file)| {
            let place = FilePlace { conversation, message, index };
            equipment.links.url(place, file, now, Holder::Backend)
        };
        job.item.content.files.iter().enumerate().map(url).collect()
    }

    pub(super) async fn confirm_one(&self, job: &Job) -> Outcome {
        let results = self.backend.confirm(&[confirmation(job)]).await;
        self.confirmed(job, results.into_iter().next())
    }

    /// One outcome for each, in order.
    pub(super) async fn confirm(&self, jobs: &[Job]) -> Vec<Outcome> {
        let batch: Vec<_> = jobs.iter().map(confirmation).collect();
        let mut results = self.backend.confirm(&batch).await.into_iter();
        jobs.iter().map(|job| self.confirmed(job, results.next())).collect()
    }

    fn confirmed(&self, job: &Job, result: Option<Result<(), DeliveryError>>) -> Outcome {
        match result {
            Some(Ok(())) => done(Receipt::default()),
            Some(Err(error)) => self.failed(job, error),
            None => self.failed(job, DeliveryError::unknown("the backend gave no result")),
        }
    }
}

fn confirmation(job: &Job) -> Confirmation {
    Confirmation { conversation: job.conversation.clone(), item: job.item.clone() }
}

/// A send of something that was taken back before it left.
fn is_moot(job: &Job, act: Act) -> bool {
    job.item.deleted && act != Act::Delete && !job.uncertain
}

/// What is new of a conversation's place: nothing for most messages, so that nothing of it is written.
fn news(job: &Job, told: Thread) -> Thread {
    let known = &job.conversation;
    let is_known = |told: &Option<String>, known: &Option<String>| told.is_none() || told == known;
    let same = is_known(&told.line, &known.thread.line)
        && is_known(&told.chat, &known.thread.chat)
        && is_known(&told.session, &known.thread.session);
    if same && known.dialog == Dialog::Open { Thread::default() } else { told }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::retry::tests::job;

    #[test]
    fn what_is_known_of_a_place_is_not_written_again() {
        let place =
            |session: &str| Thread { line: Some("1".into()), chat: Some("2".into()), session: Some(session.into()) };
        let mut job = job(0);
        assert_eq!(news(&job, place("3")), place("3"));
        (job.conversation.thread, job.conversation.dialog) = (place("3"), Dialog::Open);
        assert_eq!(news(&job, place("3")), Thread::default());
        assert_eq!(news(&job, place("4")), place("4"), "another dialog");
        job.conversation.dialog = Dialog::Closed;
        assert_eq!(news(&job, place("3")), place("3"), "it opens the dialog");
    }
}
