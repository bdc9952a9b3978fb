//! The files that the page and the widget load, and how they go out.

pub(crate) mod assets;
#[cfg(test)]
mod bundle;
pub(crate) mod compress;
pub(crate) mod made;
