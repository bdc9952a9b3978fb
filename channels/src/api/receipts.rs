//! What became of an operator's message on the other side.

use super::chats::{self, Id};
use super::error::Problem;
use openline_core::message::{ItemKind, Note, Side};
use openline_core::{MessageId, VisitorInbox};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest reason, in characters.
const MAX_REASON: usize = 300;

/// A receipt as it is posted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Receipt {
    #[schema(value_type = Id)]
    chat: String,
    /// openline's id of an operator's message.
    #[schema(pattern = "^[0-9]+$")]
    message: String,
    #[schema(inline)]
    status: Status,
    /// Of a failure, for the operators.
    #[serde(default)]
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    Delivered,
    Read,
    Failed,
}

/// What a receipt changed.
#[derive(Serialize, ToSchema)]
pub(super) struct Effect {
    #[schema(inline)]
    effect: What,
    message: &'static str,
}

/// none: Bitrix24 has nothing to show it by.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum What {
    None,
    OperatorsTold,
    Known,
}

/// Takes a receipt and says what it changed. The portal marks a message delivered when the webhook is answered, and has no
/// mark for read ones (`bitrix24.md` §4.11); a failure is told to the operators.
pub(super) async fn take(inbox: &VisitorInbox, receipt: Receipt) -> Result<Effect, Problem> {
    let missing = || Problem::not_found("there is no such operator's message in this chat");
    let chat = chats::core_id(&receipt.chat)?;
    let message = MessageId(receipt.message.parse().map_err(|_| missing())?);
    let conversation = inbox.find(&chat).await?.ok_or_else(missing)?;
    let item = inbox.item(conversation, message).await?;
    let item = item.filter(|item| item.side != Side::Visitor && item.kind == ItemKind::Message);
    let item = item.ok_or_else(missing)?;
    if receipt.status != Status::Failed {
        return Ok(Effect { effect: What::None, message: "taken; Bitrix24 has nothing to show it by" });
    }
    let text = item.content.text.to_plain();
    let quoted: String = text.chars().take(80).collect::<String>().replace('\n', " ");
    let reason = receipt.reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect::<String>();
    let words = inbox.words();
    let reason = if reason.trim().is_empty() { words.get("no_reason") } else { reason.trim() };
    let text = format!("{}: {reason}\n> {quoted}", words.get("not_sent"));
    let told = inbox.note(&chat, Note { key: format!("receipt/{message}"), text }).await?;
    Ok(if told {
        Effect { effect: What::OperatorsTold, message: "the operators will read it in the dialog" }
    } else {
        Effect { effect: What::Known, message: "the operators were told before" }
    })
}
