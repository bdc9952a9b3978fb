//! A client of the portal and an application's web server, as small as the tests need them.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use openline_sandbox::{Sandbox, SandboxConfig};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;

/// One request the application received.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: Method,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub raw: String,
    pub fields: Vec<(String, String)>,
    pub user_agent: String,
}

impl Received {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub fn event(&self) -> &str {
        self.field("event").unwrap_or_default()
    }
}

/// The application's web server: takes every POST, serves a few files by GET.
#[derive(Debug, Clone)]
pub struct Receiver {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    answer: Arc<Mutex<u16>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Self { url, received: Arc::default(), answer: Arc::new(Mutex::new(200)) };
        let router = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    pub fn handler(&self) -> String {
        format!("{}/events", self.url)
    }

    pub fn answers(&self, status: u16) {
        *self.answer.lock() = status;
    }

    pub fn all(&self) -> Vec<Received> {
        self.received.lock().clone()
    }

    pub fn of(&self, event: &str) -> Vec<Received> {
        self.all().into_iter().filter(|received| received.event() == event).collect()
    }
}

async fn take(State(receiver): State<Receiver>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let agent = headers.get("user-agent").and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let received = Received {
        method: method.clone(),
        path: uri.path().to_owned(),
        query: url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect(),
        raw: String::from_utf8_lossy(&body).into_owned(),
        fields: url::form_urlencoded::parse(&body).into_owned().collect(),
        user_agent: agent.to_owned(),
    };
    receiver.received.lock().push(received);
    match uri.path() {
        "/slow" => std::future::pending().await,
        "/missing" => StatusCode::NOT_FOUND.into_response(),
        "/doc.pdf" => ([("content-type", "application/pdf")], "a document").into_response(),
        "/face.png" => ([("content-type", "image/png")], png()).into_response(),
        _ => {
            let status = *receiver.answer.lock();
            (StatusCode::from_u16(status).unwrap(), "application page").into_response()
        }
    }
}

/// The head of a 7 × 9 PNG, enough for a portal that measures.
pub fn png() -> Vec<u8> {
    let mut png = vec![0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R'];
    png.extend([0, 0, 0, 7, 0, 0, 0, 9]);
    png
}

/// A portal with its application installed, and a client that calls it.
#[derive(Debug)]
pub struct Tenant {
    pub sandbox: Sandbox,
    pub app: Receiver,
    pub token: String,
    pub refresh_token: String,
    pub http: reqwest::Client,
}

pub const ALL_EVENTS: &[&str] = &[
    "OnImConnectorMessageAdd",
    "OnImConnectorMessageUpdate",
    "OnImConnectorMessageDelete",
    "OnImConnectorStatusDelete",
    "OnImConnectorLineDelete",
    "OnImConnectorDialogStart",
    "OnImConnectorDialogFinish",
    "OnAppUninstall",
    "OnAppUpdate",
    "OnAppInstall",
];

/// A configuration for tests that are not about limits, with lines that say nothing of themselves.
pub fn quiet() -> SandboxConfig {
    SandboxConfig { greeting: None, ..SandboxConfig::default().without_limits() }
}

impl Tenant {
    pub async fn start(config: SandboxConfig) -> Self {
        let sandbox = Sandbox::start(config).await.unwrap();
        assert!(sandbox.install_silently(&sandbox.client_id()));
        let tokens = sandbox.admin_tokens().unwrap();
        let http = reqwest::Client::builder().user_agent("checklist/1").redirect(reqwest::redirect::Policy::none());
        Self {
            app: Receiver::start().await,
            token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            http: http.no_proxy().build().unwrap(),
            sandbox,
        }
    }

    /// Connector `shop` on line 1, all events bound, no system texts, no signatures.
    pub async fn connected() -> Self {
        Self::connected_with(quiet(), json!({ "NEED_SYSTEM_MESSAGES": false, "NEED_SIGNATURE": false })).await
    }

    pub async fn connected_with(config: SandboxConfig, flags: Value) -> Self {
        let tenant = Self::start(config).await;
        tenant.register("shop", flags).await;
        tenant.bind_all().await;
        assert_eq!(
            tenant.ok("imconnector.activate", json!({ "CONNECTOR": "shop", "LINE": 1, "ACTIVE": 1 })).await,
            json!(true)
        );
        tenant
    }

    pub async fn bind_all(&self) {
        for event in ALL_EVENTS {
            self.ok("event.bind", json!({ "event": event, "handler": self.app.handler() })).await;
        }
    }

    pub async fn register(&self, id: &str, flags: Value) {
        let mut params = registration(id, &self.app.url);
        params.as_object_mut().unwrap().extend(flags.as_object().unwrap().clone());
        assert_eq!(self.ok("imconnector.register", params).await, json!({ "result": true }));
    }

    pub fn method_url(&self, method: &str) -> String {
        format!("{}/rest/{method}", self.sandbox.portal_url())
    }

    /// A JSON call with a token; gives status and body.
    pub async fn call_as(&self, token: &str, method: &str, mut params: Value) -> (u16, Value) {
        params["auth"] = json!(token);
        let answer = self.http.post(self.method_url(method)).json(&params).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub async fn call(&self, method: &str, params: Value) -> (u16, Value) {
        self.call_as(&self.token, method, params).await
    }

    /// A call that must succeed; gives `result`.
    pub async fn ok(&self, method: &str, params: Value) -> Value {
        let (status, body) = self.call(method, params).await;
        assert_eq!(status, 200, "{method}: {body}");
        body["result"].clone()
    }

    /// A call that must be refused; gives status and code.
    pub async fn refused(&self, method: &str, params: Value) -> (u16, String) {
        let (status, body) = self.call(method, params).await;
        (status, body["error"].as_str().unwrap_or_else(|| panic!("{method} was not refused: {body}")).to_owned())
    }

    /// `send.messages` on line 1; gives `RESULT`.
    pub async fn send(&self, messages: Value) -> Value {
        let result = self.ok("imconnector.send.messages", messaging(messages)).await;
        assert_eq!(result["SUCCESS"], json!(true));
        result["DATA"]["RESULT"].clone()
    }

    /// One text of the client of chat `c-1`; gives the portal chat id.
    pub async fn client_writes(&self, id: &str, text: &str) -> i64 {
        let result = self.send(json!([message(id, text)])).await;
        result[0]["session"]["CHAT_ID"].as_str().unwrap_or_else(|| panic!("not stored: {result}")).parse().unwrap()
    }

    /// Confirms a message with external ids.
    pub async fn confirm(&self, chat: i64, message: i64, ids: &[&str]) {
        let element = json!({ "im": { "chat_id": chat, "message_id": message }, "message": { "id": ids }, "chat": { "id": "c-1" } });
        let result = self.ok("imconnector.send.status.delivery", messaging(json!([element]))).await;
        assert_eq!(result, json!({ "SUCCESS": true, "DATA": [] }));
    }

    /// Waits until so many posts of an event were attempted; gives what arrived.
    pub async fn heard(&self, event: &str, count: usize) -> Vec<Received> {
        let posted = |view: openline_sandbox::View<'_>| {
            view.events_of(event).filter(|post| !post.url.is_empty()).count() >= count
        };
        self.sandbox.wait_until(posted).await.unwrap();
        self.app.of(event)
    }
}

pub fn registration(id: &str, base: &str) -> Value {
    json!({
        "ID": id, "NAME": "Shop chat", "ICON": { "DATA_IMAGE": "data:image/svg+xml,%3Csvg/%3E", "COLOR": "#1f6fd0" },
        "PLACEMENT_HANDLER": format!("{base}/settings"),
    })
}

/// Arguments of a messaging method on line 1.
pub fn messaging(messages: Value) -> Value {
    let mut params = json!({ "CONNECTOR": "shop", "LINE": 1 });
    params["MESSAGES"] = messages;
    params
}

pub fn user() -> Value {
    json!({ "id": "u-1", "name": "Maria", "last_name": "Stone", "url": "https://x.example/u-1", "gender": "female" })
}

pub fn message(id: &str, text: &str) -> Value {
    json!({ "user": user(), "message": { "id": id, "date": 1_767_225_600, "text": text }, "chat": { "id": "c-1" } })
}
