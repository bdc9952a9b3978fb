//! What every kind of channel must keep, whatever it joins. The kit chooses what is tested; a kind gives a [`StandIn`]:
//! the world outside of it, with visitors that write and read.
//!
//! A new kind gets a file here and a line in [`stand_ins`], or a program in any language (`program.rs`).

mod api;
mod compare;
mod crashes;
mod forgetting;
mod http;
mod messengers;
mod misfortunes;
mod program;
mod promises;
mod stage;
mod telegram;
mod website;

pub use crashes::crashes;
pub use forgetting::forgetting;
pub use messengers::Messenger;
pub use misfortunes::misfortunes;
pub use program::Program;
pub use promises::{files, promises};
pub use stage::Can;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use openline_sandbox::messengers::Which;

/// How a delivery from outside ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The channel has it.
    Taken,
    /// The channel does not want it, and says why; it is not repeated.
    Refused(String),
    /// Nobody knows, or not now; it is repeated.
    Unclear(String),
}

/// Input that no channel may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// Nothing but blanks.
    Blank,
    /// A text of more characters than anybody takes: 100,000.
    LongText,
    /// 20 MB in one message.
    Flood,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// The beginning of a message.
    Broken,
    /// Well formed, but without what says which message it is.
    Nameless,
    /// From somebody who has no right to write here.
    Stranger,
}

impl Wrong {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Blank, Self::LongText, Self::Flood, Self::NotUtf8, Self::Broken, Self::Nameless, Self::Stranger];
}

/// A file in a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// An operator's message as its visitor sees it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The readable text.
    pub text: String,
    /// The files, fetched.
    pub files: Vec<Attachment>,
}

/// What may go wrong at the messenger with an operator's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfortune {
    /// The next message is refused for good.
    Refuses,
    /// The next message is taken, but its answer is lost.
    LosesAnswer,
    /// Nothing is let in until it relents: a token was taken back.
    LocksOut,
    /// The next message is asked to come later.
    SlowsDown,
}

/// A held call; ends when it is answered, or cut.
pub type Waiting = BoxFuture<'static, ()>;

/// The world outside of one channel. `who` names a visitor, `key` one of their messages; the stand-in turns them into
/// whatever its kind has for that, always the same for the same words.
#[async_trait]
pub trait StandIn: Send + Sync {
    /// The keys of the kind's `settings`, as TOML.
    fn settings(&self) -> String;

    /// A description of the kind (`docs/messengers.md`) instead of the one in the program.
    fn description(&self) -> Option<String> {
        None
    }

    /// Where the channel is served: `http://…/c/kit`. Told before anything else is asked.
    async fn meets(&mut self, base: &str);

    /// A visitor writes. Also how the same delivery comes once more.
    async fn says(&self, who: &str, key: &str, text: &str) -> Answer;

    /// A visitor sends a file.
    async fn attaches(&self, who: &str, key: &str, file: &Attachment) -> Answer;

    /// A visitor changes what they wrote.
    async fn edits(&self, who: &str, key: &str, text: &str) -> Answer;

    /// A visitor takes back what they wrote; `None` when the channel never learns of that.
    async fn deletes(&self, who: &str, key: &str) -> Option<Answer>;

    /// Something comes that must be refused; `None` when it can't come in this kind.
    async fn errs(&self, who: &str, wrong: Wrong) -> Option<Answer>;

    /// What the visitor sees of the operators' messages, in order. Called while the service runs.
    async fn sees(&self, who: &str) -> Vec<Seen>;

    /// Lets something go wrong from now on; false when that can't be in this kind.
    async fn misfortune(&self, what: Misfortune) -> bool {
        let _ = what;
        false
    }

    /// Nothing goes wrong any more.
    async fn relents(&self) {}

    /// How many calls the channel has made, where somebody counts them.
    async fn calls(&self) -> Option<usize> {
        None
    }

    /// A call that the channel holds until there is news for the visitor, ready to be made; `None` when it offers none.
    async fn waits(&self, who: &str) -> Option<Waiting> {
        let _ = who;
        None
    }
}

/// The stand-ins of a kind, one for each way in which it can be set up; `None` when nobody wrote one.
pub async fn stand_ins(kind: &str) -> Option<Vec<Box<dyn StandIn>>> {
    openline::install_crypto();
    match kind {
        "website" => Some(vec![Box::new(website::Site::default())]),
        "telegram" => {
            Some(vec![Box::new(telegram::Messenger::polled().await), Box::new(telegram::Messenger::posting().await)])
        }
        "echo" => Some(vec![Box::new(Program::beside("stand_in"))]),
        "api" => Some(vec![Box::new(api::Caller::polling()), Box::new(api::Caller::listening().await)]),
        "vk" => Some(vec![described(Which::Vk).await]),
        "max" => Some(vec![described(Which::Max).await]),
        "whatsapp" => Some(vec![described(Which::WhatsApp).await]),
        "messenger" => Some(vec![described(Which::Messenger).await]),
        "viber" => Some(vec![described(Which::Viber).await]),
        "line" => Some(vec![described(Which::Line).await]),
        _ => None,
    }
}

async fn described(which: Which) -> Box<dyn StandIn> {
    Box::new(Messenger::start(which).await)
}
