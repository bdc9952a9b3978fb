//! `imconnector.update.messages` and `imconnector.delete.messages` (bitrix24.md §4.8, §4.9).

use std::sync::Arc;

use serde_json::{Value, json};

use super::call::{Call, Outcome};
use super::send::Batch;
use crate::openline::incoming::Element;
use crate::php::value;
use crate::portal::Portal;
use crate::rest::caller::Caller;
use crate::rest::envelope::Reply;
use crate::rest::error::Failure;
use crate::rest::params::Params;

/// Replaces texts. Files are downloaded and then not attached, as the portal does.
pub(super) async fn update(portal: &Arc<Portal>, caller: &Caller, params: &Params) -> Result<Reply, Failure> {
    let batch = Batch::read(caller, params)?;
    portal.view(|state| batch.check_active(state))?;
    let mut results = Vec::new();
    for (key, block) in &batch.messages {
        let element = batch.fetch(portal, block).await;
        results.push((key.clone(), portal.edit(|state| state.rewrite_incoming(&element, false))));
    }
    Ok(done(results))
}

pub(super) fn delete(call: &mut Call<'_>) -> Outcome {
    let batch = Batch::read(call.caller, call.params)?;
    batch.check_active(call.state)?;
    let mut results = Vec::new();
    for (key, block) in &batch.messages {
        let element = Element { connector: &batch.connector, line: batch.line, block, files: None, picture: None };
        results.push((key.clone(), call.state.rewrite_incoming(&element, true)));
    }
    Ok(done(results))
}

fn done(results: Vec<(String, Value)>) -> Reply {
    Reply::success(json!({ "RESULT": value::array(results) }))
}
