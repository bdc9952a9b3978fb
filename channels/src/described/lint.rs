//! What an expression may name, and what looks otherwise than it binds.

use super::filters;
use super::scope::Scope;
use minijinja::Value;
use std::collections::BTreeMap;

/// What is there to be named at one place of a description.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Names, with their parts when those are known.
    names: BTreeMap<String, Option<Vec<String>>>,
    /// Names of known types, with a value of that type.
    samples: Scope,
    typed: Vec<String>,
}

impl Known {
    /// One more name whose parts are known to nobody.
    #[must_use]
    pub(crate) fn and(mut self, name: &str) -> Self {
        self.names.insert(name.to_owned(), None);
        self
    }

    /// One more name of a known type.
    #[must_use]
    pub(crate) fn typed(mut self, name: &str, sample: impl Into<Value>) -> Self {
        self.names.insert(name.to_owned(), None);
        self.samples.set(name, sample);
        self.typed.push(name.to_owned());
        self
    }

    /// One more name with just these parts, each with a value of its type.
    #[must_use]
    pub(crate) fn with_parts(mut self, name: &str, parts: &[(&str, Value)]) -> Self {
        self.names.insert(name.to_owned(), Some(parts.iter().map(|(part, _)| (*part).to_owned()).collect()));
        self.samples
            .set(name, Value::from_pairs(parts.iter().map(|(part, value)| ((*part).to_owned(), value.clone()))));
        self.typed.push(name.to_owned());
        self
    }

    pub(super) fn samples(&self) -> &Scope {
        &self.samples
    }

    pub(super) fn is_typed(&self, name: &str) -> bool {
        self.typed.iter().any(|typed| typed == name)
    }

    /// Whether a name is there already.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Checks paths like `settings.token`.
    pub(super) fn check<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Result<(), String> {
        for path in paths {
            let mut parts = path.split('.');
            let root = parts.next().unwrap_or_default();
            if filters::FUNCTIONS.contains(&root) {
                continue;
            }
            let there = || self.names.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let known =
                self.names.get(root).ok_or_else(|| format!("{root:?} is no name here; there is: {}", there()))?;
            let (Some(known), Some(part)) = (known, parts.next()) else { continue };
            if !known.iter().any(|name| name == part) {
                return Err(format!("{root} has no {part:?}; it has: {}", known.join(", ")));
            }
        }
        Ok(())
    }
}

/// What stands inside `{{ }}`, and what behind; a brace in a text or of a table is none.
pub(super) fn until_end(source: &str) -> Option<(&str, &str)> {
    let (mut quote, mut open) = (None, 0_u32);
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(with), byte) if byte == with => quote = None,
            (None, byte @ (b'\'' | b'"')) => quote = Some(byte),
            (None, b'{') => open += 1,
            (None, b'}') if open > 0 => open -= 1,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some((&source[..at], &source[at + 2..])),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Refuses filters that nobody knows, and those behind an operator: `a or b | upper` is `a or (b | upper)`.
pub(super) fn look(source: &str) -> Result<(), String> {
    let mut operators: Vec<Option<String>> = vec![None];
    let mut tokens = tokens(source).into_iter().peekable();
    let mut before = String::new();
    while let Some(token) = tokens.next() {
        let top = operators.last_mut().ok_or("a bracket is closed that was not opened")?;
        match token.as_str() {
            "(" | "[" | "{" => operators.push(None),
            ")" | "]" | "}" => {
                operators.pop();
            }
            "," | ":" | "if" => *top = None,
            "or" | "and" | "not" | "in" | "is" | "else" | "~" | "+" | "-" | "*" | "/" | "//" | "%" | "**" | "=="
            | "!=" | "<" | ">" | "<=" | ">=" => *top = Some(token.clone()),
            "|" => {
                let name = tokens.peek().cloned().unwrap_or_default();
                if let Some(operator) = top {
                    return Err(format!(
                        "the filter {name:?} binds to {before:?} alone, not to what stands before {operator:?}: write \
                         parentheses"
                    ));
                }
                if !filters::FILTERS.contains(&name.as_str()) {
                    return Err(format!("{name:?} is no filter; there is: {}", filters::FILTERS.join(", ")));
                }
            }
            _ => {}
        }
        before = token;
    }
    Ok(())
}

fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        let mut token = String::from(c);
        match c {
            '\'' | '"' => {
                let mut escaped = false;
                for inside in rest.by_ref() {
                    token.push(inside);
                    if inside == c && !escaped {
                        break;
                    }
                    escaped = inside == '\\' && !escaped;
                }
            }
            c if c.is_alphanumeric() || c == '_' => {
                while let Some(next) = rest.next_if(|next| next.is_alphanumeric() || *next == '_') {
                    token.push(next);
                }
            }
            c if c.is_whitespace() => continue,
            '=' | '!' | '<' | '>' | '*' | '/' => {
                let double = |next: &char| *next == '=' || *next == c && matches!(c, '*' | '/');
                token.extend(rest.next_if(double));
            }
            _ => {}
        }
        tokens.push(token);
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_behind_operators_need_parentheses() {
        for good in [
            "a | upper",
            "(a or b) | upper",
            "a or (b | upper)",
            "a | length == 0",
            "f(a, b | upper)",
            "x if a | length else y",
            "{'a': b | upper}",
            "'a or b | nothing'",
        ] {
            assert_eq!(look(good), Ok(()), "{good}");
        }
        for bad in ["a or b | upper", "a ~ 'x' | upper", "a == b | int", "x if c else y | upper", "not a | length"] {
            assert!(look(bad).is_err(), "{bad}");
        }
        assert!(look("a | tojson").unwrap_err().contains("is no filter"));
    }

    #[test]
    fn the_end_is_not_in_texts_or_tables() {
        assert_eq!(until_end(" {'a': {'b': 1}} }} rest"), Some((" {'a': {'b': 1}} ", " rest")));
        assert_eq!(until_end(" '}}' }}"), Some((" '}}' ", "")));
        assert_eq!(until_end(" a }"), None);
    }
}
