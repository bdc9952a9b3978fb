//! `parse_mode` HTML: the tags of the documentation, refused in the server's words.

use serde_json::{Value, json};

use super::formatted::Formatted;

/// An open tag.
struct Open {
    name: String,
    /// Link of `a`, language of `code`, "expandable" of `blockquote`, class of `span`.
    argument: String,
    offset: usize,
}

/// Reads the text up to an error, which begins with a capital as in the source.
pub(super) fn parse(html: &str) -> Result<Formatted, String> {
    let mut reader = Reader { html, at: 0, text: String::new(), units: 0, open: Vec::new(), entities: Vec::new() };
    while let Some(next) = reader.html[reader.at..].chars().next() {
        match next {
            '<' => reader.tag()?,
            '&' => reader.reference(),
            other => {
                reader.at += other.len_utf8();
                reader.put(other);
            }
        }
    }
    match reader.open.pop() {
        Some(open) => Err(format!("Can't find end tag corresponding to start tag \"{}\"", open.name)),
        None => Ok(Formatted { text: reader.text, entities: reader.entities }),
    }
}

struct Reader<'a> {
    html: &'a str,
    at: usize,
    text: String,
    units: usize,
    open: Vec<Open>,
    entities: Vec<Value>,
}

impl Reader<'_> {
    fn put(&mut self, letter: char) {
        self.units += letter.len_utf16();
        self.text.push(letter);
    }

    /// `&lt;` and the like; an unknown one stays as it is.
    fn reference(&mut self) {
        let rest = &self.html[self.at + 1..];
        let name = rest.split(';').next().unwrap_or_default();
        let letter = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            _ => name.strip_prefix('#').and_then(numeric),
        };
        if let Some(letter) = letter.filter(|_| rest[name.len()..].starts_with(';')) {
            self.put(letter);
            self.at += name.len() + 2;
        } else {
            self.put('&');
            self.at += 1;
        }
    }

    fn tag(&mut self) -> Result<(), String> {
        let begin = self.at;
        let rest = &self.html[begin + 1..];
        let closing = rest.starts_with('/');
        let what = if closing { "end" } else { "start" };
        let end = rest.find('>').ok_or_else(|| format!("Unclosed {what} tag at byte offset {begin}"))?;
        let inside = rest[..end].trim_start_matches('/').trim().to_owned();
        self.at = begin + end + 2;
        let (name, attributes) = inside.split_once(char::is_whitespace).unwrap_or((&inside, ""));
        let name = name.to_lowercase();
        if closing { self.close(&name, begin) } else { self.start(&name, attributes, begin) }
    }

    fn start(&mut self, name: &str, attributes: &str, begin: usize) -> Result<(), String> {
        let known = "a b strong i em s strike del u ins tg-spoiler tg-emoji span pre code blockquote";
        if !known.split(' ').any(|it| it == name) {
            return Err(format!("Unsupported start tag \"{name}\" at byte offset {begin}"));
        }
        let argument = match name {
            "a" => attribute(attributes, "href"),
            "code" => attribute(attributes, "class").strip_prefix("language-").unwrap_or_default().to_owned(),
            "span" => attribute(attributes, "class"),
            "blockquote" if attributes.contains("expandable") => "expandable".to_owned(),
            _ => String::new(),
        };
        if name == "span" && argument != "tg-spoiler" {
            return Err(format!("Tag \"span\" must have class \"tg-spoiler\" at byte offset {begin}"));
        }
        self.open.push(Open { name: name.to_owned(), argument, offset: self.units });
        Ok(())
    }

    fn close(&mut self, name: &str, begin: usize) -> Result<(), String> {
        let open = self.open.pop().ok_or_else(|| format!("Unexpected end tag at byte offset {begin}"))?;
        if open.name != name && !name.is_empty() {
            let expected = &open.name;
            return Err(format!(
                "Unmatched end tag at byte offset {begin}, expected \"</{expected}>\", found \"</{name}>\""
            ));
        }
        let kind = match open.name.as_str() {
            "b" | "strong" => "bold",
            "i" | "em" => "italic",
            "s" | "strike" | "del" => "strikethrough",
            "u" | "ins" => "underline",
            "tg-spoiler" | "span" => "spoiler",
            "code" => "code",
            "pre" => "pre",
            "blockquote" if open.argument == "expandable" => "expandable_blockquote",
            "blockquote" => "blockquote",
            "a" => {
                self.link(&open);
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.mark(&open, json!({ "offset": open.offset, "length": self.units - open.offset, "type": kind }));
        Ok(())
    }

    fn link(&mut self, open: &Open) {
        let long = self.units - open.offset;
        if open.argument.contains(':') {
            let entity = json!({ "offset": open.offset, "length": long, "type": "text_link", "url": open.argument });
            self.mark(open, entity);
        }
    }

    /// A `code` with a language right inside `pre` becomes the language of the `pre`.
    fn mark(&mut self, open: &Open, mut entity: Value) {
        if self.units == open.offset {
            return;
        }
        if open.name == "code" && !open.argument.is_empty() && self.open.last().is_some_and(|it| it.name == "pre") {
            if let Some(outer) = self.open.last_mut() {
                outer.argument.clone_from(&open.argument);
            }
            return;
        }
        if let (Some(object), "pre", false) = (entity.as_object_mut(), open.name.as_str(), open.argument.is_empty()) {
            object.insert("language".to_owned(), json!(open.argument));
        }
        self.entities.push(entity);
    }
}

fn numeric(digits: &str) -> Option<char> {
    let code = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(code)
}

/// The value of an attribute in quotes, references resolved.
fn attribute(attributes: &str, name: &str) -> String {
    let Some((_, rest)) = attributes.split_once(&format!("{name}=")) else { return String::new() };
    let quote = rest.chars().next().filter(|it| matches!(it, '"' | '\''));
    let value = match quote {
        Some(quote) => rest[1..].split(quote).next().unwrap_or_default(),
        None => rest.split_whitespace().next().unwrap_or_default(),
    };
    value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
