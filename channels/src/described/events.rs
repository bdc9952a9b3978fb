//! What a body from the messenger says: events by nested loops and rules, of which the first that fits counts.

use super::calls::Step;
use super::compile::{At, expr_if, template, templates, with};
use super::expr::{Expr, Scope, Template};
use super::file::{self, Action, Fields, OneOrMore};
use super::filters;
use super::lint::Known;
use super::loops::{self, Loop, Outer};
use minijinja::Value;
use minijinja::value::ValueKind;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What may be said of a visitor.
const USER: &[&str] = &["name", "last_name", "email", "phone", "url", "picture"];

/// What may be told of a message afterwards.
const STATES: &[&str] = &["sent", "delivered", "read", "failed"];

/// Loops over a body, and the rules for what they find.
#[derive(Debug)]
pub(crate) struct Group {
    each: Vec<Loop>,
    with: Vec<(String, Expr)>,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    when: Option<Expr>,
    action: Action,
    chat: Option<Template>,
    key: Option<Template>,
    text: Vec<Template>,
    quote: Option<Template>,
    note: Option<Template>,
    files: Vec<Arc<FileIn>>,
    user: Vec<(String, Template)>,
    keep: Vec<(String, Template)>,
    state: Option<Template>,
    id: Option<Template>,
    tag: Option<Template>,
    why: Option<Template>,
}

/// Where a file of a visitor is.
#[derive(Debug)]
pub(crate) struct FileIn {
    each: Option<Loop>,
    when: Option<Expr>,
    pub(super) steps: Vec<Step>,
    url: Template,
    headers: Vec<(String, Template)>,
    name: Template,
    mime: Template,
    otherwise: Template,
}

/// A visitor's file that is still at the messenger.
#[derive(Debug, Clone)]
pub(crate) struct FileDraft {
    pub(super) file: Arc<FileIn>,
    pub(super) scope: Scope,
}

/// A file's address and what it is said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) name: String,
    pub(crate) mime: String,
}

/// Something that happened, as a rule says it.
#[derive(Debug, Clone)]
pub(crate) struct Happened {
    pub(crate) action: Action,
    pub(crate) chat: String,
    pub(crate) key: String,
    pub(crate) text: String,
    pub(crate) quote: String,
    pub(crate) note: String,
    pub(crate) files: Vec<FileDraft>,
    pub(crate) user: BTreeMap<String, String>,
    pub(crate) keep: BTreeMap<String, String>,
    pub(crate) state: String,
    pub(crate) id: String,
    pub(crate) tag: String,
    pub(crate) why: String,
}

/// What a body says, in order, and what no rule knows: by its shape, without a value.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) happened: Vec<Happened>,
    pub(crate) unknown: Vec<String>,
}

/// Reads a body; `scope` has what came.
pub(super) fn read(groups: &[Group], scope: &Scope) -> Read {
    let (mut read, mut outer) = (Read::default(), Outer::default());
    for (n, group) in groups.iter().enumerate() {
        for scope in loops::items(&group.each, scope, &mut outer) {
            match group.item(scope.clone()) {
                Ok(Some(happened)) => read.happened.push(happened),
                Ok(None) => read.unknown.push(format!("events[{n}]: {}", shape(group, &scope))),
                Err(problem) => read.unknown.push(format!("events[{n}]: {problem}: {}", shape(group, &scope))),
            }
        }
    }
    read.unknown.extend(outer.empty().map(|item| format!("no event in it: {}", keys(&item, true))));
    read
}

/// The names in an item, for whoever writes a rule for it.
fn shape(group: &Group, scope: &Scope) -> String {
    keys(&scope.get(group.innermost()), true)
}

fn keys(value: &Value, inside: bool) -> String {
    if value.kind() != ValueKind::Map {
        return value.kind().to_string();
    }
    let words = |value: &Value| matches!(value.as_str(), Some(word) if word.len() < 40 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
    let named = |key: Value| {
        let item = value.get_item(&key).unwrap_or_default();
        // Words like "message_new" say which event it is; nothing else of a value is told.
        let telling = ["type", "event", "update_type", "event_name", "field", "object"]
            .contains(&key.as_str().unwrap_or_default());
        match item.kind() {
            _ if telling && words(&item) => format!("{key}={item}"),
            ValueKind::Map if inside => format!("{key}({})", keys(&item, false)),
            _ => key.to_string(),
        }
    };
    value.try_iter().into_iter().flatten().take(20).map(named).collect::<Vec<_>>().join(" ")
}

impl Group {
    pub(super) fn compile(n: usize, given: &file::Group, request: &Known) -> Result<Self, At> {
        let (key, mut known) = (format!("events[{n}]"), request.clone());
        no_more(&key, &given.shared)?;
        let mut each = Vec::new();
        for source in &given.each {
            let one = Loop::compile(&format!("{key}.each"), source, &known)?;
            known = known.and(&one.name);
            each.push(one);
        }
        let with = with(&format!("{key}.with"), &given.with.0, &mut known)?;
        let shared = &given.shared;
        let rule = |(m, rule): (usize, &file::Rule)| Rule::compile(&format!("{key}.rules[{m}]"), rule, shared, &known);
        let rules = given.rules.iter().enumerate().map(rule).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { each, with, rules })
    }

    fn innermost(&self) -> &str {
        self.each.last().map_or("body", |one| &one.name)
    }

    /// What an item is, by the first rule that fits.
    fn item(&self, mut scope: Scope) -> Result<Option<Happened>, String> {
        for (name, expr) in &self.with {
            scope.set(name, expr.eval(&scope)?);
        }
        for rule in &self.rules {
            if rule.when.as_ref().map_or(Ok(true), |when| when.holds(&scope))? {
                return rule.happened(&scope).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether one of its rules takes files.
    #[cfg(test)]
    pub(super) fn takes_files(&self) -> bool {
        self.rules.iter().any(|rule| !rule.files.is_empty())
    }

    /// Whether one of its rules leaves values for calls.
    pub(super) fn keeps(&self) -> bool {
        self.rules.iter().any(|rule| !rule.keep.is_empty())
    }

    /// Whether one of its rules does this.
    pub(super) fn does(&self, action: Action) -> bool {
        self.rules.iter().any(|rule| rule.action == action)
    }
}

fn no_more(key: &str, fields: &Fields) -> Result<(), At> {
    match fields.unknown.keys().next() {
        None => Ok(()),
        Some(unknown) => Err(At {
            key: format!("{key}.{unknown}"),
            problem: "is not a key here; there is: when, action, chat, key, text, quote, note, files, user, keep, state, id, tag, \
                      why; in events also each, with, rules"
                .to_owned(),
            source: unknown.clone(),
        }),
    }
}

pub(super) fn only_users(given: &BTreeMap<String, String>, key: &str) -> Result<(), At> {
    match given.keys().find(|name| !USER.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(At::key(format!("{key}.{name}"), format!("is not known; there is: {}", USER.join(", ")))),
    }
}

impl Rule {
    fn compile(key: &str, given: &file::Rule, shared: &Fields, known: &Known) -> Result<Self, At> {
        no_more(key, &given.fields)?;
        let own = &given.fields;
        let action = given.action.unwrap_or(Action::Message);
        let one = |name: &str, own: &Option<String>, shared: &Option<String>| {
            let source = own.as_ref().or(shared.as_ref());
            source.map(|source| template(&format!("{key}.{name}"), source, known)).transpose()
        };
        let text = match own.text.as_ref().or(shared.text.as_ref()) {
            None => Vec::new(),
            Some(OneOrMore::One(text)) => vec![template(&format!("{key}.text"), text, known)?],
            Some(OneOrMore::More(lines)) => {
                lines.iter().map(|line| template(&format!("{key}.text"), line, known)).collect::<Result<_, _>>()?
            }
        };
        let files = if own.files.is_empty() { &shared.files } else { &own.files };
        let user = if own.user.is_empty() { &shared.user } else { &own.user };
        only_users(user, &format!("{key}.user"))?;
        let files =
            files.iter().enumerate().map(|(n, file)| FileIn::compile(&format!("{key}.files[{n}]"), file, known));
        let keep = if own.keep.is_empty() { &shared.keep } else { &own.keep };
        let rule = Self {
            when: expr_if(&format!("{key}.when"), given.when.as_ref(), known)?,
            action,
            chat: one("chat", &own.chat, &shared.chat)?,
            key: one("key", &own.key, &shared.key)?,
            text,
            quote: one("quote", &own.quote, &shared.quote)?,
            note: one("note", &own.note, &shared.note)?,
            files: files.map(|file| file.map(Arc::new)).collect::<Result<_, _>>()?,
            user: templates(&format!("{key}.user"), user, known)?,
            keep: templates(&format!("{key}.keep"), keep, known)?,
            state: one("state", &own.state, &shared.state)?,
            id: one("id", &own.id, &shared.id)?,
            tag: one("tag", &own.tag, &shared.tag)?,
            why: one("why", &own.why, &shared.why)?,
        };
        let needs: &[(&str, bool)] = match action {
            Action::Ignore => &[],
            Action::Receipt => &[("chat", rule.chat.is_some()), ("state", rule.state.is_some())],
            Action::Delete => &[("chat", rule.chat.is_some()), ("key", rule.key.is_some())],
            _ => &[("chat", rule.chat.is_some()), ("key", rule.key.is_some()), ("text", !rule.text.is_empty())],
        };
        if let Some(state) =
            rule.state.as_ref().and_then(Template::fixed).filter(|state| !STATES.contains(&state.as_str()))
        {
            let problem = format!("{state:?} is none; there is: {}", STATES.join(", "));
            return Err(At::key(format!("{key}.state"), problem));
        }
        match needs.iter().find(|(_, there)| !there) {
            None => Ok(rule),
            Some((name, _)) => Err(At::key(format!("{key}.{name}"), "is missing for this action")),
        }
    }

    fn happened(&self, scope: &Scope) -> Result<Happened, String> {
        let one = |template: &Option<Template>| template.as_ref().map_or(Ok(String::new()), |t| t.text(scope));
        let table = |templates: &[(String, Template)]| {
            let rendered = templates.iter().map(|(name, template)| Ok((name.clone(), template.text(scope)?)));
            rendered
                .filter(|pair| !matches!(pair, Ok((_, value)) if value.trim().is_empty()))
                .collect::<Result<_, String>>()
        };
        if self.action == Action::Ignore {
            return Ok(Happened::ignored());
        }
        let (chat, key) = (one(&self.chat)?, one(&self.key)?);
        for (name, template, value) in [("chat", &self.chat, &chat), ("key", &self.key, &key)] {
            let needed = name == "chat" || self.action != Action::Receipt;
            if needed && template.is_some() && value.trim().is_empty() {
                return Err(format!("{name} is empty"));
            }
        }
        let mut lines = self.text.iter().map(|line| line.text(scope)).collect::<Result<Vec<_>, _>>()?;
        let mut files = Vec::new();
        if matches!(self.action, Action::Message | Action::Edit) {
            for file in &self.files {
                file.drafts(scope, &mut files, &mut lines)?;
            }
        }
        lines.retain(|line| !line.trim().is_empty());
        Ok(Happened {
            action: self.action,
            chat,
            key,
            text: lines.join("\n"),
            quote: one(&self.quote)?,
            note: one(&self.note)?,
            files,
            user: table(&self.user)?,
            keep: table(&self.keep)?,
            state: one(&self.state)?,
            id: one(&self.id)?,
            tag: one(&self.tag)?,
            why: one(&self.why)?,
        })
    }
}

impl Happened {
    fn ignored() -> Self {
        let (chat, key, text, quote, note) = Default::default();
        let (state, id, tag, why) = Default::default();
        let (user, keep) = Default::default();
        Self {
            action: Action::Ignore,
            chat,
            key,
            text,
            quote,
            note,
            files: Vec::new(),
            user,
            keep,
            state,
            id,
            tag,
            why,
        }
    }
}

impl FileIn {
    fn compile(key: &str, given: &file::FileIn, known: &Known) -> Result<Self, At> {
        let mut known = known.clone();
        let each =
            given.each.as_ref().map(|source| Loop::compile(&format!("{key}.each"), source, &known)).transpose()?;
        if let Some(one) = &each {
            known = known.and(&one.name);
        }
        let (steps, after) = Step::compile_all(&format!("{key}.steps"), &given.steps, &known)?;
        Ok(Self {
            when: expr_if(&format!("{key}.when"), given.when.as_ref(), &known)?,
            url: template(&format!("{key}.url"), &given.url, &after)?,
            headers: templates(&format!("{key}.headers"), &given.headers, &after)?,
            name: template(&format!("{key}.name"), &given.name, &after)?,
            mime: template(&format!("{key}.type"), &given.mime, &after)?,
            otherwise: template(&format!("{key}.otherwise"), &given.otherwise, &known)?,
            each,
            steps,
        })
    }

    /// The files of an item; what has no address is said in words.
    fn drafts(
        self: &Arc<Self>,
        scope: &Scope,
        files: &mut Vec<FileDraft>,
        lines: &mut Vec<String>,
    ) -> Result<(), String> {
        let scopes = match &self.each {
            None => vec![scope.clone()],
            Some(one) => one.found(scope)?.take(50).map(|item| scope.with(&one.name, item)).collect(),
        };
        for scope in scopes {
            let wanted = self.when.as_ref().map_or(Ok(true), |when| when.holds(&scope))?;
            if wanted && (!self.steps.is_empty() || !self.url.text(&scope)?.is_empty()) {
                files.push(FileDraft { file: Arc::clone(self), scope });
            } else {
                lines.push(self.otherwise.text(&scope)?);
            }
        }
        Ok(())
    }

    /// Where the file is, after its steps.
    pub(super) fn found(&self, scope: &Scope) -> Result<Found, String> {
        let headers = self.headers.iter().map(|(name, value)| Ok((name.clone(), value.text(scope)?)));
        let headers = headers.collect::<Result<Vec<_>, String>>()?;
        let (url, name, mime) = (self.url.text(scope)?, self.name.text(scope)?, self.mime.text(scope)?);
        if url.is_empty() {
            return Err("the messenger names no address".to_owned());
        }
        let last = || {
            let path = url::Url::parse(&url).map(|url| url.path().to_owned()).unwrap_or_default();
            let last = path.rsplit('/').next().unwrap_or_default();
            percent_encoding::percent_decode_str(last).decode_utf8_lossy().into_owned()
        };
        let name = if name.is_empty() { last() } else { name };
        Ok(Found { headers, name, mime: filters::text(&Value::from(mime)), url })
    }
}
