//! `imconnector.send.messages` (bitrix24.md §4.7).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::downloads;
use crate::faults::FaultKind;
use crate::model::State;
use crate::openline::incoming::{Element, failed};
use crate::php::value;
use crate::portal::Portal;
use crate::rest::caller::Caller;
use crate::rest::envelope::Reply;
use crate::rest::error::{Failure, RestError};
use crate::rest::params::Params;

const METHOD: &str = "imconnector.send.messages";

/// The arguments of a messaging method.
pub(super) struct Batch {
    /// As sent; clients are keyed by it.
    pub(super) connector: String,
    pub(super) line: i64,
    /// Elements with their keys, names in lower case.
    pub(super) messages: Vec<(String, Value)>,
}

impl Batch {
    /// Auth kind, CONNECTOR, LINE, MESSAGES, in that order; elements must be arrays.
    pub(super) fn read(caller: &Caller, params: &Params) -> Result<Self, RestError> {
        caller.application()?;
        let connector = value::text(params.require("CONNECTOR")?).unwrap_or_default();
        let line = value::int(params.require("LINE")?);
        let messages = value::map_keys(params.require("MESSAGES")?.clone(), true, str::to_lowercase);
        if !value::is_array(&messages) {
            let text = "The value of an argument 'MESSAGES' must be of type array";
            return Err(RestError::argument("MESSAGES", text));
        }
        let messages: Vec<(String, Value)> =
            value::entries(&messages).into_iter().map(|(key, element)| (key, element.clone())).collect();
        if !messages.iter().all(|(_, element)| value::is_array(element)) {
            let text = "The MESSAGES parameter must be an array of messages (arrays)";
            return Err(RestError::argument("MESSAGES", text));
        }
        Ok(Self { connector, line, messages })
    }

    /// The connector must be registered.
    pub(super) fn check_provider(&self, state: &State) -> Result<(), RestError> {
        if state.connectors.contains_key(&self.connector.to_lowercase()) {
            return Ok(());
        }
        Err(RestError::bad("IMCONNECTOR_NO_CORRECT_PROVIDER", "Cannot find a matching connector provider"))
    }

    /// Registered, and its status on the line is true; the line's own switch does not matter (bitrix24.md C13).
    pub(super) fn check_active(&self, state: &State) -> Result<(), RestError> {
        self.check_provider(state)?;
        if state.is_connected(&self.connector.to_lowercase(), self.line) {
            return Ok(());
        }
        Err(RestError::bad("NOT_ACTIVE_LINE", "Open Channel with this ID is inactive or does not exist."))
    }

    /// Every element needs `user`, `message` and `chat`; checked before anything is stored.
    fn check_structure(&self) -> Result<(), RestError> {
        let complete =
            |element: &Value| ["user", "message", "chat"].iter().all(|part| value::isset(value::get(element, part)));
        if self.messages.iter().all(|(_, element)| complete(element)) {
            return Ok(());
        }
        let text = "The incorrect structure of a message inside MESSAGES parameter.";
        Err(RestError::argument("MESSAGES", text))
    }

    /// Downloads what an element names.
    pub(super) async fn fetch<'a>(&'a self, portal: &Arc<Portal>, block: &'a Value) -> Element<'a> {
        let files = downloads::files(portal, block).await;
        let picture = downloads::picture(portal, &self.connector, block).await;
        Element { connector: &self.connector, line: self.line, block, files, picture }
    }
}

/// Stores the elements one after another; earlier ones stay whatever happens to later ones.
pub(super) async fn send(portal: &Arc<Portal>, caller: &Caller, params: &Params) -> Result<Reply, Failure> {
    let batch = Batch::read(caller, params)?;
    batch.check_structure()?;
    portal.view(|state| batch.check_active(state))?;
    let cut_after = portal.faults.cut_after_stored(METHOD);
    let mut results = Vec::new();
    for (key, block) in &batch.messages {
        if cut_after == Some(results.len()) {
            return Err(Failure::Cut);
        }
        tokio::time::sleep(Duration::from_millis(portal.config.processing_ms)).await;
        results.push((key.clone(), store(portal, caller, &batch, block).await));
    }
    if cut_after.is_some() {
        return Err(Failure::Cut);
    }
    Ok(Reply::success(json!({ "RESULT": value::array(results) })))
}

async fn store(portal: &Arc<Portal>, caller: &Caller, batch: &Batch, block: &Value) -> Value {
    let pretend = match portal.faults.element(METHOD) {
        Some(FaultKind::FailElement { text }) => return failed(&[text]),
        Some(FaultKind::AcceptedNotStored) => true,
        _ => false,
    };
    let element = batch.fetch(portal, block).await;
    portal.edit(|state| state.store_incoming(&element, pretend, caller.actor()))
}
