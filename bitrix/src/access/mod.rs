//! Calls with whatever they need: tokens, the portal's address, room in the budget.

pub(crate) mod address;
pub(crate) mod authorize_state;
pub(crate) mod batch;
pub(crate) mod budget;
pub(crate) mod claimed;
pub(crate) mod claims;
pub(crate) mod credentials;
pub(crate) mod disbelief;
pub(crate) mod gate;
pub(crate) mod measure;
pub(crate) mod oauth;
pub(crate) mod online;
pub(crate) mod pair;
pub(crate) mod portal;
pub(crate) mod proof_limit;
pub(crate) mod servers;
