//! One call of a method that needs no waiting.

use crate::model::State;
use crate::rest::caller::Caller;
use crate::rest::envelope::Reply;
use crate::rest::error::RestError;
use crate::rest::params::Params;

/// What a method that needs no waiting gives.
pub(super) type Outcome = Result<Reply, RestError>;

/// One call of a quick method.
pub(super) struct Call<'a> {
    pub(super) state: &'a mut State,
    pub(super) caller: &'a Caller,
    pub(super) params: &'a Params,
    /// All that there are.
    pub(super) methods: &'static [Method],
}

/// One method the portal knows.
#[derive(Clone, Copy)]
pub(crate) struct Method {
    pub(crate) name: &'static str,
    /// Needed scope; empty for the basic ones.
    pub(crate) scope: &'static str,
    /// Whether it may stand inside `batch`.
    pub(crate) batchable: bool,
    pub(super) run: fn(&mut Call<'_>) -> Outcome,
}
