//! A portal, a service with one channel of a kind, and the world outside of it.

use super::{Answer, Seen, StandIn};
use crate::{Database, World, eventually};
use openline_sandbox::{Message, SandboxConfig, View};

/// What a kind says that it can do; see `openline_core::channel::Capabilities`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // a set of independent flags
pub struct Can {
    /// Operators' edits.
    pub edits: bool,
    /// Operators' deletions.
    pub deletes: bool,
    /// Files, both ways.
    pub files: bool,
    /// Visitors' edits and deletions.
    pub visitor_edits: bool,
}

/// The kind's own keys come behind these.
const PORTAL: &str = "reconcile_seconds = 1\ntimeout_seconds = 2\n";
/// The connector of the channel `kit`.
const CONNECTOR: &str = "openline_kit";

/// What operators read of a message that did not arrive.
pub(super) const LOST: &str = "did not reach the visitor";

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) outside: Box<dyn StandIn>,
}

impl Stage {
    /// Everything, but the service is not started.
    pub(super) async fn bare(kind: &str, database: Database, mut outside: Box<dyn StandIn>) -> Self {
        let channel =
            format!("{PORTAL}[channels.kit]\nkind = \"{kind}\"\n[channels.kit.settings]\n{}", outside.settings());
        let portal = SandboxConfig { processing_ms: 2, ..SandboxConfig::default().without_limits() };
        let mut world = World::bare_on(database, portal, &channel).await;
        if let Some(description) = outside.description() {
            world.describe(kind, &description);
        }
        // Automatic texts of the line would stand between those that are counted.
        world.sandbox.set_line_texts(1, None, None);
        outside.meets(&world.url("/c/kit")).await;
        Self { world, outside }
    }

    /// Everything, running in this process.
    pub(super) async fn running(kind: &str, database: Database, outside: Box<dyn StandIn>) -> Self {
        let mut stage = Self::bare(kind, database, outside).await;
        stage.world.start_service().await;
        stage.connect().await;
        stage
    }

    pub(super) async fn connect(&self) {
        self.world.install().await;
        self.world.connect(CONNECTOR, 1).await;
    }

    /// A visitor writes, again and again until the channel has it.
    pub(super) async fn says(&self, who: &str, key: &str, text: &str) {
        eventually("the message is taken", async || match self.outside.says(who, key, text).await {
            Answer::Taken => Some(()),
            Answer::Unclear(_) => None,
            Answer::Refused(why) => panic!("{who} may not say {text:?}: {why}"),
        })
        .await;
    }

    /// The portal's chat in which a visitor began with this.
    pub(super) async fn chat(&self, first_text: &str) -> i64 {
        self.world.portal_chat(first_text).await
    }

    pub(super) fn at_desk(&self, chat: i64) -> Vec<String> {
        self.world.sandbox.view(|portal| portal.texts(chat, "client"))
    }

    /// Waits until the desk shows exactly these texts of the visitor.
    pub(super) async fn desk_shows(&self, chat: i64, wanted: &[String], what: &str) {
        let same = |portal: View<'_>| portal.texts(chat, "client") == wanted;
        let shown = self.world.sandbox.wait_until(same).await.is_ok();
        assert!(shown, "{what}: the desk shows {:?} instead of {wanted:?}", self.at_desk(chat));
    }

    pub(super) fn answers(&self, chat: i64, text: &str) -> i64 {
        self.world.sandbox.operator_writes(chat, text).expect("the operator may write")
    }

    /// Waits until the visitor sees the text, and gives all that they see.
    pub(super) async fn is_seen(&self, who: &str, text: &str) -> Vec<Seen> {
        eventually(&format!("{who} sees {text:?}"), async || {
            let seen = self.outside.sees(who).await;
            seen.iter().any(|seen| seen.text == text).then_some(seen)
        })
        .await
    }

    /// Waits until the visitor sees exactly these texts. The portal promises no order between a change and what is written
    /// after it.
    pub(super) async fn comes_to_see(&self, who: &str, wanted: &[&str]) {
        let what = format!("{who} comes to see {wanted:?}");
        eventually(&what, async || (texts(&self.outside.sees(who).await) == wanted).then_some(())).await;
    }

    /// Waits until the portal was told that the message arrived, or its operator that it did not.
    pub(super) async fn is_confirmed(&self, message: i64) {
        let confirmed = |portal: View<'_>| portal.message(message).is_some_and(|message| !message.sending);
        let lost = |portal: View<'_>| {
            let message = portal.message(message)?;
            let begins: String = message.text.chars().take(10).collect();
            portal
                .texts(message.chat_id, "system")
                .into_iter()
                .find(|text| text.contains(LOST) && text.contains(&begins))
        };
        let ended = |portal: View<'_>| confirmed(portal) || lost(portal).is_some();
        self.world.sandbox.wait_until(ended).await.expect("the portal is told that it arrived");
        assert!(self.world.sandbox.view(confirmed), "the operator was told {:?}", self.world.sandbox.view(lost));
    }

    /// Waits until the portal has tried to tell these, which it does once; for a service that is away.
    pub(super) async fn missed(&self, texts: &[String]) {
        let tried = |portal: View<'_>| {
            let posted = |text: &String| {
                let text = text.replace(' ', "+");
                portal.events_of("ONIMCONNECTORMESSAGEADD").any(|post| post.body.contains(&text))
            };
            texts.iter().all(posted)
        };
        self.world.sandbox.wait_until(tried).await.expect("the portal tells of its messages");
    }

    pub(super) fn message(&self, message: i64) -> Message {
        self.world.sandbox.view(|portal| portal.message(message).cloned()).expect("the message")
    }
}

/// The texts of what is seen.
pub(super) fn texts(seen: &[Seen]) -> Vec<String> {
    seen.iter().map(|seen| seen.text.clone()).collect()
}

/// `count` texts that begin with `word`.
pub(super) fn series(word: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{word} {n}")).collect()
}
