//! What brings messages to Telegram, and why it may not.

use crate::common::rich::Rendered;
use crate::telegram::client::api::Api;
use crate::telegram::client::errors::Failure;
use crate::telegram::outgoing::numbers::Numbers;
use crate::telegram::settings::Settings;
use openline_core::{DeliveryError, StoreError, VisitorInbox};
use serde_json::Value;
use std::sync::Arc;

/// What brings messages to Telegram.
#[derive(Clone)]
pub(in crate::telegram) struct Sender {
    pub(in crate::telegram) api: Arc<Api>,
    pub(in crate::telegram) settings: Arc<Settings>,
    pub(in crate::telegram) inbox: VisitorInbox,
    pub(in crate::telegram) numbers: Arc<Numbers>,
}

/// One message at Telegram.
pub(in crate::telegram) enum Part {
    Text(Rendered),
    File { index: usize, caption: Option<Rendered> },
}

#[allow(clippy::needless_pass_by_value)] // as map_err gives it
pub(in crate::telegram) fn unstored(error: StoreError) -> DeliveryError {
    DeliveryError::retry(error.to_string())
}

/// Why a part was not sent: by Telegram's doing or by ours.
pub(in crate::telegram) enum Stopped {
    There(Failure),
    Here(DeliveryError),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::There(failure)
    }
}

/// The id in an answer. Without one it is unknown what Telegram did.
pub(in crate::telegram) fn message_id(answer: &Value) -> Result<i64, Failure> {
    answer["message_id"].as_i64().ok_or_else(|| Failure::cut("the answer names no message"))
}
