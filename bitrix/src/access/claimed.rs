//! Claims of an installation that are not decided yet; `web/waiting.rs` decides them.

use crate::access::credentials::Credentials;
use crate::access::disbelief::Disbelief;
use parking_lot::Mutex;
use std::net::IpAddr;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

pub(crate) type Decision = Result<(), Disbelief>;

/// The claims that wait.
#[derive(Default)]
pub(crate) struct Waiting {
    /// The newest last.
    pub(crate) list: Mutex<Claims>,
    pub(crate) added: Notify,
}

#[derive(Default)]
pub(crate) struct Claims {
    pub(crate) waiting: Vec<Claim>,
    /// Whether somebody takes care of them.
    pub(crate) kept: bool,
}

pub(crate) struct Claim {
    pub(crate) from: IpAddr,
    pub(crate) claimed: Credentials,
    pub(crate) tell: Option<oneshot::Sender<Decision>>,
    pub(crate) stored: bool,
    pub(crate) tries: usize,
    pub(crate) due: Instant,
}

impl Waiting {}
