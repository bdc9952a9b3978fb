//! Telegram with one bot, in both ways: asked for updates, and posting each of them, always twice.

use super::http::Http;
use super::{Answer, Attachment, Misfortune, Seen, StandIn, Wrong};
use async_trait::async_trait;
use openline_sandbox::telegram::{Bot, Person, TelegramConfig, TelegramFault, TelegramServer};
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::json;
use std::collections::HashMap;
use std::time::Duration;

const TOKEN: &str = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr";
/// How long an update may wait before the outside says that it does not know.
const PATIENCE: Duration = Duration::from_secs(2);

/// A person's messages by their keys.
type Sent = HashMap<String, i64>;

/// People who write to the bot, and the messages that they sent by their keys.
pub(super) struct Messenger {
    http: Http,
    server: TelegramServer,
    bot: Bot,
    mode: &'static str,
    people: Mutex<HashMap<String, (Person, Sent)>>,
}

impl Messenger {
    /// Is asked. It repeats by itself whatever was not confirmed.
    pub(super) async fn polled() -> Self {
        Self::start("polling").await
    }

    /// Posts; every update comes twice.
    pub(super) async fn posting() -> Self {
        let messenger = Self::start("webhook").await;
        messenger.repeats();
        messenger
    }

    /// What is posted is posted twice.
    fn repeats(&self) {
        if self.mode == "webhook" {
            self.server.faults().add(TelegramFault::duplicate_update());
        }
    }

    async fn start(mode: &'static str) -> Self {
        let server = TelegramServer::start(TelegramConfig::default()).await.expect("the stand-in Telegram starts");
        let bot = server.add_bot(TOKEN, "kit_bot");
        Self { http: Http::default(), server, bot, mode, people: Mutex::default() }
    }

    fn with<R>(&self, who: &str, act: impl FnOnce(&Person, &mut Sent) -> R) -> R {
        let mut people = self.people.lock();
        let entry = people.entry(who.to_owned()).or_insert_with(|| (self.server.person(who), Sent::new()));
        act(&entry.0, &mut entry.1)
    }

    /// Telegram forgets an update when the bot has confirmed it.
    async fn confirmed(&self) -> Answer {
        let none_left = |view: openline_sandbox::telegram::TelegramView<'_>| view.pending(&self.bot) == 0;
        match self.server.wait_until_within(PATIENCE, none_left).await {
            Ok(()) => Answer::Taken,
            Err(late) => Answer::Unclear(late.to_string()),
        }
    }
}

#[async_trait]
impl StandIn for Messenger {
    fn settings(&self) -> String {
        let url = self.server.base_url();
        format!("token = \"{TOKEN}\"\nmode = \"{}\"\napi_url = \"{url}\"\nstart_text = \"\"\n", self.mode)
    }

    async fn meets(&mut self, base: &str) {
        base.clone_into(&mut self.http.base);
    }

    async fn says(&self, who: &str, key: &str, text: &str) -> Answer {
        self.with(who, |person, sent| {
            sent.entry(key.to_owned()).or_insert_with(|| person.writes(&self.bot, text));
        });
        self.confirmed().await
    }

    async fn attaches(&self, who: &str, key: &str, file: &Attachment) -> Answer {
        self.with(who, |person, sent| {
            let send = || person.sends_document(&self.bot, &file.name, "application/pdf", file.bytes.clone());
            sent.entry(key.to_owned()).or_insert_with(send);
        });
        self.confirmed().await
    }

    async fn edits(&self, who: &str, key: &str, text: &str) -> Answer {
        let edited = self.with(who, |person, sent| match sent.get(key) {
            Some(message) => person.edits(&self.bot, *message, text),
            None => Err("a person edits what they sent only".to_owned()),
        });
        match edited {
            Ok(()) => self.confirmed().await,
            Err(why) => Answer::Refused(why),
        }
    }

    /// Telegram does not tell a bot of deletions.
    async fn deletes(&self, _: &str, _: &str) -> Option<Answer> {
        None
    }

    /// Telegram's own messages are well formed; anybody may post to the address that it posts to.
    async fn errs(&self, who: &str, wrong: Wrong) -> Option<Answer> {
        if self.mode != "webhook" || wrong != Wrong::Stranger {
            return None;
        }
        let id = self.with(who, |person, _| person.id());
        let message = json!({ "message_id": 9, "chat": { "id": id, "type": "private" }, "text": "x", "date": 1 });
        let request = self.http.request(Method::POST, "/webhook").header("x-telegram-bot-api-secret-token", "x");
        Some(Http::deliver(request.json(&json!({ "update_id": 1, "message": message }))).await)
    }

    async fn misfortune(&self, what: Misfortune) -> bool {
        let once = |fault: TelegramFault| fault.on("sendMessage").once();
        self.server.faults().add(match what {
            Misfortune::Refuses => once(TelegramFault::error(403, "Forbidden: bot was blocked by the user")),
            Misfortune::LosesAnswer => once(TelegramFault::cut().after()),
            Misfortune::LocksOut => TelegramFault::error(401, "Unauthorized").on("sendMessage"),
            Misfortune::SlowsDown => once(TelegramFault::too_many_requests(1)),
        });
        true
    }

    async fn relents(&self) {
        self.server.faults().clear();
        self.repeats();
    }

    async fn calls(&self) -> Option<usize> {
        Some(self.server.view(|view| view.count("sendMessage")))
    }

    async fn sees(&self, who: &str) -> Vec<Seen> {
        let shown = self.with(who, |person, _| self.server.view(|view| view.chat(person, &self.bot)));
        let by_bot = shown.into_iter().filter(|message| message.from_bot && !message.deleted);
        let seen = by_bot.map(|message| {
            let file = message.file.map(|file| Attachment { name: file.name, bytes: file.bytes.to_vec() });
            Seen { text: message.text, files: file.into_iter().collect() }
        });
        seen.collect()
    }
}
