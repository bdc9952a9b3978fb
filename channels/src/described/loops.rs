//! Nested loops over a body.

use super::compile::{At, expr};
use super::expr::{Expr, Scope};
use super::lint::Known;
use minijinja::Value;
use minijinja::value::ValueKind;
use std::collections::BTreeMap;

/// Items of one body, at most: whoever can sign can't keep us busy for ever.
const MOST: usize = 5000;

/// A loop, and how it is written.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) name: String,
    source: String,
    list: Expr,
}

impl Loop {
    /// Of "entry in body.entry".
    pub(super) fn compile(key: &str, source: &str, known: &Known) -> Result<Self, At> {
        let (name, list) =
            source.split_once(" in ").ok_or_else(|| At::key(key, "must be like \"entry in body.entry\""))?;
        let name = name.trim();
        if known.has(name) || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(At::key(key, format!("{name:?} is taken, or no name")));
        }
        Ok(Self { name: name.to_owned(), source: source.to_owned(), list: expr(key, list.trim(), known)? })
    }

    /// Its items; none when there is no list.
    pub(super) fn found(&self, scope: &Scope) -> Result<impl Iterator<Item = Value> + use<>, String> {
        let found = self.list.eval(scope)?;
        let list = matches!(found.kind(), ValueKind::Seq | ValueKind::Iterable);
        Ok(list.then(|| found.try_iter().ok()).flatten().into_iter().flatten())
    }
}

/// Items of outer loops, each by its place: what it is, and whether any group found something in it.
#[derive(Default)]
pub(super) struct Outer(BTreeMap<(String, Vec<usize>), (Value, bool)>);

impl Outer {
    fn note(&mut self, path: &str, place: &[usize], item: impl FnOnce() -> Value, found: bool) {
        let noted = self.0.entry((path.to_owned(), place.to_vec())).or_insert_with(|| (item(), false));
        noted.1 |= found;
    }

    /// Those in which nobody found anything.
    pub(super) fn empty(self) -> impl Iterator<Item = Value> {
        self.0.into_values().filter(|(_, found)| !found).map(|(item, _)| item)
    }
}

/// The items of nested loops, in order.
pub(super) fn items(each: &[Loop], scope: &Scope, outer: &mut Outer) -> Vec<Scope> {
    let (mut items, mut path, mut name) = (vec![(Vec::new(), scope.clone())], String::new(), "body");
    if each.is_empty() {
        outer.note("", &[], Value::default, true);
    }
    for one in each {
        let mut deeper = Vec::new();
        for (place, scope) in items {
            let before = deeper.len();
            let found = one.found(&scope).ok().into_iter().flatten();
            for (n, item) in found.take(MOST.saturating_sub(before)).enumerate() {
                deeper.push(([place.as_slice(), &[n]].concat(), scope.with(&one.name, item)));
            }
            outer.note(&path, &place, || scope.get(name), deeper.len() > before);
        }
        items = deeper;
        path.push_str(&one.source);
        path.push('\n');
        name = &one.name;
    }
    items.into_iter().map(|(_, scope)| scope).collect()
}
