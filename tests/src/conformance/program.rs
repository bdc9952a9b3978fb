//! A stand-in that is a program of its own, in any language. It reads lines of JSON and answers each by one line; the
//! protocol is in `docs/new-channel.md`, an example in `tests/src/bin/stand_in.rs`.

use super::{Answer, Attachment, Misfortune, Seen, StandIn, Waiting, Wrong};
use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;

/// What was asked and is not answered yet, by its number; `None` when the program has ended.
type Asked = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Value>>>>>;

/// The way to a running program.
struct Lines {
    input: Mutex<ChildStdin>,
    asked: Asked,
    last: AtomicU64,
}

impl Lines {
    async fn ask(&self, what: &str, mut with: Value) -> Value {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (answers, answer) = oneshot::channel();
        self.asked.lock().as_mut().expect("the stand-in runs").insert(number, answers);
        with["n"] = number.into();
        with["do"] = what.into();
        writeln!(self.input.lock(), "{with}").expect("the stand-in reads");
        answer.await.unwrap_or_else(|_| panic!("the stand-in ended before it answered {what:?}"))
    }
}

/// A running stand-in; ends with this.
pub struct Program {
    child: Child,
    lines: Arc<Lines>,
    settings: String,
    description: Option<String>,
}

impl Program {
    /// Starts a program; `command` is what a shell would take.
    ///
    /// # Panics
    /// When it does not start, or does not say its settings.
    pub fn start(command: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {command}")]);
        Self::run(shell)
    }

    /// Starts the program of this name that cargo built beside the test.
    pub(super) fn beside(name: &str) -> Self {
        let test = std::env::current_exe().expect("this test's file");
        let folder = test.parent().and_then(Path::parent).expect("cargo's folder");
        Self::run(Command::new(folder.join(name)))
    }

    fn run(mut command: Command) -> Self {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut input = child.stdin.take().expect("a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        writeln!(input, "{}", json!({ "n": 0, "do": "begin" })).expect("the stand-in reads");
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let begun: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let text = |name: &str| begun[name].as_str().map(str::to_owned);
        let (settings, description) = (text("settings").expect("settings"), text("description"));
        let asked: Asked = Arc::new(Mutex::new(Some(HashMap::new())));
        listen(output, Arc::clone(&asked));
        let lines = Lines { input: Mutex::new(input), asked, last: AtomicU64::new(0) };
        Self { child, lines: Arc::new(lines), settings, description }
    }

    async fn answers(&self, what: &str, with: Value) -> Option<Answer> {
        let said = self.lines.ask(what, with).await;
        let why = said["why"].as_str().unwrap_or_default().to_owned();
        match said["answer"].as_str() {
            Some("taken") => Some(Answer::Taken),
            Some("refused") => Some(Answer::Refused(why)),
            Some("unclear") => Some(Answer::Unclear(why)),
            Some(other) => panic!("{what}: {other:?} is no answer; there is: taken, refused, unclear"),
            None => None,
        }
    }

    async fn certainly(&self, what: &str, with: Value) -> Answer {
        self.answers(what, with).await.unwrap_or_else(|| panic!("the stand-in has no answer to {what:?}"))
    }
}

/// Hands each answer to who asked. Other lines are the program's own talk.
fn listen(output: BufReader<ChildStdout>, asked: Asked) {
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            let answer: Value = serde_json::from_str(&line).unwrap_or_default();
            let number = answer["n"].as_u64();
            let waits = number.and_then(|number| asked.lock().as_mut()?.remove(&number));
            if let Some(waits) = waits {
                let _ = waits.send(answer);
            }
        }
        asked.lock().take();
    });
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bytes(file: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(file["bytes"].as_str().expect("bytes")).expect("base64")
}

#[async_trait]
impl StandIn for Program {
    fn settings(&self) -> String {
        self.settings.clone()
    }

    fn description(&self) -> Option<String> {
        self.description.clone()
    }

    async fn meets(&mut self, base: &str) {
        self.lines.ask("meets", json!({ "base": base })).await;
    }

    async fn says(&self, who: &str, key: &str, text: &str) -> Answer {
        self.certainly("says", json!({ "who": who, "key": key, "text": text })).await
    }

    async fn attaches(&self, who: &str, key: &str, file: &Attachment) -> Answer {
        let bytes = BASE64_STANDARD.encode(&file.bytes);
        self.certainly("attaches", json!({ "who": who, "key": key, "name": file.name, "bytes": bytes })).await
    }

    async fn edits(&self, who: &str, key: &str, text: &str) -> Answer {
        self.certainly("edits", json!({ "who": who, "key": key, "text": text })).await
    }

    async fn deletes(&self, who: &str, key: &str) -> Option<Answer> {
        self.answers("deletes", json!({ "who": who, "key": key })).await
    }

    async fn errs(&self, who: &str, wrong: Wrong) -> Option<Answer> {
        let wrong = match wrong {
            Wrong::Blank => "blank",
            Wrong::LongText => "long_text",
            Wrong::Flood => "flood",
            Wrong::NotUtf8 => "not_utf8",
            Wrong::Broken => "broken",
            Wrong::Nameless => "nameless",
            Wrong::Stranger => "stranger",
        };
        self.answers("errs", json!({ "who": who, "wrong": wrong })).await
    }

    async fn sees(&self, who: &str) -> Vec<Seen> {
        let said = self.lines.ask("sees", json!({ "who": who })).await;
        let file =
            |file: &Value| Attachment { name: file["name"].as_str().expect("a name").to_owned(), bytes: bytes(file) };
        let seen = |seen: &Value| Seen {
            text: seen["text"].as_str().expect("a text").to_owned(),
            files: seen["files"].as_array().into_iter().flatten().map(file).collect(),
        };
        said["seen"].as_array().expect("what is seen").iter().map(seen).collect()
    }

    async fn misfortune(&self, what: Misfortune) -> bool {
        let what = match what {
            Misfortune::Refuses => "refuses",
            Misfortune::LosesAnswer => "loses_answer",
            Misfortune::LocksOut => "locks_out",
            Misfortune::SlowsDown => "slows_down",
        };
        self.lines.ask("misfortune", json!({ "what": what })).await["can"] == true
    }

    async fn relents(&self) {
        self.lines.ask("relents", json!({})).await;
    }

    async fn calls(&self) -> Option<usize> {
        let calls = self.lines.ask("calls", json!({})).await["calls"].as_u64();
        calls.and_then(|calls| usize::try_from(calls).ok())
    }

    async fn waits(&self, who: &str) -> Option<Waiting> {
        let can = self.lines.ask("can_wait", json!({})).await["can"] == true;
        let (lines, who) = (Arc::clone(&self.lines), who.to_owned());
        can.then(|| -> Waiting {
            Box::pin(async move {
                lines.ask("waits", json!({ "who": who })).await;
            })
        })
    }
}
