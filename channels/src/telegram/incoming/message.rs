//! From a Telegram message to what we hand over. Messages are raw JSON: what Telegram adds to them tomorrow must not
//! make one vanish, so everything that is not understood is said to be there.

use crate::common::input::called;
use crate::telegram::incoming::describe;
use crate::telegram::incoming::entities::rich;
use crate::telegram::incoming::media::{self, Media};
use crate::telegram::incoming::names::name;
use openline_core::message::Visitor;
use openline_core::text::{RichText, Span, Style};
use serde_json::Value;

/// Most characters of a replied-to message that are quoted.
const EXCERPT: usize = 200;

/// What a message says, its file not fetched yet.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::telegram) struct Draft {
    pub(in crate::telegram) spans: Vec<Span>,
    pub(in crate::telegram) media: Option<Media>,
}

/// What a message says; `None` when it is a mark that nobody wrote. `named`: with its writer's name, for groups.
pub(in crate::telegram) fn draft(message: &Value, named: bool) -> Option<Draft> {
    let (body, media) = body(message)?;
    let mut spans = Vec::new();
    if let Some(name) = writer(message).filter(|_| named) {
        spans.extend([styled(Style::Bold, name), Span::text(":\n")]);
    }
    if let Some(from) = forwarded(message) {
        spans.extend([styled(Style::Italic, format!("forwarded from {from}")), Span::text("\n")]);
    }
    spans.extend(reply(message));
    spans.extend(body.0);
    // A line break before a file only would be one for nothing.
    while matches!(spans.last(), Some(Span::Text { v }) if v == "\n") {
        spans.pop();
    }
    Some(Draft { spans, media })
}

fn body(message: &Value) -> Option<(RichText, Option<Media>)> {
    if let Some(text) = message["text"].as_str() {
        return Some((rich(text, &message["entities"]), None));
    }
    let caption = rich(message["caption"].as_str().unwrap_or_default(), &message["caption_entities"]);
    if let Some(media) = media::of(message) {
        let caption = if caption.is_empty() { RichText::plain(media.says.clone()) } else { caption };
        return Some((caption, Some(media)));
    }
    let mut described = describe::of(message)?;
    if !caption.is_empty() {
        described.0.push(Span::text("\n"));
        described.0.extend(caption.0);
    }
    Some((described, None))
}

fn styled(style: Style, text: impl Into<String>) -> Span {
    Span::Styled { style, c: vec![Span::text(text)] }
}

/// Who wrote in a group; anonymous admins write as a chat.
fn writer(message: &Value) -> Option<String> {
    name(&message["sender_chat"]).or_else(|| name(&message["from"]))
}

fn forwarded(message: &Value) -> Option<String> {
    let origin = &message["forward_origin"];
    let older = [&message["forward_from"], &message["forward_from_chat"]];
    let hidden = || message["forward_sender_name"].as_str().map(str::to_owned);
    let named = origin_of(origin).or_else(|| older.into_iter().find_map(name)).or_else(hidden);
    let is_forward = origin.is_object() || message["forward_date"].is_number();
    named.or_else(|| is_forward.then(|| "somebody".to_owned()))
}

/// Who wrote something first.
fn origin_of(origin: &Value) -> Option<String> {
    let known = [&origin["sender_user"], &origin["sender_chat"], &origin["chat"]];
    known.into_iter().find_map(name).or_else(|| origin["sender_user_name"].as_str().map(str::to_owned))
}

/// What the message answers to.
fn reply(message: &Value) -> Vec<Span> {
    let remark = |text| vec![styled(Style::Italic, text), Span::text("\n")];
    match quote(message) {
        Some(quote) => vec![quote],
        None => elsewhere(message).map(remark).unwrap_or_default(),
    }
}

/// An answer to what is not in this chat, of which Telegram does not tell the text.
fn elsewhere(message: &Value) -> Option<String> {
    let (story, far) = (&message["reply_to_story"], &message["external_reply"]);
    let of = |who: Option<String>| who.map(|who| format!(" of {who}")).unwrap_or_default();
    if story.is_object() {
        return Some(format!("in reply to a story{}", of(name(&story["chat"]))));
    }
    let what = if far["story"].is_object() { "story" } else { "message" };
    let media = media::of(far).map(|media| format!(" [{}]", media.label)).unwrap_or_default();
    let who = of(origin_of(&far["origin"]).or_else(|| name(&far["chat"])));
    far.is_object().then(|| format!("in reply to a {what}{who} from another chat{media}"))
}

fn quote(message: &Value) -> Option<Span> {
    let earlier = &message["reply_to_message"];
    let said = message["quote"]["text"].as_str().or_else(|| earlier["text"].as_str());
    let said = said.or_else(|| earlier["caption"].as_str()).map(str::trim).filter(|said| !said.is_empty());
    let quoted = match said {
        Some(said) => excerpt(said),
        None if earlier.is_object() => media::of(earlier).map_or_else(
            || describe::of(earlier).map(|text| excerpt(&text.to_plain())).filter(|text| !text.is_empty()),
            |media| Some(format!("[{}]", media.label)),
        )?,
        None => return None,
    };
    // What the bot said an operator wrote; which one Telegram does not know.
    let author = writer(earlier).filter(|_| earlier["from"]["is_bot"] != Value::Bool(true));
    let author = author.or_else(|| origin_of(&message["external_reply"]["origin"]));
    Some(Span::Quote { author, c: vec![Span::text(quoted)] })
}

fn excerpt(text: &str) -> String {
    let short: String = text.chars().take(EXCERPT).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// Whom the operators see: the person in a private chat, else the group.
pub(in crate::telegram) fn visitor(message: &Value) -> Visitor {
    let chat = &message["chat"];
    let text = |key: &str| called(chat[key].as_str().unwrap_or_default());
    let username = text("username");
    let safe = !username.is_empty() && username.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let private = chat["type"] == "private";
    Visitor {
        name: if private { text("first_name") } else { name(chat).unwrap_or_default() },
        last_name: if private { text("last_name") } else { String::new() },
        url: safe.then(|| format!("https://t.me/{username}")),
        ..Visitor::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(message: &Value) -> String {
        RichText(draft(message, false).unwrap().spans).to_plain()
    }

    #[test]
    fn a_reply_brings_what_it_answers() {
        let message = json!({"text": "yes", "reply_to_message": {"text": "a\nb", "from": {"first_name": "Ann"}}});
        assert_eq!(plain(&message), "> Ann:\n> a\n> b\nyes");
        let quote = json!({"text": "yes", "quote": {"text": "b"}, "reply_to_message": {"text": "a b", "from": {"is_bot": true, "first_name": "B"}}});
        assert_eq!(plain(&quote), "> b\nyes");
        let photo = json!({"text": "nice", "reply_to_message": {"photo": [{"file_id": "x"}]}});
        assert_eq!(plain(&photo), "> [photo]\nnice");
        let long = json!({"text": "x", "reply_to_message": {"text": "é".repeat(300)}});
        assert!(plain(&long).starts_with(&format!("> {}…\n", "é".repeat(200))));
    }

    #[test]
    fn a_reply_to_what_is_elsewhere_is_not_silent() {
        let story = json!({"text": "wow", "reply_to_story": {"chat": {"title": "Shop"}, "id": 3}});
        assert_eq!(plain(&story), "in reply to a story of Shop\nwow");
        let origin = json!({"type": "channel", "chat": {"title": "News"}});
        let photo = json!({"text": "this?", "external_reply": {"origin": origin, "photo": [{"file_id": "x"}]}});
        assert_eq!(plain(&photo), "in reply to a message of News from another chat [photo]\nthis?");
        let hidden =
            json!({"text": "x", "external_reply": {"origin": {"type": "hidden_user", "sender_user_name": "C"}}});
        assert_eq!(plain(&hidden), "in reply to a message of C from another chat\nx");
        let quoted = json!({"text": "x", "quote": {"text": "a"}, "external_reply": {"origin": origin}});
        assert_eq!(plain(&quoted), "> News:\n> a\nx");
    }

    #[test]
    fn a_forward_says_from_whom() {
        let user = json!({"text": "x", "forward_origin": {"type": "user", "sender_user": {"first_name": "Ann", "last_name": "B"}}});
        assert_eq!(plain(&user), "forwarded from Ann B\nx");
        let hidden = json!({"text": "x", "forward_origin": {"type": "hidden_user", "sender_user_name": "C"}});
        assert_eq!(plain(&hidden), "forwarded from C\nx");
        let channel = json!({"text": "x", "forward_origin": {"type": "channel", "chat": {"title": "News"}}});
        assert_eq!(plain(&channel), "forwarded from News\nx");
        assert_eq!(plain(&json!({"text": "x", "forward_origin": {"type": "new"}})), "forwarded from somebody\nx");
    }

    #[test]
    fn in_groups_the_writer_is_named() {
        let message = json!({"text": "x", "from": {"first_name": "Ann"}, "chat": {"type": "group", "title": "G"}});
        assert_eq!(RichText(draft(&message, true).unwrap().spans).to_plain(), "Ann:\nx");
        assert_eq!(visitor(&message).name, "G");
    }

    #[test]
    fn a_visitor_is_the_person_of_the_chat() {
        let message = json!({"chat": {"type": "private", "first_name": "Ann", "last_name": "B", "username": "ann_b"}});
        let visitor = visitor(&message);
        assert_eq!((visitor.name.as_str(), visitor.last_name.as_str()), ("Ann", "B"));
        assert_eq!(visitor.url.as_deref(), Some("https://t.me/ann_b"));
    }

    #[test]
    fn nothing_is_silent() {
        assert_eq!(plain(&json!({"message_id": 1, "hologram": {"x": 1}})), "[unsupported message: hologram]");
        assert_eq!(plain(&json!({"message_id": 1})), "[unsupported message]");
        assert_eq!(draft(&json!({"pinned_message": {}}), false), None);
        assert_eq!(plain(&json!({"caption": "look", "story": {}})), "[unsupported message: story]\nlook");
    }

    #[test]
    fn captions_keep_their_formatting() {
        let entities = json!([{"type": "bold", "offset": 0, "length": 1}]);
        let message = json!({"caption": "ab", "caption_entities": entities, "document": {"file_id": "x"}});
        let draft = draft(&message, false).unwrap();
        assert_eq!(draft.spans, [styled(Style::Bold, "a"), Span::text("b")]);
        assert_eq!(draft.media.unwrap().label, "document");
    }
}
