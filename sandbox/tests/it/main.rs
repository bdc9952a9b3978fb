//! The stand-ins against the documentation of what they stand for, in one binary, so that it is linked once.

mod checklist;
mod telegram;
