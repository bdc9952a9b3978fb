//! The examples in `deploy/`: they can be read, fit together, and name only what there is. What runs them (Docker,
//! Kubernetes) is not here; nginx and systemd are asked where they are installed.

use openline::Config;
use openline::cli::{Cli, Parser};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use yaml_rust2::{Yaml, YamlLoader};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str, text: &str) -> Yaml {
    YamlLoader::load_from_str(text).unwrap_or_else(|error| panic!("{path}: {error}")).remove(0)
}

/// What a program that may not be installed says.
fn asked(program: &str, arguments: &[&str], folder: &Path) -> Option<Output> {
    match Command::new(program).args(arguments).current_dir(folder).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        said => Some(said.unwrap()),
    }
}

fn is_a_command(words: &[&str]) {
    let words: Vec<_> = words
        .iter()
        .map(|word| word.rsplit('/').next().filter(|_| word.ends_with("openline")).unwrap_or(word))
        .collect();
    if let Err(error) = Cli::try_parse_from(&words) {
        panic!("{words:?}: {error}");
    }
}

/// The configuration with the environment that an example gives it.
fn loads(path: &str, text: &str, environment: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["secret", "client_secret"] {
        std::fs::write(folder.path().join(name), "9f86d081884c7d659a2feaa0c55ad015").unwrap();
    }
    let environment: HashMap<_, _> = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    // What is to be replaced is refused.
    let text = text.replace("the key from Bitrix24", "pXw2fK9sQz7");
    let config = Config::parse(&folder.path().join("openline.toml"), &text, Some(environment));
    if let Err(errors) = config {
        panic!("{path}: {errors}");
    }
}

/// A value for each variable that an example names; the names are what is looked at.
fn value(name: &str) -> &'static str {
    match name {
        "OPENLINE__LISTEN" => "0.0.0.0:8080",
        "OPENLINE__PUBLIC_URL" => "https://chat.example.com",
        "OPENLINE__STORE" => "postgres://openline:mX4tq9ZbW7@postgres/openline?sslmode=verify-full",
        "OPENLINE__ALLOW_UNVERIFIED_STORE" => "true",
        "OPENLINE__FILES__FOLDER" => "/var/lib/openline/files",
        "OPENLINE__LOG__FORMAT" => "json",
        "OPENLINE__SECRET" | "OPENLINE__PORTAL__CLIENT_SECRET" => "9f86d081884c7d659a2feaa0c55ad015",
        other => panic!("{other}: say in this test what its value may be"),
    }
}

fn named(text: &str) -> Vec<(&str, &'static str)> {
    let words = text.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
    words.filter(|word| word.starts_with("OPENLINE__")).map(|name| (name, value(name))).collect()
}

#[test]
fn the_units_run_commands_that_exist_and_are_hardened() {
    let folder = tempfile::tempdir().unwrap();
    for (file, instance) in [("openline.service", "openline.service"), ("openline@.service", "openline@a.service")] {
        let unit = read(&format!("deploy/systemd/{file}"));
        let commands = unit.lines().filter_map(|line| line.strip_prefix("ExecStart")?.split_once('='));
        let commands: Vec<_> = commands.map(|(_, command)| command.split(' ').collect::<Vec<_>>()).collect();
        assert_eq!(commands.len(), 2, "{file}");
        for words in &commands {
            is_a_command(words);
        }
        let at = folder.path().join(instance);
        std::fs::write(&at, unit).unwrap();
        let arguments = ["security", "--offline=true", "--threshold=20", at.to_str().unwrap()];
        let Some(judged) = asked("systemd-analyze", &arguments, folder.path()) else { continue };
        let said = String::from_utf8_lossy(&judged.stdout).into_owned() + &String::from_utf8_lossy(&judged.stderr);
        assert!(
            judged.status.success() || said.contains("unrecognized option"),
            "{file}: exposed more than 2.0\n{said}"
        );
    }
}

/// `CMD ["a", "b"]` of a Dockerfile.
fn words_of<'t>(dockerfile: &'t str, instruction: &str) -> Vec<&'t str> {
    let (_, rest) = dockerfile.rsplit_once(&format!("{instruction} [")).unwrap();
    let list = rest.split(']').next().unwrap();
    list.split(',').map(|word| word.trim().trim_matches('"')).collect()
}

#[test]
fn the_configuration_of_the_package_names_places_that_do_not_depend_on_where_a_command_is_called() {
    let text = read("deploy/deb/openline.toml");
    loads("deploy/deb/openline.toml", &text, &[]);
    assert!(text.contains("store = \"sqlite:/var/lib/openline/data/openline.db\""));
}

#[test]
fn the_image_runs_commands_that_exist_and_not_as_root() {
    let dockerfile = read("deploy/Dockerfile");
    let (program, serve) = (words_of(&dockerfile, "ENTRYPOINT"), words_of(&dockerfile, "\nCMD"));
    is_a_command(&[program, serve].concat());
    is_a_command(&words_of(&dockerfile, "    CMD"));
    assert!(dockerfile.contains("FROM gcr.io/distroless/cc-debian12:nonroot\n"));
    let rust = read("Cargo.toml").lines().find_map(|line| line.strip_prefix("rust-version = ").map(str::to_owned));
    assert!(dockerfile.contains(&format!("FROM rust:{}-", rust.unwrap().trim_matches('"'))));
    loads("deploy/Dockerfile", &read("config/minimal.toml"), &named(&dockerfile));
    let taken = read("deploy/Dockerfile.dockerignore");
    for path in taken.lines().filter_map(|line| line.strip_prefix('!')) {
        assert!(root().join(path).exists(), "{path}");
    }
    for member in
        toml::from_str::<toml::Table>(&read("Cargo.toml")).unwrap()["workspace"]["members"].as_array().unwrap()
    {
        let member = member.as_str().unwrap();
        assert!(taken.contains(&format!("!{member}\n")) || member == "tests", "{member} is not in the image's source");
    }
}

#[test]
fn the_compose_file_and_its_proxy_fit_together() {
    let text = read("deploy/compose/compose.yaml");
    let file = yaml("compose.yaml", &text);
    let services = file["services"].as_hash().unwrap();
    let caddy = read("deploy/compose/Caddyfile");
    for name in ["openline-a", "openline-b"] {
        let service = &services[&Yaml::from_str(name)];
        assert_eq!(service["build"]["dockerfile"].as_str(), Some("deploy/Dockerfile"));
        assert!(caddy.contains(&format!("{name}:8080")), "{name}");
    }
    for (name, service) in services {
        let mounts = service["volumes"].as_vec().unwrap().iter().map(|mount| mount.as_str().unwrap());
        for volume in mounts.filter(|mount| !mount.starts_with("./")).map(|mount| mount.split(':').next().unwrap()) {
            assert!(!file["volumes"][volume].is_badvalue(), "{name:?} has a volume {volume} that is not made");
        }
    }
    loads("openline.example.toml", &read("deploy/compose/openline.example.toml"), &named(&text));
    let own = |text: &str| text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>().join("\n");
    let there = own(&read("deploy/proxy/Caddyfile"))
        .replace("127.0.0.1:8080 127.0.0.1:8081", "openline-a:8080 openline-b:8080");
    assert_eq!(own(&caddy), there, "the two Caddyfiles say the same");
}

/// A template with its actions taken out: blocks lose their lines, values are replaced by a word.
fn without_actions(template: &str) -> String {
    let lines = template.lines().filter(|line| !line.trim_start().starts_with("{{-"));
    let mut out = String::new();
    for line in lines {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(before);
            out.push_str("value");
            rest = after.split_once("}}").unwrap().1;
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

#[test]
fn the_chart_names_values_and_keys_that_exist() {
    let chart = "deploy/helm/openline";
    let values = yaml("values.yaml", &read(&format!("{chart}/values.yaml")));
    let meta = yaml("Chart.yaml", &read(&format!("{chart}/Chart.yaml")));
    assert_eq!(meta["appVersion"].as_str(), Some(env!("CARGO_PKG_VERSION")));
    assert_eq!(values["replicas"].as_i64(), Some(2));
    let (mut kinds, mut variables) = (Vec::new(), String::new());
    for entry in std::fs::read_dir(root().join(chart).join("templates")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for place in text.split(".Values.").skip(1) {
            let place = place.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).next().unwrap();
            let found = place.split('.').fold(&values, |value, key| &value[key]);
            assert!(!found.is_badvalue(), "{} asks for {place}", path.display());
        }
        assert_eq!(text.matches("{{").count(), text.matches("}}").count(), "{}", path.display());
        let object = yaml(&path.display().to_string(), &without_actions(&text));
        kinds.push(object["kind"].as_str().unwrap().to_owned());
        variables.push_str(&text);
    }
    kinds.sort();
    assert_eq!(kinds.join(" "), "ConfigMap Deployment Ingress PersistentVolumeClaim PodDisruptionBudget Service");
    loads("values.yaml", values["config"].as_str().unwrap(), &named(&variables));
}

#[test]
fn the_proxies_wait_longer_than_answers_are_held_and_take_ten_files() {
    let nginx = read("deploy/proxy/nginx.conf");
    let megabytes = 10 * 25 + 1;
    for part in [
        &format!("client_max_body_size    {megabytes}m;"),
        "proxy_read_timeout      75s;",
        "proxy_buffering         off;",
        "max_fails=0",
        "Strict-Transport-Security",
        "limit_conn ",
        "limit_req ",
    ] {
        assert!(nginx.contains(part), "{part}");
    }
    assert!(read("deploy/proxy/Caddyfile").contains(&format!("max_size {megabytes}MB")));
    assert!(read("docs/portal.md").contains(&format!("client_max_body_size {megabytes}m;")));
}

/// nginx itself reads the example, with a certificate that is there.
#[test]
fn nginx_takes_its_example() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let pair = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=x", "-keyout", "key", "-out",
        "pem",
    ];
    let made = asked("openssl", &pair, folder.path()).filter(|made| made.status.success());
    let example = read("deploy/proxy/nginx.conf").replace("/etc/ssl/chat.example.com/fullchain.pem", &at("pem"));
    let example = example.replace("/etc/ssl/chat.example.com/privkey.pem", &at("key"));
    let whole = format!("pid {};\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{example}}}\n", at("pid"));
    std::fs::write(at("nginx.conf"), whole).unwrap();
    let judged = made.and_then(|_| asked("nginx", &["-t", "-c", &at("nginx.conf")], folder.path()));
    let Some(judged) = judged else { return };
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
}

#[test]
fn the_hosted_ci_runs_the_test_command_and_tries_the_package_of_a_release() {
    let workflow = yaml("ci.yml", &read(".github/workflows/ci.yml"));
    let steps = workflow["jobs"]["test"]["steps"].as_vec().unwrap();
    assert!(steps.iter().any(|step| step["run"].as_str() == Some("tests/run")));
    let workflow = yaml("release.yml", &read(".github/workflows/release.yml"));
    let steps = workflow["jobs"]["package"]["steps"].as_vec().unwrap();
    assert!(steps.iter().any(|step| step["run"].as_str() == Some("sudo deploy/deb/try")));
}
