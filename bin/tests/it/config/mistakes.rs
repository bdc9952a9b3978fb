//! What is wrong is said with file and key, and what would be right.

use super::*;

/// A configuration that has everything but for one change, and what is said of it.
fn said(from: &str, to: &str) -> String {
    let whole = format!("{PORTAL}{SITE}");
    assert!(whole.contains(from), "{from}");
    bad(&whole.replacen(from, to, 1), &[])
}

/// What is written instead of what, and what is said of it.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "client_id",
        "clientid",
        "portal.clientid: unknown field `clientid`, expected one of `url`, `auth_server`, `client_id`",
    ),
    ("public_url", "colour = 1\npublic_url", "colour: unknown field `colour`, expected one of `listen`, `public_url`"),
    (
        "kind =",
        "color = 1\nkind =",
        "channels.site.color: unknown field `color`, expected one of `kind`, `connector`, `files`, `settings`",
    ),
    (
        "kind = ",
        "connector.colour = 1\nkind = ",
        "channels.site.connector.colour: unknown field `colour`, expected one of `id`",
    ),
    (
        "kind = ",
        "settings.titel = 'x'\nkind = ",
        "channels.site.settings.titel: unknown field `titel`, expected one of `title`",
    ),
    (SITE, "", "channels: there is none; add one, for example [channels.site] with kind = \"website\""),
    ("channels.site", "channels.My-Site", "channels.My-Site: \"My-Site\" is not a channel id: use 1 to 32 of a-z"),
    (
        "https://chat",
        "http://chat",
        "public_url: \"http://chat.example.com\" must begin with https:// (plain http is for 127.0.0.1",
    ),
    ("public_url", "listen = '127.0.0.1:1' #", "public_url: is missing; write the address under which"),
    ("https://company", "company", "portal.url: \"company.bitrix24.com\" is not a URL; write one like"),
    (
        ".com\"\nclient",
        ".com/rest\"\nclient",
        "portal.url: must not have a path: write \"https://company.bitrix24.com\"",
    ),
    (
        "client_secret",
        "#",
        "portal.client_secret: is missing; write the key that Bitrix24 shows for the local application",
    ),
    ("\"pXw2fK9sQz7\"", "{ file = \"nowhere\" }", "portal.client_secret: the file nowhere can't be read: No such file"),
    (
        "\"pXw2fK9sQz7\"",
        "{ env = \"OPENLINE_NOT_SET\" }",
        "portal.client_secret: the environment variable OPENLINE_NOT_SET is not set",
    ),
    ("\"pXw2fK9sQz7\"", "7", "portal.client_secret: must be a text, { file = \"…\" } or { env = \"…\" }"),
    (
        "client_id",
        "limit = 'lots'\nclient_id",
        "portal.limit: \"lots\" is not a limit; there is: auto, standard, enterprise, none",
    ),
    (
        "kind",
        "connector.color = 'red'\nkind",
        "channels.site.connector.color: \"red\" is not a color; write one like \"#1f7a8c\"",
    ),
    (
        "kind",
        "connector.id = 'a.b'\nkind",
        "channels.site.connector.id: \"a.b\" is not a connector id; use 1 to 50 of a-z",
    ),
    ("kind", "connector.icon = 'x.gif'\nkind", "channels.site.connector.icon: x.gif must be an .svg or .png file"),
    (
        "kind",
        "connector.line = 'one'\nkind",
        "channels.site.connector.line: invalid type: string \"one\", expected an integer",
    ),
    ("public_url", "listen = '8080'\npublic_url", "listen: \"8080\" is not an address to listen at; write one like"),
    ("public_url", "secret = 'short'\npublic_url", "secret: is too short; write at least 32 random characters"),
    ("[portal]", "log.level = 'loud'\n[portal]", "log.level: \"loud\" is not a level; there is: error, warn, info"),
    ("[portal]", "log.format = 'xml'\n[portal]", "log.format: \"xml\" is not a format; there is: text, json"),
];

#[test]
fn errors_name_file_and_key_and_what_would_be_right() {
    let kinds: Vec<_> = openline_channels::Kinds::shipped().iter().map(openline_core::ChannelKind::name).collect();
    let kinds = kinds.join(", ");
    let of_kinds: [(&str, &str, &str); 2] = [
        ("\"website\"", "\"fax\"", &format!("channels.site.kind: \"fax\" is not a kind of channel; there is: {kinds}")),
        ("kind = \"website\"", "", &format!("channels.site.kind: is missing; there is: {kinds}")),
    ];
    for (from, to, expected) in MISTAKES.iter().copied().chain(of_kinds) {
        let said = said(from, to);
        assert!(said.starts_with(&format!("c.toml: {expected}")), "{to}\n{said}");
        assert!(!said.contains("for key"), "{said}");
    }
}

#[test]
fn a_connector_belongs_to_one_channel() {
    let channel = |id: &str| format!("[channels.{id}]\nkind = \"website\"\nconnector.id = \"same\"\n");
    let said = bad(&format!("{PORTAL}{}{}", channel("a"), channel("b")), &[]);
    assert_eq!(
        said,
        "c.toml: channels.b.connector.id: \"same\" is the connector of channels.a already; give each its own"
    );
}

#[test]
fn all_errors_are_told_at_once() {
    let said = bad("listen = 'x'\nchannels.a.kind = 'fax'\nchannels.b.kind = 'post'\n", &[]);
    for key in ["public_url", "listen", "portal.url", "channels.a.kind", "channels.b.kind"] {
        assert!(said.lines().any(|line| line.starts_with(&format!("c.toml: {key}: "))), "{key}\n{said}");
    }
}

#[test]
fn all_mistakes_of_one_table_are_told() {
    let text = format!(
        "{PORTAL}limit = 'much'\ntimeout_seconds = 0\nreconcile_seconds = 0\ncheck_seconds = 0\n\
         [files]\nmax_megabytes = 0\ntypes = ['x', 'y']\n\
         {SITE}files.types = ['z']\nconnector.id = 'A'\nconnector.color = 'red'\nconnector.line = 0\nconnector.icon = 'no.svg'\n"
    );
    let errors = bad(&text, &[]);
    for part in [
        "portal.limit: \"much\" is not a limit",
        "portal.timeout_seconds: 0 is not taken; write 1 to 100",
        "portal.reconcile_seconds: 0 is not taken",
        "portal.check_seconds: 0 is not taken",
        "files.max_megabytes: 0 is not a size",
        "files.types: \"x\"",
        "files.types: \"y\"",
        "channels.site.files.types: \"z\" is not a media type; write one like",
        "channels.site.connector.id: \"A\"",
        "channels.site.connector.color: \"red\"",
        "channels.site.connector.line: 0 is not the number of a line",
        "channels.site.connector.icon: ",
    ] {
        assert!(errors.contains(part), "{part} in {errors}");
    }
    assert!(bad(&format!("{PORTAL}timeout_seconds = 101\n{SITE}"), &[]).contains("101 is not taken"));
}

#[test]
fn an_icon_that_is_no_picture_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.toml");
    let with = |name: &str, content: &[u8]| {
        std::fs::write(folder.path().join(name), content).unwrap();
        let text = format!("{PORTAL}{SITE}connector.icon = '{name}'\n");
        Config::parse(&file, &text, Some(HashMap::new())).map(drop).map_err(|errors| errors.to_string())
    };
    let svg = b"<?xml version='1.0'?><svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    assert_eq!(with("a.svg", svg), Ok(()));
    assert_eq!(with("a.png", b"\x89PNG\r\n\x1a\n..."), Ok(()));
    assert!(with("b.svg", b"<html>not found</html>").unwrap_err().contains("is no SVG picture"));
    assert!(with("b.png", svg).unwrap_err().contains("is no PNG picture"));
}

#[test]
fn what_is_probably_not_meant_is_told() {
    let doubts = |portal: &str, more: &str| {
        let text = format!("trusted_proxies = ['127.0.0.1']\n{PORTAL}{more}\n{SITE}");
        let text = text.replace("company.bitrix24.com", portal);
        good(&text, &[]).doubts().join("\n")
    };
    assert_eq!(doubts("company.bitrix24.com", ""), "");
    for region in ["ru", "by", "kz", "uz", "am", "az", "ge", "kg"] {
        let portal = format!("company.bitrix24.{region}");
        assert!(doubts(&portal, "").contains("usually have https://oauth.bitrix24.tech"), "{region}");
        assert_eq!(doubts(&portal, "auth_server = 'https://oauth.bitrix24.tech'"), "");
    }
    assert!(
        doubts("company.bitrix24.com", "auth_server = 'https://oauth.bitrix24.tech'").contains("oauth.bitrix.info")
    );
    assert!(good(&format!("{PORTAL}{SITE}"), &[]).doubts().join("").starts_with("trusted_proxies: is not set"));
    let path = format!("{PORTAL}{SITE}").replace("chat.example.com", "example.com/chat");
    assert!(good(&path, &[]).doubts().join("").contains("/chat is a path"));
}
