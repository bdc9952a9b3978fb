//! What only one of several processes on a store may do: ask a messenger for what is new, for one. One has the duty, the
//! others stand by and take it over when that one lets it go, or is gone.
//!
//! Whoever has it writes a value anew again and again. The others go by their own clocks: who has not written for a while
//! is gone, and of two who see that, the store lets one through.

use crate::domain::error::StoreError;
use crate::engine::inbox::Doors;
use crate::ports::store::{Expect, Store};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Under this and a name stands who has the duty.
const ROWS: &str = "service/duty/";
/// How often whoever has it says so, and whoever stands by looks.
const BEAT: Duration = Duration::from_secs(1);
/// Whoever could not say so for this long stops …
const TOO_LONG: Duration = Duration::from_secs(3);
/// … and after this long, others take over.
const GONE: Duration = Duration::from_secs(6);

impl Doors {
    /// Does `work` until `stop`, but only while no other process does the work of that name. `work` gets a token of its
    /// own: it is ended when the duty is lost, and begun anew when it is had again.
    ///
    /// # Errors
    /// What `work` ended with.
    pub async fn alone<F, E>(
        &self,
        name: &str,
        stop: &CancellationToken,
        work: impl Fn(CancellationToken) -> F,
    ) -> Result<(), E>
    where
        F: Future<Output = Result<(), E>>,
    {
        if !self.store.is_shared() {
            return work(stop.clone()).await;
        }
        let mut duty = Duty::new(&self.store, name);
        while stop.run_until_cancelled(duty.taken()).await.is_some() {
            tracing::info!(name, "this process does it now");
            let end = stop.child_token();
            let done = tokio::select! {
                done = work(end.clone()) => Some(done),
                () = duty.kept() => None,
            };
            end.cancel();
            if let Some(done) = done {
                duty.release().await;
                return done;
            }
            tracing::warn!(name, "another process does it now");
        }
        Ok(())
    }
}

struct Duty {
    store: Arc<dyn Store>,
    key: String,
    /// What this process wrote last.
    written: Vec<u8>,
    beats: u64,
    /// What somebody else wrote last, and since when that is known.
    seen: Option<(Vec<u8>, Instant)>,
}

impl Duty {
    fn new(store: &Arc<dyn Store>, name: &str) -> Self {
        Self { store: Arc::clone(store), key: format!("{ROWS}{name}"), written: Vec::new(), beats: 0, seen: None }
    }

    /// Waits until this process has it.
    async fn taken(&mut self) {
        loop {
            match timeout(TOO_LONG, self.take()).await {
                Ok(Ok(true)) => return,
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(error)) => tracing::debug!(key = self.key, %error, "can't look who does it"),
            }
            sleep(BEAT).await;
        }
    }

    async fn take(&mut self) -> Result<bool, StoreError> {
        let there = self.store.state_get(&self.key).await?;
        let Some(there) = there else { return self.write(None).await };
        let since = match &self.seen {
            Some((value, since)) if *value == there => *since,
            _ => Instant::now(),
        };
        self.seen = Some((there.clone(), since));
        if since.elapsed() < GONE { Ok(false) } else { self.write(Some(&there)).await }
    }

    /// False when somebody else has written meanwhile.
    async fn write(&mut self, expected: Option<&[u8]>) -> Result<bool, StoreError> {
        self.beats += 1;
        let value = format!("{} {}", self.store.tag(), self.beats).into_bytes();
        let expect = expected.map_or(Expect::Nothing, Expect::Value);
        match self.store.state_put(&self.key, &value, expect).await {
            Ok(()) => {
                self.written = value;
                Ok(true)
            }
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Keeps it; returns when it is lost, or may be.
    async fn kept(&mut self) {
        let mut wrote = Instant::now();
        loop {
            sleep(BEAT).await;
            let (written, begun) = (self.written.clone(), Instant::now());
            match timeout(TOO_LONG.saturating_sub(wrote.elapsed()), self.write(Some(&written))).await {
                Ok(Ok(true)) => wrote = begun,
                Ok(Err(_)) | Err(_) if wrote.elapsed() < TOO_LONG => {}
                _ => return,
            }
        }
    }

    /// Lets it go, so that nobody waits.
    async fn release(&self) {
        let releasing = async {
            if self.store.state_get(&self.key).await?.is_some_and(|value| value == self.written) {
                self.store.state_delete(&self.key).await?;
            }
            Ok::<_, StoreError>(())
        };
        let _ = timeout(TOO_LONG, releasing).await;
    }
}
