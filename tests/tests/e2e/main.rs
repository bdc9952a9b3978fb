//! End to end: the real router, the stand-in portal over HTTP, the real store.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // failing is what a test is for

mod alerts;
mod api;
mod backup;
mod before;
mod board;
mod conformance;
mod conversation;
mod crash;
mod crowd;
mod customers;
mod deploy;
mod doctor;
mod erasing;
mod figures;
mod files;
mod five;
mod floods;
mod forged;
mod hostile;
mod hour;
mod house;
mod identity;
mod install;
mod instances;
mod libraries;
mod limits;
mod matrix;
mod mending;
mod messengers;
mod metrics;
mod missed;
mod mistakes;
mod openapi;
mod pages;
mod privacy;
mod reload;
mod replicas;
mod replies;
mod restore;
mod rolling;
mod scripts;
mod sessions;
mod stream;
mod takeover;
mod telegram;
mod traces;
mod trouble;

use openline_tests::Process;

/// Not a test: the service as a process of its own, see [`Process`].
#[test]
fn child_process() {
    Process::be_it_if_told();
}
