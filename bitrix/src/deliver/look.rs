//! Looks whether something is there: those that wait at the same time go in one request where requests are limited.

use crate::access::batch::Command;
use crate::deliver::gathered::{Looked, Looking};
use crate::deliver::together::carried;
use crate::shared::Inner;
use crate::wire::verdict::{self, Verdict};
use openline_core::again::{chance, spread};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Between the tries of a look that broke off: whoever looks decides nothing without an answer, and would wait long before
/// looking again …
const PAUSES: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(500)];
/// … as long as it has not taken longer than this.
const QUICK: Duration = Duration::from_secs(5);

/// Makes a call that changes nothing, or nothing more when it is made twice.
pub(crate) async fn look(bitrix: &Arc<Inner>, command: Command<'static>) -> Looked {
    let began = Instant::now();
    for pause in PAUSES {
        match carried(bitrix, Looking(command.clone())).await {
            Err(error) if verdict::of(&error) == Verdict::Unknown && began.elapsed() < QUICK => {
                tokio::time::sleep(spread(pause, chance())).await;
            }
            other => return other,
        }
    }
    carried(bitrix, Looking(command)).await
}
