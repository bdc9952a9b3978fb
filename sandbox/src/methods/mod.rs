//! The REST methods, one file a family.

mod application;
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

use crate::model::State;
use crate::portal::Portal;
use crate::rest::caller::Caller;
use crate::rest::envelope::Reply;
use crate::rest::error::{Failure, RestError};
use crate::rest::params::Params;

/// What a method that needs no waiting gives.
type Outcome = Result<Reply, RestError>;

/// One call of a quick method.
struct Call<'a> {
    state: &'a mut State,
    caller: &'a Caller,
    params: &'a Params,
}

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
            Ok(portal.edit(|state| run(&mut Call { state, caller, params }))?)
        }
    }
}
