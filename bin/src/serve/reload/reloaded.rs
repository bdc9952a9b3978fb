//! What is told of a reload.

use serde::{Deserialize, Serialize};

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What is different from now on.
    pub changed: Vec<String>,
    /// What is written differently and will be so after a restart only.
    pub needs_restart: Vec<String>,
}

impl std::fmt::Display for Reloaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let changed = if self.changed.is_empty() { "nothing".to_owned() } else { self.changed.join(", ") };
        write!(f, "changed: {changed}")?;
        if !self.needs_restart.is_empty() {
            write!(f, "; needs a restart: {}", self.needs_restart.join(", "))?;
        }
        Ok(())
    }
}
