//! What the portal's answer says of each message in a call: the call as a whole succeeds whatever happened to them
//! (`bitrix24.md` §4.7).

use crate::deliver::attached;
use crate::deliver::gathered::{CallKey, Delivered};
use crate::deliver::tries::Tries;
use crate::shared::Inner;
use crate::wire::form::elements;
use crate::wire::rest::error_of;
use crate::wire::values::{text, truthy};
use openline_core::DeliveryError;
use openline_core::backend::{Act, Delivery, Receipt};
use openline_core::message::Thread;
use openline_core::words::Catalogue;
use serde_json::Value;

/// An element is refused by text only, without a code: the portal may just have had a bad moment. So often it is tried.
const ELEMENT_TRIES: u32 = 8;

/// The result of every element.
pub(crate) fn walk(bitrix: &Inner, result: &Value, key: &CallKey, deliveries: &[&Delivery]) -> Vec<Delivered> {
    let elements = result.pointer("/DATA/RESULT");
    let at = |index: usize| match elements {
        Some(Value::Array(list)) => list.get(index),
        Some(Value::Object(map)) => map.get(&index.to_string()),
        _ => None,
    };
    let config = bitrix.portal.config();
    let told = (bitrix.words(), config.public_url.as_str());
    let judged = |(index, delivery): (usize, &&Delivery)| {
        let judged = judge(at(index), told, key, delivery, &bitrix.refusals);
        let refused = at(index).is_some_and(|element| !truthy(element.get("SUCCESS")));
        if refused && bitrix.refused_blocks.may_be_why(&delivery.conversation) {
            bitrix.refusals.forget(&delivery.external_id);
            let reason = "the portal refused the message, perhaps for what its customer is called or calls from";
            return Err(DeliveryError::retry(reason));
        }
        judged
    };
    deliveries.iter().enumerate().map(judged).collect()
}

/// `told`: what operators read, and the address for the portal.
fn judge(
    element: Option<&Value>,
    told: (&Catalogue, &str),
    key: &CallKey,
    delivery: &Delivery,
    refusals: &Tries,
) -> Delivered {
    let (words, public_url) = told;
    let Some(element) = element else {
        return Err(DeliveryError::unknown("the portal's answer has no result for this message"));
    };
    if !truthy(element.get("SUCCESS")) {
        let reason = match attached::nothing_left(public_url, delivery) {
            Some(why) => format!("{why} ({})", errors(element)),
            None => format!("the portal refused the message: {}", errors(element)),
        };
        if refusals.failed(&delivery.external_id) < ELEMENT_TRIES {
            return Err(DeliveryError::retry(reason));
        }
        refusals.forget(&delivery.external_id);
        return Err(DeliveryError::refused(reason));
    }
    refusals.forget(&delivery.external_id);
    let thread = |session: Option<&Value>| Thread {
        line: Some(key.line.clone()),
        chat: session.and_then(|session| text(session.get("CHAT_ID"))),
        session: session.and_then(|session| text(session.get("ID"))),
    };
    let session = element.get("session").filter(|session| session.is_object());
    if delivery.act == Act::Send && session.is_none() {
        return Err(DeliveryError::retry("the portal accepted the message but put it into no dialog"));
    }
    let fetched = element.pointer("/message/files").map(|files| elements(Some(files)).len());
    Ok(Receipt { thread: thread(session), note: attached::missing(words, public_url, delivery, fetched) })
}

fn errors(element: &Value) -> String {
    let list = match element.get("ERRORS") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
        _ => element.as_object().and_then(error_of).map(|(code, _)| code).unwrap_or_default(),
    };
    list.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::attached::tests::delivery;
    use crate::deliver::element::tests::key;
    use serde_json::json;

    fn told() -> (&'static Catalogue, &'static str) {
        (openline_core::words::operators("en"), "https://c.example")
    }

    #[test]
    fn files_that_were_not_fetched_are_a_note_and_no_second_message() {
        let answer = |files: Value| json!({ "SUCCESS": true, "session": { "ID": "3", "CHAT_ID": "4" }, "message": { "files": files } });
        let tries = Tries::default();
        let receipt = |files| judge(Some(&answer(files)), told(), &key(), &delivery("x", &["a", "b"]), &tries).unwrap();
        assert!(receipt(json!([1])).note.unwrap().text.contains("1 of them"));
        assert!(receipt(json!([])).note.is_some() && receipt(json!({ "0": 1, "3": 2 })).note.is_none());
    }

    #[test]
    fn a_message_of_unfetched_files_alone_is_tried_again_and_then_given_up_with_the_reason() {
        let refused = json!({ "SUCCESS": false, "ERRORS": ["Incomplete data"] });
        let tries = Tries::default();
        let judged = |text| judge(Some(&refused), told(), &key(), &delivery(text, &["a.png"]), &tries).unwrap_err();
        for _ in 0..ELEMENT_TRIES {
            assert!(matches!(judged(""), DeliveryError::Retry { .. }));
        }
        let DeliveryError::Refused { reason } = judged("") else { panic!("not given up") };
        assert!(
            reason.starts_with("the portal could not fetch the message's files from https://c.example"),
            "{reason}"
        );
        assert!(reason.ends_with("(Incomplete data)"));
        assert!(judged("x").to_string().starts_with("the portal refused the message"));
    }
}
