//! The dispatcher's way to the visitors: operators' messages, by the channels.

use super::{Bridge, done};
use crate::backend::Receipt;
use crate::channel::Outgoing;
use crate::error::DeliveryError;
use crate::id::ChannelId;
use crate::message::{Item, Note, Thread};
use crate::store::{Job, Outcome, Queue, Task};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// After this a channel is not waited for any more. Shorter than a lease: nobody else may begin the same meanwhile.
const PATIENCE: Duration = Duration::from_secs(150);

impl Bridge {
    /// Each message is settled when it ends, those that end at the same time together: a large file holds up neither
    /// other chats nor the state of what is done.
    pub(super) async fn to_visitors(
        &self,
        queue: &Queue,
        id: &ChannelId,
        jobs: Vec<Job>,
        held: Option<OwnedSemaphorePermit>,
    ) {
        let count = jobs.len();
        if count == 0 {
            return;
        }
        // What is not needed is free at once.
        let mut held = held.and_then(|mut held| held.split(count));
        let under_way: FuturesUnordered<_> = jobs.into_iter().map(|job| self.sent(id, job)).collect();
        let settling = |ended: Vec<(Job, Outcome)>| {
            let slots = held.as_mut().and_then(|held| held.split(ended.len()));
            async move {
                self.ended(queue, ended).await;
                drop(slots);
            }
        };
        under_way.ready_chunks(count).for_each_concurrent(None, settling).await;
    }

    async fn sent(&self, id: &ChannelId, job: Job) -> (Job, Outcome) {
        let outcome = self.send(id, &job).await;
        (job, outcome)
    }

    async fn send(&self, id: &ChannelId, job: &Job) -> Outcome {
        let Some(channel) = self.channels.get(id) else {
            return self.failed(job, DeliveryError::paused("the channel is not configured"));
        };
        let outgoing = Outgoing { conversation: &job.conversation, item: &job.item, uncertain: job.uncertain };
        let sending = async {
            match job.task {
                Task::Send | Task::Confirm | Task::Note => channel.send(outgoing).await,
                Task::Edit if job.item.deleted || !channel.capabilities().edits => Ok(Vec::new()),
                Task::Edit => channel.edit(outgoing).await.map(|()| Vec::new()),
                Task::Delete if !channel.capabilities().deletes => Ok(Vec::new()),
                Task::Delete => channel.delete(outgoing).await.map(|()| Vec::new()),
            }
        };
        if job.task == Task::Send && job.item.deleted {
            return done(Receipt::default());
        }
        let late = |_| Err(DeliveryError::unknown(format!("no answer within {} s", PATIENCE.as_secs())));
        match tokio::time::timeout(PATIENCE, sending).await.unwrap_or_else(late) {
            Ok(delivered_as) => {
                let follow = (job.task == Task::Send).then_some((Queue::Confirm, Task::Confirm));
                Outcome::Done { thread: Thread::default(), delivered_as, follow }
            }
            Err(error) => told_to_operators(self.failed(job, error), job),
        }
    }
}

/// An operator learns that a reply did not reach its visitor.
fn told_to_operators(outcome: Outcome, job: &Job) -> Outcome {
    match outcome {
        Outcome::Dead { reason, note: None } if job.task == Task::Send => {
            let text = format!("This message did not reach the visitor: {reason}\n{}", excerpt(&job.item));
            let note = Note { key: format!("failed/{}", job.item.id), text: text.trim_end().to_owned() };
            Outcome::Dead { reason, note: Some(note) }
        }
        other => other,
    }
}

/// Which message it was.
fn excerpt(item: &Item) -> String {
    let text = item.content.text.to_plain();
    let short: String = text.chars().take(80).collect();
    let files = item.content.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(", ");
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("> {}{more} {files}", short.replace('\n', " "))
}
