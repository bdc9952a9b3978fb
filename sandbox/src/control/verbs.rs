//! `POST /sandbox/{verb}`: one JSON object in, one JSON value out.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::events::forge::Forgery;
use crate::flags::Flag;
use crate::model::ADMIN;
use crate::php::value;
use crate::sandbox::Sandbox;
use crate::verbs::{Page, PageOptions};

type Outcome = Result<Value, String>;

/// Runs a verb; the error is a text for people.
pub(super) async fn run(sandbox: &Sandbox, verb: &str, body: &Value) -> Outcome {
    let args = Args(body);
    match verb {
        "add_application" => Ok(add_application(sandbox, &args)),
        "install" | "install_silently" | "finish_install" | "uninstall" | "update_app" | "grant"
        | "set_handler_url" => match args.text("client_id").as_str() {
            "" => application(sandbox, verb, &args).await,
            id => {
                let other = sandbox.with_app(id).ok_or("there is no such application")?;
                application(&other, verb, &args).await
            }
        },
        "connect" | "disconnect" => connection(sandbox, verb, &args).await,
        "dialogs" | "messages" => Ok(look(sandbox, verb, &args)),
        "operator_writes" | "operator_edits" | "operator_deletes" | "operator_finishes" | "ask_for_vote" => {
            operator(sandbox, verb, &args)
        }
        "add_line" | "delete_line" | "switch_line" | "configure_line" => line(sandbox, verb, &args),
        _ => portal(sandbox, verb, &args).await,
    }
}

/// One more local application; `scope` is a list or a text with commas.
fn add_application(sandbox: &Sandbox, args: &Args<'_>) -> Value {
    let given = args.0.get("scope").cloned().unwrap_or_else(|| json!("imopenlines,imconnector,im"));
    let names: Vec<String> = match value::text(&given) {
        Some(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        None => value::entries(&given).into_iter().filter_map(|(_, name)| value::text(name)).collect(),
    };
    let (client_id, client_secret) = sandbox.add_application(&names.iter().map(String::as_str).collect::<Vec<_>>());
    json!({ "client_id": client_id, "client_secret": client_secret })
}

async fn application(sandbox: &Sandbox, verb: &str, args: &Args<'_>) -> Outcome {
    match verb {
        "install" if args.text("flow") == "ui" => {
            let page = sandbox.install_with_ui(&args.needed("url")?, args.flag("older_fields")).await;
            return page.map(|page| page_json(&page));
        }
        "install" => sandbox.install_script_only(&args.needed("url")?),
        "install_silently" => return Ok(json!(sandbox.install_silently(&sandbox.client_id()))),
        "finish_install" => return Ok(json!(sandbox.finish_install())),
        "uninstall" => sandbox.uninstall(args.flag("clean")),
        "update_app" => sandbox.update_app(args.flag("new_token")),
        "set_handler_url" => sandbox.set_handler_url(&args.needed("url")?),
        _ => {
            let user = args.number("user").unwrap_or(ADMIN);
            let tokens = sandbox.grant(&sandbox.client_id(), user).ok_or("there is no application")?;
            return Ok(json!(tokens));
        }
    }
    Ok(json!(true))
}

async fn connection(sandbox: &Sandbox, verb: &str, args: &Args<'_>) -> Outcome {
    let (connector, line) = (args.needed("connector")?, args.number("line").ok_or("line is needed")?);
    if verb == "disconnect" {
        sandbox.disconnect(&connector, line);
        return Ok(json!(true));
    }
    let options = PageOptions {
        user: args.number("user").unwrap_or(ADMIN),
        older_fields: args.flag("older_fields"),
        forged_application_token: args.flag("forged_application_token"),
        forged_auth: args.flag("forged_auth"),
        older_options: args.flag("older_options"),
    };
    sandbox.open_settings_page(&connector, line, &options).await.map(|page| page_json(&page))
}

fn page_json(page: &Page) -> Value {
    json!({ "status": page.status, "headers": page.headers, "body": page.body })
}

fn look(sandbox: &Sandbox, verb: &str, args: &Args<'_>) -> Value {
    if verb == "messages" {
        return json!(sandbox.messages(args.number("chat_id").unwrap_or(0)));
    }
    let shape = |dialog: crate::view::Dialog| {
        json!({
            "chat_id": dialog.chat_id, "title": dialog.title, "line": dialog.line, "connector": dialog.connector,
            "external_chat_id": dialog.external_chat_id, "client": dialog.client, "session_id": dialog.session_id,
            "open": dialog.open,
        })
    };
    sandbox.dialogs().into_iter().map(shape).collect()
}

fn operator(sandbox: &Sandbox, verb: &str, args: &Args<'_>) -> Outcome {
    let chat = args.number("chat_id").unwrap_or(0);
    let message = args.number("message_id").unwrap_or(0);
    let text = args.text("text");
    match verb {
        "operator_writes" => {
            let times = args.number("times").unwrap_or(1);
            let ids: Result<Vec<i64>, String> = (0..times).map(|_| sandbox.operator_writes(chat, &text)).collect();
            ids.map(|ids| if times == 1 { json!(ids.first()) } else { json!(ids) })
        }
        "operator_edits" => sandbox.operator_edits(message, &text).map(|()| json!(true)),
        "operator_deletes" => sandbox.operator_deletes(message).map(|()| json!(true)),
        "ask_for_vote" => {
            sandbox.ask_for_vote(chat);
            Ok(json!(true))
        }
        _ => Ok(json!(sandbox.operator_finishes(chat))),
    }
}

fn line(sandbox: &Sandbox, verb: &str, args: &Args<'_>) -> Outcome {
    if verb == "add_line" {
        return Ok(json!(sandbox.add_line(&args.needed("name")?)));
    }
    let line = args.number("line").ok_or("line is needed")?;
    Ok(json!(match verb {
        "delete_line" => sandbox.delete_line(line),
        "configure_line" => sandbox.configure_line(line, args.0.get("settings").unwrap_or(&Value::Null)),
        _ if args.flag("active") => sandbox.activate_line(line),
        _ => sandbox.deactivate_line(line),
    }))
}

async fn portal(sandbox: &Sandbox, verb: &str, args: &Args<'_>) -> Outcome {
    match verb {
        "rename_portal" => {
            return sandbox.rename_portal().await.map(|url| json!(url)).map_err(|error| error.to_string());
        }
        "expire_access_tokens" => sandbox.expire_access_tokens(),
        "revoke_tokens" => sandbox.revoke_tokens(),
        "dismiss" => sandbox.dismiss(args.number("user").unwrap_or(ADMIN)),
        "advance" => {
            let seconds = args.number("seconds").and_then(|seconds| u64::try_from(seconds).ok());
            sandbox.advance(Duration::from_secs(seconds.ok_or("seconds are needed")?));
        }
        "flags" => sandbox.flag(args.parsed::<Flag>("flag")?, args.flag("raised")),
        "forge_event" => return Ok(json!(sandbox.forge_event(&forgery(args)?))),
        _ => return Err(format!("there is no verb `{verb}`")),
    }
    Ok(json!(true))
}

fn forgery(args: &Args<'_>) -> Result<Forgery, String> {
    match args.text("forgery").as_str() {
        "wrong_token" => Ok(Forgery::WrongToken),
        "no_token" => Ok(Forgery::NoToken),
        "unknown_member" => Ok(Forgery::UnknownMember),
        "foreign_token" => Ok(Forgery::ForeignToken(args.needed("token")?)),
        _ => Err("forgery is one of wrong_token, no_token, unknown_member, foreign_token".to_owned()),
    }
}

/// The arguments of a verb.
struct Args<'a>(&'a Value);

impl Args<'_> {
    fn text(&self, name: &str) -> String {
        value::text_of(self.0, name)
    }

    fn needed(&self, name: &str) -> Result<String, String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).ok_or_else(|| format!("{name} is needed"))
    }

    fn flag(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(value::truthy)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name).map(value::int)
    }

    fn parsed<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        let value = self.0.get(name).cloned().unwrap_or_default();
        serde_json::from_value(value).map_err(|error| format!("{name}: {error}"))
    }
}
