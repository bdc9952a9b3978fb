//! Many calls of one method in one request (`bitrix24.md` §3.3): one unit of the portal's request limit.

use crate::access::budget::Urgency;
use crate::access::portal::Portal;
use crate::wire::rest::{CallError, Spent, error_of};
use crate::wire::verdict::{self, Verdict};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// What became of one of the calls; `None` when what it asked for can't be had.
type Entry = Result<Option<Value>, CallError>;

impl Portal {
    /// Calls `method` once for each of `params` (flat objects); a result for each, in order.
    ///
    /// # Errors
    /// When the whole request failed.
    pub(crate) async fn batch(self: &Arc<Self>, method: &str, params: &[Value]) -> Result<Vec<Entry>, CallError> {
        if self.budget.blocked(method, self.clock().now()).is_some() {
            return Err(CallError::blocked(method));
        }
        if params.len() < 2 {
            return Ok(self.one_by_one(method, params).await);
        }
        let commands: Map<String, Value> = params
            .iter()
            .enumerate()
            .map(|(index, params)| (key(index), Value::String(format!("{method}?{}", query(params)))))
            .collect();
        match self.call("batch", &json!({ "halt": 0, "cmd": commands }), Urgency::Later).await {
            Ok(answer) => {
                for index in 0..params.len() {
                    let time = answer.result.get("result_time").and_then(|times| times.get(key(index)));
                    self.note_spent(method, Spent::of(time), Duration::ZERO);
                }
                let entries: Vec<_> = (0..params.len()).map(|index| entry(&answer.result, index)).collect();
                let is_blocked = |error: &&CallError| verdict::of(error) == Verdict::MethodBlocked;
                if let Some(error) = entries.iter().filter_map(|entry| entry.as_ref().err()).find(is_blocked) {
                    self.block(method, error);
                }
                Ok(entries)
            }
            Err(error) if verdict::refuses_this(&error) => Ok(self.one_by_one(method, params).await),
            Err(error) => Err(error),
        }
    }

    /// Up to the first one that fails: the others would, too.
    async fn one_by_one(self: &Arc<Self>, method: &str, params: &[Value]) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(params.len());
        for one in params {
            match self.call(method, one, Urgency::Later).await {
                Ok(answer) => entries.push(Ok(Some(answer.result))),
                Err(error) if verdict::refuses_this(&error) => entries.push(Ok(None)),
                Err(error) => entries.resize(params.len(), Err(error)),
            }
            if entries.len() == params.len() {
                break;
            }
        }
        entries
    }
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
        (Some(error), _) if verdict::refuses_this(&error) => Ok(None),
        (Some(error), _) => Err(error),
        (None, Some(result)) => Ok(Some(result.clone())),
        (None, None) => {
            let description = "the batch has no result for this call".to_owned();
            Err(CallError::Api { status: 200, code: "ERROR_UNEXPECTED_ANSWER".to_owned(), description })
        }
    }
}

fn query(params: &Value) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pair = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{}={}", encode(name), encode(&value))
    };
    params.as_object().into_iter().flatten().map(pair).collect::<Vec<_>>().join("&")
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
        assert_eq!(entry(&answer, 0), Ok(Some(json!({ "chatId": 7 }))));
        assert_eq!(verdict::of(&entry(&answer, 1).unwrap_err()), Verdict::MethodBlocked);
        assert_eq!(entry(&answer, 2), Ok(None), "it may not be read");
        assert_eq!(verdict::of(&entry(&answer, 3).unwrap_err()), Verdict::Unknown);
        assert_eq!(verdict::of(&entry(&answer, 5).unwrap_err()), Verdict::Unknown, "nothing is told of it");
        // What is empty is a list.
        let empty = json!({ "result": { "c0": [] }, "result_error": [], "result_time": [] });
        assert_eq!(entry(&empty, 0), Ok(Some(json!([]))));
    }
}
