//! Many calls in one request (`bitrix24.md` §3.3): one unit of the portal's request limit.

use crate::access::budget::{Class, Fare};
use crate::access::portal::Portal;
use crate::wire::rest::{CallError, Spent, error_of};
use crate::wire::verdict::{self, Verdict};
use openline_core::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// One of the calls: method and parameters.
pub(crate) type Command<'c> = (&'c str, Value);

/// What became of one of the calls.
pub(crate) type Entry = Result<Value, CallError>;

/// What became of one of the calls, and how long it took, when that is known.
pub(crate) type Timed = (Entry, Option<Duration>);

/// What became of one of the calls, when it may ask for what can't be had: `None` then.
pub(crate) fn if_any(entry: Entry) -> Result<Option<Value>, CallError> {
    match entry {
        Ok(result) => Ok(Some(result)),
        Err(error) if verdict::refuses_this(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How one of the calls is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Together,
    /// The portal would put something else in the place of what a visitor wrote.
    Alone,
    /// Not at all: its method is blocked.
    Rests,
}

impl Portal {
    /// Makes these calls with one request, or one by one where the portal does not take them together; a result for each,
    /// in order. Methods that are blocked are not called.
    ///
    /// # Errors
    /// When the whole request failed.
    pub(crate) async fn batch(
        self: &Arc<Self>,
        commands: &[Command<'_>],
        fare: impl Into<Fare>,
    ) -> Result<Vec<Entry>, CallError> {
        let timed = self.batch_at(commands, fare, &mut Instant::now()).await?;
        Ok(timed.into_iter().map(|(entry, _)| entry).collect())
    }

    /// The same, and how long each call took, as far as the portal tells. `left` becomes when the last request left.
    ///
    /// # Errors
    /// When the whole request failed.
    pub(crate) async fn batch_at(
        self: &Arc<Self>,
        commands: &[Command<'_>],
        fare: impl Into<Fare>,
        left: &mut Instant,
    ) -> Result<Vec<Timed>, CallError> {
        let fare = fare.into();
        if let [command] = commands {
            return Ok(self.one_by_one(&[command], fare, left).await);
        }
        let now = self.clock().now();
        let ways: Vec<_> = commands.iter().map(|command| self.way(command, now)).collect();
        let of =
            |wanted| commands.iter().zip(&ways).filter(move |(_, way)| **way == wanted).map(|(command, _)| command);
        let (together, alone): (Vec<_>, Vec<_>) = (of(Way::Together).collect(), of(Way::Alone).collect());
        if together.is_empty() && alone.is_empty() {
            self.unpay(fare);
        }
        let next = if together.is_empty() { fare } else { fare.class.into() };
        let mut together =
            if together.is_empty() { Vec::new() } else { self.at_once(&together, fare, left).await? }.into_iter();
        let mut alone = self.one_by_one(&alone, next, left).await.into_iter();
        let told = commands.iter().zip(ways).map(|((method, _), way)| {
            let told = match way {
                Way::Together => together.next(),
                Way::Alone => alone.next(),
                Way::Rests => None,
            };
            told.unwrap_or_else(|| (Err(CallError::blocked(method)), None))
        });
        Ok(told.collect())
    }

    fn way(&self, command: &Command<'_>, now: Timestamp) -> Way {
        match self.budget.rests(command.0, now) {
            Some(_) => Way::Rests,
            None if refers(command) => Way::Alone,
            None => Way::Together,
        }
    }

    /// With one request.
    async fn at_once(
        self: &Arc<Self>,
        commands: &[&Command<'_>],
        fare: Fare,
        left: &mut Instant,
    ) -> Result<Vec<Timed>, CallError> {
        if commands.len() < 2 {
            return Ok(self.one_by_one(commands, fare, left).await);
        }
        let listed: Map<String, Value> = commands
            .iter()
            .enumerate()
            .map(|(index, (method, params))| (key(index), Value::String(format!("{method}?{}", query(params)))))
            .collect();
        let began = Instant::now();
        match self.call_at("batch", &json!({ "halt": 0, "cmd": listed }), fare, left).await {
            Ok(answer) => {
                let mut entries = Vec::with_capacity(commands.len());
                for (index, (method, _)) in commands.iter().enumerate() {
                    let time = answer.result.get("result_time").and_then(|times| times.get(key(index)));
                    let spent = Spent::of(time);
                    self.note_spent(method, spent, Duration::ZERO);
                    let entry = entry(&answer.result, index);
                    if let Err(error) = &entry {
                        self.learn(method, error, self.credentials().as_deref(), began).await;
                    }
                    entries.push((entry, spent.took()));
                }
                Ok(entries)
            }
            Err(error) if verdict::refuses_this(&error) => Ok(self.one_by_one(commands, fare.class.into(), left).await),
            Err(error) => Err(error),
        }
    }

    /// Makes these calls one by one, up to the first one that fails otherwise than by itself: the others would, too. A result
    /// for each.
    pub(crate) async fn one_by_one(
        self: &Arc<Self>,
        commands: &[&Command<'_>],
        mut fare: Fare,
        left: &mut Instant,
    ) -> Vec<Timed> {
        let mut entries = Vec::with_capacity(commands.len());
        for (method, params) in commands {
            match self.call_at(method, params, fare, left).await {
                Ok(answer) => entries.push((Ok(answer.result), Some(answer.took))),
                Err(error) if verdict::refuses_this(&error) => entries.push((Err(error), None)),
                Err(error) => entries.resize(commands.len(), (Err(error), None)),
            }
            fare = fare.class.into();
            if entries.len() == commands.len() {
                break;
            }
        }
        entries
    }

    /// The same for calls that change nothing: one that broke off is made again at once, see [`Portal::ask`].
    ///
    /// # Errors
    /// When the whole request failed.
    pub(crate) async fn ask_batch(
        self: &Arc<Self>,
        commands: &[Command<'_>],
        fare: impl Into<Fare>,
    ) -> Result<Vec<Entry>, CallError> {
        let fare: Fare = fare.into();
        if let [(method, params)] = commands {
            return Ok(vec![self.ask(method, params, fare).await.map(|answer| answer.result)]);
        }
        match self.batch(commands, fare).await {
            Err(error) if verdict::of(&error) == Verdict::Unknown => self.batch(commands, fare.class).await,
            other => other,
        }
    }
}

/// The same method for each of some parameters.
pub(crate) fn each(method: &str, params: impl IntoIterator<Item = Value>) -> Vec<Command<'_>> {
    params.into_iter().map(|params| (method, params)).collect()
}

fn key(index: usize) -> String {
    format!("c{index}")
}

/// What became of one call: under its key in `result` or in `result_error`.
fn entry(answer: &Value, index: usize) -> Entry {
    let of = |name: &str| answer.get(name).and_then(|entries| entries.get(key(index)));
    let error = of("result_error").and_then(Value::as_object).map(|error| {
        let (code, description) = error_of(error).unwrap_or_default();
        CallError::Api { status: 400, code, description }
    });
    match (error, of("result")) {
        (Some(error), _) => Err(error),
        (None, Some(result)) => Ok(result.clone()),
        (None, None) => {
            let description = "the batch has no result for this call".to_owned();
            Err(CallError::Api { status: 200, code: "ERROR_UNEXPECTED_ANSWER".to_owned(), description })
        }
    }
}

/// Parameters as PHP reads them from a query: `MESSAGES[0][user][id]=42`.
fn query(params: &Value) -> String {
    let mut pairs = Vec::new();
    for (name, value) in params.as_object().into_iter().flatten() {
        put(&mut pairs, &encode(name), value);
    }
    pairs.join("&")
}

fn put(pairs: &mut Vec<String>, name: &str, value: &Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                put(pairs, &format!("{name}%5B{}%5D", encode(key)), value);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                put(pairs, &format!("{name}%5B{index}%5D"), value);
            }
        }
        Value::Null => {}
        Value::Bool(yes) => pairs.push(format!("{name}={}", u8::from(*yes))),
        Value::String(text) => pairs.push(format!("{name}={}", encode(text))),
        Value::Number(number) => pairs.push(format!("{name}={number}")),
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Whether a call holds what the portal takes for a reference to another call's result.
fn refers((_, params): &Command<'_>) -> bool {
    params.to_string().contains("$result[")
}

/// Whether several calls belong into one request: where requests are limited.
pub(crate) fn pays(portal: &Portal, class: Class) -> bool {
    portal.budget.is_limited() || class.is_patient()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_failed_is_not_one_without_a_result() {
        let refused = |code: &str| json!({ "error": code, "error_description": "x" });
        let answer = json!({
            "result": { "c0": { "chatId": 7 }, "c4": null },
            "result_error": {
                "c1": refused("OPERATION_TIME_LIMIT"), "c2": refused("ACCESS_DENIED"), "c3": refused("INTERNAL_SERVER_ERROR"),
            },
        });
        assert_eq!(entry(&answer, 0), Ok(json!({ "chatId": 7 })));
        assert_eq!(verdict::of(&entry(&answer, 1).unwrap_err()), Verdict::MethodBlocked);
        assert_eq!(if_any(entry(&answer, 2)), Ok(None), "it may not be read");
        assert_eq!(verdict::of(&entry(&answer, 3).unwrap_err()), Verdict::Unknown);
        assert_eq!(verdict::of(&entry(&answer, 5).unwrap_err()), Verdict::Unknown, "nothing is told of it");
        // What is empty is a list.
        let empty = json!({ "result": { "c0": [] }, "result_error": [], "result_time": [] });
        assert_eq!(entry(&empty, 0), Ok(json!([])));
    }

    #[test]
    fn nested_parameters_are_written_with_brackets() {
        let params =
            json!({ "LINE": 1, "MESSAGES": [{ "user": { "id": "a&b" }, "text": "x\ny" }], "Z": null, "ON": true });
        let expected = "LINE=1&MESSAGES%5B0%5D%5Btext%5D=x%0Ay&MESSAGES%5B0%5D%5Buser%5D%5Bid%5D=a%26b&ON=1";
        let mut pairs: Vec<_> = query(&params).split('&').map(str::to_owned).collect();
        pairs.sort();
        assert_eq!(pairs.join("&"), expected);
        assert!(refers(&("m", json!({ "MESSAGES": [{ "text": "my $result[c0][x]" }] }))) && !refers(&("m", params)));
    }
}
