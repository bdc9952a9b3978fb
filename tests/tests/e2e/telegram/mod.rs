//! A Telegram bot between the stand-in Telegram and the stand-in portal, in both modes.

/// Tests each story with a bot that asks and with one that is called.
macro_rules! both_modes {
    ($($story:ident),+ $(,)?) => { $(
        mod $story {
            use crate::telegram::Mode;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn polling() {
                super::$story(Mode::Polling).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn webhook() {
                super::$story(Mode::Webhook).await;
            }
        }
    )+ };
}

mod changes;
mod demo;
mod faults;
mod files;
mod handover;
mod kill;
mod kinds;
mod replicas;
mod secret;
mod talk;
mod trouble;

use openline_sandbox::telegram::{Bot, Person, TelegramConfig, TelegramServer, TelegramView};
use openline_sandbox::{SandboxConfig, View};
use openline_tests::World;
use std::time::Duration;

/// The bot's key; must never be seen anywhere.
pub const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
/// How long anything is waited for on a busy machine.
pub const LONG: Duration = Duration::from_secs(90);

/// How the bot gets its updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Polling,
    Webhook,
}

/// Telegram, a portal, and a service between them.
pub struct Joined {
    pub world: World,
    pub telegram: TelegramServer,
    pub bot: Bot,
}

/// The channel's part of a configuration.
pub fn channel(id: &str, telegram: &TelegramServer, token: &str, mode: Mode) -> String {
    let mode = if mode == Mode::Polling { "polling" } else { "webhook" };
    let url = telegram.base_url();
    format!(
        "[channels.{id}]\nkind = \"telegram\"\n[channels.{id}.settings]\ntoken = \"{token}\"\napi_url = \"{url}\"\nmode = \"{mode}\"\n"
    )
}

impl Joined {
    /// All is connected to line 1; `more`: further channels.
    pub async fn with(mode: Mode, more: &str) -> Self {
        let mut joined = Self::bare(mode, SandboxConfig::default().without_limits(), more).await;
        joined.world.start_service().await;
        joined.world.install().await;
        for connector in joined.world.sandbox.view(|portal| portal.connectors()) {
            joined.world.connect(&connector, 1).await;
        }
        joined
    }

    pub async fn new(mode: Mode) -> Self {
        Self::with(mode, "").await
    }

    /// The service is not started.
    pub async fn bare(mode: Mode, portal: SandboxConfig, more: &str) -> Self {
        let telegram = TelegramServer::start(TelegramConfig::seeded(portal.seed)).await.unwrap();
        let bot = telegram.add_bot(TOKEN, "shop_bot");
        let channels =
            format!("reconcile_seconds = 1\ntimeout_seconds = 5\n{}{more}", channel("tg", &telegram, TOKEN, mode));
        let world = World::bare(portal, &channels).await;
        world.sandbox.set_line_texts(1, None, None);
        Self { world, telegram, bot }
    }

    /// A person whose conversation has begun, and the portal's chat.
    pub async fn person(&self, name: &str) -> (Person, i64) {
        let person = self.telegram.person(name);
        let first = format!("{name} is here");
        person.writes(&self.bot, &first);
        (person, self.world.portal_chat(&first).await)
    }

    /// Waits for something at the desk.
    pub async fn desk(&self, condition: impl Fn(View<'_>) -> bool) {
        self.world.sandbox.wait_until_within(LONG, condition).await.unwrap_or_else(|e| panic!("at the desk: {e}"));
    }

    /// Waits for something at Telegram.
    pub async fn phone(&self, condition: impl Fn(TelegramView<'_>) -> bool) {
        self.telegram.wait_until_within(LONG, condition).await.unwrap_or_else(|e| panic!("at Telegram: {e}"));
    }

    /// Waits until these are the visitor's texts at the desk, behind the first one.
    pub async fn desk_reads(&self, chat: i64, wanted: &[String]) {
        self.desk(|portal| portal.texts(chat, "client").get(1..).is_some_and(|texts| texts.len() >= wanted.len()))
            .await;
        assert_eq!(self.world.sandbox.view(|portal| portal.texts(chat, "client")[1..].to_vec()), wanted);
    }

    /// Waits until the person has so many messages of the bot, which are these texts.
    pub async fn phone_reads(&self, person: &Person, wanted: &[String]) {
        self.phone(|view| view.texts_to(person, &self.bot).len() >= wanted.len()).await;
        assert_eq!(self.telegram.view(|view| view.texts_to(person, &self.bot)), wanted);
    }

    /// Waits until the portal knows that a reply has arrived.
    pub async fn confirmed(&self, message: i64) {
        self.desk(|portal| portal.message(message).is_some_and(|message| !message.sending)).await;
    }

    /// An operator writes, and it arrives.
    pub async fn answer(&self, chat: i64, text: &str) -> i64 {
        let message = self.world.sandbox.operator_writes(chat, text).unwrap();
        self.confirmed(message).await;
        message
    }

    /// What only operators see.
    pub fn notes(&self, chat: i64) -> Vec<String> {
        self.world.sandbox.view(|portal| portal.texts(chat, "system"))
    }

    /// Waits until the operators read a note with these words.
    pub async fn noted(&self, chat: i64, words: &str) {
        self.desk(|portal| portal.texts(chat, "system").iter().any(|text| text.contains(words))).await;
    }
}

/// Texts that tell their order.
pub fn numbered(what: &str, range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("{what} {n}")).collect()
}
