//! What a description may not be or do, told when it is loaded.

use super::*;

fn wrong(more: &str) -> String {
    load(&format!("{KIT}{more}")).err().map(|wrong| wrong.to_string()).unwrap_or_default()
}

fn wrong_with(from: &str, to: &str) -> String {
    let text = format!("{KIT}{SEND}[once]\nby = \"key\"\n");
    assert!(text.contains(from) && load(&text).is_ok());
    load(&text.replace(from, to)).err().map(|wrong| wrong.to_string()).unwrap_or_default()
}

#[test]
fn the_language_has_a_version() {
    assert_eq!(wrong_with("version = 1", "version = 2"), "line 2: version: is 2, this program speaks version 1");
    assert!(wrong_with("version = 1", "").contains("missing field `version`"));
}

#[test]
fn keys_and_names_that_are_not_there_are_told_with_their_place() {
    let cases = [
        ("[http]", "[htttp]", "htttp"),
        ("[http]\n", "[http]\nretries = 3\n", "retries"),
        ("key = \"{{ m.id }}\"", "keys = \"{{ m.id }}\"", "keys"),
        ("when = \"m.text\"", "wenn = \"m.text\"", "wenn"),
        ("by = \"key\"", "by = \"luck\"", "luck"),
        ("post = \"/send\"", "patch = \"/send\"", "patch"),
        ("{{ m.text }}", "{{ n.text }}", "\"n\" is no name here"),
        ("{{ settings.api }}", "{{ settings.apis }}", "settings has no \"apis\""),
        ("{{ message.tag }}", "{{ message.tags }}", "message has no \"tags\""),
        ("{{ m.id }}", "{{ m.id | uper }}", "uper"),
        ("{{ m.id }}", "{{ m.id or m.key | upper }}", "parentheses"),
        ("\"{{ text }}\"", "\"{{ text + 1 }}\"", "text + 1"),
        ("\"answer.id\"", "\"answr.id\"", "answr"),
        ("state = \"{{ m.state }}\"", "state = \"seen\"", "sent, delivered, read, failed"),
        ("is = \"url\"", "is = \"uri\"", "uri"),
        ("user = { name", "user = { nick", "nick"),
        ("when = \"m.text == 'first'\"", "when = \"'x' * 100000000\"", "fuel"),
        ("default = \"https://api.example\"", "default = \"api\"", "web address"),
        ("equals = \"s3cret\"", "equals = \"s3cret\", hmac = \"sha256\"", "one of"),
        ("each = [\"m in body.messages\"]", "each = [\"m of body.messages\"]", "entry in body.entry"),
    ];
    for (from, to, told) in cases {
        let problem = wrong_with(from, to);
        assert!(problem.contains(told), "{to}: {problem:?} should have {told:?} in it");
        assert!(problem.starts_with("line "), "{to}: {problem:?} has its line");
    }
}

#[test]
fn what_would_be_dangerous_is_no_description() {
    assert!(
        wrong_with("verify = [{ given = \"{{ headers['x-secret'] }}\", equals = \"s3cret\" }]", "verify = []")
            .contains("as anybody")
    );
    assert!(wrong(&format!("{SEND}[once]\nby = \"nothing\"\n")).contains("otherwise"), "what then is always written");
    assert!(wrong(&format!("{SEND}[once]\nby = \"lookup\"\notherwise = \"send\"\n")).contains("found"));
    assert!(wrong("[[send]]\nsteps = [{ post = \"/send\" }]\n[once]\nby = \"key\"\n").contains("id"));
    let get = "[webhook]\nhandshake = [{ method = \"GET\", when = \"query.x\", answer = \"{{ query.x }}\" }]";
    assert!(wrong_with("[webhook]", get).contains("no signature"));
}

/// Runs out in the middle of a call, not in the program's memory.
#[tokio::test]
async fn work_without_end_is_stopped() {
    let more = "[[send]]\nsteps = [{ post = \"/send\", json = { text = \"{{ text * 100000000 }}\" }, id = \"answer.id\" }]\n[once]\nby = \"key\"\n";
    assert!(wrong(more).contains("fuel"), "it is found at the load where the types are known");
    let more = more.replace("text * ", "kept.last * ");
    let stage = Stage::scripted(&more, [ok("m")]);
    stage.comes(serde_json::json!({ "messages": [{ "chat": "a", "id": "1", "text": "x" }] })).await.unwrap();
    let Err(DeliveryError::Refused { reason }) = stage.sends("a", "hi", false).await else { panic!() };
    assert!(reason.contains("fuel"), "{reason}");
    assert_eq!(stage.called(), [""; 0]);
}

/// What a visitor wrote is a value wherever it goes.
#[tokio::test]
async fn texts_are_never_read_as_expressions() {
    let stage = Stage::scripted(&format!("{SEND}[once]\nby = \"key\"\n"), [ok("m1")]);
    let text = "{{ settings.token }} {% raw %} {{ 1/0 }}";
    stage.comes(serde_json::json!({ "messages": [{ "chat": "a", "id": text, "text": text }] })).await.unwrap();
    assert_eq!(stage.texts("a"), [text]);
    stage.sends("a", text, false).await.unwrap();
    let asked = &stage.script.asked()[0]["json"];
    assert_eq!((asked["text"].as_str(), asked["last"].as_str()), (Some(text), Some(text)));
}

#[test]
fn settings_have_types_and_no_unknown_keys() {
    let file = "version = 1\nname = \"K\"\nsummary = \"s\"\n[settings]\nnumber = { is = \"number\", about = \"A number.\" }\n\
                word = { is = \"secret\", about = \"A word.\" }\nway = { is = \"text\", about = \"A way.\", default = \"a\", one_of = [\"a\", \"b\"] }\n\
                on = { is = \"switch\", about = \"A switch.\", default = false }\n[once]\nby = \"key\"\n[[send]]\nsteps = [{ post = \"/x\", id = \"answer.id\" }]\n";
    let description = load(file).unwrap_or_else(|wrong| panic!("{wrong}"));
    let read =
        |text: &str| settings::read(&description.settings, text.parse().unwrap()).map_err(|error| error.to_string());
    let good = "number = 7\nword = \"w0rd\"\n";
    assert!(
        read(good).is_ok() && read("number = \"7\"\nword = \"w\"\non = \"true\"\nway = \"b\"").is_ok(),
        "the environment has texts"
    );
    let cases = [
        ("word = \"w\"", "number: is missing: A number."),
        ("number = 7\nword = \"\"", "word: is empty"),
        ("number = \"x\"\nword = \"w\"", "number: must be a whole number"),
        ("number = 7\nword = 8", "word: must be a text"),
        ("number = 7\nword = \"w\"\nway = \"c\"", "way: must be one of: a, b"),
        ("number = 7\nword = \"w\"\non = 1", "on: must be true or false"),
        (
            "number = 7\nword = \"w\"\nwords = 1",
            "words: is not a setting of this messenger; there is: number, word, way, on, proxy",
        ),
        ("number = 7\nword = \"w\"\noperator_names = 1", "operator_names: must be true or false"),
    ];
    for (given, told) in cases {
        let Err(problem) = read(given) else { panic!("{given}") };
        assert!(problem.contains(told), "{given}: {problem}");
        assert!(!problem.contains("w0rd"));
    }
    assert!(!format!("{:?}", read(good).unwrap().secrets).is_empty());
}
