//! What the channels' documents for machines say is true of running channels.

use openline_tests::World;
use reqwest::StatusCode;
use serde_json::{Value, json};

/// What of a value does not fit its schema, by the words of JSON Schema that the document uses. Properties that are not
/// described are wrong too: the description must be complete.
pub(crate) fn misfit(document: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = &document["components"]["schemas"][name.rsplit('/').next().unwrap()];
        assert!(schema.is_object(), "{name} is not there");
        return misfit(document, schema, value, at);
    }
    if let (Some(either), true) = (schema["anyOf"].as_array().or(schema["oneOf"].as_array()), schema["type"].is_null())
    {
        let misfits: Option<Vec<_>> = either.iter().map(|schema| misfit(document, schema, value, at)).collect();
        return misfits.map(|misfits| misfits.join(" and "));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    if !kinds.iter().any(|wanted| wanted == kind) {
        return Some(format!("{at} is {kind}"));
    }
    if schema["enum"].as_array().is_some_and(|all| !all.contains(value)) {
        return Some(format!("{at} is {value}"));
    }
    if let Some(items) = value.as_array() {
        return items.iter().find_map(|item| misfit(document, &schema["items"], item, &format!("{at}[]")));
    }
    let (Some(object), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else { return None };
    let required = schema["required"].as_array().into_iter().flatten();
    let missing = required.into_iter().find(|name| !object.contains_key(name.as_str().unwrap()));
    if let Some(missing) = missing {
        return Some(format!("{at} has no {missing}"));
    }
    object.iter().find_map(|(name, value)| match properties.get(name) {
        Some(schema) => misfit(document, schema, value, &format!("{at}.{name}")),
        None => Some(format!("{at}.{name} is not described")),
    })
}

/// Of the answer with a status.
pub(crate) fn schema_of<'d>(document: &'d Value, path: &str, method: &str, status: StatusCode) -> &'d Value {
    let answer = &document["paths"][path][method]["responses"][status.as_str()];
    assert!(answer.is_object(), "{method} {path} answers {status}, which is not described");
    &answer["content"]["application/json"]["schema"]
}

#[tokio::test]
async fn the_websites_description_is_true_of_a_running_site() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    let document = visitor.get("/openapi.json").await;
    assert_eq!(document["servers"][0]["url"], world.url("/c/site/api"));
    let fits = |path: &str, method: &str, status: StatusCode, answer: &Value| {
        let schema = schema_of(&document, path, method, status);
        assert_eq!(misfit(&document, schema, answer, "answer"), None, "{method} {path}: {answer}");
    };
    let profile = json!({ "email": "ann@example.com", "fields": {}, "consent": true });
    let message = json!({ "key": "k1", "text": "hello", "name": "Ann", "profile": profile });
    let (status, first) = visitor.send_with(&message).await;
    fits("/messages", "post", status, &first);
    let (status, refused) = visitor.send_with(&json!({ "key": "k2", "text": "x", "profile": { "email": "?" } })).await;
    assert_eq!((status.as_u16(), &refused["error"]["fields"]["email"]), (422, &json!("email_invalid")));
    fits("/messages", "post", status, &refused);
    let chat = world.portal_chat("hello").await;
    world.sandbox.operator_writes(chat, "[b]good[/b] day").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "good day")).await;
    for path in ["/session", "/messages", "/updates?since=0", "/info"] {
        let described = path.split('?').next().unwrap();
        fits(described, "get", StatusCode::OK, &visitor.get(path).await);
    }
    let one = visitor.get(&format!("/messages/{}", first["item"]["id"].as_str().unwrap())).await;
    fits("/messages/{id}", "get", StatusCode::OK, &one);
}
