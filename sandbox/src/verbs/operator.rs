//! Operators at the desk.

use bytes::Bytes;

use crate::events::forge::Forgery;
use crate::model::Actor;
use crate::sandbox::Sandbox;

impl Sandbox {
    /// The acting operator writes into a chat. Gives the message id, or why the user interface refuses
    /// (bitrix24.md E7).
    pub fn operator_writes(&self, chat_id: i64, text: &str) -> Result<i64, String> {
        self.portal.hit(|state| state.operator_writes(state.operator, chat_id, text, Vec::new()))
    }

    /// The acting operator sends a file with a text, which may be empty.
    pub fn operator_writes_with_file(
        &self,
        chat_id: i64,
        text: &str,
        name: &str,
        mime: &str,
        content: impl Into<Bytes>,
    ) -> Result<i64, String> {
        self.operator_writes_with_files(chat_id, text, vec![(name, mime, content.into())])
    }

    /// The acting operator sends files, each with its name and media type, with a text, which may be empty.
    pub fn operator_writes_with_files(
        &self,
        chat_id: i64,
        text: &str,
        files: Vec<(&str, &str, Bytes)>,
    ) -> Result<i64, String> {
        self.portal.hit(|state| {
            let ids = files.into_iter().map(|(name, mime, content)| state.store_file(name, mime, content)).collect();
            state.operator_writes(state.operator, chat_id, text, ids)
        })
    }

    /// The acting operator edits a message.
    pub fn operator_edits(&self, message_id: i64, text: &str) -> Result<(), String> {
        self.portal.hit(|state| state.operator_edits(state.operator, message_id, text))
    }

    /// The acting operator deletes a message.
    pub fn operator_deletes(&self, message_id: i64) -> Result<(), String> {
        self.portal.hit(|state| state.operator_deletes(state.operator, message_id))
    }

    /// The acting operator closes the dialog; false when it was not open.
    pub fn operator_finishes(&self, chat_id: i64) -> bool {
        self.portal.hit(|state| state.finish_session(chat_id, Actor::person(state.operator)))
    }

    /// The portal asks the client to rate; the next `1` or `0` is the vote (bitrix24.md §4.7).
    pub fn ask_for_vote(&self, chat_id: i64) {
        self.portal.hit(|state| state.ask_for_vote(chat_id));
    }

    /// Who acts at the desk from now on; false when there is no such employee.
    pub fn set_operator(&self, user: i64) -> bool {
        self.portal.edit(|state| state.set_operator(user))
    }

    /// Posts a forged `ONIMCONNECTORMESSAGEADD` to every handler bound to that event; gives their number
    /// (bitrix24.md E5).
    pub fn forge_event(&self, forgery: &Forgery) -> usize {
        self.portal.hit(|state| state.forge(forgery))
    }
}
