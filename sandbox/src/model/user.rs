//! Portal users: employees, and the shadows of external clients.

use std::collections::BTreeMap;

use serde_json::Value;

/// The administrator who installs applications.
pub(crate) const ADMIN: i64 = 1;
/// The operator who answers unless another one is chosen.
pub(crate) const OPERATOR: i64 = 27;

/// A portal user.
#[derive(Debug, Clone, Default)]
pub(crate) struct User {
    pub(crate) id: i64,
    /// `connector|user.id` of an external client; `None` for employees.
    pub(crate) external_key: Option<String>,
    pub(crate) name: String,
    pub(crate) last_name: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) url: String,
    pub(crate) gender: String,
    /// Address the picture was last fetched from.
    pub(crate) picture_url: String,
    /// The portal's own copy of the picture, a file id.
    pub(crate) picture: Option<i64>,
    pub(crate) admin: bool,
    /// False once dismissed.
    pub(crate) active: bool,
    /// The whole `user` block of the last message; any difference rewrites the user (bitrix24.md §4.7).
    pub(crate) block: Option<Value>,
}

impl User {
    /// First and last name with one space.
    pub(crate) fn full_name(&self) -> String {
        format!("{} {}", self.name, self.last_name).trim().to_owned()
    }

    fn employee(id: i64, name: &str, last_name: &str, admin: bool) -> (i64, Self) {
        let email = format!("{}@company.example", name.to_lowercase());
        let user =
            Self { id, name: name.into(), last_name: last_name.into(), email, admin, active: true, ..Self::default() };
        (id, user)
    }

    /// The staff of a fresh portal: an administrator and three operators.
    pub(crate) fn staff() -> BTreeMap<i64, Self> {
        BTreeMap::from([
            Self::employee(ADMIN, "Alex", "Admin", true),
            Self::employee(OPERATOR, "Anna", "Lee", false),
            Self::employee(28, "Boris", "King", false),
            Self::employee(29, "Clara", "Stone", false),
        ])
    }
}
