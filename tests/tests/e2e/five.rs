//! Several channels in one configuration: each has its connector, its line, and its own conversations.

use crate::files::PNG;
use crate::telegram::{Mode, channel};
use openline_sandbox::telegram::{TelegramConfig, TelegramServer};
use openline_sandbox::{SandboxConfig, View};
use openline_tests::{Form, Visitor, World, eventually};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

const SITES: &str = "[channels.site]\nkind = \"website\"\n[channels.shop]\nkind = \"website\"\n";
/// Connector and line.
const LINES: [(&str, i64); 5] =
    [("openline_site", 1), ("openline_shop", 2), ("openline_tg_one", 1), ("openline_tg_two", 2), ("openline_crm", 2)];
/// What the app calls with.
const KEY: &str = "9f86d081884c7d659a2feaa0c55ad015";

/// An app that joins by the HTTP channel.
struct App {
    base: String,
}

impl App {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        Client::new().request(method, format!("{}{path}", self.base)).bearer_auth(KEY)
    }

    async fn says(&self, text: &str) {
        let body = json!({ "chat": "ann", "id": "1", "text": text });
        self.request(Method::POST, "/messages").json(&body).send().await.unwrap().error_for_status().unwrap();
    }

    async fn attaches(&self, name: &str, content: &str) {
        let message = json!({ "chat": "ann", "id": "2" });
        let part = "\r\n--b\r\ncontent-disposition: form-data; name=";
        let body = format!(
            "{part}\"message\"\r\n\r\n{message}{part}\"files\"; filename=\"{name}\"\r\n\r\n{content}\r\n--b--\r\n"
        );
        let request = self.request(Method::POST, "/messages").header("content-type", "multipart/form-data; boundary=b");
        request.body(body).send().await.unwrap().error_for_status().unwrap();
    }

    /// The operators' messages.
    async fn answers(&self) -> Vec<Value> {
        let page = self.request(Method::GET, "/messages/ann?limit=100").send().await.unwrap();
        let page: Value = page.json().await.unwrap();
        let all = page["messages"].as_array().unwrap().iter();
        all.filter(|message| message["from"] == "operator" && message["kind"] == "message").cloned().collect()
    }
}

/// The portal's chat, its connector and line, its texts and names of files.
type Conversation = (i64, String, i64, Vec<String>, Vec<String>);

/// Connector, line, texts and names of files of the conversation that began so.
fn conversation(portal: View<'_>, first: &str) -> Option<Conversation> {
    let begun = |chat: i64| portal.texts(chat, "client").first().is_some_and(|text| text == first);
    let dialog = portal.dialogs().into_iter().find(|dialog| begun(dialog.chat_id))?;
    let of_client = portal.messages(dialog.chat_id).into_iter().filter(|message| message.author.side() == "client");
    let files = of_client.flat_map(|message| message.files).filter_map(|id| portal.file(id)).map(|(name, _)| name);
    let texts = portal.texts(dialog.chat_id, "client");
    Some((dialog.chat_id, dialog.connector, dialog.line, texts, files.collect()))
}

/// Each connector is registered, and connected with its line only.
async fn connect(world: &World) {
    let mut registered = world.sandbox.view(|portal| portal.connectors());
    registered.sort();
    let mut wanted = LINES.map(|(connector, _)| connector.to_owned());
    wanted.sort();
    assert_eq!(registered, wanted);
    for (connector, line) in LINES {
        world.connect(connector, line).await;
    }
    for (connector, line) in LINES {
        assert!(world.sandbox.view(|portal| portal.status(connector, line).status), "{connector} on {line}");
        assert!(!world.sandbox.view(|portal| portal.status(connector, 3 - line).status), "{connector} elsewhere");
    }
}

/// The portal's chat of each line, with what its visitor wrote and the file of this name.
async fn arrived(world: &World, files: [&str; 5]) -> Vec<i64> {
    let mut chats = Vec::new();
    for ((connector, line), file) in LINES.into_iter().zip(files) {
        let first = connector.replace("openline_", "to ");
        let there = |portal: View<'_>| conversation(portal, &first).is_some_and(|it| it.4.len() == 1);
        world.sandbox.wait_until(there).await.unwrap_or_else(|e| panic!("{first}: {e}"));
        let (chat, by, on, texts, names) = world.sandbox.view(|portal| conversation(portal, &first)).unwrap();
        assert_eq!((by.as_str(), on), (connector, line));
        assert_eq!(texts, [first, String::new()]);
        assert_eq!(names, [file]);
        chats.push(chat);
    }
    chats
}

/// Operators answer in each chat, by a text and by a file.
fn answer(world: &World, chats: &[i64], answers: &[String]) {
    for (chat, answer) in chats.iter().zip(answers) {
        world.sandbox.operator_writes(*chat, answer).unwrap();
        world
            .sandbox
            .operator_writes_with_file(*chat, "", &format!("{answer}.txt"), "text/plain", answer.clone())
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_channels_keep_apart() {
    let telegram = TelegramServer::start(TelegramConfig::default()).await.unwrap();
    let tokens = ["110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "220201543:BBHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"];
    let bots = [telegram.add_bot(tokens[0], "one_bot"), telegram.add_bot(tokens[1], "two_bot")];
    let one = channel("tg_one", &telegram, tokens[0], Mode::Polling);
    let two = channel("tg_two", &telegram, tokens[1], Mode::Webhook);
    let app = format!("[channels.crm]\nkind = \"api\"\n[channels.crm.settings]\ntoken = \"{KEY}\"\n");
    let mut world = World::bare(SandboxConfig::default().without_limits(), &format!("{SITES}{one}{two}{app}")).await;
    world.sandbox.set_line_texts(1, None, None);
    world.sandbox.set_line_texts(2, None, None);
    world.start_service().await;
    world.install().await;
    connect(&world).await;

    // The same person writes to both bots: the same chat id in two channels.
    let ann = telegram.person("Ann");
    let site = world.visitor().await;
    let shop = Visitor::new(&world.url("/c/shop/api")).await;
    site.send("to site").await;
    shop.send("to shop").await;
    ann.writes(&bots[0], "to tg_one");
    ann.writes(&bots[1], "to tg_two");
    let app = App { base: world.url("/c/crm") };
    app.says("to crm").await;
    for visitor in [&site, &shop] {
        visitor.send_form(Form::message("f", "").file("page.png", "image/png", PNG)).await;
    }
    ann.sends_document(&bots[0], "one.txt", "text/plain", "1");
    ann.sends_document(&bots[1], "two.txt", "text/plain", "2");
    app.attaches("app.txt", "3").await;
    let chats = arrived(&world, ["page.png", "page.png", "one.txt", "two.txt", "app.txt"]).await;
    assert_eq!(world.sandbox.dialogs().len(), LINES.len());

    let answers = LINES.map(|(connector, _)| connector.replace("openline_", "from "));
    answer(&world, &chats, &answers);
    for (visitor, answer) in [(&site, &answers[0]), (&shop, &answers[1])] {
        let two = |items: &[openline_tests::Item]| items.iter().filter(|item| item["from"] == "operator").count() == 2;
        let items = visitor.until(two).await;
        let theirs: Vec<_> = items.iter().filter(|item| item["from"] == "operator").collect();
        assert_eq!(theirs[0]["text"], answer.as_str());
        assert_eq!(visitor.file(theirs[1], 0).await.text().await.unwrap(), *answer);
    }
    for (bot, answer) in bots.iter().zip(&answers[2..4]) {
        let seen = || ann.sees(bot).into_iter().filter(|seen| seen.from_bot).collect::<Vec<_>>();
        let seen = eventually("both", async || Some(seen()).filter(|seen| seen.len() == 2)).await;
        assert_eq!(seen[0].text, *answer);
        assert_eq!(seen[1].file.as_ref().unwrap().bytes, answer.as_bytes());
    }
    let told = eventually("both", async || Some(app.answers().await).filter(|told| told.len() == 2)).await;
    assert_eq!(told[0]["text"], answers[4].as_str());
    let file = Client::new().get(told[1]["files"][0]["url"].as_str().unwrap()).bearer_auth(KEY).send().await.unwrap();
    assert_eq!(file.text().await.unwrap(), answers[4]);
    let sending = |portal: View<'_>| portal.all_messages().any(|message| message.sending);
    world.sandbox.wait_until(|portal| !sending(portal)).await.unwrap();
    assert!(world.sandbox.violations().is_empty(), "{:?}", world.sandbox.violations());
}
