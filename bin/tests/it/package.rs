//! The Debian package: made, unpacked, and the program in it started as the units in it do.

use crate::cli::{PATIENCE, ended};
use openline_sandbox::{PageOptions, Sandbox, SandboxConfig, View};
use serde_json::json;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The program without what only debuggers need, which is half of it.
fn program(folder: &Path) -> PathBuf {
    let (whole, light) = (PathBuf::from(env!("CARGO_BIN_EXE_openline")), folder.join("light"));
    let stripped = Command::new("strip").arg("-o").args([&light, &whole]).status();
    if stripped.is_ok_and(|status| status.success()) { light } else { whole }
}

/// The package, unpacked. `None` where there is no dpkg.
fn unpacked() -> Option<TempDir> {
    if Command::new("dpkg-deb").arg("--version").output().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/deb/build");
    let mut build = Command::new(build);
    build.arg(program(folder.path())).arg(folder.path()).env("DEB_COMPRESS", "none");
    let made = build.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let package = PathBuf::from(String::from_utf8(made.stdout).unwrap().trim());
    let unpack = Command::new("dpkg-deb").arg("--raw-extract").arg(package).arg(folder.path().join("root")).status();
    assert!(unpack.unwrap().success());
    Some(folder)
}

fn read(folder: &TempDir, path: &str) -> String {
    std::fs::read_to_string(folder.path().join("root").join(path)).unwrap()
}

/// The words of a line like `ExecStart=/usr/bin/openline …` of the unit, with the package's files where they are now.
fn command(folder: &TempDir, key: &str) -> Command {
    let unit = read(folder, "lib/systemd/system/openline.service");
    let line = unit.lines().find_map(|line| line.strip_prefix(&format!("{key}="))).unwrap();
    let root = folder.path().join("root");
    let mut words = line.split(' ').map(|word| word.strip_prefix('/').map_or(word.into(), |path| root.join(path)));
    let mut command = Command::new(words.next().unwrap());
    command.args(words).current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("OPENLINE__LISTEN", "127.0.0.1:0").env("OPENLINE__PORTAL__CLIENT_SECRET", "pXw2fK9sQz7");
    // What the package says is for the machine that it is installed on.
    command.env("OPENLINE__STORE", "sqlite:data/openline.db");
    command
}

fn terminate(child: &Child) {
    assert!(Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().unwrap().success());
}

fn heard(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 100];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[test]
fn the_debian_package_is_whole_and_its_program_starts() {
    let Some(folder) = unpacked() else { return };
    let control = read(&folder, "DEBIAN/control");
    let version = format!("Version: {}-1\n", env!("CARGO_PKG_VERSION"));
    assert!(control.contains("Package: openline\n") && control.contains(&version), "{control}");
    assert_eq!(read(&folder, "DEBIAN/conffiles"), "/etc/openline/openline.toml\n");
    for script in ["postinst", "prerm", "postrm"] {
        let whole = Command::new("sh").arg("-n").arg(folder.path().join("root/DEBIAN").join(script)).status();
        assert!(whole.unwrap().success(), "{script}");
    }
    for file in ["lib/systemd/system/openline@.service", "usr/share/doc/openline/copyright"] {
        assert!(!read(&folder, file).is_empty());
    }
    assert!(command(&folder, "ExecStartPre").status().unwrap().success());
    let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut serve = command(&folder, "ExecStart");
    let child = serve.env("NOTIFY_SOCKET", folder.path().join("notify")).spawn().unwrap();
    assert_eq!(heard(&socket).trim_end(), "READY=1");
    terminate(&child);
    assert_eq!(heard(&socket).trim_end(), "STOPPING=1");
    assert!(ended(child).status.success());
}

/// Status of `deploy/deb/try` where no copy of the system can be made.
const CANT_TRY: i32 = 77;

/// Whoever writes on the page of the service there; in the portal it arrives.
async fn talk(address: &str, sandbox: &Sandbox, session: &str, text: &str) {
    let client = reqwest::Client::new();
    let api = format!("http://{address}/c/site/api/messages");
    let body = json!({ "key": text.replace(' ', "-"), "text": text });
    let answer = client.post(api).bearer_auth(session).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let arrived = |portal: View<'_>| portal.all_messages().any(|message| message.text.contains(text));
    sandbox.wait_until(arrived).await.unwrap();
}

async fn install(address: &str, sandbox: &Sandbox) -> String {
    sandbox.install_script_only(&format!("http://{address}/bitrix/install"));
    let bound = |portal: View<'_>| {
        portal.calls_of("event.bind").filter(|call| call.verdict == "ok").count() >= 10
            && portal.connectors().contains(&"openline_site".to_owned())
    };
    sandbox.wait_until(bound).await.unwrap();
    sandbox.open_settings_page("openline_site", 1, &PageOptions::default()).await.unwrap();
    let session = reqwest::Client::new().post(format!("http://{address}/c/site/api/session"));
    let session = session.json(&json!({ "bearer": true })).send().await.unwrap();
    let session: serde_json::Value = session.json().await.unwrap();
    session["session"].as_str().unwrap().to_owned()
}

/// In a throw-away copy of this system, where one can be made: it needs root.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_debian_package_is_installed_used_upgraded_removed_and_purged() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    openline::install_crypto();
    let portal = SandboxConfig { greeting: None, ..SandboxConfig::default().without_limits() };
    let sandbox = Sandbox::start(portal).await.unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (address, folder) = (free.to_string(), tempfile::tempdir().unwrap());
    let config = format!(
        "listen = \"{address}\"\npublic_url = \"http://{address}\"\n[portal]\nurl = \"{}\"\nauth_server = \"{}\"\n\
         client_id = \"{}\"\nclient_secret = \"{}\"\n[channels.site]\nkind = \"website\"\n",
        sandbox.portal_url(),
        sandbox.auth_url(),
        sandbox.client_id(),
        sandbox.client_secret(),
    );
    let file = folder.path().join("openline.toml");
    std::fs::write(&file, config).unwrap();
    let mut trying = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/deb/try"));
    trying.arg("--ask").args([&program(folder.path()), &file]).env("DEB_COMPRESS", "none");
    let mut child = trying.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut told, mut lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
    let mut session = String::new();
    for text in ["before the upgrade", "after the upgrade"] {
        if lines.next().is_none_or(|line| line.unwrap() != "ready") {
            break;
        }
        if session.is_empty() {
            session = install(&address, &sandbox).await;
        }
        talk(&address, &sandbox, &session, text).await;
        told.write_all(b"\n").unwrap();
    }
    let ended = child.wait_with_output().unwrap();
    if ended.status.code() == Some(CANT_TRY) {
        return;
    }
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success() && said.contains("ok: purged"), "{said}");
    assert_eq!(sandbox.view(|portal| portal.dialogs().len()), 1, "one conversation over the upgrade");
}
