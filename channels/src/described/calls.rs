//! Calls of a messenger's API: steps as a description has them, made into requests, and what is taken from answers.

use super::compile::{At, expr, expr_if, template, templates, tree};
use super::expr::{Expr, Scope, Template, Tree};
use super::file;
use super::filters;
use super::lint::Known;
use minijinja::Value;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

/// What all calls have.
#[derive(Debug)]
pub(crate) struct Http {
    pub(super) base: Template,
    pub(super) headers: Vec<(String, Template)>,
    pub(super) query: Vec<(String, Template)>,
    pub(super) form: Vec<(String, Template)>,
    pub(super) hosts: Vec<String>,
    pub(super) timeout: Duration,
}

impl Http {
    pub(super) fn compile(given: &file::Http, base: &Known) -> Result<Self, At> {
        Ok(Self {
            base: template("http.base", &given.base, base)?,
            headers: templates("http.headers", &given.headers, base)?,
            query: templates("http.query", &given.query, base)?,
            form: templates("http.form", &given.form, base)?,
            hosts: given.hosts.clone(),
            timeout: Duration::from_secs(given.seconds.unwrap_or(20).clamp(1, 50)),
        })
    }
}

/// One call.
#[derive(Debug)]
pub(crate) struct Step {
    method: &'static str,
    url: Template,
    when: Option<Expr>,
    headers: Vec<(String, Template)>,
    query: Vec<(String, Tree)>,
    body: Body,
    take: Vec<(String, Expr)>,
    /// The new message's id in the answer.
    pub(super) id: Option<Expr>,
    pub(super) again: Option<Again>,
}

/// When a call is made once more because the messenger is not ready.
#[derive(Debug)]
pub(crate) struct Again {
    when: Expr,
    pub(super) pause: Duration,
    pub(super) times: u32,
}

#[derive(Debug)]
enum Body {
    None,
    Json(Tree),
    Form(Vec<(String, Tree)>),
    Multipart(Vec<(String, Option<Tree>)>),
}

/// A request, ready to be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) url: url::Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Payload,
}

/// What a request carries.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Payload {
    None,
    Json(Json),
    Form(Vec<(String, String)>),
    /// `None`: the file.
    Multipart(Vec<(String, Option<String>)>),
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// The scope in which it is looked at.
    pub(super) fn seen(&self, scope: &Scope) -> Scope {
        let json = serde_json::from_str::<Json>(&self.body).map(|json| super::expr::value(&json)).unwrap_or_default();
        let mut scope = scope.clone();
        scope.set("status", self.status);
        scope.set("answer", json);
        scope.set("answer_text", self.body.clone());
        scope.set("answer_headers", Value::from_pairs(self.headers.clone()));
        scope
    }
}

/// What can be named of an answer.
fn known_of_answer(known: &Known) -> Known {
    known.clone().typed("status", 200).and("answer").typed("answer_text", "x").and("answer_headers")
}

impl Step {
    /// Compiles steps; also gives what can be named after them.
    pub(super) fn compile_all(key: &str, given: &[file::Step], known: &Known) -> Result<(Vec<Self>, Known), At> {
        let mut known = known.clone();
        let mut steps = Vec::new();
        for (n, given) in given.iter().enumerate() {
            steps.push(Self::compile(&format!("{key}[{n}]"), given, &known)?);
            for name in given.take.keys() {
                known = known.and(name);
            }
        }
        Ok((steps, known))
    }

    fn compile(key: &str, given: &file::Step, known: &Known) -> Result<Self, At> {
        let mut methods = [("GET", &given.get), ("POST", &given.post), ("PUT", &given.put), ("DELETE", &given.delete)]
            .into_iter()
            .filter_map(|(method, url)| url.as_ref().map(|url| (method, url)));
        let (Some((method, url)), None) = (methods.next(), methods.next()) else {
            return Err(At::key(key, "must have one of get, post, put, delete, with the address"));
        };
        let after = known_of_answer(known);
        let table = |name: &str, given: &BTreeMap<String, toml::Value>| {
            let compiled = given.iter().map(|(k, v)| Ok((k.clone(), tree(&format!("{key}.{name}.{k}"), v, known)?)));
            compiled.collect::<Result<Vec<_>, At>>()
        };
        let body = match (&given.json, given.form.is_empty(), given.multipart.0.is_empty()) {
            (None, true, true) => Body::None,
            (Some(json), true, true) => Body::Json(tree(&format!("{key}.json"), json, known)?),
            (None, false, true) => Body::Form(table("form", &given.form)?),
            (None, true, false) => {
                let part = |(name, value): &(String, toml::Value)| {
                    let is_file = value.as_str().is_some_and(|text| text.trim() == "{{ file }}");
                    let text = (!is_file).then(|| tree(&format!("{key}.multipart.{name}"), value, known));
                    Ok((name.clone(), text.transpose()?))
                };
                Body::Multipart(given.multipart.0.iter().map(part).collect::<Result<_, At>>()?)
            }
            _ => return Err(At::key(key, "must have at most one of json, form, multipart")),
        };
        let taken = |(name, source): (&String, &String)| {
            Ok((name.clone(), expr(&format!("{key}.take.{name}"), source, &after)?))
        };
        let again = given.again.as_ref().map(|again| {
            Ok(Again {
                when: expr(&format!("{key}.again.when"), &again.when, &after)?,
                pause: Duration::from_secs(again.pause.clamp(1, 10)),
                times: again.times.min(10),
            })
        });
        Ok(Self {
            method,
            url: template(key, url, known)?,
            when: expr_if(&format!("{key}.when"), given.when.as_ref(), known)?,
            headers: templates(&format!("{key}.headers"), &given.headers, known)?,
            query: table("query", &given.query)?,
            body,
            take: given.take.iter().map(taken).collect::<Result<_, At>>()?,
            id: expr_if(&format!("{key}.id"), given.id.as_ref(), &after)?,
            again: again.transpose()?,
        })
    }

    /// Whether the call is to be made at all.
    pub(super) fn applies(&self, scope: &Scope) -> Result<bool, String> {
        self.when.as_ref().map_or(Ok(true), |when| when.holds(scope))
    }

    /// The request. What all calls have goes to addresses below the base only.
    pub(super) fn request(&self, http: &Http, scope: &Scope) -> Result<Request, String> {
        let given = self.url.text(scope)?;
        let ours = given.starts_with('/');
        let whole = if ours { http.base.text(scope)? + &given } else { given };
        let mut url = url::Url::parse(&whole).map_err(|_| "a call's address is none".to_owned())?;
        let (mut headers, mut query, mut form) = (Vec::new(), Vec::new(), Vec::new());
        if ours {
            headers = rendered(&http.headers, scope)?;
            query = rendered(&http.query, scope)?;
            form = rendered(&http.form, scope)?;
        }
        headers.extend(rendered(&self.headers, scope)?);
        query.extend(fields(&self.query, scope)?.into_iter().filter(|(_, value)| !value.is_empty()));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let payload = match &self.body {
            Body::None if form.is_empty() || self.method == "GET" => Payload::None,
            Body::None => Payload::Form(form),
            Body::Json(tree) => Payload::Json(tree.json(scope)?.unwrap_or_default()),
            Body::Form(parts) => {
                form.extend(fields(parts, scope)?);
                Payload::Form(form)
            }
            Body::Multipart(parts) => {
                let mut all: Vec<_> = form.into_iter().map(|(name, value)| (name, Some(value))).collect();
                for (name, part) in parts {
                    match part {
                        None => all.push((name.clone(), None)),
                        Some(tree) => all.extend(tree.json(scope)?.map(|value| (name.clone(), Some(field(&value))))),
                    }
                }
                // Some servers want to know everything before the file comes.
                all.sort_by_key(|(_, text)| text.is_none());
                Payload::Multipart(all)
            }
        };
        Ok(Request { method: self.method, url, headers, payload })
    }

    /// Takes from an answer what later steps name.
    pub(super) fn take(&self, seen: &Scope, into: &mut Scope) -> Result<(), String> {
        for (name, expr) in &self.take {
            into.set(name, expr.eval(seen)?);
        }
        Ok(())
    }

    /// The names that it takes.
    pub(super) fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.take.iter().map(|(name, _)| name.clone())
    }

    /// Whether the messenger is not ready yet.
    pub(super) fn is_early(&self, seen: &Scope) -> bool {
        self.again.as_ref().is_some_and(|again| again.when.holds(seen).unwrap_or(false))
    }
}

fn rendered(templates: &[(String, Template)], scope: &Scope) -> Result<Vec<(String, String)>, String> {
    let render = |(name, template): &(String, Template)| template.text(scope).map(|value| (name.clone(), value));
    templates.iter().map(render).filter(|pair| !matches!(pair, Ok((_, value)) if value.is_empty())).collect()
}

/// Fields of a form or a query; those that have no value are left out.
fn fields(trees: &[(String, Tree)], scope: &Scope) -> Result<Vec<(String, String)>, String> {
    let field = |(name, tree): &(String, Tree)| Ok((name.clone(), tree.json(scope)?.map(|value| self::field(&value))));
    let all = trees.iter().map(field).collect::<Result<Vec<_>, String>>()?;
    Ok(all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

/// A field of a form: texts as they are, everything else as JSON.
fn field(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A token that is fetched before calls are made.
#[derive(Debug)]
pub(crate) struct Token {
    pub(super) steps: Vec<Step>,
    value: Expr,
    seconds: Option<Expr>,
    refresh: Option<Expr>,
}

/// What a token's call gave.
pub(super) struct Fetched {
    pub(super) token: String,
    pub(super) seconds: u64,
    /// What the next one is fetched with.
    pub(super) refresh: Option<String>,
}

impl Token {
    pub(super) fn compile(given: &file::Token, base: &Known) -> Result<Self, At> {
        let known = base.clone().typed("refresh", "r");
        let (steps, taken) = Step::compile_all("token.steps", &given.steps, &known)?;
        let seconds = expr_if("token.seconds", given.seconds.as_ref(), &taken)?;
        let refresh = expr_if("token.refresh", given.refresh.as_ref(), &taken)?;
        Ok(Self { steps, value: expr("token.value", &given.value, &taken)?, seconds, refresh })
    }

    /// The token in what the steps took.
    pub(super) fn read(&self, taken: &Scope) -> Result<Fetched, String> {
        let token = filters::text(&self.value.eval(taken)?);
        if token.is_empty() {
            return Err("the answer has no token".to_owned());
        }
        let seconds = self.seconds.as_ref().map(|seconds| seconds.eval(taken)).transpose()?;
        let seconds = seconds.and_then(|seconds| filters::text(&seconds).parse().ok()).unwrap_or(3600);
        let refresh = self.refresh.as_ref().map(|refresh| refresh.eval(taken)).transpose()?;
        let refresh = refresh.map(|refresh| filters::text(&refresh)).filter(|refresh| !refresh.is_empty());
        Ok(Fetched { token, seconds, refresh })
    }
}

pub(crate) use super::verdicts::Answers;
