//! External clients as portal users: made, rewritten, and blanked by a poorer `user` block (bitrix24.md §4.7, C21).

use serde_json::Value;

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::model::{State, User};
use crate::php::value;

/// Length of the name columns in the database.
const NAME_COLUMN: usize = 50;
/// Longest name the documentation allows.
const NAME_DOCUMENTED: usize = 25;
const MAPPING_FAILED: &str = "Cannot create or get user mapped to external messenger user.";

impl State {
    /// Key under which an external user is found; shared by all lines. `connector` is taken as it was sent.
    fn client_key(connector: &str, block: &Value) -> Option<String> {
        let id = value::text_of(block, "id");
        (!id.is_empty()).then(|| format!("{connector}|{id}"))
    }

    /// The portal user of a `user` block, if there is one already.
    pub(crate) fn find_client(&self, connector: &str, block: &Value) -> Option<&User> {
        let id = self.user_keys.get(&Self::client_key(connector, block)?)?;
        self.users.get(id)
    }

    /// Whether storing this block means fetching its picture.
    pub(crate) fn wants_picture(&self, connector: &str, block: &Value) -> Option<String> {
        let known = self.find_client(connector, block).and_then(|user| user.block.as_ref());
        let url = block.get("picture").map(|picture| value::text_of(picture, "url")).unwrap_or_default();
        (known != Some(block) && !url.is_empty()).then_some(url)
    }

    /// Finds or makes the portal user of a `user` block and rewrites it when the block differs from last time.
    /// A block without id makes a new user each time. Errors are the texts of the failed element.
    pub(crate) fn resolve_client(
        &mut self,
        connector: &str,
        block: &Value,
        picture: Option<i64>,
    ) -> Result<i64, Vec<String>> {
        let known = self.find_client(connector, block).cloned();
        if let Some(user) = known.as_ref().filter(|user| user.block.as_ref() == Some(block)) {
            return Ok(user.id);
        }
        self.check_block(block, known.is_none())?;
        let user = known.unwrap_or_else(|| self.new_client(connector, block));
        let id = user.id;
        self.users.insert(id, rewritten(user, block, picture));
        Ok(id)
    }

    fn new_client(&mut self, connector: &str, block: &Value) -> User {
        let id = self.next_user_id();
        let key = Self::client_key(connector, block);
        if let Some(key) = &key {
            self.user_keys.insert(key.clone(), id);
        }
        let external_key = Some(key.unwrap_or_else(|| format!("{connector}|")));
        User { id, external_key, active: true, ..User::default() }
    }

    fn check_block(&self, block: &Value, new: bool) -> Result<(), Vec<String>> {
        let email = value::text_of(block, "email");
        if new && !email.is_empty() && !plausible_email(&email) {
            return Err(vec!["Invalid e-mail.".to_owned(), MAPPING_FAILED.to_owned()]);
        }
        let names = [value::text_of(block, "name"), value::text_of(block, "last_name")];
        if self.switches.strict_names && !names.iter().all(|name| documented_name(name)) {
            return Err(vec!["Invalid user name.".to_owned(), MAPPING_FAILED.to_owned()]);
        }
        let (phone, skip) = (value::text_of(block, "phone"), value::text_of(block, "skip_phone_validate"));
        if self.switches.strict_phones && !phone.is_empty() && skip != "Y" && !international_phone(&phone) {
            return Err(vec!["Invalid phone number.".to_owned(), MAPPING_FAILED.to_owned()]);
        }
        Ok(())
    }
}

/// The user after a rewrite: what the block lacks is blanked, except mail, phone and picture.
fn rewritten(mut user: User, block: &Value, picture: Option<i64>) -> User {
    (user.name, user.last_name) = names(block);
    user.url = value::text_of(block, "url");
    user.gender = match value::text_of(block, "gender").as_str() {
        "male" => "M".to_owned(),
        "female" => "F".to_owned(),
        _ => String::new(),
    };
    keep_if_given(&mut user.email, value::text_of(block, "email"));
    keep_if_given(&mut user.phone, value::text_of(block, "phone"));
    if let Some(file) = picture {
        user.picture = Some(file);
        user.picture_url = block.get("picture").map(|picture| value::text_of(picture, "url")).unwrap_or_default();
    }
    user.block = Some(block.clone());
    user
}

fn keep_if_given(field: &mut String, given: String) {
    if !given.is_empty() {
        *field = given;
    }
}

/// First and last name: exactly two words without a last name are split, nothing at all is a guest.
fn names(block: &Value) -> (String, String) {
    let (name, last) = (value::text_of(block, "name"), value::text_of(block, "last_name"));
    let words: Vec<&str> = name.split_whitespace().collect();
    let (name, last) = match (words.as_slice(), last.is_empty()) {
        ([first, second], true) => ((*first).to_owned(), (*second).to_owned()),
        ([], true) => (titled(block), String::new()),
        _ => (name, last),
    };
    (column(&name), column(&last))
}

fn titled(block: &Value) -> String {
    let title = value::text_of(block, "title");
    if title.is_empty() { "Guest".to_owned() } else { title }
}

fn column(name: &str) -> String {
    name.chars().take(NAME_COLUMN).collect()
}

fn documented_name(name: &str) -> bool {
    let mark = |c: char| c.general_category_group() == GeneralCategoryGroup::Mark;
    let allowed = |c: char| c.is_alphabetic() || mark(c) || matches!(c, ' ' | '-' | '\'');
    name.chars().count() <= NAME_DOCUMENTED && name.chars().all(allowed)
}

fn international_phone(phone: &str) -> bool {
    let digits = phone.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn plausible_email(email: &str) -> bool {
    let parts = email.split_once('@');
    parts.is_some_and(|(local, host)| !local.is_empty() && host.contains('.') && !email.contains(char::is_whitespace))
}
