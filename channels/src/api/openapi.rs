//! The description of the API for machines.

use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("openapi.json");

/// The document of an instance that is reached at `base`.
pub(super) fn document(base: &str) -> String {
    // A test parses it; should it be broken nevertheless, it is served as it is.
    let Ok(mut document) = serde_json::from_str::<Value>(DOCUMENT) else { return DOCUMENT.to_owned() };
    document["servers"] = json!([{ "url": base }]);
    document.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn it_describes_every_route_and_nothing_else() {
        let document: Value = serde_json::from_str(&document("https://chat.example/c/crm")).unwrap();
        assert_eq!(document["servers"][0]["url"], "https://chat.example/c/crm");
        let mut described = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let methods = methods.as_object().unwrap().keys().filter(|key| *key != "parameters");
            described.extend(methods.map(|method| format!("{method} {path}")));
        }
        let routes: BTreeSet<_> =
            super::super::web::table().iter().map(|(method, path, _)| format!("{method} {path}")).collect();
        assert_eq!(described, routes);
    }
}
