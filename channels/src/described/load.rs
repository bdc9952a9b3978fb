//! From a description as it is written to one that can be carried out: everything is compiled and checked here.

use super::calls::{Answers, Http, Step, Token};
use super::compile::{At, Wrong, expr, expr_if, template, templates, with};
use super::description::{Act, Description, Once, Poll, Profile, Setup, Text, Way, Webhook, Window};
use super::events::Group;
use super::file::{self, By, Otherwise};
use super::lint::Known;
use super::settings::{RESERVED, Setting};
use super::verify::{Check, Handshake};
use crate::common::marks::{Marks, Pair};
use minijinja::Value;

/// Reads and checks a description.
///
/// # Errors
/// What is wrong first.
pub(crate) fn load(text: &str) -> Result<Description, Wrong> {
    let file = read(text)?;
    compile(file).map_err(|wrong| wrong.found_in(text))
}

fn read(text: &str) -> Result<file::File, Wrong> {
    let line = |span: Option<std::ops::Range<usize>>| span.map(|span| text[..span.start].matches('\n').count() + 1);
    let parsed = toml::Deserializer::parse(text);
    let parsed = parsed.map_err(|error| Wrong {
        line: line(error.span()),
        key: String::new(),
        problem: error.message().to_owned(),
    })?;
    let read: Result<file::File, _> = serde_path_to_error::deserialize(parsed);
    read.map_err(|error| {
        let key = error.path().to_string();
        let key = if key == "." { String::new() } else { key };
        Wrong { line: line(error.inner().span()), key, problem: error.inner().message().to_owned() }
    })
}

/// What can be named wherever a call is made for a part of a message.
pub(super) fn known_to_calls(base: &Known) -> Known {
    let text = |sample: &str| Value::from(sample);
    base.clone()
        .and("kept")
        .typed("chat", "c")
        .typed("text", "x")
        .typed("plain", "x")
        .typed("late", false)
        .with_parts(
            "message",
            &[("tag", text("t")), ("uuid", text("u")), ("number", Value::from(1)), ("author", text("a"))],
        )
        .with_parts(
            "file",
            &[
                ("name", text("a.pdf")),
                ("mime", text("application/pdf")),
                ("kind", text("document")),
                ("ending", text("pdf")),
                ("size", Value::from(1)),
                ("url", text("https://x.example/a.pdf")),
            ],
        )
}

fn compile(file: file::File) -> Result<Description, At> {
    if file.version != file::VERSION {
        let problem = format!("is {}, this program speaks version {}", file.version, file::VERSION);
        return Err(At::key("version", problem));
    }
    let settings = settings(file.settings.0)?;
    let parts: Vec<_> = settings.iter().map(|(name, setting)| (name.as_str(), setting.sample())).collect();
    let mut base =
        Known::default().with_parts("settings", &parts).typed("hook", "https://x.example/hook").typed("now", 1);
    base = base.and("setup");
    let token = file.token.map(|token| Token::compile(&token, &base)).transpose()?;
    if token.is_some() {
        base = base.typed("token", "t");
    }
    let calls = known_to_calls(&base);
    let acting = calls.clone().typed("id", "1");
    let ways = file.send.iter().enumerate().map(|(n, way)| self::way(n, way, &calls)).collect::<Result<Vec<_>, _>>()?;
    if !ways.iter().any(|way| way.when.is_none() || way.caption == 0) {
        return Err(At::key("send", "no way takes a text: write one with when = \"not file\""));
    }
    let act = |key: &str, act: Option<file::Act>| act.map(|act| self::act(key, &act, &acting)).transpose();
    let request = request(&base);
    Ok(Description {
        page: template("page", &file.page, &base)?,
        http: Http::compile(&file.http, &base)?,
        text: self::text(&file.text, &base)?,
        webhook: file.webhook.map(|webhook| self::webhook(webhook, &request, &base)).transpose()?,
        poll: file.poll.map(|poll| self::poll(&poll, &base)).transpose()?,
        events: file
            .events
            .into_iter()
            .enumerate()
            .map(|(n, group)| Group::compile(n, &group, &request))
            .collect::<Result<_, _>>()?,
        profile: file.profile.map(|profile| self::profile(&profile, &base.clone().typed("chat", "c"))).transpose()?,
        edit: act("edit", file.edit)?,
        delete: act("delete", file.delete)?,
        read: file.read.map(|act| self::act("read", &act, &acting.clone().typed("last", "1"))).transpose()?,
        answers: Answers::compile(&file.answers, &base)?,
        once: once(&file.once, &calls)?,
        window: file.window.map(|window| self::window(window, &base)).transpose()?,
        per_second: file.rate.per_second,
        chat_per_minute: file.rate.chat_per_minute,
        chat_burst: file.rate.chat_burst.unwrap_or(5),
        setup: file.setup.map(|setup| self::setup(&setup, &base)).transpose()?,
        name: file.name,
        summary: file.summary,
        settings,
        token,
        ways,
    })
}

fn settings(given: Vec<(String, file::Setting)>) -> Result<Vec<(String, Setting)>, At> {
    let checked = given.into_iter().map(|(name, given)| {
        let key = format!("settings.{name}");
        if RESERVED.contains(&name.as_str()) {
            return Err(At::key(key, "every messenger has this one; take another name"));
        }
        let setting = Setting::new(given).map_err(|problem| At::key(key, problem))?;
        Ok((name, setting))
    });
    checked.collect()
}

/// What can be named of a call from outside.
fn request(base: &Known) -> Known {
    let typed = base.clone().typed("raw", "x").typed("method", "POST").typed("url", "https://x.example/hook");
    typed.and("body").and("headers").and("query")
}

fn text(given: &file::Text, base: &Known) -> Result<Text, At> {
    let limit = match &given.limit {
        None => "4000".to_owned(),
        Some(file::Limit::Fixed(limit)) => limit.to_string(),
        Some(file::Limit::Of(source)) => source.clone(),
    };
    let unit = given.unit.clone().unwrap_or_else(|| "characters".to_owned());
    if !unit.contains("{{") && super::parts::unit(&unit).is_none() {
        return Err(At::key("text.unit", "must be characters, utf16 or bytes"));
    }
    let mut marks = Marks::default();
    for (from, to) in &given.escape {
        let mut chars = from.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => marks.escape.push((c, to.clone())),
            _ => return Err(At::key("text.escape", format!("{from:?} must be one character"))),
        }
    }
    for (name, given) in &given.marks {
        let key = format!("text.marks.{name}");
        let pair = match given {
            file::OneOrMore::One(both) => Pair::Tight(both.clone()),
            file::OneOrMore::More(two) => match two.as_slice() {
                [open, close] => Pair::Around(open.clone(), close.clone()),
                _ => return Err(At::key(key, "must be one sign, or what opens and what closes")),
            },
        };
        let around = |pair: Pair| match pair {
            Pair::Around(open, close) => Ok(Some((open, close))),
            Pair::Tight(_) => Err(At::key(key.clone(), "must be what opens and what closes")),
        };
        match name.as_str() {
            "bold" => marks.bold = Some(pair),
            "italic" => marks.italic = Some(pair),
            "underline" => marks.underline = Some(pair),
            "strike" => marks.strike = Some(pair),
            "code" => marks.code = Some(pair),
            "link" => marks.link = around(pair)?,
            "quote" => marks.quote = around(pair)?,
            _ => return Err(At::key(key, "is no mark; there is: bold, italic, underline, strike, code, link, quote")),
        }
    }
    Ok(Text { limit: expr("text.limit", &limit, base)?, unit: template("text.unit", &unit, base)?, marks })
}

fn webhook(given: file::Webhook, request: &Known, base: &Known) -> Result<Webhook, At> {
    let checks = given.verify.into_iter().enumerate().map(|(n, check)| Check::compile(n, check, request));
    let handshakes = given.handshake.into_iter().enumerate().map(|(n, shake)| Handshake::compile(n, shake, request));
    let verify: Vec<_> = checks.collect::<Result<_, _>>()?;
    if verify.is_empty() {
        return Err(At::key("webhook.verify", "is missing: whoever knows the address could write as anybody"));
    }
    Ok(Webhook {
        answer: template("webhook.answer", &given.answer, base)?,
        answer_type: given.answer_type.unwrap_or_else(|| "text/plain".to_owned()),
        verify,
        handshakes: handshakes.collect::<Result<_, _>>()?,
    })
}

fn poll(given: &file::Poll, base: &Known) -> Result<Poll, At> {
    let known = base.clone().and("cursor");
    let (steps, taken) = Step::compile_all("poll.steps", &given.steps, &known)?;
    Ok(Poll {
        when: expr_if("poll.when", given.when.as_ref(), base)?,
        steps,
        events: expr_if("poll.events", given.events.as_ref(), &taken)?,
        cursor: expr_if("poll.cursor", given.cursor.as_ref(), &taken)?,
        pause: given.pause.unwrap_or(1),
    })
}

fn profile(given: &file::Profile, known: &Known) -> Result<Profile, At> {
    let (steps, taken) = Step::compile_all("profile.steps", &given.steps, known)?;
    super::events::only_users(&given.user, "profile.user")?;
    Ok(Profile { steps, user: templates("profile.user", &given.user, &taken)? })
}

fn way(n: usize, given: &file::Way, known: &Known) -> Result<Way, At> {
    let (key, mut known) = (format!("send[{n}]"), known.clone());
    let when = expr_if(&format!("{key}.when"), given.when.as_ref(), &known)?;
    let with = self::with(&format!("{key}.with"), &given.with.0, &mut known)?;
    let (steps, _) = Step::compile_all(&format!("{key}.steps"), &given.steps, &known)?;
    if steps.iter().filter(|step| step.id.is_some()).count() != 1 || steps.last().is_none_or(|step| step.id.is_none()) {
        return Err(At::key(key, "the last step, and no other, must say the new message's id: id = \"answer.…\""));
    }
    Ok(Way { when, with, caption: given.caption, most: given.max_mb.map(|mb| mb * 1_000_000), steps })
}

fn act(key: &str, given: &file::Act, known: &Known) -> Result<Act, At> {
    let (steps, _) = Step::compile_all(&format!("{key}.steps"), &given.steps, known)?;
    Ok(Act { when: expr_if(&format!("{key}.when"), given.when.as_ref(), known)?, steps })
}

fn once(given: &file::Once, calls: &Known) -> Result<Once, At> {
    let (steps, taken) = Step::compile_all("once.steps", &given.steps, &calls.clone().and("since"))?;
    let found = expr_if("once.found", given.found.as_ref(), &taken)?;
    if (given.by == By::Lookup) != (found.is_some() && !steps.is_empty()) {
        return Err(At::key("once.by", "\"lookup\" has steps and found, the others don't"));
    }
    let otherwise = match given.otherwise {
        Some(otherwise) => otherwise,
        None if given.by == By::Key => Otherwise::Send,
        None => {
            let problem = "is missing: \"send\" (it may be there twice) or \"refuse\" (the operator is told) when nobody \
                           knows whether a message arrived";
            return Err(At::key("once.otherwise", problem));
        }
    };
    Ok(Once { by: given.by, steps, found, wait: given.wait, otherwise })
}

fn window(given: file::Window, base: &Known) -> Result<Window, At> {
    let late = expr_if("window.late", given.late.as_ref(), base)?;
    Ok(Window { hours: given.hours, late, late_hours: given.late_hours, refuse: given.refuse })
}

fn setup(given: &file::Setup, base: &Known) -> Result<Setup, At> {
    let (steps, _) = Step::compile_all("setup.steps", &given.steps, base)?;
    Ok(Setup { steps, every_minutes: given.every_minutes.unwrap_or(60).max(1) })
}
