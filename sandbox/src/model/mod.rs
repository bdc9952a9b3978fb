//! What the portal remembers: applications, lines, connectors, users, chats, files, bindings, and the record of calls.

mod app;
mod chat;
mod connector;
mod event;
mod file;
mod line;
mod record;
mod state;
mod usage;
mod user;

pub use chat::{Author, Message};
pub use record::{EventPost, RestCall, Violation};

pub(crate) use app::{App, AuthCode, RefreshToken, Token};
pub(crate) use chat::{Chat, Session};
pub(crate) use connector::{Connector, ConnectorFlags, Icon, Placement, StatusRow};
pub(crate) use event::{Binding, Delivery, OfflineEvent};
pub(crate) use file::{FileClass, StoredFile};
pub(crate) use line::Line;
pub(crate) use record::Record;
pub(crate) use state::{Actor, HOPS, State};
pub(crate) use usage::{Bucket, Operating};
pub(crate) use user::{ADMIN, OPERATOR, User};
