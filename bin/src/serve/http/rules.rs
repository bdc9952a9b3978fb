//! What holds for connections.

use crate::config::Proxies;
use std::time::Duration;

/// Who may hold a connection, and for how long.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Most connections.
    pub connections: usize,
    /// Most connections of one address that is no trusted proxy.
    pub connections_each: usize,
    /// Who is believed about the address of whom they call for.
    pub proxies: Proxies,
    /// A request's head must arrive within this; an idle connection is closed after it.
    pub head: Duration,
    /// Whoever takes nothing of an answer for so long is cut.
    pub stall: Duration,
    /// Of a body at least [`super::body::LEAST`] bytes must arrive in each such span.
    pub body: Duration,
}

impl Rules {
    /// The usual times.
    pub fn new(connections: usize, connections_each: usize, proxies: Proxies) -> Self {
        let (head, stall, body) = (Duration::from_secs(15), Duration::from_secs(20), Duration::from_secs(10));
        Self { connections, connections_each, proxies, head, stall, body }
    }
}
