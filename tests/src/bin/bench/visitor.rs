//! Visitors who speak the chat's JSON API.

use crate::http::{Answer, Connection};
use crate::stand::Stand;
use crate::stats::Samples;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A visitor with a session and a connection of their own.
pub(crate) struct Visitor {
    connection: Connection,
    address: SocketAddr,
    channel: &'static str,
    token: String,
    name: String,
    sent: usize,
    request: Vec<u8>,
}

impl Visitor {
    /// Opens a session of the channel "site".
    pub(crate) async fn open(address: SocketAddr, name: String) -> Result<Self> {
        Self::of("site", address, name).await
    }

    /// Opens a session of a website chat.
    pub(crate) async fn of(channel: &'static str, address: SocketAddr, name: String) -> Result<Self> {
        let mut connection = Connection::open(address).await?;
        let ask = format!(
            "POST /c/{channel}/api/session HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
             Content-Length: 15\r\n\r\n{{\"bearer\":true}}"
        );
        let answer = connection.exchange(ask.as_bytes()).await?;
        ensure!(answer.status == 201, "no session: {}", answer.status);
        let body: Value = serde_json::from_slice(answer.body)?;
        let token = body["session"].as_str().context("no token")?.to_owned();
        Ok(Self { connection, address, channel, token, name, sent: 0, request: Vec::new() })
    }

    /// The same visitor with another connection, to look what is new.
    pub(crate) async fn twin(&self) -> Result<Self> {
        let (token, name) = (self.token.clone(), self.name.clone());
        let connection = Connection::open(self.address).await?;
        Ok(Self { connection, address: self.address, channel: self.channel, token, name, sent: 0, request: Vec::new() })
    }

    /// Several of them.
    pub(crate) async fn crowd(stand: &Stand, count: usize) -> Result<Vec<Self>> {
        let mut crowd = Vec::with_capacity(count);
        for who in 0..count {
            crowd.push(Self::open(stand.address, format!("v{who}")).await?);
        }
        Ok(crowd)
    }

    /// Sends the next message; how long it took until it was acknowledged.
    pub(crate) async fn send(&mut self) -> Result<Duration> {
        self.send_with("").await
    }

    /// Sends the next message with more members of its object (`,"about":…`).
    pub(crate) async fn send_with(&mut self, more: &str) -> Result<Duration> {
        let Self { channel, token, name, sent, request, .. } = self;
        let body = format!("{{\"key\":\"{name}-{sent}\",\"text\":\"{name} says {sent}: it's <b>fine</b>\"{more}}}");
        request.clear();
        write!(
            request,
            "POST /c/{channel}/api/messages HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let started = Instant::now();
        let answer = self.connection.exchange(&self.request).await?;
        let took = started.elapsed();
        ensure!(answer.status == 201, "answered {}: {}", answer.status, String::from_utf8_lossy(answer.body));
        self.sent += 1;
        Ok(took)
    }

    /// Asks for what is new after `since`; the request's size and the answer.
    pub(crate) async fn poll(&mut self, since: i64, wait: u32) -> Result<(usize, Answer<'_>)> {
        self.request.clear();
        let (channel, token) = (self.channel, &self.token);
        write!(
            self.request,
            "GET /c/{channel}/api/updates?since={since}&wait={wait} HTTP/1.1\r\nHost: bench\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        )?;
        let answer = self.connection.exchange(&self.request).await?;
        ensure!(answer.status == 200, "a poll was answered {}", answer.status);
        Ok((self.request.len(), answer))
    }

    /// The newest cursor.
    pub(crate) async fn cursor(&mut self) -> Result<i64> {
        let mut cursor = 0;
        loop {
            let news: Value = serde_json::from_slice(self.poll(cursor, 0).await?.1.body)?;
            cursor = news["cursor"].as_i64().context("no cursor")?;
            if news["more"] == Value::Bool(false) {
                return Ok(cursor);
            }
        }
    }

    /// How many messages were acknowledged.
    pub(crate) fn sent(&self) -> usize {
        self.sent
    }

    /// What was sent, in order, as the portal's operators shall read it.
    pub(crate) fn texts(&self) -> Vec<String> {
        (0..self.sent).map(|n| self.text(n)).collect()
    }

    /// The message of that number.
    pub(crate) fn text(&self, n: usize) -> String {
        format!("{} says {n}: it's <b>fine</b>", self.name)
    }
}

/// Everybody sends, each the next message when the last is acknowledged, until `time` is over.
pub(crate) async fn all_send(crowd: Vec<Visitor>, time: Duration) -> Result<(Vec<Visitor>, Samples)> {
    let until = Instant::now() + time;
    let tasks = crowd.into_iter().map(|mut visitor| {
        tokio::spawn(async move {
            let mut samples = Samples::default();
            while Instant::now() < until {
                samples.push(visitor.send().await?);
            }
            anyhow::Ok((visitor, samples))
        })
    });
    join(tasks.collect()).await
}

/// Everybody sends at a steady pace, whatever the answers take, until `time` is over.
pub(crate) async fn all_send_paced(
    crowd: Vec<Visitor>,
    pause: Duration,
    time: Duration,
) -> Result<(Vec<Visitor>, Samples)> {
    let started = tokio::time::Instant::now();
    let count = u32::try_from(crowd.len().max(1))?;
    let tasks = (0u32..).zip(crowd).map(|(who, mut visitor)| {
        tokio::spawn(async move {
            let mut samples = Samples::default();
            let mut at = started + pause * who / count;
            while at < started + time {
                tokio::time::sleep_until(at).await;
                samples.push(visitor.send().await?);
                at += pause;
            }
            anyhow::Ok((visitor, samples))
        })
    });
    join(tasks.collect()).await
}

async fn join(tasks: Vec<tokio::task::JoinHandle<Result<(Visitor, Samples)>>>) -> Result<(Vec<Visitor>, Samples)> {
    let (mut crowd, mut all) = (Vec::new(), Samples::default());
    for task in tasks {
        let (visitor, samples) = task.await??;
        crowd.push(visitor);
        all.append(samples);
    }
    Ok((crowd, all))
}
