//! In a real browser: the visitor's page and the operator's desk, side by side.
//!
//! Without Chromium and its driver they fail and say what to install; with `OPENLINE_NO_BROWSER` set they are left out.

mod answers;
mod changes;
mod hostile;
mod outage;
mod pictures;
mod scriptless;
mod stage;
mod tabs;
