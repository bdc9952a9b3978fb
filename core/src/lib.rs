//! The domain of openline and the bridge between channels and an open-line backend.
//!
//! This crate knows what a message, a conversation and a job are, which promises the program makes about them, and in
//! which order things happen. It speaks no HTTP, no SQL, no Bitrix24 and no messenger: those stand behind the ports
//! [`Channel`], [`Backend`] and [`Store`]. `ARCHITECTURE.md` walks through a message's way in both directions.

pub mod backend;
pub mod bridge;
pub mod channel;
pub mod clock;
#[cfg(feature = "testing")]
pub mod contract;
mod erasure;
pub mod error;
pub mod files;
pub mod forget;
pub mod handover;
mod hold;
pub mod hub;
pub mod id;
pub mod inbox;
pub mod line;
mod media;
pub mod message;
mod missing;
pub mod reconcile;
pub mod retry;
pub mod secret;
pub mod store;
pub mod text;
pub mod troubles;
pub mod visitor;

pub use backend::Backend;
pub use bridge::Bridge;
pub use channel::{Channel, ChannelKind};
pub use clock::{Clock, SystemClock, Timestamp};
pub use error::{ConfigError, DeliveryError, StoreError};
pub use files::Files;
pub use id::{ChannelId, ChatId, ConversationId, FileId, JobId, MessageId, Pos, Rev};
pub use inbox::{OperatorInbox, VisitorInbox};
pub use store::Store;
