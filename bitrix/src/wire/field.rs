//! A member of one of the portal's answers, however its name is spelled.

use serde_json::Value;

/// The member of an object with this name. The portal spells the same name in several ways, depending on the method and
/// its age: `urlDownload`, `urldownload`, `URL_DOWNLOAD` (`bitrix24.md` §11). The exact spelling wins.
pub(crate) fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let map = value.as_object()?;
    map.get(name).or_else(|| map.iter().find(|(key, _)| letters(key).eq(letters(name))).map(|(_, value)| value))
}

fn letters(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::field;
    use serde_json::json;

    #[test]
    fn names_are_known_in_every_spelling() {
        for key in ["urldownload", "urlDownload", "URL_DOWNLOAD", "url_download"] {
            assert_eq!(field(&json!({ key: 1 }), "urldownload"), Some(&json!(1)), "{key}");
        }
        assert_eq!(field(&json!({"Id": 1, "id": 2}), "id"), Some(&json!(2)));
        for other in [json!({"urldownloads": 1}), json!([]), json!(null)] {
            assert_eq!(field(&other, "urldownload"), None);
        }
    }
}
