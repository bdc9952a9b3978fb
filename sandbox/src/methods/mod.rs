//! The REST methods, one file a family.

mod application;
mod call;
mod chat_name;
mod config;
mod delivery;
mod dialog;
mod event;
mod history;
mod im;
mod offline;
mod register;
mod send;
mod status;
pub(crate) mod table;
mod update;
mod user;

use std::sync::Arc;

use crate::portal::Portal;
use crate::rest::caller::Caller;
use crate::rest::envelope::Reply;
use crate::rest::error::Failure;
use crate::rest::params::Params;
use call::Call;

/// Runs a method by its lower-case name; the caller is admitted already.
pub(crate) async fn run(
    portal: &Arc<Portal>,
    caller: &Caller,
    method: &str,
    params: &Params,
) -> Result<Reply, Failure> {
    match method {
        "imconnector.send.messages" => send::send(portal, caller, params).await,
        "imconnector.update.messages" => update::update(portal, caller, params).await,
        _ => {
            let found = table::find(method)?;
            let run = found.run;
            Ok(portal.edit(|state| run(&mut Call { state, caller, params, methods: table::all() }))?)
        }
    }
}
