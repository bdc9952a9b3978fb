//! The portal's lines by name.

/// An open line as its list names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedLine {
    /// What it is called.
    pub(crate) name: String,
    /// Whether it is switched on.
    pub(crate) active: bool,
}
