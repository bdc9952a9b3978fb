//! Expressions and templates at a key of a description, and what is wrong there.

use super::expr::{Expr, Template, Tree};
use super::lint::Known;
use std::collections::BTreeMap;

/// What is wrong with a description, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The line, when it can be told.
    pub line: Option<usize>,
    /// The key, dotted.
    pub key: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if self.key.is_empty() { f.write_str(&self.problem) } else { write!(f, "{}: {}", self.key, self.problem) }
    }
}

/// What is wrong at a key; `source` helps to find its line.
pub(super) struct At {
    pub(super) key: String,
    pub(super) problem: String,
    pub(super) source: String,
}

impl At {
    pub(super) fn key(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into(), source: String::new() }
    }

    pub(super) fn found_in(self, text: &str) -> Wrong {
        let last = self.key.rsplit('.').next().unwrap_or_default();
        let last = last.split('[').next().unwrap_or_default();
        let has = |needle: &str| {
            let at = text.lines().position(|line| !line.trim_start().starts_with('#') && line.contains(needle));
            at.filter(|_| !needle.is_empty())
        };
        let line = self.source.lines().next().and_then(has).or_else(|| has(last));
        Wrong { line: line.map(|line| line + 1), key: self.key, problem: self.problem }
    }
}

pub(super) fn expr(key: &str, source: &str, known: &Known) -> Result<Expr, At> {
    let wrong = |problem| At { key: key.to_owned(), problem, source: source.to_owned() };
    Expr::compile(source, known).map_err(wrong)
}

pub(super) fn expr_if(key: &str, source: Option<&String>, known: &Known) -> Result<Option<Expr>, At> {
    source.map(|source| expr(key, source, known)).transpose()
}

pub(super) fn template(key: &str, source: &str, known: &Known) -> Result<Template, At> {
    let wrong = |problem| At { key: key.to_owned(), problem, source: source.to_owned() };
    Template::compile(source, known).map_err(wrong)
}

pub(super) fn templates(
    key: &str,
    source: &BTreeMap<String, String>,
    known: &Known,
) -> Result<Vec<(String, Template)>, At> {
    source.iter().map(|(name, text)| Ok((name.clone(), template(&format!("{key}.{name}"), text, known)?))).collect()
}

pub(super) fn tree(key: &str, source: &toml::Value, known: &Known) -> Result<Tree, At> {
    Tree::compile(source, known, key).map_err(|(key, problem, source)| At { key, problem, source })
}

/// Names that are made one after the other; each may use those before it.
pub(super) fn with(key: &str, source: &[(String, String)], known: &mut Known) -> Result<Vec<(String, Expr)>, At> {
    let mut compiled = Vec::new();
    for (name, text) in source {
        let key = format!("{key}.{name}");
        if known.has(name) {
            return Err(At::key(key, "this name is taken"));
        }
        compiled.push((name.clone(), expr(&key, text, known)?));
        *known = std::mem::take(known).and(name);
    }
    Ok(compiled)
}
