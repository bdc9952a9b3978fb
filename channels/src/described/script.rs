//! A way out that is a script: answers in their order, and what was asked.

use super::calls::{Answer, Payload, Request};
use super::transport::{FileOut, Transport};
use super::verdicts::Failed;
use async_trait::async_trait;
use openline_core::DeliveryError;
use openline_core::backend::FileStream;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct Scripted {
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The answer is lost.
    #[serde(default)]
    lost: bool,
}

#[cfg(test)]
impl Scripted {
    pub(super) fn of(status: u16, body: &str) -> Self {
        Self { status: Some(status), body: body.to_owned(), headers: BTreeMap::new(), lost: false }
    }

    pub(super) fn lost() -> Self {
        Self { lost: true, ..Self::of(200, "") }
    }
}

/// Answers in their order, and what was asked.
#[derive(Clone, Default)]
pub(super) struct Script(Arc<Mutex<(VecDeque<Scripted>, Vec<Json>)>>);

impl Script {
    pub(super) fn new(answers: VecDeque<Scripted>) -> Self {
        Self(Arc::new(Mutex::new((answers, Vec::new()))))
    }

    pub(super) fn asked(&self) -> Vec<Json> {
        self.0.lock().1.clone()
    }
}

#[async_trait]
impl Transport for Script {
    async fn call(&self, request: &Request, file: Option<&FileOut>) -> Result<Answer, Failed> {
        let mut script = self.0.lock();
        script.1.push(shown(request, file));
        let Some(next) = script.0.pop_front() else {
            return Err(DeliveryError::refused("the fixture has no answer for this request").into());
        };
        if next.lost {
            return Err(DeliveryError::unknown("no answer in time").into());
        }
        Ok(Answer { status: next.status.unwrap_or(200), headers: next.headers, body: next.body })
    }

    async fn fetch(&self, _: &url::Url, _: &[(String, String)]) -> Result<(Answer, Option<FileStream>), Failed> {
        Err(DeliveryError::refused("fixtures fetch nothing").into())
    }
}

/// A request as fixtures write it.
fn shown(request: &Request, file: Option<&FileOut>) -> Json {
    let headers: BTreeMap<_, _> =
        request.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    let mut shown = json!({ "method": request.method, "url": request.url.as_str(), "headers": headers });
    match &request.payload {
        Payload::None => {}
        Payload::Json(body) => shown["json"] = body.clone(),
        Payload::Form(fields) => {
            shown["form"] = fields.iter().cloned().collect::<BTreeMap<_, _>>().into_iter().collect();
        }
        Payload::Multipart(parts) => {
            let file = file.map(|file| format!("file {} {}", file.name, file.mime));
            let part = |(name, text): &(String, Option<String>)| {
                (name.clone(), Json::from(text.clone().or_else(|| file.clone()).unwrap_or_default()))
            };
            shown["multipart"] = Json::Object(parts.iter().map(part).collect());
        }
    }
    shown
}
