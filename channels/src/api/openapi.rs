//! The description of the API for machines, made of the types and calls that it describes.
#![allow(clippy::needless_for_each)] // in what the derive makes

use super::error::Refused;
use super::webhook::{Answer, Posted};
use super::{messages, web};
use crate::common::schema::Bearer;
use serde_json::json;
use utoipa::OpenApi;
use utoipa::openapi::Server;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "openline: HTTP channel",
        version = "1",
        description = "Joins any messenger, app or back office with a Bitrix24 open line. docs/api-channel.md explains it."
    ),
    paths(
        messages::send, messages::history, messages::edit, messages::remove, messages::retry, messages::updates, web::export,
        web::forget, web::receipt, web::openapi, told
    ),
    components(schemas(Refused, super::input::GivenFile)),
    security(("token" = [])),
    modifiers(&Bearer)
)]
struct Document;

/// What the other side has to take, see [`document`].
#[utoipa::path(
    post, path = "message", operation_id = "told", summary = "An operator wrote, changed or deleted a message",
    description = "Signed by the Standard Webhooks specification. Repeated until it is answered; the same webhook-id is the \
        same event.",
    params(
        ("webhook-id" = String, Header, description = "Names the event; take each once."),
        ("webhook-timestamp" = i64, Header,
            description = "Unix seconds of this attempt, for the signature. The body has the time of the event."),
        ("webhook-signature" = String, Header,
            description = "v1, and the base64 of the HMAC-SHA-256 of id.timestamp.body; several are separated by blanks.")
    ),
    request_body(content = Posted<'static>, examples(("created" = (value = json!({
        "type": "message.created", "timestamp": "2026-01-01T00:00:00Z",
        "data": {
            "channel": "crm", "chat": "order 4711 / Zoë",
            "message": {
                "id": "42", "rev": 8, "pos": 196_608, "kind": "message", "from": "operator", "author": "Anna Lee",
                "text": "Yes, it is.", "at": 1_767_225_600_000_i64
            }
        }
    }))))),
    responses(
        (status = 200, body = inline(Answer), description = "You have it. The body may name the message on your side."),
        (status = "3XX", description = "Redirects are not followed. The channel waits, /health says so, and it is tried again \
            each minute until the configured address answers itself."),
        (status = 401, description = "You don't let openline in (also 403, 407). The channel waits and is tried again each \
            minute; nothing is given up."),
        (status = 410, description = "It can never arrive: given up at once, and the operator is told."),
        (status = 429, description = "Later (also 408, 425, 503); Retry-After is honoured, up to a day."),
        (status = "4XX", description = "Any other, 400, 404 and 422 among them: tried 16 times in about two hours, then given \
            up, and the operator is told."),
        (status = "5XX", description = "It may have arrived (so is no answer within 20 s): repeated under the same webhook-id \
            for three days.")
    )
)]
#[allow(dead_code)] // described only: it is the other side's
fn told() {}

/// The document of an instance that is reached at `base`.
pub(super) fn document(base: &str) -> String {
    let mut document = Document::openapi();
    document.servers = Some(vec![Server::new(base)]);
    // Made of texts and numbers only: there is nothing in it that JSON can't say.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    // What utoipa can't say: a call in the other direction, and that either of two fields has to be there.
    let told = document["paths"].as_object_mut().and_then(|paths| paths.remove("message"));
    document["webhooks"] = json!({ "message": told });
    document["components"]["schemas"]["NewMessage"]["anyOf"] = json!([
        { "required": ["text"], "properties": { "text": { "pattern": "\\S" } } },
        { "required": ["files"], "properties": { "files": { "minItems": 1 } } },
    ]);
    document.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
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

    /// What a derive does not see: bounds of the rules, and what the other side may answer.
    #[test]
    fn it_is_as_strict_as_the_server() {
        let document: Value = serde_json::from_str(&document("https://chat.example/c/crm")).unwrap();
        let schemas = &document["components"]["schemas"];
        let pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$";
        let id = json!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": pattern });
        assert_eq!(schemas["Id"], id);
        assert_eq!((&schemas["Text"]["maxLength"], &schemas["Name"]["maxLength"]), (&json!(10_000), &json!(100)));
        assert_eq!(schemas["Email"]["maxLength"], 254);
        assert!(schemas["Phone"]["pattern"].as_str().unwrap().contains("{5,15}"));
        assert_eq!(
            (&schemas["NewFiles"]["maxItems"], &schemas["Web"]["type"]),
            (&json!(10), &json!(["string", "null"]))
        );
        for given in ["NewMessage", "NewFile", "Visitor", "Edit", "Receipt"] {
            assert_eq!(schemas[given]["additionalProperties"], false, "{given}");
        }
        let told = &document["webhooks"]["message"]["post"]["responses"];
        for status in ["200", "3XX", "401", "410", "429", "4XX", "5XX"] {
            assert!(told[status].is_object(), "{status}");
        }
    }
}
