//! What an open line's own settings say to visitors (`imopenlines.config.get`, `bitrix24.md` §5.1), kept for some minutes.
//!
//! Visitors' pages ask for it, so nobody ever waits long: what is known, also from before the last start, is answered
//! while it is asked anew.

use crate::bbcode;
use crate::wire::values::{text, truthy};
use openline_core::line::{Hours, LineInfo};
use openline_core::{DeliveryError, Store, StoreError};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// How long an answer is good.
const FRESH: Duration = Duration::from_secs(600);
/// How long after a failure the portal is not asked again.
const REST: Duration = Duration::from_secs(30);
/// How long somebody waits for the first answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Under this and a line's number its settings are remembered.
pub(crate) const PREFIX: &str = "bitrix/info/";

/// The days of `WORKTIME_DAYOFF`, Monday first.
const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const DAY: u16 = 24 * 60;

/// Forgets what is remembered of lines: the application is gone from the portal.
pub(crate) async fn clear(store: &Arc<dyn Store>) -> Result<(), StoreError> {
    for (key, _) in store.state_list(PREFIX).await? {
        store.state_delete(&key).await?;
    }
    Ok(())
}

/// What is known of lines, by their numbers.
#[derive(Default)]
pub(crate) struct LineInfos(Mutex<HashMap<String, Entry>>);

struct Entry {
    answer: watch::Sender<Answer>,
    /// When to ask again.
    due: Instant,
    /// It is being asked.
    asking: bool,
}

#[derive(Clone, Default)]
struct Answer {
    /// The newest settings that came.
    info: Option<LineInfo>,
    /// Why the last question was not answered.
    problem: Option<String>,
}

impl LineInfos {
    /// With what was known before this start; all of it is asked anew.
    pub(crate) async fn load(store: &Arc<dyn Store>) -> Result<Self, StoreError> {
        let mut entries = HashMap::new();
        for (key, value) in store.state_list(PREFIX).await? {
            if let (Some(line), Ok(info)) = (key.strip_prefix(PREFIX), serde_json::from_slice(&value)) {
                let answer = watch::Sender::new(Answer { info: Some(info), problem: None });
                entries.insert(line.to_owned(), Entry { answer, due: Instant::now(), asking: false });
            }
        }
        Ok(Self(Mutex::new(entries)))
    }

    /// What is known of a line, asked for by `ask` when it is due: once, whoever else wants it at the same time.
    pub(crate) async fn get<A>(self: &Arc<Self>, line: &str, ask: impl FnOnce() -> A) -> Result<LineInfo, DeliveryError>
    where
        A: Future<Output = Result<LineInfo, String>> + Send + 'static,
    {
        let mut answer = self.look(line, ask);
        let _ = timeout(PATIENCE, answer.wait_for(|known| known.info.is_some() || known.problem.is_some())).await;
        let Answer { info, problem } = answer.borrow().clone();
        info.ok_or_else(|| {
            DeliveryError::retry(problem.unwrap_or_else(|| "the portal has not answered yet".to_owned()))
        })
    }

    /// What is known of a line at the moment, of whatever age.
    pub(crate) fn known(&self, line: &str) -> Option<LineInfo> {
        self.0.lock().get(line)?.answer.borrow().info.clone()
    }

    /// Asks for a line when it is due, and waits for nothing.
    pub(crate) fn fetch<A>(self: &Arc<Self>, line: &str, ask: impl FnOnce() -> A)
    where
        A: Future<Output = Result<LineInfo, String>> + Send + 'static,
    {
        drop(self.look(line, ask));
    }

    fn look<A>(self: &Arc<Self>, line: &str, ask: impl FnOnce() -> A) -> watch::Receiver<Answer>
    where
        A: Future<Output = Result<LineInfo, String>> + Send + 'static,
    {
        let mut entries = self.0.lock();
        let fresh = || Entry { answer: watch::Sender::default(), due: Instant::now(), asking: false };
        let entry = entries.entry(line.to_owned()).or_insert_with(fresh);
        if !entry.asking && entry.due <= Instant::now() {
            entry.asking = true;
            let (infos, line, asked) = (Arc::clone(self), line.to_owned(), ask());
            tokio::spawn(async move { infos.settle(&line, asked.await) });
        }
        entry.answer.subscribe()
    }

    /// Somebody has asked otherwise.
    pub(crate) fn tell(&self, line: &str, info: LineInfo) {
        let mut entries = self.0.lock();
        let fresh = || Entry { answer: watch::Sender::default(), due: Instant::now(), asking: false };
        let entry = entries.entry(line.to_owned()).or_insert_with(fresh);
        entry.due = Instant::now() + FRESH;
        entry.answer.send_replace(Answer { info: Some(info), problem: None });
    }

    fn settle(&self, line: &str, result: Result<LineInfo, String>) {
        let mut entries = self.0.lock();
        let Some(entry) = entries.get_mut(line) else { return };
        entry.asking = false;
        entry.due = Instant::now() + if result.is_ok() { FRESH } else { REST };
        entry.answer.send_modify(|known| match result {
            Ok(info) => *known = Answer { info: Some(info), problem: None },
            Err(problem) => {
                tracing::warn!(line, problem, "the line's settings can't be read");
                known.problem = Some(problem);
            }
        });
    }
}

/// The settings as the portal writes them, of whatever age and shape.
pub(crate) fn read(config: &Value) -> LineInfo {
    let field = |name: &str| config.get(name);
    let yes = |name: &str| truthy(field(name));
    let plain = |name: &str| Some(bbcode::parse(&text(field(name))?).to_plain()).filter(|text| !text.trim().is_empty());
    let tells = text(field("WORKTIME_DAYOFF_RULE")).is_none_or(|rule| rule == "text");
    // Only the agreement's number is told, not its words.
    let agrees = yes("AGREEMENT_MESSAGE") && text(field("AGREEMENT_ID")).as_deref() != Some("0");
    LineInfo {
        name: text(field("LINE_NAME")).unwrap_or_default(),
        welcome: plain("WELCOME_MESSAGE_TEXT").filter(|_| yes("WELCOME_MESSAGE")),
        hours: hours(config).filter(|_| yes("WORKTIME_ENABLE")),
        closed_text: plain("WORKTIME_DAYOFF_TEXT").filter(|_| tells),
        consent: agrees.then(String::new),
        rating: yes("VOTE_MESSAGE"),
    }
}

fn hours(config: &Value) -> Option<Hours> {
    let day = |name: String| DAYS.iter().position(|day| name.eq_ignore_ascii_case(day));
    let days = list(config.get("WORKTIME_DAYOFF")).into_iter().filter_map(day);
    Some(Hours {
        zone: text(config.get("WORKTIME_TIMEZONE"))?,
        from: minutes(&text(config.get("WORKTIME_FROM"))?)? % DAY,
        to: minutes(&text(config.get("WORKTIME_TO"))?)?,
        days_off: days.filter_map(|day| u8::try_from(day + 1).ok()).collect(),
        holidays: list(config.get("WORKTIME_HOLIDAYS")).iter().filter_map(|day| holiday(day)).collect(),
    })
}

/// `9`, `9.30`, `09:30`. The last minute of the day stands for its end.
fn minutes(time: &str) -> Option<u16> {
    let (hours, minutes) = time.trim().split_once(['.', ':']).unwrap_or((time.trim(), "0"));
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.get(..2).unwrap_or(minutes).parse().ok()?);
    let all = hours.checked_mul(60)?.checked_add(minutes)?;
    match all {
        1439 => Some(DAY),
        _ => (all <= DAY && minutes < 60).then_some(all),
    }
}

/// `31.12`.
fn holiday(day: &str) -> Option<(u8, u8)> {
    let (day, month) = day.split_once('.')?;
    let (day, month) = (day.trim().parse().ok()?, month.trim_end_matches('.').trim().parse().ok()?);
    ((1..=31).contains(&day) && (1..=12).contains(&month)).then_some((day, month))
}

/// A list, also one that is written as a text with commas, or as an object.
fn list(value: Option<&Value>) -> Vec<String> {
    let entries = match value {
        Some(Value::Array(list)) => list.iter().filter_map(|one| text(Some(one))).collect(),
        Some(Value::Object(map)) => map.values().filter_map(|one| text(Some(one))).collect(),
        other => text(other).into_iter().collect::<Vec<_>>(),
    };
    let parts = entries.iter().flat_map(|entry| entry.split([',', ';'])).map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// As the portal's documentation shows it, shortened.
    fn documented() -> Value {
        json!({
            "LINE_NAME": "Support", "WELCOME_MESSAGE": "Y",
            "WELCOME_MESSAGE_TEXT": "Welcome to [b]«Support»[/b][br]We answer soon.",
            "VOTE_MESSAGE": "Y", "AGREEMENT_MESSAGE": "N", "AGREEMENT_ID": "0",
            "WORKTIME_ENABLE": "Y", "WORKTIME_FROM": "9", "WORKTIME_TO": "18.30", "WORKTIME_TIMEZONE": "Europe/Berlin",
            "WORKTIME_HOLIDAYS": ["1.01", "31.12"], "WORKTIME_DAYOFF": ["SA", "SU"],
            "WORKTIME_DAYOFF_RULE": "text", "WORKTIME_DAYOFF_TEXT": "We are away.[br]Write to us.",
        })
    }

    fn with(changes: &Value) -> LineInfo {
        let mut config = documented();
        config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        read(&config)
    }

    #[test]
    fn documented_settings_are_read() {
        let info = read(&documented());
        assert_eq!(info.welcome.as_deref(), Some("Welcome to «Support»\nWe answer soon."));
        assert_eq!(info.closed_text.as_deref(), Some("We are away.\nWrite to us."));
        assert_eq!((info.name.as_str(), info.rating, info.consent), ("Support", true, None));
        let hours = info.hours.unwrap();
        assert_eq!((hours.zone.as_str(), hours.from, hours.to), ("Europe/Berlin", 540, 1110));
        assert_eq!((hours.days_off, hours.holidays), (vec![6, 7], vec![(1, 1), (31, 12)]));
    }

    /// All keys of the vendor's page on `imopenlines.config.get`.
    #[test]
    fn the_whole_documented_answer_is_read() {
        let info = read(&serde_json::from_str(include_str!("config.json")).unwrap());
        assert_eq!(info.welcome.as_deref(), Some("Welcome to «Tea shop»\nWe answer soon."));
        assert_eq!(info.closed_text.as_deref(), Some("We are away.\n\nWrite to us."));
        assert_eq!((info.name.as_str(), info.rating, info.consent), ("Tea shop", true, None));
        let hours = info.hours.unwrap();
        assert_eq!((hours.zone.as_str(), hours.from, hours.to), ("Europe/Berlin", 0, 1440));
        assert_eq!((hours.days_off.len(), hours.holidays.len()), (0, 0));
    }

    #[test]
    fn settings_come_in_many_shapes() {
        let shapes = json!({
            "WORKTIME_FROM": 0, "WORKTIME_TO": "23.59", "WORKTIME_DAYOFF": "sa,SU,", "WORKTIME_HOLIDAYS": "1.1, 08.03",
            "WORKTIME_ENABLE": 1, "AGREEMENT_MESSAGE": true, "AGREEMENT_ID": 3, "VOTE_MESSAGE": "N",
        });
        let info = with(&shapes);
        let hours = info.hours.unwrap();
        assert_eq!((hours.from, hours.to), (0, 1440));
        assert_eq!((hours.days_off, hours.holidays), (vec![6, 7], vec![(1, 1), (8, 3)]));
        assert_eq!((info.consent.as_deref(), info.rating), (Some(""), false));
        let empty = with(&json!({ "WORKTIME_DAYOFF": [""], "WORKTIME_HOLIDAYS": {}, "WORKTIME_TO": "09:30" }));
        let hours = empty.hours.unwrap();
        assert_eq!((hours.to, hours.days_off.len(), hours.holidays.len()), (570, 0, 0));
        assert_eq!(read(&json!({})), LineInfo::default());
        for bad in ["", "x", "25", "9.75", "-1", "9.-1"] {
            assert_eq!(with(&json!({ "WORKTIME_FROM": bad })).hours, None, "{bad}");
        }
        assert_eq!(with(&json!({ "WORKTIME_DAYOFF_RULE": "none" })).closed_text, None);
    }

    struct Portal {
        infos: Arc<LineInfos>,
        asked: Arc<AtomicU32>,
    }

    impl Portal {
        fn new() -> Self {
            Self { infos: Arc::default(), asked: Arc::default() }
        }

        /// Asks while the portal answers like this, after a while.
        async fn get(&self, answer: Result<&str, &str>, takes: Duration) -> Result<String, DeliveryError> {
            let answer = answer.map(str::to_owned).map_err(str::to_owned);
            let asked = Arc::clone(&self.asked);
            let ask = move || async move {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(takes).await;
                answer.map(|name| LineInfo { name, ..LineInfo::default() })
            };
            self.infos.get("1", ask).await.map(|info| info.name)
        }

        fn asked(&self) -> u32 {
            self.asked.load(Ordering::SeqCst)
        }
    }

    const SOON: Duration = Duration::from_millis(100);
    const LATE: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn many_askers_are_one_question() {
        let portal = Portal::new();
        let (one, two) = tokio::join!(portal.get(Ok("a"), SOON), portal.get(Ok("b"), SOON));
        assert_eq!((one, two, portal.asked()), (Ok("a".into()), Ok("a".into()), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_answer_is_given_while_it_is_asked_anew() {
        let portal = Portal::new();
        assert_eq!(portal.get(Ok("old"), SOON).await, Ok("old".into()));
        tokio::time::advance(FRESH).await;
        let began = Instant::now();
        assert_eq!(portal.get(Ok("new"), LATE).await, Ok("old".into()));
        assert_eq!(began.elapsed(), Duration::ZERO, "nobody waits");
        tokio::time::sleep(LATE * 2).await;
        assert_eq!((portal.get(Ok("x"), SOON).await, portal.asked()), (Ok("new".into()), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_long_for_the_first_answer() {
        let (portal, began) = (Portal::new(), Instant::now());
        assert!(portal.get(Ok("a"), LATE).await.is_err());
        assert!(began.elapsed() <= PATIENCE * 2);
        tokio::time::sleep(LATE).await;
        assert_eq!((portal.get(Ok("b"), SOON).await, portal.asked()), (Ok("a".into()), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_remembered_shortly_and_takes_nothing_away() {
        let portal = Portal::new();
        for _ in 0..3 {
            assert!(
                matches!(portal.get(Err("no"), SOON).await, Err(DeliveryError::Retry { reason, .. }) if reason == "no")
            );
        }
        assert_eq!(portal.asked(), 1);
        tokio::time::advance(REST).await;
        let _ = portal.get(Ok("a"), SOON).await;
        tokio::time::advance(FRESH + REST).await;
        let _ = portal.get(Err("no"), SOON).await;
        tokio::time::sleep(LATE).await;
        assert_eq!(portal.get(Err("no"), SOON).await, Ok("a".into()));
    }
}
