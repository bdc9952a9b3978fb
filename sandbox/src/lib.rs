//! A stand-in Bitrix24 portal for the demo and the tests, a stand-in Telegram in [`telegram`],
//! and six messengers with webhooks in [`messengers`].
//!
//! [`Sandbox::start`] opens two real HTTP servers: the portal (REST, events, operator desk, files, contact center) and
//! the authorization server. It is written from the portal's documentation, shares no types with the client, and
//! refuses what the portal refuses. Section numbers in these docs (`bitrix24.md §4.7`) point into the project's
//! reference of the portal's behaviour.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use openline_sandbox::{Fault, Sandbox, SandboxConfig};
//!
//! let sandbox = Sandbox::start(SandboxConfig::default()).await?;
//! sandbox.install_script_only("http://127.0.0.1:8080/bitrix24/install");
//! sandbox.wait_until(|portal| portal.connectors().contains(&"openline_site".to_owned())).await?;
//! sandbox.faults().add(Fault::status(503).once());
//! # Ok(()) }
//! ```

mod assets;
mod auth_server;
mod authorize;
mod clock;
mod config;
mod contact_center;
mod control;
mod desk;
mod downloads;
mod events;
mod faults;
mod files;
mod flags;
pub mod messengers;
mod methods;
mod model;
mod openline;
mod php;
mod portal;
mod rest;
mod rng;
mod routes;
mod sandbox;
mod server;
mod start;
pub mod telegram;
mod tokens;
mod verbs;
mod view;

pub use config::{RequestLimit, SandboxConfig, Switches};
pub use events::forge::Forgery;
pub use faults::{Fault, FaultKind, Faults, TOKEN_ENDPOINT, When};
pub use flags::Flag;
pub use model::{Author, EventPost, Message, RestCall, Violation};
pub use sandbox::Sandbox;
pub use verbs::{Page, PageOptions, TimedOut, Tokens};
pub use view::{Client, Dialog, Status, View};
