//! The messengers that are joined by a description, each with the stand-in that was written from its documentation.

use super::http::Http;
use super::{Answer, Attachment, Misfortune, Seen, StandIn, Wrong};
use async_trait::async_trait;
use openline_sandbox::messengers::{Act, Mishap, Post, Server, Upload, Which};
use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder};
use std::collections::HashMap;

/// A messenger, and what its people have sent.
pub struct Messenger {
    http: Http,
    server: Server,
    which: Which,
    uploads: Mutex<HashMap<String, Upload>>,
    written: Mutex<Vec<(String, String)>>,
    description: Option<String>,
}

impl Messenger {
    /// The messenger and nobody who has written.
    pub async fn start(which: Which) -> Self {
        let server = Server::start(which).await.expect("the stand-in starts");
        let (uploads, written) = (Mutex::default(), Mutex::default());
        Self { http: Http::default(), server, which, uploads, written, description: None }
    }

    /// The same, joined by another description than the one in the program.
    pub async fn described(which: Which, description: String) -> Self {
        Self { description: Some(description), ..Self::start(which).await }
    }

    fn post(&self, post: Post) -> RequestBuilder {
        let call = self.http.request(Method::POST, "/hook").body(post.body);
        post.headers.into_iter().fold(call, |call, (name, value)| call.header(name, value))
    }

    async fn does(&self, who: &str, act: &Act) -> Answer {
        match self.server.tells(who, act) {
            Some(post) => Http::deliver(self.post(post)).await,
            None => Answer::Refused("this messenger does not tell of that".to_owned()),
        }
    }

    /// Bodies of the right signature that no messenger sends.
    async fn odd(&self, body: Vec<u8>) -> Answer {
        let post = self.server.signs(&String::from_utf8_lossy(&body));
        Http::deliver(self.post(post).body(body)).await
    }

    /// The person taps on a link to a file: `name: address`.
    async fn tapped(&self, text: &str) -> Option<Attachment> {
        let (name, url) = text.split_once(": ").filter(|(_, url)| url.contains("/f/"))?;
        let answer = reqwest::get(url).await.ok()?.error_for_status().ok()?;
        Some(Attachment { name: name.to_owned(), bytes: answer.bytes().await.ok()?.to_vec() })
    }
}

/// The number by which a person's message is known.
fn number(who: &str, key: &str) -> u64 {
    format!("{who}/{key}").bytes().fold(17_u64, |sum, byte| (sum * 131 + u64::from(byte)) % 1_999_993) + 1
}

#[async_trait]
impl StandIn for Messenger {
    fn settings(&self) -> String {
        self.server.settings()
    }

    fn description(&self) -> Option<String> {
        self.description.clone()
    }

    async fn meets(&mut self, base: &str) {
        base.clone_into(&mut self.http.base);
        self.server.hook(&format!("{base}/hook"));
    }

    async fn says(&self, who: &str, key: &str, text: &str) -> Answer {
        self.written.lock().push((who.to_owned(), key.to_owned()));
        self.does(who, &Act::Writes(number(who, key), text.to_owned())).await
    }

    async fn attaches(&self, who: &str, key: &str, file: &Attachment) -> Answer {
        let upload = {
            let mut uploads = self.uploads.lock();
            let stored = || self.server.stores(&file.name, "application/pdf", &file.bytes);
            uploads.entry(format!("{who}/{key}")).or_insert_with(stored).clone()
        };
        self.does(who, &Act::Sends(number(who, key), upload)).await
    }

    async fn edits(&self, who: &str, key: &str, text: &str) -> Answer {
        let known = (who.to_owned(), key.to_owned());
        if !self.written.lock().contains(&known) {
            return Answer::Refused("a person edits what they sent only".to_owned());
        }
        self.does(who, &Act::Edits(number(who, key), text.to_owned())).await
    }

    /// LINE tells of deletions, but not of edits: the kit has one word for both.
    async fn deletes(&self, who: &str, key: &str) -> Option<Answer> {
        let act = Act::Deletes(number(who, key));
        let tells = self.which != Which::Line && self.server.tells(who, &act).is_some();
        if tells { Some(self.does(who, &act).await) } else { None }
    }

    /// A messenger's own events are well formed; anybody may post to the address that it posts to.
    async fn errs(&self, who: &str, wrong: Wrong) -> Option<Answer> {
        let text = |text: &str| Act::Writes(number(who, "wrong"), text.to_owned());
        Some(match wrong {
            Wrong::Stranger => {
                let forged = self.server.forged(who, &text("x"))?;
                Http::deliver(self.post(forged)).await
            }
            Wrong::Flood => Http::deliver(self.post(self.server.tells(who, &text(&"x".repeat(20_000_000)))?)).await,
            Wrong::Broken | Wrong::NotUtf8 if self.which == Which::Vk => self.odd(b"{\"type\":\"\xff".to_vec()).await,
            Wrong::Broken => self.odd(b"{\"events\":".to_vec()).await,
            Wrong::Blank | Wrong::LongText | Wrong::NotUtf8 | Wrong::Nameless => return None,
        })
    }

    /// Viber asks for a whole minute: nobody waits for that here.
    async fn misfortune(&self, what: Misfortune) -> bool {
        if self.which == Which::Viber && what == Misfortune::SlowsDown {
            return false;
        }
        self.server.mishap(match what {
            Misfortune::Refuses => Mishap::Refuses,
            Misfortune::LosesAnswer => Mishap::LosesAnswer,
            Misfortune::LocksOut => Mishap::LocksOut,
            Misfortune::SlowsDown => Mishap::SlowsDown,
        });
        true
    }

    async fn relents(&self) {
        self.server.relents();
    }

    async fn calls(&self) -> Option<usize> {
        Some(self.server.calls().len())
    }

    /// Where a text and a file are never one message, the file belongs to the text before it.
    async fn sees(&self, who: &str) -> Vec<Seen> {
        let mut seen: Vec<Seen> = Vec::new();
        for shown in self.server.sees(who) {
            let tapped = if shown.file.is_none() { self.tapped(&shown.text).await } else { None };
            let text = if tapped.is_some() { String::new() } else { shown.text };
            let file = shown.file.map(|(name, bytes)| Attachment { name, bytes }).or(tapped);
            match (seen.last_mut(), file) {
                (Some(last), Some(file)) if text.is_empty() && last.files.is_empty() => last.files.push(file),
                (_, file) => seen.push(Seen { text, files: file.into_iter().collect() }),
            }
        }
        seen
    }
}
