//! What stands before and around the conversation: `GET api/info`, and the same on the page.

use crate::website::error::{Faults, Problem};
use crate::website::site::Site;
use crate::website::welcome::before::{self, Field, FieldType, Profile};
use crate::website::welcome::consent::Consent;
use crate::website::welcome::hours::{Standing, standing};
use crate::website::welcome::texts::Catalogue;
use openline_core::ChatId;
use openline_core::handover::Continuation;
use openline_core::line::LineInfo;
use openline_core::message::Conversation;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What a visitor finds.
pub(in crate::website) struct Info {
    /// `None` when no hours are known.
    pub(in crate::website) standing: Option<Standing>,
    pub(in crate::website) welcome: Option<String>,
    pub(in crate::website) closed_text: Option<String>,
    /// What is still to be agreed to.
    pub(in crate::website) consent: Option<Consent>,
    /// What is still to be filled in.
    pub(in crate::website) form: Vec<Field>,
    /// An e-mail address or a phone number must be among it.
    pub(in crate::website) contact: bool,
    /// Whether the end of a dialog asks for a vote.
    pub(in crate::website) rating: bool,
    elsewhere: Vec<Continuation>,
    language: &'static Catalogue,
}

/// Under which name it is kept of a chat to what its visitor agreed.
pub(in crate::website) const CONSENT: &str = "consent";

impl Info {
    /// What the open line says; nothing while that is not known.
    pub(in crate::website) async fn line(site: &Site) -> LineInfo {
        site.inbox.line().await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the line's settings are not known");
            LineInfo::default()
        })
    }

    /// As it is now for the visitor of a chat; without one, for anybody new.
    pub(in crate::website) async fn of(
        site: &Site,
        language: &'static Catalogue,
        chat: Option<&ChatId>,
        known: Option<&Conversation>,
    ) -> Result<Self, Problem> {
        let settings = &site.settings;
        let line = Self::line(site).await;
        let hours = settings.hours.over(line.hours.clone());
        let standing = hours.map(|hours| standing(&hours, site.inbox.now()));
        let closed = matches!(standing, Some(Standing::Closed(_)));
        let visitor = known.map(|known| &known.visitor);
        let contact = closed && visitor.is_none_or(|visitor| visitor.email.is_none() && visitor.phone.is_none());
        let mut consent = settings.consent.asked(&line, language);
        if let (Some(asked), Some(chat)) = (&consent, chat)
            && site.inbox.remember_of(chat, CONSENT).await?.as_deref() == Some(asked.version.as_bytes())
        {
            consent = None;
        }
        let elsewhere = match chat.filter(|_| known.is_some()) {
            Some(chat) => site.inbox.elsewhere(chat, settings.continue_at.as_deref()).await?,
            None => Vec::new(),
        };
        let own = settings.hours.closed_text.given(language).map(str::to_owned);
        let closed_text = own.or(line.closed_text.clone());
        // Who is known need not say how to reach them.
        let ours = if contact { "closed_text" } else { "closed_known" };
        Ok(Self {
            standing,
            welcome: {
                let own = settings.welcome.text.given(language).map(str::to_owned);
                own.or(line.welcome.clone().filter(|_| !settings.welcome.ignore_line))
            },
            closed_text: closed_text.or_else(|| Some(language.get(ours).to_owned())).filter(|_| closed),
            consent,
            form: form(site, known.is_none(), contact, language),
            contact,
            rating: settings.rating.wants(&line),
            elsewhere,
            language,
        })
    }

    /// Whether nobody is there.
    pub(in crate::website) fn is_closed(&self) -> bool {
        matches!(self.standing, Some(Standing::Closed(_)))
    }

    /// As `docs/website-api.md` shows it.
    pub(in crate::website) fn wire(&self) -> WireInfo<'_> {
        let elsewhere = self.elsewhere.iter().map(|place| Elsewhere { name: &place.name, url: &place.url });
        WireInfo {
            open: !self.is_closed(),
            hours: self.standing.is_some(),
            form: &self.form,
            contact: self.contact,
            rating: self.rating,
            elsewhere: elsewhere.collect(),
            language: self.language.code,
            opens_at: match self.standing {
                Some(Standing::Closed(opens)) => opens.map(|opens| opens.0),
                _ => None,
            },
            welcome: self.welcome.as_deref(),
            closed_text: self.closed_text.as_deref(),
            consent: self.consent.as_ref(),
        }
    }
}

/// What a visitor finds, on the wire.
#[derive(Serialize, ToSchema)]
#[schema(as = Info)]
#[allow(clippy::struct_excessive_bools)] // the wire's
pub(in crate::website) struct WireInfo<'i> {
    /// Whether somebody is there.
    open: bool,
    /// Whether the hours are known; where not, say nothing of them.
    hours: bool,
    /// What to ask before the first message.
    form: &'i [Field],
    /// An e-mail address or a phone number must be among it.
    contact: bool,
    /// A finished dialog may be rated.
    rating: bool,
    /// Where the visitor may go on with this conversation.
    elsewhere: Vec<Elsewhere<'i>>,
    language: &'i str,
    /// When somebody is there next, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    opens_at: Option<i64>,
    /// What to show until the visitor writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    welcome: Option<&'i str>,
    /// What to say while it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    closed_text: Option<&'i str>,
    /// What this visitor must still agree to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    consent: Option<&'i Consent>,
}

/// A place where a conversation goes on.
#[derive(Serialize, ToSchema)]
pub(in crate::website) struct Elsewhere<'i> {
    name: &'i str,
    /// Good for half an hour.
    url: &'i str,
}

impl Info {
    /// As the page's template wants it, with what was filled in already and what is wrong with it.
    pub(in crate::website) fn for_page(&self, site: &Site, profile: &Profile, faults: &Faults) -> Value {
        let t = self.language;
        let said = |key: &str| faults.get(key).map(|code| t.by_code(code, before::limit(key)));
        let asked = |key: &str| self.form.iter().find(|field| field.key == key);
        let label = |field: &Field| {
            let one_of = self.contact && matches!(field.kind, FieldType::Email | FieldType::Phone);
            if field.required || one_of {
                field.label.clone()
            } else {
                t.get("field_optional").replace("{label}", &field.label)
            }
        };
        let rows: Vec<_> = before::with_contact(site.settings.before.clone())
            .into_iter()
            .filter(|field| field.key != "name")
            .map(|field| {
                let field = asked(&field.key).cloned().unwrap_or_else(|| field.labelled(t));
                json!({
                    "key": field.key, "kind": field.kind, "label": label(&field), "required": field.required && asked(&field.key).is_some(),
                    "options": field.options, "hidden": asked(&field.key).is_none(),
                    "value": profile.given(&field.key), "error": said(&field.key),
                })
            })
            .collect();
        let name = asked("name");
        let focus = ["name"].into_iter().map(str::to_owned);
        let focus = focus.chain(rows.iter().filter_map(|row| row["key"].as_str().map(str::to_owned)));
        let focus = focus.chain(["consent".to_owned()]).find(|key| faults.contains_key(key));
        json!({
            "focus": focus, "hours": self.standing.is_some(), "closed": self.is_closed(), "status": self.status(site),
            "closed_text": self.closed_text, "welcome": self.welcome, "contact": self.contact, "rows": rows,
            "shown": self.form.iter().any(|field| field.key != "name") || self.consent.is_some(),
            "name": {
                "label": name.map_or_else(|| t.get("name_label").to_owned(), label),
                "asked": name.is_some(), "required": name.is_some_and(|field| field.required), "error": said("name"),
            },
            "consent": self.consent, "agreed": profile.consent, "consent_error": said("consent"),
            "elsewhere": self.elsewhere.iter().map(|place| json!({
                "url": place.url, "label": t.get("elsewhere").replace("{name}", &place.name),
            })).collect::<Vec<_>>(),
        })
    }

    /// Whether somebody is there, for people whose clock is not known: with the time zone.
    fn status(&self, site: &Site) -> String {
        match self.standing {
            None => String::new(),
            Some(Standing::Open) => self.language.get("status_open").to_owned(),
            Some(Standing::Closed(None)) => self.language.get("status_closed").to_owned(),
            Some(Standing::Closed(Some(opens))) => {
                let zone = &site.settings.time_zone;
                let at = jiff::Timestamp::from_millisecond(opens.0).unwrap_or_default().to_zoned(zone.clone());
                let at = at.strftime("%Y-%m-%d %H:%M %Z").to_string();
                self.language.get("status_opens").replace("{time}", &at)
            }
        }
    }
}

fn form(site: &Site, begins: bool, contact: bool, language: &Catalogue) -> Vec<Field> {
    let own = if begins { site.settings.before.clone() } else { Vec::new() };
    let fields = if contact { before::with_contact(own) } else { own };
    before::labelled(fields, language)
}
