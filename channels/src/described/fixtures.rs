//! Fixtures of a description: webhooks and what must come in, operators' messages and the exact requests, answers and their
//! verdicts. `docs/messengers.md` says how they are written.

use super::caller::{Call, Caller, Keeper};
use super::compile::Wrong;
use super::description::Act;
use super::events::Happened;
use super::expr::{Scope, value};
use super::file::Action;
use super::fixture_file::{Fixtures, Given, Hooked, Sent};
use super::load::load;
use super::parts::{Seen, plan};
use super::script::{Script, Scripted};
use super::settings;
use super::transport::FileOut;
use super::verdicts::Failed;
use super::webhook::{Called, Turn, judge};
use crate::common::rich::Rendered;
use async_trait::async_trait;
use minijinja::Value;
use openline_core::clock::ManualClock;
use openline_core::message::{File, FileSource};
use openline_core::text::RichText;
use openline_core::{DeliveryError, StoreError, Timestamp};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Where fixtures' channels are called.
const HOOK: &str = "https://chat.example/c/kit/hook";
/// The time in fixtures, in seconds, unless they say another.
const NOW: i64 = 1_790_000_000;

/// Keeps nothing: each fixture begins anew.
struct Nothing;

#[async_trait]
impl Keeper for Nothing {
    async fn refresh(&self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    async fn keep_refresh(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// How one fixture ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// The line on which it begins.
    pub line: usize,
    /// What is otherwise than it should be, each with its key; empty when it passed.
    pub problems: Vec<String>,
}

/// Runs fixtures.
///
/// # Errors
/// What is wrong with the description or the fixtures themselves.
pub async fn outcomes(description: &str, fixtures: &str) -> Result<Vec<Outcome>, Wrong> {
    let description = Arc::new(load(description)?);
    let line = |span: std::ops::Range<usize>| fixtures[..span.start].matches('\n').count() + 1;
    let read: Fixtures = toml::from_str(fixtures).map_err(|error| Wrong {
        line: error.span().map(line),
        key: "fixtures".to_owned(),
        problem: error.message().to_owned(),
    })?;
    let stage = |own: &toml::Table, answers: VecDeque<Scripted>, now: i64| {
        let mut table = read.settings.clone();
        table.extend(own.clone());
        let given = settings::read(&description.settings, table).map_err(|error| error.to_string())?;
        let script = Script::new(answers);
        let clock = Arc::new(ManualClock::at(Timestamp(now * 1000)));
        let transport = Box::new(script.clone());
        let caller = Caller::new(Arc::clone(&description), given, HOOK, transport, clock, Box::new(Nothing));
        Ok::<_, String>((caller, script))
    };
    let mut outcomes = Vec::new();
    for hooked in read.webhook {
        let (line, hooked) = (line(hooked.span()), hooked.into_inner());
        let name = hooked.name.clone();
        let staged = stage(&hooked.settings, hooked.answers.clone(), hooked.now.unwrap_or(NOW));
        let problems = match staged {
            Ok((caller, script)) => self::hooked(&caller, &script, &hooked).await,
            Err(problem) => vec![format!("settings: {problem}")],
        };
        outcomes.push(Outcome { name, line, problems });
    }
    for sent in read.send {
        let (line, sent) = (line(sent.span()), sent.into_inner());
        let name = sent.name.clone();
        let problems = match stage(&sent.settings, sent.answers.clone(), NOW) {
            Ok((caller, script)) => self::sent(&caller, &script, &sent).await,
            Err(problem) => vec![format!("settings: {problem}")],
        };
        outcomes.push(Outcome { name, line, problems });
    }
    Ok(outcomes)
}

/// What is otherwise than wanted: of tables every wanted key, of lists each item.
fn compare(key: &str, wanted: &Json, found: &Json, problems: &mut Vec<String>) {
    match (wanted, found) {
        (Json::Object(wanted), Json::Object(found)) if !is_body(key) => {
            for (name, wanted) in wanted {
                compare(&format!("{key}.{name}"), wanted, found.get(name).unwrap_or(&Json::Null), problems);
            }
        }
        (Json::Array(wanted), Json::Array(found)) if wanted.len() == found.len() => {
            for (n, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                compare(&format!("{key}[{n}]"), wanted, found, problems);
            }
        }
        _ if wanted == found => {}
        _ => problems.push(format!("{key}: it is {found}, and should be {wanted}")),
    }
}

/// What a request carries must be exactly so.
fn is_body(key: &str) -> bool {
    [".json", ".form", ".multipart"].iter().any(|end| key.ends_with(end))
}

fn compare_all(key: &str, wanted: &[toml::Value], found: &[Json], problems: &mut Vec<String>) {
    let wanted = serde_json::to_value(wanted).unwrap_or_default();
    compare(key, &wanted, &Json::Array(found.to_vec()), problems);
}

async fn hooked(caller: &Caller, script: &Script, wanted: &Hooked) -> Vec<String> {
    let mut problems = Vec::new();
    let Some(webhook) = &caller.description.webhook else { return vec!["webhook: there is none".to_owned()] };
    let method = wanted.method.as_deref().unwrap_or("POST");
    let headers = wanted.headers.clone().into_iter().collect();
    let called = Called { method, query: &wanted.query, headers, body: wanted.body.as_bytes() };
    let base = caller.scope();
    let verify = if wanted.signed { webhook.verify.as_slice() } else { &[] };
    let (mut status, mut answer, mut comes, mut unknown) = (200, String::new(), Vec::new(), 0);
    match judge(webhook, verify, &called, &base, HOOK, caller.clock.now().seconds()) {
        Turn::Stranger => status = 403,
        Turn::Broken => status = 400,
        Turn::Handshake(shake, mut scope) => {
            if let Err(failed) = caller.run(&Call::of(&shake.steps), &mut scope).await {
                problems.push(format!("handshake: {}", failed.error));
            }
            answer = shake.answer.text(&scope).unwrap_or_else(|problem| problem);
        }
        Turn::Events(scope) => {
            answer = webhook.answer.text(&scope).unwrap_or_default();
            let read = super::events::read(&caller.description.events, &scope);
            unknown = read.unknown.len();
            if unknown != wanted.unknown {
                problems.push(format!("unknown: {}", read.unknown.join("; ")));
            }
            for happened in read.happened.iter().filter(|happened| happened.action != Action::Ignore) {
                comes.push(self::comes(caller, happened).await);
            }
        }
    }
    compare("status", &json!(wanted.status.unwrap_or(200)), &json!(status), &mut problems);
    if let Some(wanted) = &wanted.answer {
        compare("answer", &json!(wanted), &json!(answer), &mut problems);
    }
    compare("unknown", &json!(wanted.unknown), &json!(unknown), &mut problems);
    compare_all("comes", &wanted.comes, &comes, &mut problems);
    if let Some(wanted) = &wanted.requests {
        compare_all("requests", wanted, &script.asked(), &mut problems);
    }
    problems
}

async fn comes(caller: &Caller, happened: &Happened) -> Json {
    let mut files = Vec::new();
    for draft in &happened.files {
        let mut scope = draft.scope.clone();
        let stepped = caller.run(&Call::of(&draft.file.steps), &mut scope).await;
        let found = stepped.map_err(|failed| failed.error.to_string()).and_then(|_| draft.file.found(&scope));
        files.push(match found {
            Ok(found) => json!({ "url": found.url, "name": found.name, "type": found.mime }),
            Err(problem) => json!({ "problem": problem }),
        });
    }
    let Happened { chat, key, text, quote, note, user, keep, state, id, tag, why, .. } = happened;
    let action = format!("{:?}", happened.action).to_lowercase();
    json!({
        "action": action, "chat": chat, "key": key, "text": text, "quote": quote, "note": note, "files": files, "user": user,
        "keep": keep, "state": state, "id": id, "tag": tag, "why": why,
    })
}

async fn sent(caller: &Caller, script: &Script, wanted: &Sent) -> Vec<String> {
    let mut problems = Vec::new();
    let mut user = BTreeMap::new();
    let result = sending(caller, wanted, &mut user).await;
    if let Some(wanted) = &wanted.requests {
        compare_all("requests", wanted, &script.asked(), &mut problems);
    }
    let (verdict, after, why) = match &result {
        Ok(_) => ("ok", None, String::new()),
        Err(failed) => match &failed.error {
            DeliveryError::Retry { after, reason } => ("retry", *after, reason.clone()),
            DeliveryError::Unknown { reason } => ("unknown", None, reason.clone()),
            DeliveryError::Refused { reason } => ("refused", None, reason.clone()),
            DeliveryError::Paused { after, reason } | DeliveryError::Closed { after, reason } => {
                ("paused", Some(*after), reason.clone())
            }
            DeliveryError::Unsupported => ("unsupported", None, String::new()),
        },
    };
    let expected = wanted.verdict.as_deref().unwrap_or("ok");
    if expected != verdict {
        problems.push(format!("verdict: it is {verdict} ({why}), and should be {expected}"));
    }
    if let (Some(wanted), Ok(sent)) = (&wanted.sent, &result) {
        compare("sent", &json!(wanted), &json!(sent), &mut problems);
    }
    if let (Some(wanted), Ok(_)) = (&wanted.user, &result) {
        compare("user", &json!(wanted), &json!(user), &mut problems);
    }
    if let Some(wanted) = wanted.after {
        compare("after", &json!(wanted), &json!(after.map(|after| after.as_secs())), &mut problems);
    }
    if let Some(wanted) = wanted.why.as_ref().filter(|wanted| !why.contains(wanted.as_str())) {
        problems.push(format!("why: it is {why:?}, and should have {wanted:?} in it"));
    }
    problems
}

async fn sending(caller: &Caller, wanted: &Sent, user: &mut BTreeMap<String, String>) -> Result<Vec<String>, Failed> {
    let text: RichText = match &wanted.rich {
        Some(rich) => rich.clone().try_into().map_err(|error| refused(format!("rich: {error}")))?,
        None => RichText::plain(wanted.text.clone()),
    };
    let rendered = Rendered::of(&text, Some(wanted.author.as_str()).filter(|author| !author.is_empty()));
    let kept = serde_json::to_value(&wanted.kept).unwrap_or_default();
    let mut scope = caller.scope().with("kept", value(&kept));
    scope.set("chat", wanted.chat.clone());
    scope.set("late", wanted.late);
    if wanted.edit.is_some() || wanted.delete.is_some() {
        return changing(caller, wanted, &rendered, scope).await;
    }
    if wanted.user.is_some() {
        *user = asking_who(caller, &mut scope).await?;
        return Ok(Vec::new());
    }
    if wanted.setup {
        let setup = caller.description.setup.as_ref().ok_or(DeliveryError::Unsupported)?;
        return caller.run(&Call::of(&setup.steps), &mut scope).await.map(|_| Vec::new());
    }
    if wanted.look {
        return looking(caller, &rendered, scope).await;
    }
    if wanted.read {
        let act = caller.description.read.as_ref().ok_or(DeliveryError::Unsupported)?;
        return self::act(caller, act, "", scope.with("last", wanted.last.clone()), wanted.attempts).await;
    }
    sending_parts(caller, wanted, &rendered, &scope).await
}

fn refused(problem: String) -> Failed {
    Failed::from(DeliveryError::refused(problem))
}

/// An edit or a deletion.
async fn changing(
    caller: &Caller,
    wanted: &Sent,
    rendered: &Rendered,
    mut scope: Scope,
) -> Result<Vec<String>, Failed> {
    let acts = [(&wanted.edit, &caller.description.edit), (&wanted.delete, &caller.description.delete)];
    let Some((Some(id), act)) = acts.into_iter().find(|(id, _)| id.is_some()) else { return Ok(Vec::new()) };
    let act = act.as_ref().ok_or(DeliveryError::Unsupported)?;
    let (written, plain) = caller.writing()?.pieces(rendered).into_iter().next().unwrap_or_default();
    scope.set("text", written);
    scope.set("plain", plain);
    self::act(caller, act, id, scope, wanted.attempts).await
}

/// Who the visitor is, as the messenger tells it.
async fn asking_who(caller: &Caller, scope: &mut Scope) -> Result<BTreeMap<String, String>, Failed> {
    let profile = caller.description.profile.as_ref().ok_or(DeliveryError::Unsupported)?;
    caller.run(&Call::of(&profile.steps), scope).await?;
    let told = profile.user.iter().map(|(name, template)| Ok((name.clone(), template.text(scope)?)));
    told.collect::<Result<_, String>>().map_err(refused)
}

/// Whether a message is there whose answer was lost.
async fn looking(caller: &Caller, rendered: &Rendered, mut scope: Scope) -> Result<Vec<String>, Failed> {
    let (written, plain) = caller.writing()?.pieces(rendered).into_iter().next().unwrap_or_default();
    for (name, known) in [("text", written), ("plain", plain)] {
        scope.set(name, known);
    }
    scope.set("since", NOW * 1000);
    let once = &caller.description.once;
    caller.run(&Call::of(&once.steps), &mut scope).await?;
    let found = once.found.as_ref().map(|found| found.eval(&scope)).transpose().map_err(refused)?;
    Ok(found.map(|id| super::filters::text(&id)).filter(|id| !id.is_empty()).into_iter().collect())
}

/// A message, in as many parts as it takes.
async fn sending_parts(
    caller: &Caller,
    wanted: &Sent,
    rendered: &Rendered,
    scope: &Scope,
) -> Result<Vec<String>, Failed> {
    let writing = caller.writing()?;
    let files: Vec<_> = wanted.files.iter().map(given).collect();
    let parts = plan(&caller.description, writing, rendered, &files, scope).map_err(refused)?;
    let mut ids = Vec::new();
    for part in parts {
        let names =
            [("tag", "tag"), ("uuid", "00000000-0000-8000-8000-000000000007"), ("author", wanted.author.as_str())];
        let names = names.into_iter().map(|(name, text)| (name, Value::from(text)));
        let mut scope = scope.with("message", Value::from_pairs(names.chain([("number", Value::from(7))])));
        scope.set("text", part.text.clone());
        scope.set("plain", part.plain.clone());
        let file = part.file.and_then(|index| files.get(index));
        if let Some(file) = file {
            scope.set("file", file.value());
        }
        let way = &caller.description.ways[part.way];
        for (name, expr) in &way.with {
            let value = expr.eval(&scope).map_err(refused)?;
            scope.set(name, value);
        }
        let out = file.map(|seen| FileOut {
            name: seen.file.name.clone(),
            mime: crate::common::media::media_type(&seen.file, None),
            size: seen.file.size,
            open: Box::new(|| Box::pin(async { Err(DeliveryError::refused("fixtures have no bytes")) })),
        });
        let call = Call { steps: &way.steps, attempts: wanted.attempts, file: out.as_ref() };
        ids.extend(caller.run(&call, &mut scope).await?);
    }
    Ok(ids)
}

async fn act(caller: &Caller, act: &Act, id: &str, mut scope: Scope, attempts: u32) -> Result<Vec<String>, Failed> {
    scope.set("id", id);
    let call = Call { attempts, ..Call::of(&act.steps) };
    caller.run(&call, &mut scope).await.map(|_| Vec::new())
}

fn given(given: &Given) -> Seen {
    let Given { name, mime, size } = given;
    let source = FileSource::Backend(String::new());
    let file = File { name: name.clone(), mime: mime.clone(), size: *size, pixels: None, source };
    Seen { url: Some(format!("https://chat.example/f/1/{name}")), file }
}
