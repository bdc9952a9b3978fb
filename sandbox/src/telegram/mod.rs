//! A stand-in Telegram Bot API server with the people who write to its bots.
//!
//! [`TelegramServer::start`] opens one real HTTP server on the loopback interface. It is written from the public
//! documentation (<https://core.telegram.org/bots/api>), shares no types with any client, and refuses what Telegram
//! refuses, in Telegram's words.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use openline_sandbox::telegram::{TelegramConfig, TelegramFault, TelegramServer};
//!
//! let telegram = TelegramServer::start(TelegramConfig::default()).await?;
//! let bot = telegram.add_bot("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "shop_bot");
//! let anna = telegram.person("Anna Lee");
//! anna.writes(&bot, "Good day!");
//! telegram.faults().add(TelegramFault::too_many_requests(3).on("sendMessage").once());
//! telegram.wait_until(|view| view.texts_to(&anna, &bot) == ["Hello, Anna!"]).await?;
//! # Ok(()) }
//! ```

mod bot;
mod config;
mod control;
mod error;
mod faults;
mod files;
mod front;
mod hub;
mod kept;
mod methods;
mod params;
mod people;
mod phone;
mod record;
mod seen;
mod server;
mod shapes;
mod text;
mod updates;
mod view;
mod webhook;
mod world;

pub use bot::Bot;
pub use config::{FloodLimit, TelegramConfig, TelegramSwitches};
pub use faults::{TelegramFault, TelegramFaultKind, TelegramFaults};
pub use people::{Group, Person};
pub use record::{ApiCall, WebhookPost};
pub use seen::{Seen, SeenFile};
pub use server::TelegramServer;
pub use view::{TelegramView, WebhookState};
