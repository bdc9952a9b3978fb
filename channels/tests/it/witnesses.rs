//! The messengers' own libraries as witnesses: what they sign is taken, what they parse is what we read, what they send is what
//! we send. They are Python packages (line-bot-sdk, viberbot, pywa, maxapi, vkbottle); what is not installed is left out with a
//! word. `OPENLINE_WITNESSES` names a Python that has them; `tests/witness/run messengers` makes one.

use openline_channels::Kinds;
use openline_channels::described::outcomes;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// What the libraries said; `None` when there is no Python.
fn said() -> Option<Vec<Value>> {
    let python = std::env::var("OPENLINE_WITNESSES").unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/witnesses.py");
    let output = match Command::new(&python).arg(script).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("left out: {python}: {error}");
            return None;
        }
    };
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let all: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let end = all.last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    eprintln!("left out: {}", end["missing"]);
    Some(all)
}

fn settings(kind: &str) -> &'static str {
    match kind {
        "line" => "secret = 'k3y'\ntoken = 't0ken'",
        "viber" => "token = 'k3y-k3y'\nsender = 'Shop'",
        "whatsapp" => "phone_number_id = '700200'\ntoken = 't0ken'\napp_secret = 'k3y'\nverify_token = 'w0rd'",
        "max" => "token = 't0ken'\nsecret = 's3cret'",
        _ => "group = 300\ntoken = 't0ken'\nsecret = 's3'",
    }
}

/// What the library sends, as fixtures write it; what it adds for nothing is taken away.
fn request(witness: &Value) -> Option<Value> {
    let mut body = witness["json"].clone();
    match witness["kind"].as_str()? {
        "line" => {
            body["messages"].as_array()?;
            body.as_object_mut()?.remove("notificationDisabled");
            body["to"] = witness["chat"].clone();
            let headers =
                json!({ "x-line-retry-key": witness["retry_key"], "authorization": witness["authorization"] });
            Some(json!({ "url": "https://api.line.me/v2/bot/message/push", "headers": headers, "json": body }))
        }
        "viber" => {
            body.as_object_mut()?.remove("auth_token");
            body["sender"].as_object_mut()?.remove("avatar");
            Some(json!({ "json": body }))
        }
        "whatsapp" => {
            let url = format!("https://graph.facebook.com{}", witness["path"].as_str()?);
            Some(json!({ "url": url, "headers": { "authorization": witness["authorization"] }, "json": body }))
        }
        "max" => {
            body.as_object_mut()?.remove("attachments");
            let url = format!("https://platform-api2.max.ru{}", witness["path"].as_str()?);
            Some(json!({ "url": url, "headers": { "authorization": witness["authorization"] }, "json": body }))
        }
        "vk" => {
            let url = format!("https://api.vk.com{}", witness["path"].as_str()?);
            Some(json!({ "url": url, "form": witness["form"] }))
        }
        _ => None,
    }
}

/// A witness's words as fixtures. TOML of JSON by a table of one key: both have the same values.
fn fixtures(witness: &Value) -> String {
    let toml = |value: &Value| {
        let table = toml::Table::try_from(json!({ "x": value })).unwrap();
        table["x"].to_string()
    };
    let mut text = format!("[settings]\n{}\n", settings(witness["kind"].as_str().unwrap()));
    if witness["body"].is_string() {
        let (body, headers) = (toml(&witness["body"]), toml(&witness["headers"]));
        let comes =
            json!([{ "action": "message", "chat": witness["chat"], "key": witness["key"], "text": witness["text"] }]);
        let comes = toml(&comes);
        text +=
            &format!("[[webhook]]\nname = 'in'\nsigned = true\nheaders = {headers}\nbody = {body}\ncomes = {comes}\n");
    }
    if let Some(request) = request(witness) {
        let chat = witness["chat"].as_str().unwrap_or("7001");
        let (requests, answers) = (toml(&json!([request])), toml(&json!([{ "body": witness["answer"] }])));
        let sent = toml(&json!([witness["sent"]]));
        text += &format!(
            "[[send]]\nname = 'out'\nchat = '{chat}'\ntext = 'hi'\nanswers = {answers}\nrequests = {requests}\nsent = {sent}\n"
        );
    }
    text
}

#[tokio::test]
async fn the_messengers_own_libraries_agree() {
    let Some(said) = said() else { return };
    for witness in said.iter().filter(|witness| witness["kind"].is_string()) {
        let kind = witness["kind"].as_str().unwrap();
        let (description, _) = Kinds::shipped().texts(kind).unwrap();
        let outcomes =
            outcomes(description, &fixtures(witness)).await.unwrap_or_else(|wrong| panic!("{kind}: {wrong}"));
        for outcome in outcomes {
            assert!(outcome.problems.is_empty(), "{kind}: {}: {}", outcome.name, outcome.problems.join("\n"));
        }
        eprintln!("{kind}: agrees");
    }
}
