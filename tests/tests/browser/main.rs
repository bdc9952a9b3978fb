//! In a real browser: the visitor's page and the operator's desk, side by side.
//!
//! Without Chromium and its driver they fail and say what to install; with `OPENLINE_NO_BROWSER` set they are left out.

#![allow(clippy::print_stdout, clippy::unwrap_used)] // a test's helper fails the test, and says when it is left out

mod answers;
mod axe;
mod before;
mod board;
mod calling;
mod changes;
mod compose;
mod contact;
mod customers;
mod floor;
mod forget;
mod fresh;
mod host;
mod hostile;
mod live;
mod neighbours;
mod options;
mod outage;
mod phone;
mod pictures;
mod screen;
mod scriptless;
mod settings;
mod sheet;
mod slow;
mod stage;
mod tabs;
mod upload;
mod weight;
mod widget;
