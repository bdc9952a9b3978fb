//! What an answer means for the message, for its chat and for the channel.

use super::calls::Answer;
use super::compile::{At, expr, expr_if, template};
use super::expr::{Expr, Scope, Template};
use super::file::{self, Is};
use super::filters;
use super::lint::Known;
use crate::common::http::retry_after;
use openline_core::{DeliveryError, Timestamp};
use std::time::Duration;

/// When somebody has to mend something.
const PAUSE: Duration = Duration::from_secs(60);

/// The table of answers.
#[derive(Debug)]
pub(crate) struct Answers {
    good: Expr,
    code: Expr,
    why: Template,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    codes: Vec<Codes>,
    when: Option<Expr>,
    is: Is,
    after: Option<Expr>,
    tries: Option<u32>,
    chat: bool,
    why: Option<Template>,
}

#[derive(Debug, PartialEq)]
enum Codes {
    One(String),
    Range(i64, i64),
}

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) error: DeliveryError,
    /// The messenger may not have taken our token: where one is fetched, it is fetched anew and the call made once more.
    pub(crate) unauthorized: bool,
}

impl From<DeliveryError> for Failed {
    fn from(error: DeliveryError) -> Self {
        Self { error, unauthorized: false }
    }
}

impl Answers {
    pub(super) fn compile(given: &file::Answers, base: &Known) -> Result<Self, At> {
        let known = base.clone().typed("status", 200).and("answer").typed("answer_text", "x").and("answer_headers");
        let coded = known.clone().and("code");
        let good = given.good.clone().unwrap_or_else(|| "status >= 200 and status < 300".to_owned());
        let code = given.code.clone().unwrap_or_else(|| "status".to_owned());
        let why = given.why.clone().unwrap_or_default();
        let rules = given.rules.iter().enumerate().map(|(n, rule)| Rule::compile(n, rule, &coded));
        Ok(Self {
            good: expr("answers.good", &good, &known)?,
            code: expr("answers.code", &code, &known)?,
            why: template("answers.why", &why, &coded)?,
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    /// The verdict. `attempts`: how many failed before; `name`: whose answer it is, for people.
    pub(super) fn judge(&self, name: &str, answer: &Answer, seen: &Scope, attempts: u32) -> Result<(), Failed> {
        let understood = |problem: String| Failed::from(DeliveryError::unknown(format!("{name}'s answer: {problem}")));
        if self.good.holds(seen).map_err(understood)? {
            return Ok(());
        }
        let code = self.code.eval(seen).map_err(understood)?;
        let seen = &seen.with("code", code.clone());
        let code = filters::text(&code);
        let said = self.why.text(seen).map_err(understood)?;
        let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
        for rule in &self.rules {
            if rule.fits(&code, seen).map_err(understood)? {
                let verdict = rule.verdict(name, answer, &code, &said, seen, attempts);
                // Some say that a token is dead with status 200.
                let dead =
                    |error: &DeliveryError| answer.status == 401 || matches!(error, DeliveryError::Closed { .. });
                return verdict.map_err(|error| Failed { unauthorized: dead(&error), error });
            }
        }
        Err(by_status(name, answer, &code, &said, seen))
    }
}

fn reason(name: &str, code: &str, said: &str) -> String {
    let what = if said.is_empty() { String::new() } else { format!(": {said}") };
    format!("{name} answered {code}{what}")
}

/// What the status alone means, where no rule says more.
fn by_status(name: &str, answer: &Answer, code: &str, said: &str, seen: &Scope) -> Failed {
    let reason = reason(name, if code.is_empty() { "?" } else { code }, said);
    let error = match answer.status {
        401 | 403 | 407 => DeliveryError::Closed { reason, after: PAUSE },
        408 | 425 | 429 => DeliveryError::Retry { reason, after: asked(answer, seen) },
        400..=499 => DeliveryError::Refused { reason },
        _ => DeliveryError::Unknown { reason },
    };
    Failed { error, unauthorized: answer.status == 401 }
}

/// What the messenger asks for, by its header.
fn asked(answer: &Answer, seen: &Scope) -> Option<Duration> {
    let now = i64::try_from(seen.get("now")).unwrap_or_default();
    retry_after(answer.headers.get("retry-after")?, Timestamp(now * 1000))
}

impl Rule {
    fn compile(n: usize, given: &file::Verdict, known: &Known) -> Result<Self, At> {
        let key = format!("answers.rules[{n}]");
        let after = match &given.after {
            None => None,
            Some(toml::Value::Integer(seconds)) => Some(seconds.to_string()),
            Some(toml::Value::String(source)) => Some(source.clone()),
            Some(_) => return Err(At::key(format!("{key}.after"), "must be seconds, or an expression")),
        };
        let codes = given.codes.iter().map(|code| {
            Codes::read(code)
                .ok_or_else(|| At::key(format!("{key}.codes"), "must be numbers, words, or ranges like \"200-299\""))
        });
        Ok(Self {
            codes: codes.collect::<Result<_, _>>()?,
            when: expr_if(&format!("{key}.when"), given.when.as_ref(), known)?,
            is: given.is,
            after: after.map(|after| expr(&format!("{key}.after"), &after, known)).transpose()?,
            tries: given.tries,
            chat: given.chat,
            why: given.why.as_ref().map(|why| template(&format!("{key}.why"), why, known)).transpose()?,
        })
    }

    fn fits(&self, code: &str, seen: &Scope) -> Result<bool, String> {
        let coded = self.codes.is_empty() || self.codes.iter().any(|codes| codes.has(code));
        Ok(coded && self.when.as_ref().map_or(Ok(true), |when| when.holds(seen))?)
    }

    fn verdict(
        &self,
        name: &str,
        answer: &Answer,
        code: &str,
        said: &str,
        seen: &Scope,
        attempts: u32,
    ) -> Result<(), DeliveryError> {
        let own = self.why.as_ref().map(|why| why.text(seen).unwrap_or_default());
        let reason = own.unwrap_or_else(|| reason(name, code, said));
        let seconds = self.after.as_ref().and_then(|after| after.eval(seen).ok());
        let seconds = seconds.and_then(|seconds| filters::text(&seconds).parse::<f64>().ok()).filter(|s| *s >= 0.0);
        let after = seconds.map(|seconds| Duration::from_secs_f64(seconds.min(86_400.0)));
        let spent = self.tries.is_some_and(|tries| attempts + 1 >= tries);
        Err(match self.is {
            Is::Ok => return Ok(()),
            Is::Refused => DeliveryError::Refused { reason },
            Is::Retry | Is::Unknown if spent => DeliveryError::Refused { reason },
            Is::Retry => DeliveryError::Retry { reason, after: after.or_else(|| asked(answer, seen)) },
            Is::Unknown => DeliveryError::Unknown { reason },
            Is::Paused if self.chat => DeliveryError::Paused { reason, after: after.unwrap_or(PAUSE) },
            Is::Paused => DeliveryError::Closed { reason, after: after.unwrap_or(PAUSE) },
        })
    }
}

impl Codes {
    fn read(given: &toml::Value) -> Option<Self> {
        match given {
            toml::Value::Integer(code) => Some(Self::One(code.to_string())),
            toml::Value::String(text) => {
                let range = text.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
                Some(range.map_or_else(|| Self::One(text.clone()), |(from, to)| Self::Range(from, to)))
            }
            _ => None,
        }
    }

    fn has(&self, code: &str) -> bool {
        match self {
            Self::One(one) => one == code,
            Self::Range(from, to) => code.parse::<i64>().is_ok_and(|code| (*from..=*to).contains(&code)),
        }
    }
}
