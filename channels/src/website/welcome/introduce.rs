//! What a message brings along beside its text: who writes, what they agreed to, where they are.

use crate::website::error::{Problem, Refusal};
use crate::website::session::identity::Signed;
use crate::website::site::Site;
use crate::website::welcome::about;
use crate::website::welcome::before::{self, Checked, Profile};
use crate::website::welcome::info::{CONSENT, Info};
use crate::website::welcome::texts::{self, Catalogue};
use futures_util::FutureExt;
use openline_core::message::{Note, Visitor};
use openline_core::{ChatId, Timestamp, words};
use serde_json::Value;

/// What was brought along, checked.
#[derive(Debug, Default)]
pub(in crate::website) struct Introduced {
    /// The visitor as now known; `None` when nothing changed.
    pub(in crate::website) visitor: Option<Visitor>,
    /// For the operators. The first is stored with the message.
    pub(in crate::website) notes: Vec<Note>,
    /// The version of what they have just agreed to.
    agreed: Option<String>,
}

/// What came with a message.
pub(in crate::website) struct Brought<'b> {
    /// The message's key.
    pub(in crate::website) key: &'b str,
    /// `None`: not said; empty: the visitor does not want to be called by a name any more.
    pub(in crate::website) name: Option<String>,
    pub(in crate::website) profile: Option<Profile>,
    pub(in crate::website) about: Option<&'b Value>,
    /// What the embedding site vouches for: it goes before what was typed.
    pub(in crate::website) signed: Option<&'b Signed>,
}

/// Checks it, and keeps that the visitor agreed.
pub(in crate::website) async fn introduce(
    site: &Site,
    language: &'static Catalogue,
    chat: &ChatId,
    brought: Brought<'_>,
) -> Result<Introduced, Problem> {
    let introduced = examine(site, language, chat, brought).await?;
    if let Some(version) = &introduced.agreed {
        site.inbox.keep_of(chat, CONSENT, version.as_bytes()).await?;
    }
    Ok(introduced)
}

/// Checks it, and keeps nothing. A visitor who begins must fill in what the configuration asks, and agree where that is
/// asked; what is asked outside the hours is only asked of those who send a profile at all, because front ends of others
/// don't know of it. What comes while the conversation is being erased would be erased with it: it has to come later.
pub(in crate::website) async fn examine(
    site: &Site,
    language: &'static Catalogue,
    chat: &ChatId,
    brought: Brought<'_>,
) -> Result<Introduced, Problem> {
    site.inbox.admits(chat).await?;
    if tells_nothing_new(site, chat, &brought).await? && goes_on(site, chat).await? {
        return Ok(Introduced::default());
    }
    let known = site.inbox.conversation(chat).await?;
    let told = brought.profile.is_some();
    let mut profile = brought.profile.unwrap_or_default();
    let language = profile.language.as_deref().and_then(texts::find).unwrap_or(language);
    let info = Info::of(site, language, Some(chat), known.as_ref()).await?;
    let unnamed = brought.name.as_deref() == Some("") && profile.name.is_none();
    profile.name = profile.name.or(brought.name);
    let checked = match (told, &known) {
        (true, _) => profile.check(&info.form, info.contact),
        (false, None) => profile.check(&before::labelled(site.settings.before.clone(), language), false),
        (false, Some(_)) => profile.check(&[], false),
    }?;
    if info.consent.is_some() && !profile.consent {
        let message = "agree first: see consent of …/api/info, and send profile.consent = true";
        return Err(Problem::of(Refusal::ConsentNeeded, message));
    }
    let before = known.map(|known| known.visitor).unwrap_or_default();
    let mut visitor = checked.over(before.clone());
    if unnamed {
        visitor.name.clear();
    }
    brought.signed.into_iter().for_each(|signed| vouched(&mut visitor, signed));
    let about = brought.about.filter(|_| site.settings.consent.page_data);
    visitor.page = about.and_then(about::page).or(visitor.page);
    let now = site.inbox.now();
    let words = site.inbox.words();
    let filled = filled(words, &checked, &info, now).map(|text| Note { key: format!("before/{}", brought.key), text });
    let page = about.and_then(|about| about::note(about, words));
    let notes = filled.into_iter().chain(page).collect();
    let agreed = info.consent.map(|consent| consent.version);
    Ok(Introduced { visitor: (visitor != before).then_some(visitor), notes, agreed })
}

/// What is vouched for, each as far as the portal takes it.
fn vouched(visitor: &mut Visitor, signed: &Signed) {
    let Signed { name, email, phone } = signed.clone();
    let nothing = Profile::default;
    for profile in [Profile { name, ..nothing() }, Profile { email, ..nothing() }, Profile { phone, ..nothing() }] {
        if let Ok(found) = profile.check(&[], false) {
            *visitor = found.over(visitor.clone());
        }
    }
}

/// Whether it brings nothing, or repeats what is known in memory: front ends send the name with each message.
async fn tells_nothing_new(site: &Site, chat: &ChatId, brought: &Brought<'_>) -> Result<bool, Problem> {
    let signed = brought.signed.filter(|signed| **signed != Signed::default());
    if brought.profile.is_some() || brought.about.is_some() {
        return Ok(false);
    }
    if brought.name.is_none() && signed.is_none() {
        return Ok(true);
    }
    let Some(known) = site.inbox.known_visitor(chat).await? else { return Ok(false) };
    let mut told = known.clone();
    if let Some(name) = &brought.name {
        told.name.clone_from(name);
    }
    if let Some(signed) = signed {
        vouched(&mut told, signed);
    }
    Ok(told == known)
}

/// Whether it is one more message of a conversation in which nothing is asked: known without reading the store, because
/// that is what most messages are.
async fn goes_on(site: &Site, chat: &ChatId) -> Result<bool, Problem> {
    if site.inbox.find(chat).await?.is_none() {
        return Ok(false);
    }
    // What is not known yet is not waited for.
    let line = Info::line(site).now_or_never().unwrap_or_default();
    Ok(!site.settings.consent.is_asked(&line))
}

/// What the operators are told of the form; `None` when it brought nothing that they don't see anyway.
fn filled(words: &words::Catalogue, checked: &Checked, info: &Info, now: Timestamp) -> Option<String> {
    let own = checked.own.iter().map(|(label, value)| format!("{label}: {value}"));
    let contact = checked.contact().filter(|_| info.is_closed());
    let contact = contact.map(|contact| words.fill("outside_hours", &[("contact", &contact)]));
    let agreed = info.consent.as_ref().map(|consent| {
        let at = jiff::Timestamp::from_millisecond(now.0).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S UTC");
        let url = consent.url.as_ref().map(|url| format!(" ({url})")).unwrap_or_default();
        let at = at.to_string();
        words.fill("agreed", &[("at", &at), ("version", &consent.version), ("text", &consent.text)]) + &url
    });
    let lines: Vec<_> = contact.into_iter().chain(own).chain(agreed).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::website::settings::Settings;
    use openline_core::channel::Host;
    use openline_core::clock::ManualClock;
    use openline_core::contract::{MemoryStore, Nobody};
    use openline_core::inbox::Doors;
    use openline_core::message::{Content, Incoming};
    use openline_core::secret::MasterSecret;
    use openline_core::{ChannelId, Clock, Store, VisitorInbox};
    use std::path::PathBuf;
    use std::sync::Arc;

    fn site(memory: &Arc<MemoryStore>) -> Site {
        let (id, clock) =
            (ChannelId::parse("site").unwrap(), Arc::new(ManualClock::at(Timestamp(0))) as Arc<dyn Clock>);
        let store = Arc::clone(memory) as Arc<dyn Store>;
        let doors = Doors::new(store, Arc::clone(&clock), std::slice::from_ref(&id));
        let inbox = VisitorInbox::alone(doors, Arc::new(Nobody), id);
        let secret = MasterSecret::new([7; 32]);
        let public_url = "https://chat.example".to_owned();
        let host = Host { public_url, secret, clock, folder: PathBuf::new(), limits: Arc::default() };
        Site::new(Settings::read(toml::Table::new()).unwrap(), &host, inbox)
    }

    /// Front ends send the name with each message.
    #[tokio::test]
    async fn a_name_that_is_repeated_costs_no_read() {
        let memory = Arc::new(MemoryStore::default());
        let (site, chat) = (site(&memory), ChatId::parse("c").unwrap());
        let send = async |name: &str, key: &str| {
            let name = Some(name.to_owned());
            let brought = Brought { key, name, profile: None, about: None, signed: None };
            let with = examine(&site, texts::find("en").unwrap(), &chat, brought).await.unwrap();
            let (key, content) = (key.to_owned(), Content::plain("hello"));
            let incoming = Incoming { chat: chat.clone(), key, visitor: with.visitor, content, note: None };
            site.inbox.accept(incoming).await.unwrap();
            (memory.calls(), memory.all()[0].0.visitor.name.clone())
        };
        send("Ada", "0").await;
        // The first one behind it asks which conversations are to be erased.
        send("Ada", "1").await;
        assert_eq!(send("Ada", "2").await, (vec!["record_incoming"], "Ada".to_owned()));
        assert_eq!(send("Bob", "3").await.1, "Bob");
        assert_eq!(send("Bob", "4").await, (vec!["record_incoming"], "Bob".to_owned()));
        assert_eq!(send("", "5").await.1, "", "who does not want to be called by a name any more");
        assert_eq!(send("Ada", "6").await.1, "Ada");
    }
}
