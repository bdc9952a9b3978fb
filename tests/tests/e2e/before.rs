//! What stands before and around the conversation.

use openline_sandbox::SandboxConfig;
use openline_tests::World;
use reqwest::StatusCode;
use serde_json::{Value, json};

const LANGUAGES: [&str; 9] = ["en", "ru", "de", "es", "pt", "fr", "pl", "tr", "ar"];

async fn with(settings: &str, line: Value) -> World {
    let channels = format!("{}{settings}", openline_tests::CHANNELS);
    let world = World::with(SandboxConfig::default().without_limits(), &channels).await;
    world.configure_line(1, &line).await;
    world
}

/// Closed on every day of the week.
fn never() -> Value {
    let days = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    json!({ "WORKTIME_ENABLE": "Y", "WORKTIME_DAYOFF": days, "WORKTIME_DAYOFF_TEXT": "Away[br]for ever" })
}

/// What somebody without a session is told.
async fn info(world: &World) -> Value {
    let answer = reqwest::get(world.url("/c/site/api/info")).await.unwrap();
    assert_eq!(answer.headers().get("set-cookie"), None);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn the_lines_settings_are_shown_to_visitors() {
    let line = json!({ "WELCOME_MESSAGE_TEXT": "[b]Hi[/b]", "VOTE_MESSAGE": "Y", "AGREEMENT_MESSAGE": "Y", "AGREEMENT_ID": "3" });
    let world = with("", line).await;
    let told = info(&world).await;
    assert_eq!((&told["welcome"], &told["rating"], &told["open"]), (&json!("Hi"), &json!(true), &json!(true)));
    assert!(told["consent"]["text"].as_str().unwrap().starts_with("I agree"), "{told}");
    assert_eq!(told["hours"], false, "no hours, nothing to say of them");
    let asked = |portal: openline_sandbox::View<'_>| portal.calls_of("imopenlines.config.get").count();
    let before = world.sandbox.view(asked);
    for _ in 0..5 {
        info(&world).await;
    }
    assert_eq!(world.sandbox.view(asked), before, "not asked again for ten minutes");
}

#[tokio::test]
async fn when_nobody_is_there_the_message_brings_how_to_answer_it() {
    let world = with("", never()).await;
    let told = info(&world).await;
    assert_eq!((&told["open"], &told["closed_text"]), (&json!(false), &json!("Away\nfor ever")));
    assert_eq!((&told["contact"], &told["opens_at"]), (&json!(true), &Value::Null));
    let keys: Vec<_> = told["form"].as_array().unwrap().iter().map(|field| field["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["name", "email", "phone"]);
    let visitor = world.visitor().await;
    let (status, answer) = visitor.send_with(&json!({"key": "a", "text": "hello", "profile": {"name": "Ann"}})).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("profile_invalid")));
    assert_eq!(answer["error"]["fields"], json!({"email": "contact_missing"}));
    let (_, answer) =
        visitor.send_with(&json!({"key": "a", "text": "hello", "profile": {"name": "Ann", "email": "a@b"}})).await;
    assert_eq!(answer["error"]["fields"], json!({"email": "email_invalid"}));
    assert_eq!(visitor.texts("visitor").await.len(), 0);
    let good = json!({"key": "a", "text": "hello", "profile": {"name": "Ann", "email": "ann@b.example", "phone": "+49 30 12345"}});
    assert_eq!(visitor.send_with(&good).await.0, StatusCode::CREATED);
    world.portal_chat("hello").await;
    let block = world.sandbox.view(|portal| {
        portal.calls_of("imconnector.send.messages").last().unwrap().params["MESSAGES"][0]["user"].clone()
    });
    assert_eq!(
        (&block["name"], &block["email"], &block["phone"]),
        (&json!("Ann"), &json!("ann@b.example"), &json!("+493012345"))
    );
    visitor.until(|items| items.iter().any(|item| item["text"] == "Away\nfor ever")).await;
    let told = visitor.get("/info").await;
    assert_eq!((&told["form"], &told["contact"]), (&json!([]), &json!(false)), "asked once");
    visitor.send("no profile any more").await;
    assert_eq!(world.visitor().await.send("an older front end").await["state"], "sent");
}

/// The notes that operators find in a chat.
fn notes(world: &World, chat: i64) -> Vec<String> {
    let all = world.sandbox.view(|portal| portal.texts(chat, "system"));
    all.into_iter().filter(|text| !text.starts_with("Hello!")).collect()
}

#[tokio::test]
async fn operators_learn_once_where_the_visitor_is() {
    let fields = "[channels.site.settings.before]\nfields = [{key = 'order', label = 'Order'}]\n\
                  [channels.site.settings.consent]\nrequired = true\ntext = 'I agree.'\n";
    let world = with(fields, json!({})).await;
    let visitor = world.visitor().await;
    let about =
        json!({"visit": "v1", "url": "https://shop.example/cart", "title": "[b]Cart[/b]", "data": {"Items": 3}});
    for (key, text) in [("a", "one"), ("b", "two")] {
        let profile = json!({"fields": {"order": "77"}, "consent": true});
        let body = json!({"key": key, "text": text, "profile": profile, "about": about});
        assert_eq!(visitor.send_with(&body).await.0, StatusCode::CREATED);
    }
    let chat = world.portal_chat("two").await;
    world.sandbox.wait_until(|portal| portal.texts(chat, "system").len() >= 3).await.unwrap();
    let told = notes(&world, chat);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("Order: 77\nAgreed on ") && told[0].ends_with("“I agree.”"), "{told:?}");
    let literal = told[1].replace('\u{200b}', "");
    assert_eq!(literal, "“one”\nPage: https://shop.example/cart\nTitle: [b]Cart[/b]\nItems: 3");
    assert_ne!(literal, told[1], "tags in it stay text");
    assert_eq!(
        visitor.texts("system").await,
        ["Hello! An operator will answer you shortly."],
        "visitors don't see notes"
    );
    let next = json!({"key": "c", "text": "three", "about": {"visit": "v2", "title": "Home"}});
    assert_eq!(visitor.send_with(&next).await.0, StatusCode::CREATED);
    world.sandbox.wait_until(|portal| portal.texts(chat, "system").len() >= 4).await.unwrap();
    assert_eq!(notes(&world, chat)[2], "“three”\nTitle: Home");
}

/// Where nothing may be said to operators (no scope `im`), the page is still there.
#[tokio::test]
async fn the_page_is_told_with_the_message_and_the_list_shows_the_question() {
    let world = with("", json!({})).await;
    let visitor = world.visitor().await;
    let about = |page: &str| json!({"visit": page, "url": format!("https://shop.example/{page}"), "title": "Tea"});
    let send = async |key: &str, text: &str, page: &str| {
        let body = json!({"key": key, "text": text, "about": about(page)});
        assert_eq!(visitor.send_with(&body).await.0, StatusCode::CREATED);
        let chat = world.portal_chat(text).await;
        let told = format!("Page: https://shop.example/{page}");
        let noted =
            |portal: openline_sandbox::View<'_>| portal.texts(chat, "system").iter().any(|text| text.contains(&told));
        world.sandbox.wait_until(noted).await.unwrap();
        world.sandbox.view(|portal| portal.dialog(chat).unwrap())
    };
    let dialog = send("a", "How much is tea?", "tea").await;
    assert_eq!(dialog.description, "Link to original post: https://shop.example/tea");
    assert!(dialog.last.unwrap().text.starts_with("“How much is tea?”"));
    // The portal makes two names of two words.
    let called = |client: &openline_sandbox::Client| (client.name.clone(), client.last_name.clone());
    assert!(dialog.client.name == "Guest" && dialog.client.last_name.parse::<u32>().is_ok(), "{:?}", dialog.client);
    let later = send("b", "And coffee?", "coffee").await;
    assert_eq!(later.description, "Link to original post: https://shop.example/coffee");
    assert!(later.last.unwrap().text.starts_with("“And coffee?”"));
    assert_eq!(called(&later.client), called(&dialog.client), "the same guest");
}

#[tokio::test]
async fn notes_are_written_in_the_portals_language() {
    let mut portal = SandboxConfig::default().without_limits();
    portal.language = "de".to_owned();
    let channels =
        format!("{}[channels.site.settings.consent]\nrequired = true\ntext = 'Ja.'\n", openline_tests::CHANNELS);
    let mut world = World::with(portal, &channels).await;
    world.configure_line(1, &never()).await;
    let visitor = world.visitor().await;
    let profile = json!({"name": "Ann", "email": "ann@b.example", "consent": true});
    let about = json!({"visit": "v", "url": "https://shop.example/", "referrer": "https://search.example/"});
    let body = json!({"key": "a", "text": "hallo", "profile": profile, "about": about});
    assert_eq!(visitor.send_with(&body).await.0, StatusCode::CREATED);
    let chat = world.portal_chat("hallo").await;
    let noted = async |world: &World, words: &[&str]| {
        for word in words {
            let told = |portal: openline_sandbox::View<'_>| {
                portal.texts(chat, "system").iter().any(|text| text.contains(word))
            };
            world.sandbox.wait_until(told).await.unwrap_or_else(|e| panic!("{word}: {e}"));
        }
    };
    noted(
        &world,
        &["Außerhalb der Arbeitszeit geschrieben", "Zugestimmt am ", "Seite: https://shop", "Gekommen von: "],
    )
    .await;
    // A file that the visitor can't open: also right after a start, when the portal was not asked for its language yet.
    world.stop_service().await;
    world.start_service().await;
    world.sandbox.switch(|switches| switches.file_links_need_login = true);
    world.sandbox.operator_writes_with_file(chat, "", "a.jpg", "image/jpeg", vec![0xff, 0xd8, 0xff, 0xe0]).unwrap();
    let items = visitor.until(|items| items.iter().any(|item| item["files"].is_array())).await;
    let item = items.iter().find(|item| item["files"].is_array()).unwrap();
    assert_eq!(visitor.file(item, 0).await.status(), StatusCode::NOT_FOUND);
    noted(&world, &["Der Besucher kann die Datei a.jpg nicht öffnen"]).await;
}

#[tokio::test]
async fn configured_hours_and_fields_go_before_the_lines() {
    let settings = "[channels.site.settings.hours]\nfrom = '0:00'\nto = '24:00'\nzone = 'UTC'\n\
                    [channels.site.settings.welcome]\ntext = 'Ours'\n\
                    [channels.site.settings.before]\nfields = [{key = 'order', label = 'Order', required = true}]\n";
    let world = with(settings, never()).await;
    let told = info(&world).await;
    assert_eq!((&told["open"], &told["hours"], &told["welcome"]), (&json!(true), &json!(true), &json!("Ours")));
    assert_eq!(told["form"], json!([{"key": "order", "label": "Order", "kind": "text", "required": true}]));
    let visitor = world.visitor().await;
    let (status, answer) = visitor.send_with(&json!({"key": "a", "text": "hello"})).await;
    assert_eq!((status.as_u16(), &answer["error"]["fields"]), (422, &json!({"order": "value_missing"})));
    let good = json!({"key": "a", "text": "hello", "profile": {"fields": {"order": "7"}}});
    assert_eq!(visitor.send_with(&good).await.0, StatusCode::CREATED);
    assert_eq!(visitor.send_with(&good).await.0, StatusCode::OK, "repeated");
    visitor.send("and more").await;
}

#[tokio::test]
async fn nothing_is_kept_before_the_visitor_agrees() {
    let world = with("[channels.site.settings.privacy]\nconsent_first = true\n", json!({})).await;
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = browser.get(world.url("/c/site/")).send().await.unwrap();
    assert_eq!(page.headers().get("set-cookie"), None);
    let session = |body: Value| browser.post(world.url("/c/site/api/session")).json(&body).send();
    assert_eq!(session(json!({})).await.unwrap().status(), 422);
    let post = |agreed: bool| {
        let mut form = vec![("key", "k1"), ("text", "hello"), ("before", "1")];
        form.extend(agreed.then_some(("consent", "on")));
        browser.post(world.url("/c/site/")).form(&form).send()
    };
    let refused = post(false).await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers().get("set-cookie")), (422, None));
    let html = refused.text().await.unwrap();
    assert!(html.contains("Please agree to this first.") && html.contains("hello</textarea>"), "{html}");
    let taken = post(true).await.unwrap();
    assert_eq!(taken.status(), 303);
    let cookie = taken.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    world.portal_chat("hello").await;
    let page = browser.get(world.url("/c/site/")).header("cookie", &cookie).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("hello</div>"));
    let again = json!({"key": "k2", "text": "more"});
    let again =
        browser.post(world.url("/c/site/api/messages")).header("cookie", &cookie).json(&again).send().await.unwrap();
    assert_eq!(again.status(), 201, "agreed once for all");
    let bearer = world.visitor().await;
    let (status, answer) = bearer.send_with(&json!({"key": "a", "text": "x"})).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (422, &json!("consent_needed")));
    assert_eq!(bearer.send_with(&json!({"key": "a", "text": "x", "profile": {"consent": true}})).await.0, 201);
}

#[tokio::test]
async fn a_finished_dialog_is_rated_without_beginning_another() {
    let world = with("", json!({ "VOTE_MESSAGE": "Y" })).await;
    let visitor = world.visitor().await;
    visitor.send("1").await;
    let chat = world.portal_chat("1").await;
    assert!(world.sandbox.operator_finishes(chat));
    visitor.until(|items| items.iter().any(|item| item["kind"] == "dialog_finished")).await;
    assert_eq!(visitor.send_with(&json!({"key": "rate-1", "text": "1"})).await.0, StatusCode::CREATED);
    world.sandbox.wait_until(|portal| portal.dialogs()[0].vote == Some(true)).await.unwrap();
    assert!(!world.sandbox.dialogs()[0].open);
    visitor.until(|items| items.iter().any(|item| item["text"] == "Thank you for your feedback!")).await;
}

#[tokio::test]
async fn the_page_speaks_every_language() {
    let world = with("[channels.site.settings.consent]\nrequired = true\n", never()).await;
    for language in LANGUAGES {
        let page = |path: String, accept: &'static str| {
            reqwest::Client::new().get(world.url(&path)).header("accept-language", accept).send()
        };
        let asked = page(format!("/c/site/?lang={language}"), "en").await.unwrap();
        assert_eq!(asked.status(), 200, "{language}");
        let html = asked.text().await.unwrap();
        let way = if language == "ar" { "rtl" } else { "ltr" };
        assert!(html.contains(&format!("<html lang=\"{language}\" dir=\"{way}\">")), "{language}");
        assert!(html.contains(&format!("action=\"/c/site/?lang={language}\"")), "it goes on in {language}");
    }
    let html = reqwest::Client::new().get(world.url("/c/site/")).header("accept-language", "xx, fr;q=0.9, de;q=0.8");
    let html = html.send().await.unwrap().text().await.unwrap();
    assert!(html.contains("<html lang=\"fr\"") && html.contains("action=\"/c/site/\""));
}

/// After a start the portal may take its time. What it said before is true until it says something else.
#[tokio::test]
async fn what_the_line_asks_is_asked_also_after_a_start_beside_a_slow_portal() {
    let mut line = never();
    line["AGREEMENT_MESSAGE"] = json!("Y");
    line["AGREEMENT_ID"] = json!("3");
    let mut world = with("", line).await;
    let told = info(&world).await;
    assert_eq!((&told["open"], told["consent"].is_object()), (&json!(false), true));
    world.stop_service().await;
    let slow = openline_sandbox::Fault::latency(std::time::Duration::from_secs(60)).on("imopenlines.config.get");
    world.sandbox.faults().add(slow);
    world.start_service().await;
    let visitor = world.visitor().await;
    let (status, answer) = visitor.send_with(&json!({"key": "a", "text": "hello"})).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (422, &json!("consent_needed")));
    let told = info(&world).await;
    assert_eq!((&told["open"], told["consent"].is_object()), (&json!(false), true), "{told}");
}
