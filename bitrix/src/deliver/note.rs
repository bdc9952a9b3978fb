//! Notes to operators. There is no way to mark one message as failed (`bitrix24.md` §4.12), so they are told in the chat:
//! a system message, which is not echoed to the visitor.

use crate::access::budget::Urgency;
use crate::bbcode;
use crate::shared::Inner;
use crate::wire::verdict::{self, Verdict};
use openline_core::DeliveryError;
use openline_core::message::Conversation;
use openline_core::text::RichText;
use serde_json::json;

pub(crate) async fn note(bitrix: &Inner, conversation: &Conversation, text: &str) -> Result<(), DeliveryError> {
    let chat = conversation.thread.chat.as_deref();
    let chat = chat.ok_or_else(|| DeliveryError::refused("the portal's chat is not known"))?;
    // It may repeat what a visitor wrote, or how they called a file.
    let text = bbcode::write(&RichText::plain(text));
    let params = json!({ "DIALOG_ID": format!("chat{chat}"), "MESSAGE": text, "SYSTEM": "Y" });
    match bitrix.portal.call("im.message.add", &params, Urgency::Later).await {
        Ok(_) => Ok(()),
        // Nothing may be said there (no scope `im`, no access to the chat): it stays in our own records.
        Err(error) if matches!(verdict::of(&error), Verdict::Suspend(_)) && !error.is_about_the_portal() => {
            Err(DeliveryError::refused(error.to_string()))
        }
        Err(error) => Err(verdict::to_delivery(&error)),
    }
}
