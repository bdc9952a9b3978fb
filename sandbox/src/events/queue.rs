//! The vendor's event queue: one line of work a handler, one attempt an event, no retries (bitrix24.md §6.1).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::faults::EventPlan;
use crate::model::{Delivery, EventPost};
use crate::portal::Portal;

/// How long a held-back event waits for another one to overtake it.
const REORDER_WAIT: Duration = Duration::from_millis(300);

/// Posts events to handlers, one at a time for each handler URL.
#[derive(Debug)]
pub(crate) struct EventQueue {
    client: reqwest::Client,
    handlers: Mutex<HashMap<String, mpsc::UnboundedSender<Delivery>>>,
}

impl EventQueue {
    pub(crate) fn new(timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().user_agent("Bitrix24 Webhook Engine").timeout(timeout).no_proxy();
        let client = client.redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { client, handlers: Mutex::default() })
    }

    /// Puts an event at the end of its handler's line.
    pub(crate) fn push(&self, portal: &Arc<Portal>, delivery: Delivery) {
        let mut handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = handlers.entry(delivery.url.clone()).or_insert_with(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            portal.tasks.spawn(serve_until_stopped(Arc::clone(portal), receiver));
            sender
        });
        // A closed line means the sandbox is stopping.
        let _ = sender.send(delivery);
    }
}

async fn serve_until_stopped(portal: Arc<Portal>, line: mpsc::UnboundedReceiver<Delivery>) {
    let stop = portal.stop.clone();
    tokio::select! {
        () = stop.cancelled() => {}
        () = serve(portal, line) => {}
    }
}

async fn serve(portal: Arc<Portal>, mut line: mpsc::UnboundedReceiver<Delivery>) {
    let mut held: Option<Delivery> = None;
    loop {
        let next = match held {
            None => line.recv().await,
            Some(_) => tokio::time::timeout(REORDER_WAIT, line.recv()).await.ok().flatten(),
        };
        match next {
            Some(delivery) if held.is_none() => held = dispatch(&portal, delivery).await,
            Some(delivery) => {
                post(&portal, &delivery).await;
                post_held(&portal, held.take()).await;
            }
            None if held.is_some() => post_held(&portal, held.take()).await,
            None => return,
        }
    }
}

async fn post_held(portal: &Arc<Portal>, held: Option<Delivery>) {
    if let Some(delivery) = held {
        post(portal, &delivery).await;
    }
}

/// Applies the event faults; gives the event back when it has to wait for the next one.
async fn dispatch(portal: &Arc<Portal>, delivery: Delivery) -> Option<Delivery> {
    let EventPlan { drop, duplicate, reorder, delay } = portal.faults.event(&delivery.event);
    if drop {
        note(portal, &delivery, None, "dropped: fault".to_owned(), 0);
        return None;
    }
    if let Some(delay) = delay {
        post_later(portal, delivery, delay);
        return None;
    }
    if reorder {
        return Some(delivery);
    }
    post(portal, &delivery).await;
    if duplicate {
        post(portal, &delivery).await;
    }
    None
}

fn post_later(portal: &Arc<Portal>, delivery: Delivery, delay: Duration) {
    let later = Arc::clone(portal);
    portal.tasks.spawn(async move {
        tokio::select! {
            () = later.stop.cancelled() => {}
            () = tokio::time::sleep(delay) => post(&later, &delivery).await,
        }
    });
}

/// The one attempt.
async fn post(portal: &Arc<Portal>, delivery: &Delivery) {
    let started = std::time::Instant::now();
    let request = portal.queue.client.post(&delivery.url).body(delivery.body.clone());
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await;
    let took = crate::clock::millis(started.elapsed());
    match answer {
        Ok(answer) => {
            let outcome = if answer.status().is_success() { "delivered" } else { "refused" };
            note(portal, delivery, Some(answer.status().as_u16()), outcome.to_owned(), took);
        }
        Err(error) => note(portal, delivery, None, format!("unreachable: {error}"), took),
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
