//! What is shown: the hosted page, the widget, and the files they load.

#[cfg(test)]
mod bundle;
pub(crate) mod compress;
pub(crate) mod hosted;
pub(crate) mod html;
pub(crate) mod item;
pub(crate) mod lean;
pub(crate) mod rendered;
pub(crate) mod served;
pub(crate) mod widget;
