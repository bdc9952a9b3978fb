//! What stands outside of the code: the documents' examples, and the messengers' own libraries. In one binary, so that it is
//! linked once.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // a test's helper fails the test, and says what it left out

mod docs;
mod witnesses;
