//! The answer around a method's result: `result`, `next`, `total`, `time` (bitrix24.md §3.2).

use serde_json::{Map, Value, json};

use super::limits::seconds;
use crate::clock::iso;

/// What a method gave back.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) result: Value,
    pub(crate) next: Option<i64>,
    pub(crate) total: Option<i64>,
    /// A refusal with HTTP 200, as of `register` (bitrix24.md §3.2).
    pub(crate) soft: Option<(&'static str, &'static str)>,
}

impl Reply {
    /// A soft error: code and text.
    pub(crate) fn soft(code: &'static str, text: &'static str) -> Self {
        Self { soft: Some((code, text)), ..Self::from(json!(false)) }
    }

    /// `{"SUCCESS":true,"DATA":…}`, the result of the messaging methods.
    pub(crate) fn success(data: Value) -> Self {
        let fields = [("SUCCESS".to_owned(), json!(true)), ("DATA".to_owned(), data)];
        Self::from(Value::Object(Map::from_iter(fields)))
    }
}

impl From<Value> for Reply {
    fn from(result: Value) -> Self {
        Self { result, next: None, total: None, soft: None }
    }
}

/// When a call ran and what it was charged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) start_ms: i64,
    pub(crate) finish_ms: i64,
    /// Seconds and reset time of the operating limit; `None` where there is no limit.
    pub(crate) operating: Option<(f64, i64)>,
}

impl Timing {
    /// The `time` block.
    pub(crate) fn block(&self) -> Value {
        let duration = seconds(self.finish_ms - self.start_ms);
        let mut block = json!({
            "start": seconds(self.start_ms), "finish": seconds(self.finish_ms),
            "duration": duration, "processing": duration,
            "date_start": iso(self.start_ms), "date_finish": iso(self.finish_ms),
        });
        if let Some((operating, reset_at)) = self.operating {
            block["operating_reset_at"] = json!(reset_at);
            block["operating"] = if operating == 0.0 { json!(0) } else { json!(operating) };
        }
        block
    }
}

/// The whole body of a successful call. A soft error stands at the top level without `time`, or, when `nested`, inside
/// `result`.
pub(crate) fn wrap(reply: Reply, timing: &Timing, nested: bool) -> Value {
    let soft = reply.soft.map(|(code, text)| json!({ "result": false, "error": code, "error_description": text }));
    match soft {
        Some(soft) if !nested => soft,
        Some(soft) => json!({ "result": soft, "time": timing.block() }),
        None => {
            let mut body = Map::from_iter([("result".to_owned(), reply.result)]);
            body.extend(reply.next.map(|next| ("next".to_owned(), json!(next))));
            body.extend(reply.total.map(|total| ("total".to_owned(), json!(total))));
            body.insert("time".to_owned(), timing.block());
            Value::Object(body)
        }
    }
}
