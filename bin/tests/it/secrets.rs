//! Secrets that are none are refused, and what openline writes and says is nobody else's business.

use crate::cli::{Place, Running, openline, run};
use openline::Config;
use openline_core::weak::{Maker, strong};
use std::collections::HashMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All files below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

/// What stands as a secret in a text: behind a key that is called so, as the example of a setting that is one, and as the
/// password in the address of a store.
fn secrets_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        for (at, _) in line.match_indices('=') {
            let key = line[..at].trim_end().rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap();
            let is_secret = ["secret", "secrets", "token", "password"].iter().any(|word| key.ends_with(word))
                || key == "example" && line.contains("is = \"secret\"");
            let value = line[at + 1..].trim_start().trim_start_matches('[');
            if let Some(quote) = value.chars().next().filter(|c| is_secret && matches!(c, '"' | '\'')) {
                found.extend(value[1..].split(quote).next().map(str::to_owned));
            }
        }
        let addresses = line.split("postgres://").skip(1).filter_map(|rest| rest.split_once('@'));
        found.extend(addresses.filter_map(|(user, _)| user.split_once(':')).map(|(_, password)| password.to_owned()));
    }
    found
}

/// Whoever copies an example and leaves its secret as it is would have one that everybody knows.
#[test]
fn each_secret_that_stands_in_our_examples_is_refused() {
    let rooms = ["config", "docs", "deploy", "channels/src"].map(|room| below(&root().join(room)));
    let mut files: Vec<_> = rooms.into_iter().flatten().chain([root().join("README.md")]).collect();
    files.extend(below(&root().join("channels/messengers")).into_iter().filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        !name.ends_with(".tests.toml")
    }));
    let mut walked = 0;
    for path in files {
        let is_text = path.extension().is_some_and(|ending| ["toml", "md", "yaml"].iter().any(|one| ending == *one));
        if !is_text || path.ends_with("website/texts") {
            continue;
        }
        for secret in secrets_in(&std::fs::read_to_string(&path).unwrap()) {
            walked += 1;
            assert!(strong("key", &secret, Maker::Own).is_err(), "{}: {secret:?}", path.display());
            assert!(strong("key", &secret, Maker::Other).is_err(), "{}: {secret:?}", path.display());
        }
    }
    assert!(walked > 40, "{walked}");
}

#[test]
fn a_shipped_configuration_is_refused_for_its_secrets_and_for_nothing_else() {
    for path in below(&root().join("config")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let errors = match Config::parse(&path, &text, Some(HashMap::new())) {
            Ok(_) => panic!("{} is taken as it is", path.display()),
            Err(errors) => errors.to_string(),
        };
        for error in errors.lines() {
            let is_of_a_secret = error.contains("stands in an example") || error.contains("can't be read");
            assert!(is_of_a_secret, "{error}");
        }
    }
}

/// `check` and `serve` say the same of a secret, and don't repeat it.
#[test]
fn weak_secrets_are_refused_by_check_and_by_serve() {
    let place = Place::new();
    let good = std::fs::read_to_string(place.path().join("openline.toml")).unwrap();
    let app = "[channels.crm]\nkind = \"api\"\n[channels.crm.settings]\ntoken = \"TOKEN\"\n";
    let identity = "[channels.site.settings.identity]\nsecrets = [\"SECRET\"]\n";
    for (text, key, weak) in [
        (good.replace("pXw2fK9sQz7", ""), "portal.client_secret", ""),
        (good.replace("pXw2fK9sQz7", "changeme"), "portal.client_secret", "changeme"),
        (good.replace("pXw2fK9sQz7", "<your key>"), "portal.client_secret", "<your key>"),
        (format!("secret = \"{}\"\n{good}", "ab".repeat(20)), "secret", "abab"),
        (good.clone() + &app.replace("TOKEN", "your-secret-token-goes-here"), "channels.crm.settings.token", "goes"),
        (good.clone() + &app.replace("TOKEN", "aaaaaaaaaaaaaaaaaaaaaaaa"), "channels.crm.settings.token", "aaaa"),
        (
            good.clone() + &identity.replace("SECRET", "0123456789abcdef0123456789abcdef"),
            "channels.site.settings.identity.secrets",
            "0123",
        ),
        (format!("{good}[metrics]\ntoken = \"xxxxxxxxxxxxxxxxxxxx\"\n"), "metrics.token", "xxxx"),
    ] {
        // "goes" is a word of its own: such a phrase is refused by what it says otherwise.
        place.write(&text.replace("goes-", ""));
        for command in ["check", "serve"] {
            let (code, out, errors) = run(place.path(), &[command]);
            assert_eq!((code, out.as_str()), (Some(2), ""), "{errors}");
            assert!(errors.starts_with(&format!("openline.toml: {key}: is ")), "{errors}");
            assert!(weak.is_empty() || !errors.contains(weak), "{errors}");
        }
    }
}

#[test]
fn a_password_is_never_told() {
    let place = Place::new();
    let good = std::fs::read_to_string(place.path().join("openline.toml")).unwrap();
    let with = |store: &str, more: &str| {
        let start = good.find("store = ").unwrap();
        let end = start + good[start..].find('\n').unwrap();
        place.write(&format!(
            "{}store = \"{store}\"\nsecret = \"9f86d081884c7d659a2feaa0c55ad015\"\nfiles = {{ folder = \"f\" }}\n{more}{}",
            &good[..start],
            &good[end..]
        ));
    };
    with("postgres://me:hunter2-Zq81@db.example/openline?sslmode=verify-full", "");
    let (code, out, errors) = run(place.path(), &["check"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(
        out.contains("stores in     postgres://me@db.example:5432/openline\n") && !out.contains("hunter2"),
        "{out}"
    );
    // Elsewhere without a proof: refused, unless it is said to be wanted.
    for unproved in ["db.example/openline", "db.example/openline?sslmode=require"] {
        let url = format!("postgres://me:hunter2-Zq81@{unproved}");
        with(&url, "");
        let (code, out, errors) = run(place.path(), &["serve"]);
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(errors.starts_with("openline.toml: store: is a server on another machine"), "{errors}");
        assert!(errors.contains("sslmode=verify-full") && !errors.contains("hunter2"), "{errors}");
        with(&url, "allow_unverified_store = true\n");
        let (code, out, errors) = run(place.path(), &["check"]);
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    }
    with("postgres://me:password@127.0.0.1:1/openline", "");
    let (_, _, errors) = run(place.path(), &["check"]);
    assert!(errors.starts_with("openline.toml: store: the password in the address is what stands in an"), "{errors}");
    // On the command line everybody would see it.
    with("postgres://me:hunter2-Zq81@127.0.0.1:1/openline", "");
    let (code, _, errors) =
        run(place.path(), &["migrate-store", "postgres://me:hunter2@127.0.0.1:1/db", "sqlite:b.db"]);
    assert!(code == Some(1) && errors.contains("don't write the password here"), "{errors}");
    let (code, _, errors) = run(place.path(), &["migrate-store", "openline.toml", "sqlite:b.db"]);
    assert!(code == Some(1) && errors.starts_with("postgres://me@127.0.0.1:1/openline: "), "{errors}");
    assert!(!errors.contains("hunter2"), "{errors}");
}

/// The mode of a file, of which the part that says what everybody but its owner may do.
fn others(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o077
}

/// As an open umask finds them, and as an older version left them.
#[test]
fn what_openline_writes_is_for_its_own_user_only() {
    let place = Place::new();
    let open = |path: &Path| std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
    for round in 0..2 {
        let mut serve = openline(place.path(), &["serve"]);
        let running = Running::begun(&mut serve);
        let (code, said, errors) = run(place.path(), &["backup", &format!("backup{round}.tar")]);
        assert_eq!(code, Some(0), "{said}{errors}");
        let mut seen = Vec::new();
        for path in
            below(&place.path().join("data")).into_iter().chain([place.path().join(format!("backup{round}.tar"))])
        {
            assert_eq!(others(&path), 0, "{}", path.display());
            seen.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
        for name in
            ["openline.db", "openline.db-wal", "openline.db-shm", "openline.db.secret", "openline.db.mark", ".lock"]
        {
            assert!(seen.iter().any(|seen| seen == name), "{name} in {seen:?}");
        }
        for folder in ["data", "data/files"] {
            assert_eq!(others(&place.path().join(folder)), 0, "{folder}");
        }
        assert!(running.terminate().success());
        let folder = std::fs::read_dir(place.path().join("data")).unwrap().flatten().map(|entry| entry.path());
        folder.filter(|path| path.is_file()).for_each(|path| open(&path));
    }
}

#[test]
fn a_configuration_that_others_can_read_is_told() {
    let place = Place::new();
    let file = place.path().join("openline.toml");
    let mode = |mode: u32| std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
    let told = || run(place.path(), &["check"]).1;
    mode(0o644);
    let said = told();
    let why =
        "openline.toml: everybody on this machine can read it, and it has secrets (portal.client_secret): chmod o-rwx";
    assert!(said.contains(why), "{said}");
    let log = Running::said(&mut openline(place.path(), &["serve"]));
    assert!(log.iter().any(|line| line.contains("WARN") && line.contains(why)), "{log:?}");
    mode(0o640);
    assert!(!told().contains("everybody on this machine"));
    // A file that a secret stands in counts as well, and one without secrets does not.
    mode(0o644);
    let text = std::fs::read_to_string(&file).unwrap();
    place.write(&text.replace("\"pXw2fK9sQz7\"", "{ file = \"key\" }"));
    std::fs::write(place.path().join("key"), "pXw2fK9sQz7\n").unwrap();
    std::fs::set_permissions(place.path().join("key"), PermissionsExt::from_mode(0o604)).unwrap();
    let said = told();
    assert!(
        said.contains("key: everybody on this machine can read it, and portal.client_secret stands in it"),
        "{said}"
    );
    assert_eq!(said.matches("everybody on this machine").count(), 1, "{said}");
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    assert_eq!(said.contains("openline runs as root; give it a user of its own"), root, "{said}");
}
