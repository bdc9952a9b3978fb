//! What a message, a conversation and a visitor are: pure values, no I/O.

pub mod again;
pub mod check;
pub mod error;
pub mod form;
pub mod host;
pub mod id;
pub mod line;
pub mod media;
pub mod message;
pub mod quiet;
pub mod secret;
pub mod settings;
pub mod text;
pub mod time;
pub mod visitor;
pub mod weak;
pub mod words;
