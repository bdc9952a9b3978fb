//! Connectors, their registration, the lines they are on, and those lines' settings.

pub(crate) mod ask;
pub(crate) mod bindings;
pub(crate) mod checkup;
pub(crate) mod connect;
pub(crate) mod examine;
pub(crate) mod finishing;
pub(crate) mod heard;
pub(crate) mod info;
pub(crate) mod looking;
pub(crate) mod named;
pub(crate) mod registration;
pub(crate) mod remembered;
pub(crate) mod roster;
