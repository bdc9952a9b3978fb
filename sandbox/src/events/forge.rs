//! Events the portal never sent (bitrix24.md E5).

use serde_json::{Value, json};

use crate::events::emit::Tokens;
use crate::model::{Actor, OPERATOR, State};

/// How a forged event differs from a genuine one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgery {
    /// The `application_token` is another one.
    WrongToken,
    /// The `application_token` is missing.
    NoToken,
    /// The `member_id` is of no known portal.
    UnknownMember,
    /// The `application_token` of another portal, together with this portal's `member_id`.
    ForeignToken(String),
}

impl State {
    /// Queues a forged `ONIMCONNECTORMESSAGEADD` for every handler bound to that event; gives their number.
    pub(crate) fn forge(&mut self, forgery: &Forgery) -> usize {
        let name = "ONIMCONNECTORMESSAGEADD";
        let bindings: Vec<_> = self.bindings.iter().filter(|binding| binding.event == name).cloned().collect();
        for binding in &bindings {
            let Some(app) = self.app(binding.app).cloned() else { continue };
            let mut auth = self.event_auth(&app, Actor::person(OPERATOR), Tokens::Access);
            spoil(&mut auth, forgery, &self.rng.hex(32));
            let data = self.forged_message(binding.app);
            let delivery = self.delivery(name, Some(binding.id), &binding.handler, &data, &auth);
            self.outbox.push(delivery);
        }
        bindings.len()
    }

    /// A believable message: the last chat of a connector of the application, the next message id.
    fn forged_message(&mut self, app: i64) -> Value {
        let owned = |connector: &str| self.connectors.get(connector).is_some_and(|c| c.app == app);
        let chat = self.chats.values().rfind(|chat| owned(&chat.connector)).cloned();
        let (connector, line, chat_id, external) = chat.map_or_else(
            || ("forged".to_owned(), 1, 1, "forged".to_owned()),
            |chat| (chat.connector, chat.line, chat.id, chat.external_id),
        );
        json!({ "CONNECTOR": connector, "LINE": line, "MESSAGES": [{
            "im": { "chat_id": chat_id, "message_id": self.next_message_id() },
            "message": { "user_id": OPERATOR, "text": "Forged" },
            "chat": { "id": external },
        }] })
    }
}

fn spoil(auth: &mut Value, forgery: &Forgery, random: &str) {
    match forgery {
        Forgery::WrongToken => auth["application_token"] = json!(random),
        Forgery::NoToken => auth["application_token"] = Value::Null,
        Forgery::UnknownMember => auth["member_id"] = json!(random),
        Forgery::ForeignToken(token) => auth["application_token"] = json!(token),
    }
}
