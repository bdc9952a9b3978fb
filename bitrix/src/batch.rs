//! Many calls of one method in one request (`bitrix24.md` §3.3): one unit of the portal's request limit.

use crate::budget::Urgency;
use crate::portal::Portal;
use crate::rest::CallError;
use crate::verdict::{self, Verdict};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::sync::Arc;

impl Portal {
    /// Calls `method` once for each of `params` (flat objects). A call that is refused gives `None`.
    ///
    /// # Errors
    /// When the whole request failed.
    pub(crate) async fn batch(
        self: &Arc<Self>,
        method: &str,
        params: &[Value],
    ) -> Result<Vec<Option<Value>>, CallError> {
        if params.len() < 2 {
            return self.one_by_one(method, params).await;
        }
        let commands: Map<String, Value> = params
            .iter()
            .enumerate()
            .map(|(index, params)| (format!("c{index}"), Value::String(format!("{method}?{}", query(params)))))
            .collect();
        match self.call("batch", &json!({ "halt": 0, "cmd": commands }), Urgency::Later).await {
            Ok(answer) => {
                let result = |index| answer.result.get("result").and_then(|result| result.get(format!("c{index}")));
                Ok((0..params.len()).map(|index| result(index).cloned()).collect())
            }
            Err(error)
                if matches!(verdict::of(&error), Verdict::Reject | Verdict::Suspend(_))
                    && !error.is_about_the_portal() =>
            {
                self.one_by_one(method, params).await
            }
            Err(error) => Err(error),
        }
    }

    async fn one_by_one(self: &Arc<Self>, method: &str, params: &[Value]) -> Result<Vec<Option<Value>>, CallError> {
        let mut answers = Vec::with_capacity(params.len());
        for params in params {
            match self.call(method, params, Urgency::Later).await {
                Ok(answer) => answers.push(Some(answer.result)),
                Err(error)
                    if matches!(verdict::of(&error), Verdict::Reject | Verdict::Suspend(_))
                        && !error.is_about_the_portal() =>
                {
                    answers.push(None);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
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
