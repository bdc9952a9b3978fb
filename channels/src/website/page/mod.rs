//! What is shown: the hosted page, the widget, and the files they load.

pub(crate) mod frame;
pub(crate) mod hosted;
pub(crate) mod html;
pub(crate) mod rendered;
pub(crate) mod widget;
