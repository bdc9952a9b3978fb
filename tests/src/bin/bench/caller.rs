//! Visitors of an app behind the HTTP channel: they can change what they wrote.

use crate::http::Connection;
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The channel, as the configuration has it.
pub(crate) const CHANNEL: &str =
    "[channels.crm]\nkind = \"api\"\nsettings = { token = \"2c26b46b68ffc68ff99b453c\" }\n";

/// One visitor of the app.
pub(crate) struct Caller {
    connection: Connection,
    name: String,
    sent: usize,
}

impl Caller {
    /// A visitor who has not written yet.
    pub(crate) async fn open(address: SocketAddr, name: String) -> Result<Self> {
        Ok(Self { connection: Connection::open(address).await?, name, sent: 0 })
    }

    /// What the message of that number says.
    pub(crate) fn text(&self, n: usize) -> String {
        format!("{} says {n}", self.name)
    }

    /// How many were sent.
    pub(crate) fn sent(&self) -> usize {
        self.sent
    }

    /// Sends the next message.
    pub(crate) async fn send(&mut self) -> Result<()> {
        let n = self.sent;
        let body = json!({ "chat": self.name, "id": format!("m{n}"), "text": self.text(n) });
        self.sent += 1;
        self.ask("POST", "/messages", &body).await
    }

    /// Changes the message of that number; the new text.
    pub(crate) async fn edit(&mut self, n: usize) -> Result<String> {
        let text = format!("{} (edited)", self.text(n));
        let path = format!("/messages/{}/m{n}", self.name);
        self.ask("PATCH", &path, &json!({ "text": text })).await?;
        Ok(text)
    }

    async fn ask(&mut self, method: &str, path: &str, body: &Value) -> Result<()> {
        let body = body.to_string();
        let request = format!(
            "{method} /c/crm{path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer 2c26b46b68ffc68ff99b453c\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = self.connection.exchange(request.as_bytes()).await?;
        let body = String::from_utf8_lossy(answer.body).into_owned();
        ensure!(answer.status < 300, "{method} {path} was answered {}: {body}", answer.status);
        Ok(())
    }
}
