//! What stands around a conversation: texts, hours, consent, fields, colours.

pub(crate) mod about;
pub(crate) mod before;
pub(crate) mod consent;
pub(crate) mod contrast;
pub(crate) mod embedding;
pub(crate) mod greeting;
pub(crate) mod hours;
pub(crate) mod info;
pub(crate) mod introduce;
pub(crate) mod rating;
pub(crate) mod texts;
pub(crate) mod theme;
pub(crate) mod words;
