//! The memory of the stand-in: bots, people, groups, messages, files.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value, json};

use super::config::{TelegramConfig, TelegramSwitches};
use super::kept::{StoredFile, Update, Webhook};
use super::record::Record;
use crate::rng::Rng;

/// A person, or the account of a bot.
#[derive(Debug, Clone, Default)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) is_bot: bool,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) username: String,
    pub(crate) language: String,
    pub(crate) deleted: bool,
}

/// A bot: its key, its updates and how it gets them.
#[derive(Debug)]
pub(crate) struct BotState {
    pub(crate) token: String,
    /// Privacy mode is off.
    pub(crate) reads_groups: bool,
    pub(crate) last_message: i64,
    pub(crate) last_update: i64,
    pub(crate) updates: VecDeque<Update>,
    /// Empty for the default set.
    pub(crate) allowed: Vec<String>,
    pub(crate) webhook: Option<Webhook>,
    /// Grows with every long poll that waits; an older one ends.
    pub(crate) poll: u64,
    /// Grows when all waiting polls are cut.
    pub(crate) polls_cut: u64,
    pub(crate) pace: Pace,
    pub(crate) commands: Value,
    /// Callback queries that wait for an answer.
    pub(crate) callbacks: BTreeSet<String>,
    /// Chat id to fill and time of the leaky bucket.
    pub(crate) flood: BTreeMap<i64, (f64, i64)>,
}

/// When a bot did what is slowed down, unix milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    pub(crate) last_poll: Option<(i64, i64)>,
    pub(crate) last_set_webhook: i64,
    pub(crate) last_conflict: i64,
}

/// A private chat of a bot.
#[derive(Debug, Clone, Default)]
pub(crate) struct PrivateChat {
    pub(crate) blocked: bool,
    /// The last chat action of the bot.
    pub(crate) action: Option<String>,
}

/// A basic group or supergroup.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupChat {
    pub(crate) title: String,
    pub(crate) supergroup: bool,
    /// Where it lives on.
    pub(crate) migrated_to: Option<i64>,
    pub(crate) members: BTreeSet<i64>,
    pub(crate) bots: BTreeSet<i64>,
    pub(crate) kicked: BTreeSet<i64>,
    pub(crate) actions: BTreeMap<i64, String>,
}

/// What is in a message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    /// `text`, `photo`, …: the field of the message it travels in.
    pub(crate) kind: String,
    /// Text or caption.
    pub(crate) text: String,
    pub(crate) entities: Vec<Value>,
    /// Fields of the message besides text and caption.
    pub(crate) fields: Map<String, Value>,
    /// `file_id` of the content.
    pub(crate) file: Option<String>,
}

impl Content {
    pub(crate) fn text(text: &str, entities: Vec<Value>) -> Self {
        Self { kind: "text".to_owned(), text: text.to_owned(), entities, ..Self::default() }
    }

    /// Content in one field of the message.
    pub(crate) fn field(kind: &str, value: Value) -> Self {
        let fields = Map::from_iter([(kind.to_owned(), value)]);
        Self { kind: kind.to_owned(), fields, ..Self::default() }
    }
}

/// One message as one bot knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message {
    pub(crate) bot: i64,
    pub(crate) id: i64,
    pub(crate) chat: i64,
    pub(crate) from: i64,
    /// Unix milliseconds.
    pub(crate) at: i64,
    pub(crate) edited_at: Option<i64>,
    pub(crate) reply_to: Option<i64>,
    pub(crate) forward_origin: Option<Value>,
    pub(crate) media_group: Option<String>,
    pub(crate) content: Content,
    pub(crate) markup: Option<Value>,
    pub(crate) deleted: bool,
}

/// Everything, behind one lock.
#[derive(Debug)]
pub(crate) struct World {
    /// Unix milliseconds, set when the lock is taken.
    pub(crate) now: i64,
    pub(crate) switches: TelegramSwitches,
    pub(crate) rng: Rng,
    pub(crate) bots: BTreeMap<i64, BotState>,
    pub(crate) users: BTreeMap<i64, User>,
    pub(crate) groups: BTreeMap<i64, GroupChat>,
    /// By bot and user.
    pub(crate) privates: BTreeMap<(i64, i64), PrivateChat>,
    /// By bot and message id.
    pub(crate) messages: BTreeMap<(i64, i64), Message>,
    pub(crate) files: BTreeMap<String, StoredFile>,
    pub(crate) record: Record,
    next_user: i64,
    next_group: i64,
}

impl World {
    pub(crate) fn new(config: &TelegramConfig) -> Self {
        Self {
            now: 0,
            switches: config.switches.clone(),
            rng: Rng::new(config.seed),
            bots: BTreeMap::new(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            privates: BTreeMap::new(),
            messages: BTreeMap::new(),
            files: BTreeMap::new(),
            record: Record::default(),
            // Ids of people have long been larger than 32 bits.
            next_user: 5_000_000_000,
            next_group: 4_000_000,
        }
    }

    /// Adds a bot; its id is the number before the colon of its token. A known bot keeps its memory.
    pub(crate) fn add_bot(&mut self, token: &str, username: &str) -> i64 {
        let id = token.split_once(':').and_then(|(id, _)| id.parse().ok()).unwrap_or(0);
        let user = User {
            id,
            is_bot: true,
            first_name: username.to_owned(),
            username: username.to_owned(),
            ..User::default()
        };
        self.users.insert(id, user);
        let first_update = 100_000_000 + self.rng.below(800_000_000);
        self.bots.entry(id).or_insert_with(|| BotState {
            token: token.to_owned(),
            reads_groups: false,
            last_message: 0,
            last_update: first_update,
            updates: VecDeque::new(),
            allowed: Vec::new(),
            webhook: None,
            poll: 0,
            polls_cut: 0,
            pace: Pace::default(),
            commands: json!([]),
            callbacks: BTreeSet::new(),
            flood: BTreeMap::new(),
        });
        id
    }

    pub(crate) fn add_person(&mut self, name: &str) -> i64 {
        let (first, last) = name.split_once(' ').unwrap_or((name, ""));
        self.next_user += 1 + self.rng.below(1000);
        let (first_name, last_name) = (first.to_owned(), last.to_owned());
        let user = User { id: self.next_user, first_name, last_name, language: "en".to_owned(), ..User::default() };
        self.users.insert(user.id, user);
        self.next_user
    }

    pub(crate) fn add_group(&mut self, title: &str, supergroup: bool) -> i64 {
        self.next_group += 1;
        let id = if supergroup { -1_000_000_000_000 - self.next_group } else { -self.next_group };
        self.groups.insert(id, GroupChat { title: title.to_owned(), supergroup, ..GroupChat::default() });
        id
    }

    pub(crate) fn bot_by_token(&self, token: &str) -> Option<i64> {
        self.bots.iter().find(|(_, bot)| bot.token == token).map(|(id, _)| *id)
    }

    /// Puts a message into a chat; ids of a bot's messages grow over all its chats.
    pub(crate) fn post(&mut self, mut message: Message) -> i64 {
        let Some(bot) = self.bots.get_mut(&message.bot) else { return 0 };
        bot.last_message += 1;
        message.id = bot.last_message;
        message.at = self.now;
        let id = message.id;
        self.messages.insert((message.bot, id), message);
        id
    }

    /// A message of a chat that is not deleted.
    pub(crate) fn message(&self, bot: i64, chat: i64, id: i64) -> Option<&Message> {
        self.messages.get(&(bot, id)).filter(|message| message.chat == chat && !message.deleted)
    }

    /// All messages of a chat in order, deleted ones included.
    pub(crate) fn messages_of(&self, bot: i64, chat: i64) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.range((bot, 0)..=(bot, i64::MAX)).map(|(_, message)| message).filter(move |it| it.chat == chat)
    }
}
