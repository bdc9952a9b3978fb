//! The vendor's event queue: one line of work a handler, one attempt an event, no retries (bitrix24.md §6.1).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::faults::EventPlan;
use crate::model::{Delivery, EventPost};
use crate::portal::Portal;

/// How long a held-back event waits for another one to overtake it.
const REORDER_WAIT: Duration = Duration::from_millis(300);

/// Posts what the portal says until it stops, one event at a time for each handler URL.
pub(crate) async fn run(portal: Arc<Portal>, mut said: mpsc::UnboundedReceiver<Delivery>, client: reqwest::Client) {
    let mut handlers: HashMap<String, mpsc::UnboundedSender<Delivery>> = HashMap::new();
    let sorting = async {
        while let Some(delivery) = said.recv().await {
            let line = handlers.entry(delivery.url.clone()).or_insert_with(|| {
                let (sender, receiver) = mpsc::unbounded_channel();
                let post = Poster { portal: Arc::clone(&portal), client: client.clone() };
                portal.tasks.spawn(post.serve_until_stopped(receiver));
                sender
            });
            // A closed line means the sandbox is stopping.
            let _ = line.send(delivery);
        }
    };
    tokio::select! {
        () = portal.stop.cancelled() => {}
        () = sorting => {}
    }
}

/// Who posts, and who notes it.
pub(crate) fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    let client = reqwest::Client::builder().user_agent("Bitrix24 Webhook Engine").timeout(timeout).no_proxy();
    client.redirect(reqwest::redirect::Policy::none()).build()
}

/// One handler's line of work.
#[derive(Clone)]
struct Poster {
    portal: Arc<Portal>,
    client: reqwest::Client,
}

impl Poster {
    async fn serve_until_stopped(self, line: mpsc::UnboundedReceiver<Delivery>) {
        let stop = self.portal.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.serve(line) => {}
        }
    }

    async fn serve(&self, mut line: mpsc::UnboundedReceiver<Delivery>) {
        let mut held: Option<Delivery> = None;
        loop {
            let next = match held {
                None => line.recv().await,
                Some(_) => tokio::time::timeout(REORDER_WAIT, line.recv()).await.ok().flatten(),
            };
            match next {
                Some(delivery) if held.is_none() => held = self.dispatch(delivery).await,
                Some(delivery) => {
                    self.post(&delivery).await;
                    self.post_held(held.take()).await;
                }
                None if held.is_some() => self.post_held(held.take()).await,
                None => return,
            }
        }
    }

    async fn post_held(&self, held: Option<Delivery>) {
        if let Some(delivery) = held {
            self.post(&delivery).await;
        }
    }

    /// Applies the event faults; gives the event back when it has to wait for the next one.
    async fn dispatch(&self, delivery: Delivery) -> Option<Delivery> {
        let EventPlan { drop, duplicate, reorder, delay } = self.portal.faults.event(&delivery.event);
        if drop {
            note(&self.portal, &delivery, None, "dropped: fault".to_owned(), 0);
            return None;
        }
        if let Some(delay) = delay {
            self.post_later(delivery, delay);
            return None;
        }
        if reorder {
            return Some(delivery);
        }
        self.post(&delivery).await;
        if duplicate {
            self.post(&delivery).await;
        }
        None
    }

    fn post_later(&self, delivery: Delivery, delay: Duration) {
        let later = self.clone();
        self.portal.tasks.spawn(async move {
            tokio::select! {
                () = later.portal.stop.cancelled() => {}
                () = tokio::time::sleep(delay) => later.post(&delivery).await,
            }
        });
    }

    /// The one attempt.
    async fn post(&self, delivery: &Delivery) {
        let started = std::time::Instant::now();
        let request = self.client.post(&delivery.url).body(delivery.body.clone());
        let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await;
        let took = crate::clock::millis(started.elapsed());
        match answer {
            Ok(answer) => {
                let outcome = if answer.status().is_success() { "delivered" } else { "refused" };
                note(&self.portal, delivery, Some(answer.status().as_u16()), outcome.to_owned(), took);
            }
            Err(error) => note(&self.portal, delivery, None, format!("unreachable: {error}"), took),
        }
    }
}

fn note(portal: &Portal, delivery: &Delivery, status: Option<u16>, outcome: String, took_ms: i64) {
    tracing::debug!(event = delivery.event, url = delivery.url, status, outcome, "event");
    portal.edit(|state| {
        let post = EventPost {
            at_ms: state.now,
            event: delivery.event.clone(),
            url: delivery.url.clone(),
            body: delivery.body.clone(),
            status,
            outcome,
            took_ms,
        };
        state.record.event(post);
    });
}
