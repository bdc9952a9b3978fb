//! Tokens that are fetched, the setup, and asking instead of being called.

use super::*;
use crate::described::calls::{Answer, Request};
use crate::described::running;
use crate::described::transport::FileOut;
use crate::described::verdicts::Failed;
use async_trait::async_trait;
use openline_core::backend::FileStream;
use parking_lot::Mutex;
use serde_json::json;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = r#"
[token]
steps = [{ post = "/oauth", form = { grant_type = "client_credentials", refresh = "{{ refresh }}" }, take = { got = "answer" } }]
value = "got.access"
seconds = "got.seconds"
refresh = "got.refresh"
[[send]]
steps = [{ post = "/send", headers = { authorization = "Bearer {{ token }}" }, json = { text = "{{ text }}" }, id = "answer.id" }]
[once]
by = "key"
"#;

fn token(word: &str) -> Scripted {
    Scripted::of(200, &json!({ "access": word, "seconds": 3600, "refresh": format!("r-{word}") }).to_string())
}

fn bearers(stage: &Stage) -> Vec<String> {
    let sent = stage.script.asked().into_iter().filter(|request| request["url"] == "https://api.example/send");
    sent.map(|request| request["headers"]["authorization"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_when_it_is_refused() {
    let answers = [token("t1"), ok("1"), ok("2"), token("t2"), ok("3"), Scripted::of(401, "{}"), token("t3"), ok("4")];
    let stage = Stage::scripted(TOKEN, answers);
    stage.sends("a", "hi", false).await.unwrap();
    stage.sends("a", "hi", false).await.unwrap();
    stage.clock.advance(Duration::from_secs(3550));
    stage.sends("a", "hi", false).await.unwrap();
    stage.sends("a", "hi", false).await.expect("a new token is fetched and the call made again, once");
    assert_eq!(bearers(&stage), ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]);
    let asked = stage.script.asked();
    let refresh = |n: usize| asked[n]["form"]["refresh"].clone();
    assert_eq!(
        (refresh(0), refresh(3), refresh(6)),
        (json!(""), json!("r-t1"), json!("r-t2")),
        "what is fetched with is kept"
    );
}

#[tokio::test]
async fn a_token_that_stays_refused_pauses_the_channel() {
    let stage = Stage::scripted(TOKEN, [token("t1"), Scripted::of(401, "{}"), token("t2"), Scripted::of(401, "{}")]);
    assert!(matches!(stage.sends("a", "hi", false).await, Err(DeliveryError::Closed { .. })));
    // A server of tokens that is down has sent nothing.
    let stage = Stage::scripted(TOKEN, [Scripted::of(502, "")]);
    assert!(matches!(stage.sends("a", "hi", false).await, Err(DeliveryError::Retry { .. })));
}

#[tokio::test]
async fn a_token_that_is_said_to_be_dead_by_an_answer_is_fetched_anew() {
    let answers = "[answers]\ngood = \"status == 200 and not answer.error\"\ncode = \"answer.error\"\n\
                   rules = [{ codes = [-216], is = \"paused\" }]\n";
    let dead = Scripted::of(200, "{\"error\":-216}");
    let stage = Stage::scripted(&format!("{TOKEN}{answers}"), [token("t1"), dead, token("t2"), ok("m1")]);
    assert_eq!(stage.sends("a", "hi", false).await.unwrap(), ["m1"]);
    assert_eq!(bearers(&stage), ["Bearer t1", "Bearer t2"]);
}

/// Answers for tokens only when it is let.
struct Slow {
    open: Semaphore,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Arc<Slow> {
    async fn call(&self, request: &Request, _: Option<&FileOut>) -> Result<Answer, Failed> {
        let path = request.url.path().to_owned();
        self.asked.lock().push(path.clone());
        if path == "/oauth" {
            let _permit = self.open.acquire().await;
        }
        let body = json!({ "access": "t", "seconds": 3600, "id": "m" }).to_string();
        Ok(Answer { status: 200, body, ..Answer::default() })
    }

    async fn fetch(&self, _: &url::Url, _: &[(String, String)]) -> Result<(Answer, Option<FileStream>), Failed> {
        Err(DeliveryError::refused("nothing").into())
    }
}

#[tokio::test(start_paused = true)]
async fn one_fetches_a_token_for_all_who_wait() {
    let slow = Arc::new(Slow { open: Semaphore::new(0), asked: Mutex::default() });
    let stage = Arc::new(Stage::over(TOKEN, "", Box::new(Arc::clone(&slow))));
    let all: Vec<_> = (0..20)
        .map(|n| {
            let stage = Arc::clone(&stage);
            tokio::spawn(async move { stage.sends(&format!("c{n}"), "hi", false).await })
        })
        .collect();
    // The clock stands still until nobody can go on.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(slow.asked.lock().as_slice(), ["/oauth"], "nobody goes on without it");
    slow.open.add_permits(100);
    for one in all {
        one.await.unwrap().unwrap();
    }
    let asked = slow.asked.lock();
    assert_eq!(asked.iter().filter(|path| *path == "/oauth").count(), 1);
    assert_eq!(asked.len(), 21);
}

#[tokio::test(start_paused = true)]
async fn the_setup_is_repeated_until_it_stands_and_health_tells() {
    let more = format!(
        "{SEND}[once]\nby = \"key\"\n[setup]\nevery_minutes = 30\nsteps = [{{ get = \"/me\", take = {{ me = \"answer\" }} }}, \
         {{ post = \"/subscribe\", json = {{ url = \"{{{{ hook }}}}\" }} }}]\n"
    );
    let me = || Scripted::of(200, "{\"name\":\"bot\"}");
    let stage = Stage::scripted(&more, [Scripted::of(403, "{}"), me(), me(), me(), me()]);
    let stop = CancellationToken::new();
    let (intake, until) = (Arc::clone(&stage.intake), stop.clone());
    let running = tokio::spawn(async move { running::run(&intake, &until).await });
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    assert!(stage.intake.instance.health().unwrap_err().contains("403"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stage.intake.instance.health(), Ok(()));
    assert_eq!(stage.called(), ["/me", "/me", "/subscribe"]);
    assert_eq!(stage.script.asked()[2]["json"]["url"], HOOK);
    let setup = stage.intake.instance.scope().get("setup");
    assert_eq!(
        setup.get_attr("me").and_then(|me| me.get_attr("name")).unwrap().as_str(),
        Some("bot"),
        "for the address, say"
    );
    tokio::time::sleep(Duration::from_secs(30 * 60)).await;
    assert_eq!(stage.called().len(), 5, "it is looked at again");
    stop.cancel();
    running.await.unwrap();
}

const POLL: &str = r#"
[poll]
steps = [{ get = "/updates?limit=100", query = { marker = "{{ cursor }}" }, take = { all = "answer.all", marker = "answer.marker" } }]
events = "all"
cursor = "marker"
"#;

#[tokio::test]
async fn the_cursor_moves_when_everything_is_stored() {
    let more = format!("{POLL}{SEND}[once]\nby = \"key\"\n");
    let page = |marker: u64, texts: &[&str]| {
        let message = |text: &&str| json!({ "messages": [{ "chat": "a", "id": text, "text": text }] });
        let all: Vec<Json> = texts.iter().map(message).collect();
        Scripted::of(200, &json!({ "all": all, "marker": marker }).to_string())
    };
    let big = 9_007_199_254_740_993;
    let stage = Stage::scripted(&more, [page(big, &["one", "two"]), page(big, &["one", "two"]), page(7, &[])]);
    let poll = stage.intake.instance.description.poll.as_ref().unwrap();
    stage.memory.refuse(true);
    assert!(running::round(&stage.intake, poll).await.is_err());
    stage.memory.refuse(false);
    running::round(&stage.intake, poll).await.unwrap();
    assert_eq!(stage.texts("a"), ["one", "two"]);
    running::round(&stage.intake, poll).await.unwrap();
    let asked = ["/updates?limit=100", "/updates?limit=100", "/updates?limit=100&marker=9007199254740993"];
    assert_eq!(stage.called(), asked, "exact, and not before it was stored");
}
