//! Forgetting: by the visitor, by the admin, and by age.

use openline::commands::privacy::{self, Whose};
use openline_core::clock::ManualClock;
use openline_core::contract::Nobody;
use openline_core::inbox::Doors;
use openline_core::message::{Content, Incoming};
use openline_core::{ChannelId, ChatId, Clock, Timestamp, VisitorInbox, forget};
use openline_sandbox::{Fault, View};
use openline_tests::{Visitor, World};
use reqwest::Client;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const SECRET: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Nothing of the visitor is left in the portal's chat.
fn is_empty(chat: i64) -> impl Fn(View<'_>) -> bool {
    move |portal| portal.texts(chat, "client").is_empty()
}

async fn forget_me(world: &World, visitor: &Visitor) -> Value {
    let asked = Client::new().post(world.url("/c/site/api/forget")).bearer_auth(&visitor.token).send().await.unwrap();
    assert_eq!(
        (asked.status().as_u16(), asked.headers().get("set-cookie")),
        (202, None),
        "a cookie is somebody else's"
    );
    asked.json().await.unwrap()
}

/// Writes the configuration where the commands look for it.
fn whose(world: &World, visitor: &str) -> Whose {
    let config = world.folder().join("openline.toml");
    std::fs::write(&config, world.config_text()).unwrap();
    Whose { visitor: visitor.to_owned(), config }
}

#[tokio::test]
async fn a_visitor_is_forgotten_here_and_in_the_portal() {
    let world = World::start().await;
    let (visitor, other) = (world.visitor().await, world.visitor().await);
    visitor.send("my secret").await;
    visitor.send("and more").await;
    other.send("keep me").await;
    let chat = world.portal_chat("and more").await;
    world.sandbox.operator_writes(chat, "noted").unwrap();
    visitor.until(|items| items.iter().any(|item| item["text"] == "noted")).await;
    assert_eq!(forget_me(&world, &visitor).await["forgotten"], true);
    world.sandbox.wait_until(is_empty(chat)).await.unwrap();
    // Both are called the same; the other's is left.
    let left = async || {
        let exported = privacy::export(whose(&world, "Ann Lee"), None).await.unwrap();
        let exported: Value = serde_json::from_str(&exported).unwrap();
        (exported["conversations"].as_array().unwrap().len() == 1).then_some(())
    };
    openline_tests::eventually("the conversation is gone", left).await;
    let again = visitor.try_send(&json!({ "key": "again", "text": "hello again" })).await.unwrap();
    assert_eq!(again.status(), 401, "their session is over");
    assert_eq!(other.texts("visitor").await, ["keep me"], "others are not touched");
}

/// A session of the customer "42".
async fn signs_in(world: &World) -> String {
    let token = openline_tests::identity_token(&world.url(""), "site", SECRET, json!({ "sub": "42" }));
    let body = json!({ "bearer": true, "identity": token });
    let made = Client::new().post(world.url("/c/site/api/session")).json(&body).send().await.unwrap();
    made.json::<Value>().await.unwrap()["session"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_wish_outlives_a_portal_that_is_away_and_a_restart() {
    let mut world = World::start().await;
    let visitor = world.visitor().await;
    visitor.send("my secret").await;
    let chat = world.portal_chat("my secret").await;
    let fault = Fault::error(503, "QUERY_LIMIT_EXCEEDED", "").on("imconnector.delete.messages").times(3);
    world.sandbox.faults().add(fault);
    forget_me(&world, &visitor).await;
    world.stop_service().await;
    world.start_service().await;
    world.sandbox.wait_until(is_empty(chat)).await.unwrap();
}

#[tokio::test]
async fn an_admin_exports_and_erases() {
    let world = World::start().await;
    let (visitor, twin) = (world.visitor().await, world.visitor().await);
    visitor.send("my secret").await;
    twin.send("another Ann Lee").await;
    let chat = world.portal_chat("my secret").await;
    world.portal_chat("another Ann Lee").await;
    let exported = privacy::export(whose(&world, "ann lee"), None).await.unwrap();
    assert!(exported.contains("my secret") && exported.contains("another Ann Lee"), "{exported}");
    let exported: Value = serde_json::from_str(&exported).unwrap();
    let own = exported["conversations"][0]["chat"].as_str().unwrap();

    let refused = privacy::erase(whose(&world, "Ann Lee"), false).await.unwrap_err();
    assert!(refused.starts_with("2 conversations of \"Ann Lee\"") && refused.contains("--yes"), "{refused}");
    let told = privacy::erase(whose(&world, own), false).await.unwrap();
    assert!(told.contains(&format!("in the portal: chat {chat}")), "{told}");
    assert!(told.contains("erased here") && told.contains("contacts, leads, deals"), "{told}");
    world.sandbox.wait_until(is_empty(chat)).await.unwrap();
    let unknown = privacy::export(whose(&world, own), None).await.unwrap_err();
    assert!(unknown.starts_with("there is no conversation of"), "{unknown}");
    assert!(privacy::export(whose(&world, "Ann Lee"), None).await.unwrap().contains("another Ann Lee"));
}

#[tokio::test]
async fn what_is_too_old_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = openline_store::open(&format!("sqlite:{}", folder.path().join("old.db").display()).parse().unwrap())
        .await
        .unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp(1_767_225_600_000)));
    let site = ChannelId::parse("site").unwrap();
    let doors = Doors::new(Arc::clone(&store), Arc::clone(&clock) as Arc<dyn Clock>, std::slice::from_ref(&site));
    let inbox = VisitorInbox::alone(doors.clone(), Arc::new(Nobody), site);
    let day = Duration::from_secs(24 * 3600);
    for name in ["old", "waiting", "new"] {
        let (chat, content) = (ChatId::parse(name).unwrap(), Content::plain(name));
        inbox.accept(Incoming { chat, key: "k".to_owned(), visitor: None, content, note: None }).await.unwrap();
        if name == "old" {
            let job =
                store.claim(&openline_core::store::Queue::Backend, 1, clock.now(), day).await.unwrap().jobs.remove(0);
            let outcome = openline_core::store::Outcome::Done {
                thread: openline_core::message::Thread::default(),
                delivered_as: Vec::new(),
                confirm: false,
            };
            let settled = openline_core::store::Settlement { job: job.id, outcome };
            store.settle(vec![settled], clock.now()).await.unwrap();
        }
        if name == "waiting" {
            clock.advance(day * 30);
        }
    }
    assert_eq!(forget::retain(&doors, day * 60).await.unwrap(), 0, "nothing is so old");
    assert_eq!(forget::retain(&doors, day * 20).await.unwrap(), 1);
    let known = async |name: &str| inbox.conversation(&ChatId::parse(name).unwrap()).await.unwrap().is_some();
    assert_eq!([known("old").await, known("waiting").await, known("new").await], [false, true, true]);
}

#[tokio::test]
async fn the_page_forgets_its_cookie() {
    let world = World::start().await;
    let opened = Client::new().post(world.url("/c/site/api/session")).json(&json!({})).send().await.unwrap();
    let cookie = opened.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let asked = Client::new().post(world.url("/c/site/api/forget")).header("cookie", cookie).json(&json!({}));
    let asked = asked.send().await.unwrap();
    let dropped = asked.headers()["set-cookie"].to_str().unwrap();
    assert!(dropped.starts_with("ol_site=; ") && dropped.contains("Max-Age=0"), "{dropped}");
}

/// A customer comes back into the same chat. Their new message must not go with the old ones.
#[tokio::test]
async fn what_is_written_while_the_rest_is_erased_is_asked_for_again_and_stays() {
    let channels = format!("{}settings.identity.secret = \"{SECRET}\"\n", openline_tests::CHANNELS);
    let mut world = World::with(openline_sandbox::SandboxConfig::default().without_limits(), &channels).await;
    let mut visitor = world.visitor().await;
    visitor.token = signs_in(&world).await;
    visitor.send("my secret").await;
    let chat = world.portal_chat("my secret").await;
    world.sandbox.faults().add(Fault::error(503, "QUERY_LIMIT_EXCEEDED", "").on("imconnector.delete.messages"));
    forget_me(&world, &visitor).await;
    visitor.token = signs_in(&world).await;
    let body = json!({ "key": "new", "text": "a new beginning" });
    let refused = async |world: &World| {
        let answer = visitor.try_send(&body).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"1".parse().unwrap()));
        assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], "storage_unavailable");
        assert!(!world.sandbox.view(|portal| portal.texts(chat, "client")).contains(&"a new beginning".to_owned()));
    };
    refused(&world).await;
    world.stop_service().await;
    world.start_service().await;
    refused(&world).await;
    world.sandbox.faults().clear();
    let taken = async || (visitor.try_send(&body).await.unwrap().status() == 201).then_some(());
    openline_tests::eventually("the message is taken", taken).await;
    let again = world.portal_chat("a new beginning").await;
    assert_eq!(world.sandbox.view(|portal| portal.texts(again, "client")), ["a new beginning"]);
    assert_eq!(visitor.texts("visitor").await, ["a new beginning"]);
}

#[tokio::test]
async fn notes_and_consent_are_exported_erased_and_reported() {
    let asked = "[channels.site.settings.before]\nfields = [{key = 'order', label = 'Order'}]\n\
                 [channels.site.settings.consent]\nrequired = true\n";
    let channels = format!("{}{asked}", openline_tests::CHANNELS);
    let world = World::with(openline_sandbox::SandboxConfig::default().without_limits(), &channels).await;
    let visitor = world.visitor().await;
    let body = json!({
        "key": "a", "text": "hello", "profile": {"name": "Ann", "fields": {"order": "77"}, "consent": true},
        "about": {"visit": "v1", "url": "https://shop.example/cart"},
    });
    assert_eq!(visitor.send_with(&body).await.0, 201);
    let chat = world.portal_chat("hello").await;
    world.sandbox.wait_until(|portal| portal.texts(chat, "system").len() >= 3).await.unwrap();
    let exported: Value = serde_json::from_str(&privacy::export(whose(&world, "Ann"), None).await.unwrap()).unwrap();
    let own = &exported["conversations"][0];
    let notes = own["notes"].to_string();
    assert!(notes.contains("Order: 77") && notes.contains("Agreed on") && notes.contains("shop.example/cart"), "{own}");
    assert_eq!(own["values"]["consent"].as_str().map(str::len), Some(8), "{own}");
    let id = own["chat"].as_str().unwrap().to_owned();

    let told = privacy::erase(whose(&world, "Ann"), false).await.unwrap();
    assert!(told.contains(&format!("in the portal: chat {chat}")), "{told}");
    assert!(told.contains("notes for the operators (2)"), "{told}");
    let store =
        openline_store::attach(&format!("sqlite:{}", world.folder().join("openline.db").display()).parse().unwrap())
            .await
            .unwrap();
    let left = store.state_list("").await.unwrap();
    assert!(left.iter().all(|(key, _)| !key.contains(&id)), "{left:?}");
    store.close().await;
    assert_eq!(visitor.send_with(&body).await.1["error"]["code"], Value::Null, "whoever agrees again may write again");
}

/// What a caller calls a chat may be somebody's address.
#[tokio::test]
async fn a_callers_name_of_a_chat_goes_with_it() {
    let token = "9f86d081884c7d659a2feaa0c55ad015";
    let channels = format!("[channels.crm]\nkind = \"api\"\n[channels.crm.settings]\ntoken = \"{token}\"\n");
    let world = World::with(openline_sandbox::SandboxConfig::default().without_limits(), &channels).await;
    let body = json!({ "chat": "ann lee@shop.example", "id": "1", "text": "hello", "visitor": { "name": "Ann" } });
    let posted = Client::new().post(world.url("/c/crm/messages")).bearer_auth(token).json(&body).send().await.unwrap();
    assert_eq!(posted.status(), 201);
    world.portal_chat("hello").await;
    let exported: Value = serde_json::from_str(&privacy::export(whose(&world, "Ann"), None).await.unwrap()).unwrap();
    assert_eq!(exported["conversations"][0]["values"]["name"], "ann lee@shop.example", "{exported}");
    privacy::erase(whose(&world, "Ann"), false).await.unwrap();
    let url = format!("sqlite:{}", world.folder().join("openline.db").display());
    let store = openline_store::attach(&url.parse().unwrap()).await.unwrap();
    let left = store.state_list("").await.unwrap();
    assert!(left.iter().all(|(_, value)| !String::from_utf8_lossy(value).contains("shop.example")));
    store.close().await;
}

/// Whoever posts for a visitor can ask for what is kept of them, and to forget it, by their own id of the chat.
#[tokio::test]
async fn an_integrator_exports_and_forgets_by_their_own_id() {
    let token = "9f86d081884c7d659a2feaa0c55ad015";
    let channels = format!("[channels.crm]\nkind = \"api\"\n[channels.crm.settings]\ntoken = \"{token}\"\n");
    let world = World::with(openline_sandbox::SandboxConfig::default().without_limits(), &channels).await;
    let client = Client::new();
    let call = async |method: reqwest::Method, path: &str, body: Option<Value>| {
        let request = client.request(method, world.url(&format!("/c/crm{path}"))).bearer_auth(token);
        let answer = body.map_or_else(|| request.try_clone().unwrap(), |body| request.try_clone().unwrap().json(&body));
        let answer = answer.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let body = json!({
        "chat": "ann lee@shop.example", "id": "1", "text": "hello", "visitor": { "name": "Ann" },
        "files": [{ "name": "a.txt", "mime": "text/plain", "data": "aGVsbG8=" }],
    });
    assert_eq!(call(reqwest::Method::POST, "/messages", Some(body)).await.0, 201);
    let chat = world.portal_chat("hello").await;
    let path = "/chats/ann%20lee%40shop.example";
    let (status, kept) = call(reqwest::Method::GET, path, None).await;
    assert_eq!((status, &kept["chat"], &kept["visitor"]["name"]), (200, &json!("ann lee@shop.example"), &json!("Ann")));
    let message = &kept["messages"][0];
    assert_eq!((&message["text"], &message["files"][0]["name"]), (&json!("hello"), &json!("a.txt")));
    // An administrator finds them by the same.
    let exported = privacy::export(whose(&world, "ann lee@shop.example"), None).await.unwrap();
    assert!(exported.contains("\"given_up\": []") && exported.contains("a.txt"), "{exported}");
    assert_eq!(call(reqwest::Method::DELETE, path, None).await, (202, json!({ "forgotten": true })));
    world.sandbox.wait_until(is_empty(chat)).await.unwrap();
    let gone = async || (call(reqwest::Method::GET, path, None).await.0 == 404).then_some(());
    openline_tests::eventually("nothing is kept any more", gone).await;
    assert_eq!(call(reqwest::Method::DELETE, path, None).await, (202, json!({ "forgotten": false })));
}

/// What was given up is kept, so it is told.
#[tokio::test]
async fn an_export_tells_what_was_given_up() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    let fault = Fault::error(400, "ERROR_ARGUMENT", "no").on("imconnector.send.messages");
    world.sandbox.faults().add(fault);
    visitor.send("refused for good").await;
    let told = async || {
        let exported = privacy::export(whose(&world, "Ann Lee"), None).await.ok()?;
        let exported: Value = serde_json::from_str(&exported).unwrap();
        exported["conversations"][0]["given_up"][0]["reason"].is_string().then_some(())
    };
    openline_tests::eventually("it is told", told).await;
}

/// A command of the program, as an administrator runs it beside the service.
fn command(arguments: &[&str]) {
    let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
    let run = || openline::cli::run(<openline::cli::Cli as openline::cli::Parser>::parse_from(arguments));
    std::thread::spawn(run).join().unwrap();
}

/// A service with something that is watched of each sort.
const WATCHED: &str = "[metrics]\ntoken = \"b94d27b9934d3e08a52e52d7\"\n[channels.line]\nkind = \"line\"\n\
    [channels.line.settings]\nsecret = \"8f434346648f6b96df89dda901c5176b\"\n\
    token = \"a948904f2f0f479b8f8197694b30184b0d2ed1c1\"\napi = \"http://127.0.0.1:9\"\n\
    [channels.site]\nkind = \"website\"\n[channels.crm]\nkind = \"api\"\n\
    settings = { token = \"2c26b46b68ffc68ff99b453c\" }\n";

/// What the security log has of each.
const NOTED: [&str; 9] = [
    "\"export\"",
    "\"erase\"",
    "\"dead drop\"",
    "\"backup\"",
    "a visitor asks to be forgotten",
    "all of a visitor was asked for",
    "asked to forget a visitor",
    "a wrong token for the metrics",
    "a webhook that is not signed",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_administrators_and_visitors_do_is_in_the_security_log() {
    let mut world = World::with(openline_sandbox::SandboxConfig::default().without_limits(), WATCHED).await;
    world.stop_service().await;
    let log = world.folder().join("log");
    let process = openline_tests::Process::start_logging(&world, "warn,security=info", &log).await;
    let (visitor, other) = (world.visitor().await, world.visitor().await);
    visitor.send("my secret words").await;
    other.send("others").await;
    world.portal_chat("my secret words").await;
    let config = world.folder().join("openline.toml");
    let config = config.to_str().unwrap();
    command(&["openline", "export", "--visitor", "Ann Lee", "--config", config]);
    command(&["openline", "erase", "--visitor", "Ann Lee", "--yes", "--config", config]);
    command(&["openline", "dead", "drop", "77", "--config", config]);
    let at = |name: &str| world.folder().join(name).display().to_string();
    command(&["openline", "backup", &at("copy.tar"), "--config", config]);
    for method in [reqwest::Method::GET, reqwest::Method::DELETE] {
        let call = Client::new().request(method, world.url("/c/crm/chats/Ann%20Lee"));
        call.bearer_auth("2c26b46b68ffc68ff99b453c").send().await.unwrap();
    }
    let forget = Client::new().post(world.url("/c/site/api/forget")).bearer_auth(&other.token).json(&json!({}));
    forget.send().await.unwrap();
    for (method, path) in [(reqwest::Method::GET, "/metrics"), (reqwest::Method::POST, "/c/line/hook")] {
        let strange = Client::new().request(method, world.url(path)).bearer_auth("guessed").json(&json!({}));
        assert!(strange.send().await.unwrap().status().is_client_error());
    }
    let told = openline_tests::eventually("all of it is told", async || {
        let said = std::fs::read_to_string(&log).unwrap();
        NOTED.iter().all(|word| said.contains(word)).then_some(said)
    })
    .await;
    for line in told.lines().filter(|line| line.contains("a command was carried out")) {
        assert!(line.contains(" security") && line.contains("result=") && line.contains("from="), "{line}");
    }
    assert!(!told.contains("Ann Lee") && !told.contains("my secret words"), "{told}");
    process.kill();
    // What was put somewhere else is told by whoever works there.
    let noted = async |file: &str, words: &str| {
        let store = openline_store::attach(&format!("sqlite:{}", at(file)).parse().unwrap()).await.unwrap();
        let notes = store.state_list("service/audit/").await.unwrap();
        store.close().await;
        let found = notes.iter().any(|(_, note)| String::from_utf8_lossy(note).contains(words));
        assert!(found, "{file}: {words} in {notes:?}");
    };
    let (from, to) = (format!("sqlite:{}", at("openline.db")), format!("sqlite:{}", at("new.db")));
    command(&["openline", "migrate-store", &from, &to]);
    noted("new.db", "migrate-store").await;
    let text = std::fs::read_to_string(config).unwrap().replace("openline.db", "back.db");
    std::fs::write(at("back.toml"), text).unwrap();
    command(&["openline", "restore", &at("copy.tar"), "--config", &at("back.toml")]);
    noted("back.db", "restore").await;
}
