//! The people behind the bots' chats: what they do is what a client of Telegram would let them do.

mod group;
mod media;
mod person;

pub use group::Group;
pub use person::Person;
