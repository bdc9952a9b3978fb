//! What a configuration may refer to: files beside it, variables of the environment.

use std::collections::HashMap;
use std::path::Path;

/// Where secrets that are not inline come from.
pub(super) struct Around<'a> {
    /// The configuration's folder.
    pub(super) folder: &'a Path,
    /// Replaces the process's environment when given.
    pub(super) environment: Option<&'a HashMap<String, String>>,
}

impl Around<'_> {
    /// A variable's value.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        match self.environment {
            Some(given) => given.get(name).cloned(),
            None => std::env::var(name).ok(),
        }
    }
}
