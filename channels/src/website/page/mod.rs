//! What is shown: the hosted page, the widget, and the files they load.

pub(crate) mod compress;
pub(crate) mod hosted;
pub(crate) mod html;
pub(crate) mod item;
pub(crate) mod served;
pub(crate) mod widget;
