//! The Debian package: made, unpacked, and the program in it started as the units in it do.

use crate::cli::{PATIENCE, ended};
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The package, unpacked. `None` where there is no dpkg.
fn unpacked() -> Option<TempDir> {
    if Command::new("dpkg-deb").arg("--version").output().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/deb/build");
    let mut build = Command::new(build);
    build.args([env!("CARGO_BIN_EXE_openline").as_ref(), folder.path()]).env("DEB_COMPRESS", "none");
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
