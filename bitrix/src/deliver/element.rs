//! A message as the portal takes it.

use crate::bbcode;
use crate::deliver::attached;
use crate::deliver::gathered::CallKey;
use crate::deliver::names::{RefusedBlocks, user_block};
use openline_core::backend::Delivery;
use serde_json::{Value, json};

pub(crate) fn element(key: &CallKey, delivery: &Delivery, refused: &RefusedBlocks) -> Value {
    let conversation = &delivery.conversation;
    let mut chat = json!({ "id": conversation.chat.as_str() });
    if let Some(page) = &conversation.visitor.page {
        // Shown as the dialog's page, also where nothing may be said to operators otherwise (`bitrix24.md` §11).
        chat["url"] = json!(page);
    }
    let user = user_block(conversation, refused);
    if key.method == "imconnector.delete.messages" {
        return json!({ "user": user, "message": { "id": delivery.external_id }, "chat": chat });
    }
    let item = &delivery.item;
    let mut message = json!({
        "id": delivery.external_id,
        "date": item.at.seconds(),
        "text": bbcode::write(&item.content.text),
    });
    if attached::sends_files(delivery) {
        message["files"] = attached::files(delivery);
    }
    json!({ "user": user, "message": message, "chat": chat })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::deliver::attached::tests::delivery;
    use openline_core::backend::Act;

    pub(crate) fn key() -> CallKey {
        CallKey { method: "imconnector.send.messages", connector: "c".into(), line: "1".into(), alone: None }
    }

    #[test]
    fn a_message_tells_on_which_page_it_was_written() {
        let mut message = delivery("x", &[]);
        assert_eq!(element(&key(), &message, &RefusedBlocks::default())["chat"], json!({ "id": "c" }));
        message.conversation.visitor.page = Some("https://shop.example/tea".to_owned());
        let told = element(&key(), &message, &RefusedBlocks::default());
        assert_eq!(told["chat"]["url"], "https://shop.example/tea");
        assert!(told["user"].get("page").is_none(), "{told}");
    }

    #[test]
    fn a_message_takes_its_files_along_once() {
        let (files, none) = (delivery("", &["a.png"]), delivery("x", &[]));
        assert_eq!(element(&key(), &files, &RefusedBlocks::default())["message"]["files"][0]["name"], "a.png");
        assert!(element(&key(), &none, &RefusedBlocks::default())["message"].get("files").is_none());
        let edit = Delivery { act: Act::Edit, ..delivery("x", &["a.png"]) };
        assert!(element(&key(), &edit, &RefusedBlocks::default())["message"].get("files").is_none());
    }
}
