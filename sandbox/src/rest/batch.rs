//! `batch`: up to fifty commands in one request, with references to earlier results (bitrix24.md §3.3).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::envelope::Reply;
use super::error::{Failure, RestError};
use super::metered::{run_metered, timing};
use super::params::Params;
use crate::methods::table;
use crate::model::State;
use crate::php::{form, value};
use crate::portal::Portal;

/// How many commands run; later ones are refused one by one.
const MAX_COMMANDS: usize = 50;

type Pairs = Vec<(String, Value)>;

/// What the commands gave so far, by key.
#[derive(Debug, Default)]
struct Outcome {
    result: Pairs,
    errors: Pairs,
    total: Pairs,
    next: Pairs,
    time: Pairs,
}

impl Outcome {
    fn into_value(self) -> Value {
        json!({
            "result": value::array(self.result),
            "result_error": value::array(self.errors),
            "result_total": value::array(self.total),
            "result_next": value::array(self.next),
            "result_time": value::array(self.time),
        })
    }

    fn reply(&mut self, key: &str, reply: Reply, time: Value) {
        let keyed = |value: Value| (key.to_owned(), value);
        if let Some((code, text)) = reply.soft {
            self.errors.push(keyed(json!({ "error": code, "error_description": text })));
        }
        self.result.push(keyed(reply.result));
        self.total.extend(reply.total.map(|total| keyed(json!(total))));
        self.next.extend(reply.next.map(|next| keyed(json!(next))));
        self.time.push(keyed(time));
    }
}

/// Runs the commands of a batch in order; only a cut connection fails the whole.
pub(crate) async fn run(portal: &Arc<Portal>, caller: &Caller, params: &Params, id: u64) -> Result<Reply, Failure> {
    let halt = params.get("HALT").is_some_and(value::truthy);
    let mut outcome = Outcome::default();
    let commands = params.get("CMD").map(value::entries).unwrap_or_default();
    for (index, (key, command)) in commands.into_iter().enumerate() {
        let Some(text) = command.as_str() else { continue };
        match run_command(portal, caller, text, index, &outcome.result, id).await {
            Ok((reply, time)) => outcome.reply(&key, reply, time),
            Err(Failure::Rest(error)) => outcome.errors.push((key, error.body())),
            Err(Failure::Cut) => return Err(Failure::Cut),
        }
        if halt && !outcome.errors.is_empty() {
            break;
        }
    }
    Ok(Reply::from(outcome.into_value()))
}

async fn run_command(
    portal: &Arc<Portal>,
    caller: &Caller,
    command: &str,
    index: usize,
    earlier: &[(String, Value)],
    id: u64,
) -> Result<(Reply, Value), Failure> {
    if index >= MAX_COMMANDS {
        return Err(RestError::bad("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded").into());
    }
    let (name, query) = command.split_once('?').unwrap_or((command, ""));
    let name = name.trim_start_matches('/').to_lowercase();
    portal.edit(|state| state.record.call(id).map(|call| call.commands.push(name.clone())));
    let method = table::find(&name)?;
    if !method.batchable {
        return Err(RestError::bad("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage").into());
    }
    if !caller.covers(method.scope) {
        return Err(portal.view(State::insufficient_scope).into());
    }
    let params = Params::new(as_map(&resolve(form::parse(query.as_bytes()), earlier)));
    let start_ms = portal.clock.now_ms();
    let reply = run_metered(portal, caller, &name, &params).await?;
    Ok((reply, timing(portal, caller, &name, start_ms).block()))
}

fn as_map(tree: &Value) -> Map<String, Value> {
    value::entries(tree).into_iter().map(|(key, item)| (key, item.clone())).collect()
}

/// Replaces `$result[key][field]…` in all leaves.
fn resolve(tree: Value, earlier: &[(String, Value)]) -> Value {
    match tree {
        Value::Object(map) => map.into_iter().map(|(key, item)| (key, resolve(item, earlier))).collect(),
        Value::Array(items) => items.into_iter().map(|item| resolve(item, earlier)).collect(),
        Value::String(text) => resolve_text(&text, earlier),
        leaf => leaf,
    }
}

/// A text that is one reference takes the referenced value; references inside a longer text are spliced in.
fn resolve_text(text: &str, earlier: &[(String, Value)]) -> Value {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("$result[") {
        let (before, from) = rest.split_at(at);
        let (path, length) = reference(from);
        let found = lookup(&path, earlier);
        if let (Some(found), true) = (&found, length == text.len()) {
            return found.clone();
        }
        out.push_str(before);
        out.push_str(&found.as_ref().and_then(value::text).unwrap_or_default());
        rest = &from[length..];
    }
    Value::String(out + rest)
}

/// The bracketed path of a reference that `text` starts with, and its length in bytes.
fn reference(text: &str) -> (Vec<&str>, usize) {
    let mut path = Vec::new();
    let mut rest = &text["$result".len()..];
    while let Some((key, tail)) = rest.strip_prefix('[').and_then(|open| open.split_once(']')) {
        path.push(key);
        rest = tail;
    }
    if path.is_empty() {
        // An unclosed bracket is literal text: step over the word.
        return (path, "$result[".len());
    }
    (path, text.len() - rest.len())
}

/// Walks as deep as the path leads.
fn lookup(path: &[&str], earlier: &[(String, Value)]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    let mut found = &earlier.iter().find(|(key, _)| key == first)?.1;
    for key in rest {
        match value::get(found, key) {
            Some(inner) => found = inner,
            None => break,
        }
    }
    Some(found.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let earlier = vec![("a".to_owned(), json!([{ "ID": 5 }]))];
        assert_eq!(resolve_text("$result[a][0][ID]", &earlier), json!(5));
        assert_eq!(resolve_text("no $result[a][0][ID] yes", &earlier), json!("no 5 yes"));
        assert_eq!(resolve_text("$result[b]", &earlier), json!(""));
    }
}
