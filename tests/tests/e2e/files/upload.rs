//! What visitors upload is kept, shown and given back; what is not taken is refused.

use super::{PNG, content, limited};
use openline_sandbox::SandboxConfig;
use openline_tests::{Form, World};
use reqwest::header::{CONTENT_TYPE, COOKIE};
use reqwest::{Client, StatusCode};
use serde_json::json;

#[tokio::test]
async fn a_visitors_files_are_kept_and_given_back_to_them_alone() {
    let world = World::start().await;
    let (visitor, other) = (world.visitor().await, world.visitor().await);
    let form = Form::message("f1", "See these").file("Rück seite.png", "image/png", PNG);
    let (status, answer) = visitor.send_form(form.file("list.pdf", "application/pdf", &content(300_000, 1))).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let item = &answer["item"];
    let url = item["files"][0]["url"].clone();
    assert!(url.as_str().unwrap().starts_with(&world.url("/f/")), "a bearer session gets a signed address: {url}");
    let picture = json!({ "name": "Rück seite.png", "mime": "image/png", "size": PNG.len(), "image": true,
        "url": url, "width": 2, "height": 3 });
    assert_eq!((&item["text"], &item["files"][0]), (&json!("See these"), &picture));
    assert_eq!((&item["files"][1]["size"], &item["files"][1]["image"]), (&json!(300_000), &json!(false)));

    let given = visitor.file(item, 1).await;
    let header = |name: &str| given.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-disposition"), "attachment; filename*=UTF-8''list%2Epdf");
    assert_eq!(
        (header("content-type"), header("content-length")),
        ("application/octet-stream".into(), "300000".into())
    );
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(given.bytes().await.unwrap(), content(300_000, 1));
    assert!(visitor.file(item, 0).await.headers()["content-disposition"].to_str().unwrap().starts_with("inline"));
    assert_eq!(other.file(item, 0).await.status(), 404);
    other.send("hello").await;
    assert_eq!(other.file(item, 0).await.status(), 404, "not in this conversation");
}

#[tokio::test]
async fn the_same_key_with_the_same_files_is_the_same_message() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    let form = |seed| Form::message("f1", "").file("a.bin", "", &content(100_000, seed));
    let (status, first) = visitor.send_form(form(1)).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, again) = visitor.send_form(form(1)).await;
    assert_eq!((status, &again["item"]["id"]), (StatusCode::OK, &first["item"]["id"]));
    let (status, other) = visitor.send_form(form(2)).await;
    assert_eq!((status, &other["error"]["code"]), (StatusCode::CONFLICT, &json!("key_conflict")));
    let (status, _) = visitor.send_with(&json!({ "key": "f1", "text": "" })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn what_is_not_taken_is_refused_with_the_limit_and_nothing_is_stored() {
    let world = World::with(SandboxConfig::default().without_limits(), &limited()).await;
    let visitor = world.visitor().await;
    let many = (0..11).fold(Form::message("k", "x"), |form, n| form.file("a.txt", "text/plain", &[b'a', n]));
    let big = content(1_000_001, 0);
    let cases = [
        (
            Form::message("k", "x").file("big.txt", "text/plain", &big),
            413,
            "file_too_large",
            "\"big.txt\" is too large: files of up to 1 MB",
        ),
        (Form::message("k", "x").file("none.txt", "text/plain", b""), 422, "file_empty", "\"none.txt\" is empty"),
        (
            Form::message("k", "x").file("x.exe", "application/x-msdownload", b"MZ"),
            422,
            "file_type_refused",
            "only image/*, text/plain",
        ),
        (
            Form::message("k", "x").file("x.png", "image/png", b"<script>"),
            422,
            "file_type_refused",
            "application/octet-stream",
        ),
        (many, 422, "too_many_files", "at most 10"),
        (Form::message("k", " ").file("", "application/octet-stream", b""), 422, "text_empty", "the text is empty"),
        (Form::message("a b", "x").file("a.txt", "text/plain", b"a"), 422, "bad_key", "key must be"),
        (Form::message("k", &"x".repeat(300_000)).file("a.txt", "text/plain", b"a"), 413, "body_too_large", "too long"),
        (
            (0..12).fold(Form::message("k", "x"), |form, _| form.file("b.txt", "text/plain", &big)),
            413,
            "file_too_large",
            "1 MB",
        ),
        (Form::message("k", "x").file("x.heic", "image/heic", b"MZ\x90\0"), 422, "file_type_refused", "octet-stream"),
    ];
    for (form, status, code, said) in cases {
        let (got, answer) = visitor.send_form(form).await;
        assert_eq!((got.as_u16(), &answer["error"]["code"]), (status, &json!(code)), "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(said), "{answer}");
    }
    assert_eq!(visitor.texts("visitor").await, Vec::<String>::new());
    let (status, _) = visitor.send_form(Form::message("k", "").file("big.txt", "text/plain", &big[1..])).await;
    assert_eq!(status, StatusCode::CREATED, "just as large as is taken");
}

#[tokio::test]
async fn forms_that_are_none_are_refused() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    let (kind, whole) = Form::message("k", "x").file("a.txt", "text/plain", b"some text").finish();
    let cut = whole[..whole.len() - 30].to_vec();
    let not_utf8 = whole.iter().map(|byte| if *byte == b'x' { 0xff } else { *byte }).collect();
    let cases: [(&str, Vec<u8>); 4] =
        [(&kind, cut), (&kind, not_utf8), ("multipart/form-data", whole.clone()), (&kind, b"no form".to_vec())];
    for (kind, body) in cases {
        let request = Client::new().post(world.url("/c/site/api/messages")).bearer_auth(&visitor.token);
        let answer = request.header(CONTENT_TYPE, kind).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        assert!(answer.text().await.unwrap().contains("\"code\":\"bad_form\""));
    }
    let request = Client::new().post(world.url("/c/site/api/messages")).header(CONTENT_TYPE, &kind);
    assert_eq!(request.body(whole).send().await.unwrap().status(), 401, "no session");
    assert_eq!(visitor.texts("visitor").await, Vec::<String>::new());
}

#[tokio::test]
async fn hostile_names_and_contents_are_harmless() {
    let world = World::start().await;
    let visitor = world.visitor().await;
    let names = [
        ("../../etc/passwd", "passwd"),
        ("C:\\autoexec.bat", "autoexec.bat"),
        ("<img src=x onerror=alert(1)>.html", "img src=x onerror=alert(1).html"),
        ("\u{202e}gnp.exe", "gnp.exe"),
        ("a\r\nSet-Cookie: x=y", "a%0D%0ASet-Cookie x=y"),
        (".htaccess", "htaccess"),
        ("..", "file"),
    ];
    let form = names.iter().fold(Form::message("k", "x"), |form, (name, _)| {
        form.file(name, "text/html", format!("<script>{name}</script>").as_bytes())
    });
    let (status, answer) = visitor.send_form(form).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    for (index, (name, shown)) in names.iter().enumerate() {
        assert_eq!(&answer["item"]["files"][index]["name"], shown, "{name}");
        let given = visitor.file(&answer["item"], index).await;
        assert_eq!(given.headers()["content-type"], "application/octet-stream");
        assert!(given.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename*=UTF-8''"));
        let policy = given.headers()["content-security-policy"].to_str().unwrap();
        assert_eq!(policy, "default-src 'none'; sandbox; frame-ancestors 'none'");
        assert!(!given.headers().contains_key("set-cookie"));
    }
    let page = Client::new().get(world.url("/c/site/")).header(COOKIE, format!("ol_site={}", visitor.token));
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("onerror=alert(1).html") && !page.contains("<img src=x"));
}

#[tokio::test]
async fn files_are_sent_without_a_script_too() {
    let world = World::with(SandboxConfig::default().without_limits(), &limited()).await;
    let browser = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let opened = browser.get(world.url("/c/site/")).send().await.unwrap();
    let cookie = opened.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = opened.text().await.unwrap();
    assert!(page.contains("enctype=\"multipart/form-data\""), "{page}");
    assert!(page.contains("accept=\"image&#x2f;*,text&#x2f;plain\""), "{page}");
    assert!(page.contains("Up to 10, 1 MB each") && page.contains("&quot;count&quot;:10"), "{page}");
    let post = async |form: Form| {
        let (kind, body) = form.finish();
        let request = browser.post(world.url("/c/site/")).header(COOKIE, &cookie).header(CONTENT_TYPE, kind);
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, page) = post(Form::message("f1", "my draft").file("a.exe", "application/zip", b"PK")).await;
    assert!(page.contains("my draft") && page.contains("a.exe is of a kind that is not accepted here."), "{page}");
    assert_eq!(status, 422);
    let nothing_chosen = Form::message("f1", "no file").file("", "application/octet-stream", b"");
    assert_eq!(post(nothing_chosen).await.0, 303);
    assert_eq!(post(Form::message("f2", "").file("a.png", "image/png", PNG)).await.0, 303);
    let page = browser.get(world.url("/c/site/")).header(COOKIE, &cookie).send().await.unwrap().text().await.unwrap();
    assert_eq!(page.matches("data-from=\"visitor\"").count(), 2);
    assert!(page.contains("alt=\"a.png\" width=\"2\" height=\"3\""), "{page}");
}

/// Everything in the folder for files but its lock.
fn kept(world: &World) -> Vec<String> {
    let all = std::fs::read_dir(world.folder().join("files")).unwrap();
    let names = all.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != ".lock").collect()
}

#[tokio::test]
async fn a_file_is_not_kept_for_a_message_that_is_refused_for_what_stands_before_it() {
    let asked =
        "[channels.site.settings.consent]\nrequired = true\n[channels.site.settings.before]\nfields = ['email']\n";
    let world = World::with(SandboxConfig::default().without_limits(), &format!("{}{asked}", limited())).await;
    let visitor = world.visitor().await;
    let agreed = |form: Form, profile: &str| form.field("profile", profile).file("a.txt", "text/plain", b"content");
    let cases = [
        (agreed(Form::message("a b", "x"), r#"{"consent":true}"#), "bad_key"),
        (agreed(Form::message("k", &"x".repeat(10_001)), r#"{"consent":true}"#), "text_too_long"),
        (agreed(Form::message("k", "x"), r#"{"consent":true,"email":"x"}"#), "profile_invalid"),
        (agreed(Form::message("k", "x"), "{"), "bad_json"),
        (agreed(Form::message("k", "x"), "{}"), "consent_needed"),
        (Form::message("k", "").file("a.txt", "text/plain", b"content"), "consent_needed"),
        (
            Form::message("k", "").field("profile", r#"{"consent":true}"#).file("a", "video/mp4", b"<html>"),
            "file_type_refused",
        ),
        (
            Form::message("k", "").field("profile", r#"{"consent":true}"#).file("a", "image/heic", b"MZ"),
            "file_type_refused",
        ),
    ];
    for (form, code) in cases {
        let (_, answer) = visitor.send_form(form).await;
        assert_eq!((&answer["error"]["code"], kept(&world)), (&json!(code), Vec::new()), "{answer}");
    }
    let (status, answer) = visitor.send_form(agreed(Form::message("k", ""), r#"{"consent":true}"#)).await;
    assert_eq!((status, kept(&world).len()), (StatusCode::CREATED, 1), "{answer}");
}

/// Nothing that runs when an operator opens it, whatever it claims to be.
/// A body whose head does not say how large it is counts as what it was.
#[tokio::test]
async fn what_is_uploaded_is_counted_whatever_its_head_says() {
    let channels = format!("[files]\nmax_megabytes = 1\ntypes = [\"*/*\"]\n{}", openline_tests::CHANNELS);
    let mut world = World::bare(SandboxConfig::default().without_limits(), &channels).await;
    world.limited("[limits]\nupload_megabytes = 4");
    world.start_service().await;
    let visitor = world.visitor().await;
    let send = async |key: &str| {
        let one = content(999_000, 1);
        let form = Form::message(key, "x").file("a", "text/plain", &one).file("b", "text/plain", &one);
        let (kind, body) = form.file("c", "text/plain", &one).finish();
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(body)]));
        let request = reqwest::Client::new().post(world.url("/c/site/api/messages")).bearer_auth(&visitor.token);
        request.header("content-type", kind).body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!((send("a").await, send("b").await), (201, 429));
}

#[tokio::test]
async fn by_default_only_usual_files_are_taken() {
    let shop = "[channels.shop]\nkind = \"website\"\n[channels.shop.files]\ntypes = [\"image/png\"]\n";
    let channels = format!("[files]\nmax_megabytes = 1\n{}{shop}", openline_tests::CHANNELS);
    let world = World::with(SandboxConfig::default().without_limits(), &channels).await;
    let visitor = world.visitor().await;
    for (key, name, mime, bytes) in [
        ("a", "invoice.exe", "text/plain", b"MZ\x90\0".as_slice()),
        ("b", "page.html", "text/plain", b"<script>alert(1)</script>"),
        ("c", "all.zip", "application/zip", b"PK\x03\x04"),
        ("d", "unknown", "", b"\x7fELF"),
    ] {
        let (status, answer) = visitor.send_form(Form::message(key, "x").file(name, mime, bytes)).await;
        assert_eq!((status.as_u16(), &answer["error"]["code"]), (422, &json!("file_type_refused")), "{name}: {answer}");
    }
    for (key, name, mime, bytes) in [
        ("e", "list.pdf", "application/pdf", b"%PDF-1.4".as_slice()),
        ("f", "photo.png", "image/png", PNG),
        ("g", "notes.txt", "text/plain", b"hello"),
    ] {
        let (status, answer) = visitor.send_form(Form::message(key, "x").file(name, mime, bytes)).await;
        assert_eq!(status, StatusCode::CREATED, "{name}: {answer}");
    }
    // A channel may have a list of its own.
    let visitor = openline_tests::Visitor::new(&world.url("/c/shop/api")).await;
    let list = Form::message("a", "x").file("list.pdf", "application/pdf", b"%PDF-1.4");
    let (status, answer) = visitor.send_form(list).await;
    assert_eq!((status.as_u16(), &answer["error"]["code"]), (422, &json!("file_type_refused")), "{answer}");
    let said = answer["error"]["message"].as_str().unwrap();
    assert!(said.contains("\"list.pdf\" can't be sent") && said.ends_with("only image/png."), "{said}");
    let (status, answer) = visitor.send_form(Form::message("b", "x").file("photo.png", "image/png", PNG)).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}
