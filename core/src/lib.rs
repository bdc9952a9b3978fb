//! The domain of openline and the bridge between channels and an open-line backend.
//!
//! This crate knows what a message, a conversation and a job are, which promises the program makes about them, and in
//! which order things happen. It speaks no HTTP, no SQL, no Bitrix24 and no messenger: those stand behind the ports
//! [`Channel`], [`Backend`] and [`Store`]. `ARCHITECTURE.md` walks through a message's way in both directions.

#[cfg(feature = "testing")]
pub mod contract;
mod domain;
mod engine;
mod ports;

pub use domain::check::{Check, Standing};
pub use domain::error::{ConfigError, DeliveryError, StoreError};
pub use domain::id::{ChannelId, ChatId, ConversationId, FileId, JobId, MessageId, Pos, Rev, Tag};
pub use domain::{again, error, form, host, id, line, message, quiet, secret, settings, text, visitor, weak, words};
pub use engine::bridge::Bridge;
pub use engine::channel::{Channel, ChannelKind};
pub use engine::inbox::{OperatorInbox, VisitorInbox};
pub use engine::roster::{Roster, Sides};
pub use engine::{bridge, channel, desk, export, forget, handover, hub, inbox, lately, limits};
pub use engine::{overview, pauses, reconcile, retry, trace, troubles};
pub use ports::backend::Backend;
pub use ports::client::ClientAddress;
pub use ports::clock::{Clock, SystemClock, Timestamp};
pub use ports::files::Files;
pub use ports::store::Store;
pub use ports::{backend, client, clock, files, steps, store};
