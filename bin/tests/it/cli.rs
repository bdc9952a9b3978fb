//! The program as a process: exit statuses, start-up errors, the graceful stop.

mod refusals;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Where a database says which program it belongs to, and which version of its schema it has
/// (<https://sqlite.org/fileformat2.html#the_database_header>).
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;

pub(crate) fn openline(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openline"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OPENLINE__")) {
        command.env_remove(name);
    }
    command
}

/// Waits for the end; a program that goes on is killed, and that is a failure.
pub(crate) fn ended(mut child: Child) -> Output {
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            panic!("it goes on: {:?}", child.wait_with_output().unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// Exit code, standard output, standard error.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = ended(openline(folder, arguments).spawn().unwrap());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A folder with a configuration in it.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.configure("127.0.0.1:0", "data/openline.db");
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn database(&self) -> PathBuf {
        self.path().join("data/openline.db")
    }

    pub(crate) fn write(&self, text: &str) {
        std::fs::write(self.path().join("openline.toml"), text).unwrap();
    }

    fn configure(&self, listen: &str, store: &str) {
        // Nothing is installed, so the portal is never called.
        self.write(&format!(
            "listen = \"{listen}\"\npublic_url = \"http://127.0.0.1:1\"\nstore = \"sqlite:{store}\"\n\
             [portal]\nurl = \"http://127.0.0.1:1\"\nclient_id = \"local.1\"\nclient_secret = \"pXw2fK9sQz7\"\n\
             [channels.site]\nkind = \"website\"\n"
        ));
    }

    /// Starts the service, which must fail, and gives what it says.
    fn refused(&self) -> String {
        let (code, out, errors) = run(self.path(), &["serve"]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{errors}");
        // Before it, perhaps, as whom it runs and who can read its files.
        let warns = |line: &&str| line.contains(" WARN openline::cli: ");
        let errors = errors.lines().skip_while(warns).collect::<Vec<_>>().join("\n");
        assert!(errors.starts_with("openline.toml: "), "{errors}");
        errors
    }

    /// Makes a database by a first start.
    fn with_database() -> Self {
        let place = Self::new();
        let status = Running::start(place.path()).terminate();
        assert!(status.success());
        place
    }

    /// Changes the bytes of the database.
    fn spoil(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(self.database()).unwrap();
        change(&mut bytes);
        std::fs::write(self.database(), bytes).unwrap();
    }
}

/// A service that says that it is running.
pub(crate) struct Running {
    child: Option<Child>,
    address: SocketAddr,
}

impl Running {
    fn start(folder: &Path) -> Self {
        Self::begun(&mut openline(folder, &["serve"]))
    }

    /// What the service says until it runs; it is ended then.
    pub(crate) fn said(serve: &mut Command) -> Vec<String> {
        let mut child = serve.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let said = lines.by_ref().take_while(|line| !line.contains("openline is running")).collect();
        child.kill().unwrap();
        ended(child);
        said
    }

    pub(crate) fn begun(serve: &mut Command) -> Self {
        let mut child = serve.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let said = lines.find(|line| line.contains("openline is running")).expect("it runs");
        let address = said.rsplit_once("address=").unwrap().1.trim().parse().unwrap();
        // Read on, so that the program never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child: Some(child), address }
    }

    pub(crate) fn terminate(mut self) -> ExitStatus {
        let child = self.child.take().unwrap();
        let command = format!("kill -TERM {}", child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
        ended(child).status
    }
}

/// A test that fails leaves nothing running.
impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn check_says_what_a_good_configuration_means() {
    let place = Place::new();
    let (code, out, errors) = run(place.path(), &["check", "--config", "openline.toml"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    for part in [
        "openline.toml: ok",
        "handler path       http://127.0.0.1:1/bitrix/app",
        "installation path  http://127.0.0.1:1/bitrix/install",
        "site (website), connector openline_site",
        "files in      data/files, up to 25 MB each, of the usual types",
    ] {
        assert!(out.contains(part), "{out}");
    }
    assert!(!out.contains("pXw2fK9sQz7"), "{out}");
    assert!(!place.database().exists(), "a check makes nothing");
}

#[test]
fn help_says_what_the_program_does_and_where_to_begin() {
    let place = Place::new();
    let (code, out, _) = run(place.path(), &["--help"]);
    assert_eq!(code, Some(0));
    for part in ["operators answer in Bitrix24", "openline demo", "openline check --online", "openline serve"] {
        assert!(out.contains(part), "{part} in {out}");
    }
}

#[test]
fn checking_online_fails_when_nobody_answers() {
    let place = Place::new();
    let (code, out, errors) = run(place.path(), &["check", "--online"]);
    assert_eq!(code, Some(1), "{out}{errors}");
    assert!(
        out.contains("openline.toml: ok") && out.contains("✗ portal") && out.contains("portal.url: can't connect"),
        "{out}{errors}"
    );
}

#[test]
fn check_names_file_and_key_of_a_bad_one() {
    let place = Place::new();
    place.write("[portal]\nclient_secrett = 'x'\n");
    let (code, out, errors) = run(place.path(), &["check", "-c", "openline.toml"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(errors.starts_with("openline.toml: portal.client_secrett: unknown field"), "{errors}");
    let (code, _, errors) = run(place.path(), &["check", "--config", "nowhere.toml"]);
    assert_eq!(code, Some(2));
    assert!(errors.starts_with("nowhere.toml: can't be read: No such file"), "{errors}");
    let (code, _, errors) = run(place.path(), &["serve"]);
    assert_eq!(code, Some(2));
    assert!(errors.starts_with("openline.toml: portal.client_secrett: unknown field"), "{errors}");
}

#[test]
fn channels_lists_kinds_and_prints_their_examples() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, _) = run(folder.path(), &["channels"]);
    assert_eq!(code, Some(0));
    for kind in openline_channels::Kinds::shipped().iter() {
        let is_it = |line: &str| line.trim().starts_with(kind.name()) && line.ends_with(kind.summary());
        assert!(out.lines().any(is_it), "{out}");
        let (code, out, _) = run(folder.path(), &["channels", "example", kind.name()]);
        assert_eq!((code, out.trim_end()), (Some(0), kind.example().trim_end()));
    }
    let (code, _, errors) = run(folder.path(), &["channels", "example", "fax"]);
    assert_eq!(code, Some(2));
    assert!(errors.starts_with("\"fax\" is not a kind of channel; there is: website"), "{errors}");
}

#[test]
fn channels_of_a_configuration_are_told_before_the_first_start() {
    let place = Place::new();
    let (code, out, errors) = run(place.path(), &["channels"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(out.contains("  site (website), connector openline_site \"openline: site\"\n"), "{out}");
    assert!(out.contains("nothing is known of the portal: "), "{out}");
    let (code, _, errors) = run(place.path(), &["channels", "--config", "nowhere.toml"]);
    assert_eq!(code, Some(1));
    assert!(errors.starts_with("nowhere.toml: can't be read"), "{errors}");
}

#[test]
fn sigterm_stops_gracefully() {
    let place = Place::new();
    let running = Running::start(place.path());
    let mut connection = TcpStream::connect(running.address).unwrap();
    connection.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"installed\":false"), "{answer}");
    // An idle connection does not hold it up.
    let _idle = TcpStream::connect(running.address).unwrap();
    assert_eq!(running.terminate().code(), Some(0));
    assert!(!place.path().join("data/openline.db-wal").exists(), "the database was closed");
}

#[test]
fn health_is_asked_of_the_running_service() {
    let place = Place::new();
    let running = Running::start(place.path());
    place.configure(&running.address.to_string(), "data/openline.db");
    let (code, out, errors) = run(place.path(), &["health"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert!(out.contains(r#""installed":false"#), "{out}");
    let address = running.address.to_string();
    assert!(running.terminate().success());
    let (code, out, errors) = run(place.path(), &["health"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(errors.contains(&format!("no good answer from {address}")), "{errors}");
}

/// What an administrator does who joins a messenger of their own.
#[test]
fn messengers_are_listed_shown_begun_and_tested() {
    let place = Place::new();
    let told = |arguments: &[&str]| {
        let all: Vec<&str> = ["messengers"].into_iter().chain(arguments.iter().copied()).collect();
        run(place.path(), &all)
    };
    let (code, listed, _) = told(&["list"]);
    assert_eq!(code, Some(0));
    for name in ["vk", "max", "whatsapp", "messenger", "viber", "line"] {
        assert!(listed.lines().any(|line| line.starts_with(name)), "{listed}");
        let (_, shown, _) = told(&["show", name]);
        assert!(shown.contains("version = 1") && shown.lines().count() <= 100, "{shown}");
    }
    assert!(told(&["show", "telegram"]).2.contains("no messenger that is described"));
    std::fs::create_dir(place.path().join("own")).unwrap();
    assert_eq!(told(&["new", "fax", "--folder", "own"]).0, Some(0));
    assert!(told(&["new", "fax", "--folder", "own"]).2.contains("is there already"));
    assert!(told(&["new", "a fax"]).2.contains("is no name"));
    let (code, passed, errors) = told(&["test", "own/fax.toml"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(passed.contains("own/fax.toml: ok, 5 fixtures"), "{passed}");
    std::fs::copy(place.path().join("own/fax.toml"), place.path().join("own/vk.toml")).unwrap();
    let (_, listed, _) = told(&["list", "--folder", "own"]);
    assert!(listed.contains("vk.toml, instead of the one in the program)"), "{listed}");
    // What is wrong is told with its line and its key: in the description, and in what must come.
    let file = place.path().join("own/fax.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, good.replace("text = \"{{ m.text }}\"", "text = \"{{ n.text }}\"")).unwrap();
    let (code, _, errors) = told(&["test", "own/fax.toml"]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("own/fax.toml: line ") && errors.contains("text: \"n\" is no name here"), "{errors}");
    std::fs::write(&file, good.replace("text = \"{{ m.text }}\"", "text = \"{{ m.body }}\"")).unwrap();
    let (code, _, errors) = told(&["test", "own/fax.toml"]);
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("fax.tests.toml:6: a text: comes[0].text: it is \"\", and should be \"hello\""),
        "{errors}"
    );
    assert!(errors.contains("1 of 5 fixtures failed"), "{errors}");
}
