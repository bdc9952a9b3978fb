//! Starting a sandbox: its servers and its event queue.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::config::SandboxConfig;
use crate::events::queue;
use crate::model::State;
use crate::portal::Portal;
use crate::sandbox::Sandbox;
use crate::{auth_server, routes, server};

impl Sandbox {
    /// Opens both servers. Fails when an address cannot be bound.
    pub async fn start(config: SandboxConfig) -> io::Result<Self> {
        // A second call finds a provider installed and is told so; both outcomes are fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let portal_listener = TcpListener::bind(config.portal_listen).await?;
        let auth_listener = TcpListener::bind(config.auth_listen).await?;
        let (portal_address, auth_address) = (portal_listener.local_addr()?, auth_listener.local_addr()?);
        let state = State::new(&config, portal_address, auth_address);
        let client = queue::client(Duration::from_millis(config.handler_timeout_ms)).map_err(io::Error::other)?;
        let (said, heard) = mpsc::unbounded_channel();
        let portal = Portal::new(config, state, said).map_err(io::Error::other)?;
        let (stop, tasks) = (&portal.stop, &portal.tasks);
        server::serve(stop.clone(), tasks.clone(), portal_listener, routes::portal(&portal, portal_address));
        server::serve(stop.clone(), tasks.clone(), auth_listener, auth_server::router(Arc::clone(&portal)));
        tasks.spawn(queue::run(Arc::clone(&portal), heard, client));
        Ok(Self::owner(portal))
    }

    /// Opens one more listener of the portal.
    pub(crate) async fn listen(&self) -> io::Result<SocketAddr> {
        let any_port = SocketAddr::new(self.portal.config.portal_listen.ip(), 0);
        let listener = TcpListener::bind(any_port).await?;
        let address = listener.local_addr()?;
        let (stop, tasks) = (self.portal.stop.clone(), self.portal.tasks.clone());
        server::serve(stop, tasks, listener, routes::portal(&self.portal, address));
        Ok(address)
    }
}
