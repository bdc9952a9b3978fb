//! What the SQLite store promises beyond the contract: which files it takes, how it commits, and what it does when the
//! disk or the process is gone.

mod contract;
mod crashing;
mod load;
mod news;
mod opening;
mod talk;
mod writing;
