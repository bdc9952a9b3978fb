//! The portal's way to us: it is asked for an event (`bitrix24.md` §11, `event.test`), and the running service keeps the
//! word that comes with it, where whoever asked can see it.

use crate::access::budget::Class;
use crate::shared::Inner;
use openline_core::store::Expect;
use openline_core::{Check, StoreError, Timestamp};
use serde_json::json;
use std::time::{Duration, Instant};

/// Under this and the word it stands when it came.
const HEARD: &str = "bitrix/heard/";
/// Whoever asked has gone away then.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// The parameter that the word is in.
pub(crate) const WORD: &str = "openline";
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// Keeps a word that came with an event; what can't be one of ours is passed over.
pub(crate) async fn keep(bitrix: &Inner, word: &str) -> Result<(), StoreError> {
    if word.len() != 32 || !word.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    let (store, now) = (bitrix.portal.inbox.store(), bitrix.portal.clock().now());
    for (key, came) in store.state_list(HEARD).await? {
        let came = std::str::from_utf8(&came).ok().and_then(|came| came.parse().ok()).map_or(Timestamp(0), Timestamp);
        if came.until(now) > FORGOTTEN {
            store.state_delete(&key).await?;
        }
    }
    store.state_put(&format!("{HEARD}{word}"), now.0.to_string().as_bytes(), Expect::Anything).await
}

/// Asks for an event and waits until the service has it.
pub(crate) async fn try_out(bitrix: &Inner, patience: Duration) -> Check {
    let (what, ours) = ("way back", bitrix.portal.config().events_url());
    let mut chance = [0; 16];
    if let Err(error) = getrandom::fill(&mut chance) {
        return Check::doubtful(what, error.to_string(), "look again");
    }
    let word = hex::encode(chance);
    let key = format!("{HEARD}{word}");
    let asked = Instant::now();
    if let Err(error) = bitrix.portal.call("event.test", &json!({ WORD: word }), Class::Admin).await {
        return Check::doubtful(what, format!("the portal does not send a test event: {error}"), "look again");
    }
    while asked.elapsed() < patience {
        let store = bitrix.portal.inbox.store();
        if store.state_get(&key).await.is_ok_and(|came| came.is_some()) {
            let _ = store.state_delete(&key).await;
            let took = asked.elapsed().as_millis();
            return Check::good(what, format!("the portal's test event came to {ours} within {took} ms"));
        }
        tokio::time::sleep(LOOK).await;
    }
    let found = format!("the portal's test event did not come to {ours} within {} s", patience.as_secs());
    let remedy = "look whether openline runs, and whether the address is reached from the internet: DNS, firewall, proxy, \
                  a certificate with its intermediates. The service's log says when an event was refused";
    Check::bad(what, found, remedy)
}
