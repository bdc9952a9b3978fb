//! Parameters of a call, wherever they travel: query, form, JSON or multipart.

use std::collections::BTreeMap;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;
use serde_json::{Map, Value};

use super::error::ApiError;
use super::files::{MAX_UPLOAD, Upload};

/// Largest body that is read: an album of the largest files does not fit, as in reality.
const MAX_BODY: usize = MAX_UPLOAD + (14 << 20);

/// Parameters as text and uploaded files, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params {
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<String, Upload>,
}

impl Params {
    /// Reads query and body.
    pub(crate) async fn read(request: Request) -> Result<Self, ApiError> {
        let mut params = Self::default();
        params.take_form(request.uri().query().unwrap_or_default().as_bytes());
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.to_lowercase();
        if kind.starts_with("multipart/form-data") {
            params.take_multipart(request).await?;
            return Ok(params);
        }
        let body = to_bytes(request.into_body(), MAX_BODY).await.map_err(|_| ApiError::too_large())?;
        if kind.starts_with("application/json") {
            if !body.is_empty() {
                let object = serde_json::from_slice::<Map<String, Value>>(&body);
                let object = object.map_err(|_| ApiError::bad("JSON object expected"))?;
                params.values.extend(Self::from_json(&object).values);
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            params.take_form(&body);
        }
        Ok(params)
    }

    /// The members of an object; what is not text becomes its JSON.
    pub(crate) fn from_json(object: &Map<String, Value>) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let given = object.iter().filter(|(_, value)| !value.is_null());
        let values = given.map(|(name, value)| (name.clone(), text(value))).collect();
        Self { values, files: BTreeMap::new() }
    }

    fn take_form(&mut self, form: &[u8]) {
        self.values.extend(url::form_urlencoded::parse(form).into_owned());
    }

    async fn take_multipart(&mut self, request: Request) -> Result<(), ApiError> {
        let broken = |_| ApiError::bad("can't parse form data");
        let mut parts = Multipart::from_request(request, &()).await.map_err(|_| ApiError::bad("boundary not found"))?;
        let mut total = 0;
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            let name = part.name().unwrap_or_default().to_owned();
            let file = part.file_name().map(str::to_owned);
            let mime = part.content_type().unwrap_or("application/octet-stream").to_owned();
            let bytes = part.bytes().await.map_err(|_| ApiError::too_large())?;
            total += bytes.len();
            if bytes.len() > MAX_UPLOAD || total > MAX_BODY {
                return Err(ApiError::too_large());
            }
            if let Some(file) = file {
                self.files.insert(name, Upload { name: file, mime, bytes });
            } else {
                let text = String::from_utf8(bytes.to_vec());
                let text = text.map_err(|_| ApiError::bad("strings must be encoded in UTF-8"))?;
                self.values.insert(name, text);
            }
        }
        Ok(())
    }

    /// A parameter; empty when it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        matches!(self.text(name).to_lowercase().as_str(), "true" | "yes" | "1")
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.text(name).trim().parse().ok()
    }

    /// A number forced between two bounds, as Telegram does instead of refusing.
    pub(crate) fn clamped(&self, name: &str, default: i64, least: i64, most: i64) -> i64 {
        let given = self.text(name);
        let value = if given.is_empty() { default } else { given.parse().unwrap_or(0) };
        value.clamp(least, most)
    }

    /// A parameter in JSON; `what` names it in the refusal.
    pub(crate) fn json(&self, name: &str, what: &str) -> Result<Option<Value>, ApiError> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let value = serde_json::from_str(text);
        value.map(Some).map_err(|_| ApiError::bad(format!("can't parse {what} JSON object")))
    }

    /// Entities; what is not JSON counts as none.
    pub(crate) fn entities(&self, name: &str) -> Option<Value> {
        serde_json::from_str(self.text(name)).ok()
    }
}
