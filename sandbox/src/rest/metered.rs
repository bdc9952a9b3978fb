//! Running one method under the operating limit (bitrix24.md §3.4).

use std::sync::Arc;

use super::caller::Caller;
use super::envelope::{Reply, Timing};
use super::error::Failure;
use super::limits::seconds;
use super::params::Params;
use crate::methods;
use crate::portal::Portal;

/// When a method ran and what it has used of its operating time.
pub(crate) fn timing(portal: &Portal, caller: &Caller, method: &str, start_ms: i64) -> Timing {
    let limited = portal.config.operating_limit_s.is_some();
    let operating = limited.then(|| portal.view(|state| state.operating_figures(&caller.client, method)));
    Timing { start_ms, finish_ms: portal.clock.now_ms(), operating }
}

/// Runs one method under the operating limit.
pub(crate) async fn run_metered(
    portal: &Arc<Portal>,
    caller: &Caller,
    method: &str,
    params: &Params,
) -> Result<Reply, Failure> {
    let limit = portal.config.operating_limit_s;
    portal.edit(|state| state.check_operating(&caller.client, method, limit))?;
    let started = portal.clock.now_ms();
    let outcome = methods::run(portal, caller, method, params).await;
    let spent = seconds(portal.clock.now_ms() - started);
    portal.edit(|state| state.charge_operating(&caller.client, method, spent));
    outcome
}
