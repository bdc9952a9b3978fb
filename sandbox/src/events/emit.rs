//! Turning something that happened into form posts for every bound handler.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::model::{Actor, App, Binding, Delivery, EventPost, OfflineEvent, State};
use crate::php::form;

/// Which applications hear an event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Audience {
    /// The one application that owns the connector, or is concerned itself.
    App(i64),
    /// Every application that bound the event (bitrix24.md §6.8).
    Everyone,
}

/// Which tokens the `auth` block carries (bitrix24.md §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// An access token of the acting user, when there is one.
    Access,
    /// Also a refresh token: installation and update.
    AccessAndRefresh,
    /// The five constant fields only.
    None,
}

/// Something that happened, before it is addressed.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) data: Value,
    pub(crate) audience: Audience,
    pub(crate) actor: Actor,
    pub(crate) tokens: Tokens,
}

impl Event {
    /// An ordinary event with an access token.
    pub(crate) fn new(name: &'static str, data: Value, audience: Audience, actor: Actor) -> Self {
        Self { name, data, audience, actor, tokens: Tokens::Access }
    }
}

impl State {
    /// Addresses an event to its handlers; it leaves at the end of the hit.
    pub(crate) fn emit(&mut self, event: &Event) {
        let hearers = self.apps.iter().filter(|app| match event.audience {
            Audience::App(id) => app.id == id,
            Audience::Everyone => app.present,
        });
        for app in hearers.cloned().collect::<Vec<_>>() {
            self.emit_to(&app, event);
        }
    }

    fn emit_to(&mut self, app: &App, event: &Event) {
        let bound = |binding: &&Binding| binding.app == app.id && binding.event == event.name;
        let bindings: Vec<Binding> = self.bindings.iter().filter(bound).cloned().collect();
        if let Some(reason) = undeliverable(app, event, &bindings) {
            self.drop_event(event.name, reason);
            return;
        }
        for binding in &bindings {
            if binding.offline {
                self.keep_offline(binding, event);
            } else {
                self.queue_event(app, binding, event);
            }
        }
    }

    fn queue_event(&mut self, app: &App, binding: &Binding, event: &Event) {
        let user = if binding.user > 0 { Some(binding.user) } else { event.actor.user };
        let auth = self.event_auth(app, Actor { user, ..event.actor }, event.tokens);
        let delivery = self.delivery(event.name, Some(binding.id), &binding.handler, &event.data, &auth);
        self.outbox.push(delivery);
    }

    /// Posts an event straight to a URL, as with `ONAPPINSTALL` and the installation path (bitrix24.md §2.3).
    pub(crate) fn emit_direct(&mut self, app: &App, url: &str, event: &Event) {
        let auth = self.event_auth(app, event.actor, event.tokens);
        let delivery = self.delivery(event.name, Some(7), url, &event.data, &auth);
        self.outbox.push(delivery);
    }

    /// The wire form of an event.
    pub(crate) fn delivery(
        &self,
        name: &str,
        handler_id: Option<i64>,
        url: &str,
        data: &Value,
        auth: &Value,
    ) -> Delivery {
        let mut fields = Map::from_iter([("event".to_owned(), json!(name))]);
        if let Some(id) = handler_id {
            fields.insert("event_handler_id".to_owned(), json!(id));
        }
        fields.insert("data".to_owned(), data.clone());
        fields.insert("ts".to_owned(), json!(self.now / 1000));
        fields.insert("auth".to_owned(), auth.clone());
        let key = format!("{handler_id:?} {name} {url} {data}");
        Delivery { event: name.to_owned(), url: url.to_owned(), body: form::build(&Value::Object(fields)), key }
    }

    /// The `auth` block of bitrix24.md §6.2.
    pub(crate) fn event_auth(&mut self, app: &App, actor: Actor, tokens: Tokens) -> Value {
        let with_token = tokens != Tokens::None && !self.switches.events_without_tokens;
        let Some(user) = actor.user.filter(|_| with_token) else {
            return json!({
                "domain": self.domain, "server_endpoint": self.server_endpoint(),
                "client_endpoint": self.client_endpoint(), "member_id": self.member_id,
                "application_token": app.application_token,
            });
        };
        let access = self.issue_token(app.id, user, actor.hops.saturating_sub(1));
        let refresh = (tokens == Tokens::AccessAndRefresh).then(|| self.issue_refresh_token(app.id, user));
        json!({
            "access_token": access,
            "refresh_token": refresh,
            "expires": (self.now + self.token_life_ms) / 1000,
            "expires_in": self.token_life_ms / 1000,
            "scope": app.scope.join(","),
            "domain": self.domain,
            "server_endpoint": self.server_endpoint(),
            "status": "L",
            "client_endpoint": self.client_endpoint(),
            "member_id": self.member_id,
            "user_id": user,
            "application_token": app.application_token,
        })
    }

    fn keep_offline(&mut self, binding: &Binding, event: &Event) {
        let id = self.offline.last().map_or(1, |last| last.id + 1);
        let row = OfflineEvent {
            id,
            app: binding.app,
            event: event.name.to_owned(),
            data: event.data.clone(),
            date_ms: self.now,
            message_id: self.rng.hex(32),
            process_id: None,
            connector_id: binding.connector_id.clone(),
        };
        self.offline.push(row);
    }

    /// Notes an event that nobody will hear.
    fn drop_event(&mut self, name: &str, reason: &str) {
        let post = EventPost {
            at_ms: self.now,
            event: name.to_owned(),
            url: String::new(),
            body: String::new(),
            status: None,
            outcome: format!("dropped: {reason}"),
            took_ms: 0,
        };
        self.record.event(post);
    }

    /// Hands over what the hit collected; equal items are collapsed.
    pub(crate) fn take_outbox(&mut self) -> Vec<Delivery> {
        let mut seen = HashSet::new();
        let mut deliveries = std::mem::take(&mut self.outbox);
        deliveries.retain(|delivery| seen.insert(delivery.key.clone()));
        deliveries
    }
}

fn undeliverable(app: &App, event: &Event, bindings: &[Binding]) -> Option<&'static str> {
    if !app.installed {
        Some("installation not finished")
    } else if app.unpaid {
        Some("application not paid")
    } else if event.actor.hops == 0 {
        Some("too many hops")
    } else if bindings.is_empty() {
        Some("no handler bound")
    } else {
        None
    }
}
