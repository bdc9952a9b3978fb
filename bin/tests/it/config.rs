//! The shipped configurations load, nothing in them is out of date, and errors say what to do. More than 400 lines,
//! because all of it reads the same few configurations.

mod mistakes;

use openline::Config;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What a configuration must have, but for channels.
const PORTAL: &str = r#"public_url = "https://chat.example.com"
[portal]
url = "https://company.bitrix24.com"
client_id = "local.1"
client_secret = "pXw2fK9sQz7"
"#;

const SITE: &str = "[channels.site]\nkind = \"website\"\n";

fn environment(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    Config::parse(Path::new("c.toml"), text, Some(environment(variables))).map_err(|errors| errors.to_string())
}

fn good(text: &str, variables: &[(&str, &str)]) -> Config {
    parse(text, variables).unwrap_or_else(|errors| panic!("{errors}"))
}

fn bad(text: &str, variables: &[(&str, &str)]) -> String {
    parse(text, variables).err().expect("errors")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../config")
}

fn complete() -> String {
    with_own_secrets(&std::fs::read_to_string(folder().join("openline.toml")).unwrap())
}

/// An example with secrets in the places of its samples, which are refused.
fn with_own_secrets(text: &str) -> String {
    let own = [
        ("the key from Bitrix24", "pXw2fK9sQz7"),
        ("123456789:the-token-from-BotFather", "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"),
        ("replace-me-by-random-characters", "9f86d081884c7d659a2feaa0c55ad015"),
        ("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("replace-me-xxxx-xxxx", "b8f2c6Qd91"),
        ("replace-me", "b8f2c6Qd91"),
    ];
    own.iter().fold(text.to_owned(), |text, (sample, own)| text.replace(sample, own))
}

/// The complete example with its unset keys set.
fn everything() -> String {
    let set = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    complete().lines().map(set).collect::<Vec<_>>().join("\n")
}

/// All keys of a table with their dotted paths. A secret's own table counts as a value.
fn keys(path: &str, table: &toml::Table, found: &mut Vec<(String, toml::Value)>) {
    for (key, value) in table {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value.as_table() {
            Some(table) if !table.contains_key("file") => keys(&path, table, found),
            _ => found.push((path, value.clone())),
        }
    }
}

fn all_keys() -> Vec<(String, toml::Value)> {
    let mut found = Vec::new();
    keys("", &toml::from_str(&everything()).unwrap(), &mut found);
    found
}

#[test]
fn every_shipped_configuration_loads() {
    let secret = [("OPENLINE__PORTAL__CLIENT_SECRET", "pXw2fK9sQz7")];
    let mut loaded = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let text = with_own_secrets(&std::fs::read_to_string(&path).unwrap());
        Config::parse(&path, &text, Some(environment(&secret))).unwrap_or_else(|errors| panic!("{errors}"));
        loaded += 1;
    }
    assert!(loaded >= 3);
}

#[test]
fn every_kinds_example_loads() {
    for kind in openline_channels::Kinds::shipped().iter() {
        let config = good(&with_own_secrets(&format!("{PORTAL}{}", kind.example())), &[]);
        assert!(config.channels.values().any(|instance| instance.kind == kind.name()), "{}", kind.name());
    }
}

#[test]
fn the_unset_keys_of_the_complete_example_are_good_too() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "9f86d081884c7d659a2feaa0c55ad015\n").unwrap();
    for name in ["metrics_token", "traces_token", "admin_token"] {
        std::fs::write(folder.path().join(name), "9f86d081884c7d65\n").unwrap();
    }
    std::fs::write(folder.path().join("alert_secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    std::fs::write(folder.path().join("mail_password"), "9f86d081884c7d65\n").unwrap();
    let icon = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    std::fs::write(folder.path().join("icon.svg"), icon).unwrap();
    std::fs::create_dir(folder.path().join("messengers")).unwrap();
    let config = Config::parse(&folder.path().join("c.toml"), &everything(), Some(environment(&[])));
    let config = config.unwrap_or_else(|errors| panic!("{errors}"));
    assert!(config.secret.is_some());
}

#[test]
fn every_key_is_in_the_complete_example() {
    let paths: Vec<_> = all_keys().into_iter().map(|(path, _)| path).collect();
    // What a table takes is said when something else stands in it.
    let tables = ["limits", "files", "log", "metrics", "admin", "alerts", "privacy"];
    let own = tables.map(|table| format!("{PORTAL}[{table}]\nzz = 1\n{SITE}"));
    let of_channel = ["", "connector.", "files."].map(|table| format!("{PORTAL}{SITE}{table}zz = 1\n"));
    let texts = own.into_iter().chain(of_channel).chain([format!("{PORTAL}zz = 1\n{SITE}")]);
    let said = texts.chain([format!("zz = 1\n{PORTAL}{SITE}")]).map(|text| bad(&text, &[])).collect::<Vec<_>>();
    let taken = said.iter().filter_map(|said| said.lines().next()?.split_once("`zz`, expected "));
    let names: Vec<_> = taken.flat_map(|(_, names)| names.split('`').skip(1).step_by(2)).collect();
    assert_eq!(said.len(), 12);
    assert!(names.len() > 80, "{names:?}");
    for name in names {
        assert!(paths.iter().any(|path| path.split('.').any(|part| part == name)), "{name} is not explained");
    }
}

#[test]
fn every_key_tells_its_name_in_the_environment_and_takes_it_from_there() {
    let text = complete();
    let told = |name: &str| text.split_whitespace().any(|word| word == name);
    for (path, value) in all_keys() {
        let name = format!("OPENLINE__{}", path.replace('.', "__").to_uppercase());
        let value = match value {
            toml::Value::Array(_) => {
                assert!(!told(&name), "{name} is a list");
                continue;
            }
            toml::Value::Table(_) => "9f86d081884c7d659a2feaa0c55ad015".to_owned(),
            toml::Value::String(text) if path.ends_with("icon") => format!("{}/../{text}", env!("CARGO_TARGET_TMPDIR")),
            // A folder that is there.
            toml::Value::String(_) if path == "messengers" => {
                format!("{}/../channels/messengers", env!("CARGO_MANIFEST_DIR"))
            }
            toml::Value::String(text) => text,
            other => other.to_string(),
        };
        assert!(told(&name), "{name} is not told");
        if path.ends_with("icon") {
            assert!(bad(&text, &[(&name, &value)]).contains("icon.svg can't be read"));
        } else {
            good(&text, &[(&name, &value)]);
        }
    }
}

#[test]
fn the_values_of_the_complete_example_are_the_defaults() {
    let (shown, default) = (good(&complete(), &[]), good(&format!("{PORTAL}{SITE}"), &[]));
    assert_eq!((shown.listen, shown.store.to_string()), (default.listen, default.store.to_string()));
    assert_eq!(format!("{:?}", shown.log), format!("{:?}", default.log));
    assert_eq!(shown.files, default.files);
    let portal = |config: &Config| {
        let portal = openline::config::PortalSettings { client_id: String::new(), ..config.portal.clone() };
        format!("{portal:?}")
    };
    assert_eq!(portal(&shown), portal(&default));
    let connector =
        |config: &Config| config.channels.values().map(|i| format!("{:?}", i.connector)).collect::<String>();
    assert_eq!(connector(&shown), connector(&default));
}

#[test]
fn the_dashboard_is_open_to_other_machines_only_with_a_token() {
    let with = |table: &str| format!("{PORTAL}[admin]\n{table}\n{SITE}");
    let told = bad(&with("listen = \"0.0.0.0:9465\""), &[]);
    assert!(told.contains("admin.token: is missing; other machines reach admin.listen"), "{told}");
    assert!(bad(&with("listen = \"here\""), &[]).contains("admin.listen: \"here\" is not an address"));
    for fine in
        ["listen = \"127.0.0.1:0\"", "listen = \"[::1]:0\"", "listen = \"0.0.0.0:0\"\ntoken = \"pXw2fK9sQz7Lm4Rt\""]
    {
        assert!(good(&with(fine), &[]).admin.listen.is_some(), "{fine}");
    }
}

#[test]
fn a_server_needs_a_secret_and_a_folder_that_all_replicas_share() {
    let store = "store = \"postgres://user:hunter2hunter3@host/db?sslmode=verify-full\"\n";
    let said = bad(&format!("{store}{PORTAL}{SITE}"), &[]);
    assert!(said.starts_with("c.toml: secret: is missing") && !said.contains("hunter2"), "{said}");
    let secret = "secret = \"9f86d081884c7d659a2feaa0c55ad015\"\n";
    let said = bad(&format!("{secret}{store}{PORTAL}{SITE}"), &[]);
    assert!(said.starts_with("c.toml: files.folder: is missing") && said.contains("all replicas share"), "{said}");
    let config = good(&format!("{secret}{store}files = {{ folder = \"/srv/files\" }}\n{PORTAL}{SITE}"), &[]);
    assert_eq!(config.files.folder, Path::new("/srv/files"));
    assert_eq!(config.store.to_string(), "postgres://user@host:5432/db");
}

#[test]
fn files_are_kept_beside_the_database_within_limits() {
    let with = |more: &str| format!("store = \"sqlite:///srv/ol/chat.db\"\n{more}\n{PORTAL}{SITE}");
    let files = good(&with(""), &[]).files;
    assert_eq!((files.folder.as_path(), files.most), (Path::new("/srv/ol/files"), 25_000_000));
    let files = good(&with("files = { folder = \"f\", max_megabytes = 2, types = [\"image/*\"] }"), &[]).files;
    assert_eq!(files.shown(), "f, up to 2 MB each, image/*");
    for (wrong, said) in [
        ("max_megabytes = 0", "files.max_megabytes: 0 is not a size; write 1 to 1000"),
        ("max_megabytes = 1001", "files.max_megabytes: 1001 is not a size"),
        ("types = [\"image/*\", \"pdf\"]", "files.types: \"pdf\" is not a media type; write one like"),
        ("types = [\"Image/PNG\"]", "files.types: \"Image/PNG\" is not a media type"),
        ("folder = \" \"", "files.folder: is empty"),
        ("types = []", "files.types: takes nothing; write \"*/*\" in it"),
        ("check = [\"clamdscan\"]", "files.check: names no program; its first entry is a program's whole path"),
        ("check_seconds = 0", "files.check_seconds: 0 is not taken; write 1 to 300"),
        ("size = 1", "files.size: unknown field"),
    ] {
        let errors = bad(&with(&format!("files = {{ {wrong} }}")), &[]);
        assert!(errors.starts_with(&format!("c.toml: {said}")), "{wrong}: {errors}");
    }
}

#[test]
fn a_store_that_is_none_is_not_repeated() {
    for store in ["mysql://user:hunter2@host/db", "sqlite:", "sqlite::memory:", "data/openline.db"] {
        let said = bad(&format!("store = \"{store}\"\n{PORTAL}{SITE}"), &[]);
        assert!(said.starts_with("c.toml: store: is not a store; write sqlite:FILE"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn broken_toml_is_located_and_not_repeated() {
    let said = bad(&format!("{PORTAL}{SITE}").replace("\"pXw2fK9sQz7\"", "hunter2"), &[]);
    assert!(said.starts_with("c.toml: line 5, column "), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn the_environment_goes_before_the_file() {
    let config = good(
        &format!("{PORTAL}{SITE}"),
        &[
            ("OPENLINE__LISTEN", "127.0.0.1:9000"),
            ("OPENLINE__PORTAL__URL", "https://other.bitrix24.com"),
            ("OPENLINE__CHANNELS__SITE__CONNECTOR__SIGNATURE", "false"),
            ("OPENLINE__CHANNELS__SHOP__KIND", "website"),
            ("OPENLINE_OTHER", "no key of ours"),
        ],
    );
    assert_eq!(config.listen.port(), 9000);
    assert_eq!(config.portal.url.host_str(), Some("other.bitrix24.com"));
    assert_eq!(config.channels.len(), 2);
}

#[test]
fn errors_of_the_environment_name_the_variable() {
    let text = format!("{PORTAL}{SITE}");
    let table = [
        ("OPENLINE__PORTLA__URL", "x", "portla: unknown field `portla`, expected one of `listen`"),
        ("OPENLINE__PORTAL__COLOR", "x", "portal.color: unknown field `color`, expected one of `url`"),
        ("OPENLINE__CHANNELS__SITE__KIND", "fax", "channels.site.kind: \"fax\" is not a kind of channel"),
        (
            "OPENLINE__CHANNELS__SITE__CONNECTOR__SIGNATURE",
            "perhaps",
            "channels.site.connector.signature: invalid type",
        ),
        ("OPENLINE__CHANNELS__SITE__CONNECTOR__LINE", "one", "channels.site.connector.line: invalid type"),
        (
            "OPENLINE__PORTAL__FILE_HOSTS",
            "a.example",
            "portal.file_hosts: invalid type: string \"a.example\", expected a sequence",
        ),
    ];
    for (name, value, expected) in table {
        let said = bad(&text, &[(name, value)]);
        assert!(said.starts_with(&format!("c.toml: {expected}")), "{said}");
        assert!(said.ends_with(&format!("(set by {name} in the environment)")), "{said}");
    }
    // An error of the file is not put on the environment.
    let said = bad(&text.replace("\"website\"", "\"fax\""), &[("OPENLINE__CHANNELS__SITE__CONNECTOR__LINE", "1")]);
    assert!(!said.contains("environment"), "{said}");
}

#[test]
fn secrets_stay_as_they_are() {
    use secrecy::ExposeSecret;
    let text = format!("{PORTAL}{SITE}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "0071839405167 \n").unwrap();
    let read = |text: &str, variables: &[(&str, &str)]| {
        let config = Config::parse(&folder.path().join("c.toml"), text, Some(environment(variables)));
        config.unwrap_or_else(|e| panic!("{e}")).portal.client_secret.expose_secret().to_owned()
    };
    assert_eq!(read(&text, &[("OPENLINE__PORTAL__CLIENT_SECRET", "0071839405167")]), "0071839405167");
    assert_eq!(read(&text, &[("OPENLINE__PORTAL__CLIENT_SECRET__FILE", "key")]), "0071839405167 ");
    let in_file = text.replace("\"pXw2fK9sQz7\"", "{ file = \"key\" }");
    assert_eq!(read(&in_file, &[]), "0071839405167 ");
    assert_eq!(read(&in_file, &[("OPENLINE__PORTAL__CLIENT_SECRET", "1e395718062")]), "1e395718062");
}

#[test]
fn a_kinds_secret_may_be_elsewhere() {
    let text = format!("{PORTAL}{SITE}[channels.site.settings]\ntitle = {{ env = \"TITLE\" }}\n");
    let config = good(&text, &[("TITLE", "Ask us")]);
    let settings = &config.channels.values().next().unwrap().settings;
    assert_eq!(settings["title"].as_str(), Some("Ask us"));
    assert!(!format!("{:?}", config.channels).contains("Ask us"), "never printed");
    let errors = bad(&text, &[]);
    assert_eq!(errors, "c.toml: channels.site.settings.title: the environment variable TITLE is not set");
    let text = text.replace("env = \"TITLE\"", "file = \"nowhere\"");
    assert!(bad(&text, &[]).starts_with("c.toml: channels.site.settings.title: the file nowhere can't be read: "));
}

/// An edit that changes nothing for the visitor is not offered.
#[test]
fn operators_may_change_what_the_channel_can_change() {
    let text = format!(
        "{PORTAL}{SITE}[channels.site.connector]\ndelete_internal_messages = false\n[channels.echo]\nkind = \"echo\"\n[channels.echo.settings]\ntoken = \"9f86d081884c7d65\"\n"
    );
    let config = good(&text, &[]);
    let clock = std::sync::Arc::new(openline_core::clock::SystemClock::default());
    let host = config.host(openline_core::secret::MasterSecret::new([1; 32]), clock);
    let plans = config.plan_channels(&host).unwrap_or_else(|errors| panic!("{errors:?}"));
    let flags = |text: &str, connectors: &[openline_bitrix::Connector]| {
        let found = connectors.iter().find(|one| one.channel.as_str() == text).unwrap();
        (found.edit_internal, found.delete_internal)
    };
    let connectors = config.portal_config(&plans.can(), &openline_core::Roster::default()).connectors;
    assert_eq!(flags("echo", &connectors), (false, false));
    assert_eq!(flags("site", &connectors), (true, false));
}
