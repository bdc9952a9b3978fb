//! What every store decides alike: pure functions over plain values, asked by each engine and by the store in memory. How it is
//! read and written is an engine's own business.

mod amend;
mod items;
mod places;
mod settle;

pub use amend::{amend, kept, let_go};
pub use items::{Heard, Mark, Written, note, note_key, remote_key, visitors};
pub use places::{POS_STEP, Place, Stands, between};
pub use settle::{Lease, counts, new_state};
