//! What an operator's message becomes: texts of the right length and files, each sent by the first way that takes it.

use super::description::{Description, Way};
use super::expr::Scope;
use crate::common::marks::Marks;
use crate::common::media::media_type;
use crate::common::rich::Rendered;
use crate::common::split::{Unit, split};
use minijinja::Value;
use openline_core::message::File;
use std::collections::BTreeMap;

/// The unit of that name.
pub(super) fn unit(name: &str) -> Option<Unit> {
    match name {
        "characters" => Some(Unit::Characters),
        "utf16" => Some(Unit::Utf16),
        "bytes" => Some(Unit::Bytes),
        _ => None,
    }
}

/// One message at the messenger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// In the messenger's form.
    pub(crate) text: String,
    /// Without marks.
    pub(crate) plain: String,
    /// Which file.
    pub(crate) file: Option<usize>,
    /// Which of the ways.
    pub(crate) way: usize,
}

/// A file as ways see it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) file: File,
    pub(crate) url: Option<String>,
}

impl Seen {
    /// As a value of expressions.
    pub(super) fn value(&self) -> Value {
        let mime = media_type(&self.file, None);
        let ending = self.file.name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
        let kind = match mime.split('/').next().unwrap_or_default() {
            "audio" if mime == "audio/ogg" => "voice",
            kind @ ("image" | "video" | "audio") if mime != "image/svg+xml" => kind,
            _ => "document",
        }
        .to_owned();
        let mime = if mime.is_empty() { "application/octet-stream".to_owned() } else { mime };
        let mut parts: BTreeMap<&str, Value> = BTreeMap::new();
        parts.insert("name", Value::from(openline_core::files::file_name(&self.file.name)));
        parts.insert("mime", Value::from(mime));
        parts.insert("kind", Value::from(kind));
        parts.insert("ending", Value::from(ending));
        if let Some(size) = self.file.size {
            parts.insert("size", Value::from(size));
        }
        if let Some(url) = &self.url {
            parts.insert("url", Value::from(url.clone()));
        }
        Value::from_pairs(parts)
    }
}

/// How texts are written for a channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writing<'d> {
    pub(super) limit: usize,
    pub(super) unit: Unit,
    pub(super) marks: &'d Marks,
}

impl<'d> Writing<'d> {
    /// As the settings in the scope have it.
    pub(super) fn of(description: &'d Description, scope: &Scope) -> Result<Self, String> {
        let text = &description.text;
        let limit = usize::try_from(text.limit.eval(scope)?).ok().filter(|limit| *limit >= 20);
        let unit = self::unit(&text.unit.text(scope)?).ok_or("text.unit is no unit")?;
        Ok(Self { limit: limit.ok_or("text.limit is no number of at least 20")?, unit, marks: &text.marks })
    }

    /// The text in pieces whose written form fits: marks make it longer.
    pub(super) fn pieces(&self, text: &Rendered) -> Vec<(String, String)> {
        let mut pieces = Vec::new();
        let mut rest = split(text, self.limit, self.limit, self.unit);
        rest.reverse();
        while let Some(piece) = rest.pop() {
            let written = self.marks.write(&piece);
            let (length, bare) = (self.unit.length(&written), self.unit.length(&piece.text));
            if length <= self.limit || bare < 2 {
                pieces.push((written, piece.text));
                continue;
            }
            let smaller = (bare * self.limit / length).min(bare - 1).max(1);
            let mut again = split(&piece, smaller, smaller, self.unit);
            again.reverse();
            rest.extend(again);
        }
        pieces
    }
}

/// The parts of a message. A text goes along with the first file where its way carries one that long; a file that no way
/// takes goes as a link.
pub(super) fn plan(
    description: &Description,
    writing: Writing<'_>,
    text: &Rendered,
    files: &[Seen],
    scope: &Scope,
) -> Result<Vec<Part>, String> {
    let way_of = |file: Option<&Seen>| -> Result<Option<usize>, String> {
        let scope = match file {
            Some(file) => scope.with("file", file.value()),
            None => scope.clone(),
        };
        for (n, way) in description.ways.iter().enumerate() {
            let fits = way.when.as_ref().map_or(Ok(true), |when| when.holds(&scope))?;
            if fits && is_small_enough(way, file) {
                return Ok(Some(n));
            }
        }
        Ok(None)
    };
    let text_way = way_of(None)?.ok_or("no way takes a text")?;
    let mut pieces = if text.is_blank() { Vec::new() } else { writing.pieces(text) };
    let mut parts = Vec::new();
    for (n, file) in files.iter().enumerate() {
        let way = way_of(Some(file))?;
        let caption = way.map_or(0, |way| description.ways[way].caption);
        let fits = |pieces: &[(String, String)]| pieces.len() == 1 && writing.unit.length(&pieces[0].0) <= caption;
        let along = if n == 0 && fits(&pieces) { pieces.pop() } else { None };
        let (text, plain) = along.unwrap_or_default();
        match (way, &file.url) {
            (Some(way), _) => parts.push(Part { text, plain, file: Some(n), way }),
            (None, Some(url)) => {
                let line = format!("{}: {url}", file.file.name);
                parts.push(Part { text: writing.marks.escaped(&line), plain: line, file: None, way: text_way });
            }
            (None, None) => return Err(format!("this messenger does not take the file {}", file.file.name)),
        }
    }
    let texts = pieces.into_iter().map(|(text, plain)| Part { text, plain, file: None, way: text_way });
    Ok(texts.chain(parts).collect())
}

fn is_small_enough(way: &Way, file: Option<&Seen>) -> bool {
    let size = file.and_then(|file| file.file.size);
    way.most.is_none_or(|most| size.is_none_or(|size| size <= most))
}
