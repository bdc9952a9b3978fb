//! Expressions and texts of a description: compiled when it is loaded, evaluated on values that are never parsed again.

use super::filters;
use super::lint::{self, Known};
pub(crate) use super::scope::{Scope, value};
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value};
use std::sync::LazyLock;

/// Steps that one evaluation may take.
const FUEL: u64 = 20_000;
/// Longest expression, in bytes.
const LONGEST: usize = 2000;

/// One for all descriptions: it has the filters and functions, and nothing of a description.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    filters::add(&mut environment);
    environment
});

/// An expression: `message.text or message.caption`.
#[derive(Debug)]
pub(crate) struct Expr(Expression<'static, 'static>);

impl Expr {
    /// Compiles it and checks what it names.
    ///
    /// # Errors
    /// What is wrong, for who writes the description.
    pub(crate) fn compile(source: &str, known: &Known) -> Result<Self, String> {
        if source.len() > LONGEST {
            return Err(format!("the expression has more than {LONGEST} characters"));
        }
        lint::look(source)?;
        let compiled = ENVIRONMENT.compile_expression_owned(source.to_owned()).map_err(|error| said(&error, source))?;
        let all = compiled.undeclared_variables(true);
        known.check(all.iter().map(String::as_str))?;
        let expr = Self(compiled);
        expr.rehearse(source, known)?;
        Ok(expr)
    }

    /// Evaluates it on values of the right types; of names whose type nobody knows only the calls are judged.
    fn rehearse(&self, source: &str, known: &Known) -> Result<(), String> {
        let Err(error) = self.0.eval(known.samples().root()) else { return Ok(()) };
        let always = matches!(
            error.kind(),
            ErrorKind::UnknownFilter
                | ErrorKind::UnknownFunction
                | ErrorKind::UnknownTest
                | ErrorKind::UnknownMethod
                | ErrorKind::TooManyArguments
                | ErrorKind::MissingArgument
                | ErrorKind::OutOfFuel
        );
        let typed = self.0.undeclared_variables(false).iter().all(|name| known.is_typed(name));
        if always || typed { Err(said(&error, source)) } else { Ok(()) }
    }

    /// Its value.
    ///
    /// # Errors
    /// What could not be computed; never has a value in it.
    pub(crate) fn eval(&self, scope: &Scope) -> Result<Value, String> {
        self.0.eval(scope.root()).map_err(|error| error.kind().to_string())
    }

    /// Whether it holds: anything but nothing, `false`, 0 and what is empty.
    ///
    /// # Errors
    /// See [`Expr::eval`].
    pub(crate) fn holds(&self, scope: &Scope) -> Result<bool, String> {
        self.eval(scope).map(|value| value.is_true())
    }
}

fn said(error: &Error, source: &str) -> String {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{}{detail} (in: {source})", error.kind())
}

/// A text with expressions in it: `Bearer {{ settings.token }}`. One that is nothing but an expression keeps the type of
/// its value.
#[derive(Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Text(String),
    Expr(Expr),
}

impl Template {
    /// Compiles it.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) fn compile(source: &str, known: &Known) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some((text, behind)) = rest.split_once("{{") {
            let (inside, after) = lint::until_end(behind).ok_or("{{ without }}")?;
            if !text.is_empty() {
                pieces.push(Piece::Text(text.to_owned()));
            }
            pieces.push(Piece::Expr(Expr::compile(inside.trim(), known)?));
            rest = after;
        }
        if rest.contains("{%") || rest.contains("{#") {
            return Err("there are only {{ }}; write a condition as {{ x if y else z }}".to_owned());
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Its text where it is always the same one.
    pub(crate) fn fixed(&self) -> Option<String> {
        match self.0.as_slice() {
            [Piece::Text(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// Its value: of a single expression that expression's, otherwise a text.
    ///
    /// # Errors
    /// See [`Expr::eval`].
    pub(crate) fn value(&self, scope: &Scope) -> Result<Value, String> {
        match self.0.as_slice() {
            [Piece::Expr(expr)] => expr.eval(scope),
            _ => self.text(scope).map(Value::from),
        }
    }

    /// Its text; nothing is the empty one.
    ///
    /// # Errors
    /// See [`Expr::eval`].
    pub(crate) fn text(&self, scope: &Scope) -> Result<String, String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Expr(expr) => text.push_str(&filters::text(&expr.eval(scope)?)),
            }
        }
        Ok(text)
    }

    /// Its bytes; a value of bytes is taken as it is.
    ///
    /// # Errors
    /// See [`Expr::eval`].
    pub(crate) fn bytes(&self, scope: &Scope) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => bytes.extend_from_slice(piece.as_bytes()),
                Piece::Expr(expr) => {
                    let value = expr.eval(scope)?;
                    match value.as_bytes() {
                        Some(raw) => bytes.extend_from_slice(raw),
                        None => bytes.extend_from_slice(filters::text(&value).as_bytes()),
                    }
                }
            }
        }
        Ok(bytes)
    }
}

/// A tree of values as it stands in a description: a request's body.
#[derive(Debug)]
pub(crate) enum Tree {
    Template(Template),
    Fixed(serde_json::Value),
    List(Vec<Tree>),
    Table(Vec<(String, Tree)>),
}

impl Tree {
    /// Compiles it; `place`: its key, for what is wrong.
    ///
    /// # Errors
    /// The key, what is wrong, and how it is written.
    pub(crate) fn compile(source: &toml::Value, known: &Known, place: &str) -> Result<Self, (String, String, String)> {
        match source {
            toml::Value::String(text) => {
                let wrong = |problem| (place.to_owned(), problem, text.clone());
                Template::compile(text, known).map(Self::Template).map_err(wrong)
            }
            toml::Value::Array(list) => {
                let compiled = list.iter().map(|item| Self::compile(item, known, place));
                compiled.collect::<Result<_, _>>().map(Self::List)
            }
            toml::Value::Table(table) => {
                let compiled = table.iter().map(|(key, item)| {
                    Self::compile(item, known, &format!("{place}.{key}")).map(|tree| (key.clone(), tree))
                });
                compiled.collect::<Result<_, _>>().map(Self::Table)
            }
            other => {
                let fixed = serde_json::to_value(other)
                    .map_err(|error| (place.to_owned(), error.to_string(), String::new()))?;
                Ok(Self::Fixed(fixed))
            }
        }
    }

    /// As JSON. Of a table, keys whose value is nothing are left out; of a list, such items.
    ///
    /// # Errors
    /// See [`Expr::eval`].
    pub(crate) fn json(&self, scope: &Scope) -> Result<Option<serde_json::Value>, String> {
        Ok(match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Template(template) => {
                let value = template.value(scope)?;
                let nothing = value.is_undefined() || value.is_none();
                let json = || serde_json::to_value(&value).map_err(|_| "a value that JSON does not have".to_owned());
                if nothing { None } else { Some(json()?) }
            }
            Self::List(list) => {
                let items = list.iter().map(|item| item.json(scope)).collect::<Result<Vec<_>, _>>()?;
                Some(items.into_iter().flatten().collect())
            }
            Self::Table(table) => {
                let mut object = serde_json::Map::new();
                for (key, item) in table {
                    if let Some(value) = item.json(scope)? {
                        object.insert(key.clone(), value);
                    }
                }
                Some(serde_json::Value::Object(object))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope(body: &serde_json::Value) -> Scope {
        Scope::default().with("body", value(body))
    }

    fn known() -> Known {
        Known::default().and("body").typed("text", "x")
    }

    #[test]
    fn a_text_that_is_one_expression_keeps_its_type() {
        let body = json!({"token": 5_990_000_000_000_000_099_u64, "list": [1, 2], "text": "{{ body.token }}"});
        let render = |source: &str| {
            let tree = Tree::compile(&toml::Value::from(source), &known(), "x").unwrap();
            tree.json(&scope(&body)).unwrap()
        };
        assert_eq!(render("{{ body.token }}"), Some(json!(5_990_000_000_000_000_099_u64)), "exact");
        assert_eq!(render("t-{{ body.token }}"), Some(json!("t-5990000000000000099")));
        assert_eq!(render("{{ body.list }}"), Some(json!([1, 2])));
        assert_eq!(render("{{ body.no.such.thing }}"), None);
        assert_eq!(render("{{ body.text }}"), Some(json!("{{ body.token }}")), "values are never parsed again");
    }

    #[test]
    fn what_is_wrong_is_said_when_it_is_loaded() {
        let error = |source: &str| Template::compile(source, &known()).unwrap_err();
        assert!(error("{{ boddy.x }}").contains("boddy"));
        assert!(error("{{ body.x | uper }}").contains("uper"));
        assert!(error("{{ body.x").contains("without }}"));
        assert!(error("{% if body %}").contains("only {{ }}"));
        assert!(error("{{ body.a or body.b | upper }}").contains("parentheses"), "it would bind to body.b alone");
        assert!(error("{{ text + 1 }}").contains("text + 1"), "a text and a number");
        assert!(error("{{ body.x | replace('a') }}").contains("argument"));
        assert!(error("{{ nothing_such(1) }}").contains("nothing_such"));
        assert!(error("{{ body.x is odd }}").contains("odd"));
    }

    #[test]
    fn an_expression_has_fuel() {
        let long = vec!["body.a"; 200].join(" ~ ");
        let expr = Expr::compile(&long, &known()).unwrap();
        assert!(expr.eval(&scope(&json!({"a": "x"}))).is_ok());
        assert!(Expr::compile(&vec!["body.a"; 2000].join(" ~ "), &known()).is_err());
    }
}
