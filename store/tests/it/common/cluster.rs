//! A PostgreSQL server of the tests' own: made in a temporary folder when the first test needs it, one for the run, and
//! taken down with the run, however that ends. A run is the test process of `cargo test`, or all processes that one
//! `cargo nextest run` starts: one a test, which find the server by the run's number.

#![allow(dead_code)] // not everything in every test binary

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Where Debian has the versions' programs.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The server refuses to run as root; Debian's package makes this user.
const USER: &str = "postgres";
/// Set by nextest for all processes of a run: its number.
const RUN: &str = "NEXTEST_RUN_ID";
/// Longest time until the server is ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the server until its own standard input ends, which is when the test process has ended, and the process of that
/// number too if it is not 0, then removes all. (By then a test may have started the server anew.)
const WATCH: &str = r#"
folder=$1; run=$2; note=$3; shift 3
"$@" >"$folder/log" 2>&1 &
read -r _
while [ "$run" != 0 ] && kill -0 "$run" 2>/dev/null; do sleep 0.2; done
server=$(head -n 1 "$folder/data/postmaster.pid")
while kill -QUIT "$server" 2>/dev/null; do sleep 0.1; done
rm -rf "$folder" "$note"
"#;

/// The running server.
pub(crate) struct Cluster {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    /// The watcher, and where it listens, which closes with this process; `None` when another process started it.
    _watcher: Option<(ChildStdin, Child)>,
}

impl Cluster {
    /// The run's server.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var(RUN) {
            Ok(run) => Self::of_run(&run),
            Err(_) => Self::start(),
        })
    }

    /// The server of a run of many processes. The first one starts it and writes down where it is; the others wait for
    /// that.
    fn of_run(run: &str) -> Self {
        let note = std::env::temp_dir().join(format!("openline-pg-{run}"));
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&note).unwrap();
        file.lock().unwrap();
        let mut known = String::new();
        file.read_to_string(&mut known).unwrap();
        if let Some((port, folder)) = known.split_once(' ') {
            let (folder, port) = (PathBuf::from(folder), port.parse().unwrap());
            return Self { bin: newest_programs(), folder, port, _watcher: None };
        }
        let cluster = Self::start_until_end_of(parent_id(), &note);
        write!(file, "{} {}", cluster.port, cluster.folder.display()).unwrap();
        cluster
    }

    /// A server of the test's own, that it may stop.
    pub(crate) fn start() -> Self {
        Self::start_until_end_of(0, Path::new(""))
    }

    /// A server that lives as long as this process and, if it is not 0, the one of that number; `note` goes with it.
    fn start_until_end_of(run: u32, note: &Path) -> Self {
        let bin = newest_programs();
        let folder = new_folder();
        init(&bin, &folder);
        let port = free_port();
        let mut command = Command::new("sh");
        command.args(["-c", WATCH, "sh"]).arg(&folder).arg(run.to_string()).arg(note);
        for word in as_server_user(&bin.join("postgres")) {
            command.arg(word);
        }
        command.arg("-D").arg(folder.join("data")).arg("-k").arg(&folder).args(["-h", "127.0.0.1"]);
        command.args(["-p", &port.to_string(), "-c", "max_connections=600"]);
        // In a group of its own: who ends a test by its group must not end the others' server.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut watcher = command.spawn().unwrap();
        let alive = watcher.stdin.take().unwrap();
        let cluster = Self { bin, folder, port, _watcher: Some((alive, watcher)) };
        cluster.wait();
        cluster
    }

    /// A new, empty database.
    pub(crate) fn database(&'static self) -> Database {
        // Chance, because in a long run two processes may have the same number, one after the other.
        let name = format!("test{:x}", fastrand::u64(..));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"));
        Database { cluster: self, name }
    }

    /// The address of a database, by the server's socket.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://openline@localhost:{}/{database}?host={}", self.port, self.folder.display())
    }

    /// The address of a database, by the network, where a password is asked for.
    pub(crate) fn url_by_network(&self, user_and_password: &str, database: &str) -> String {
        format!("postgres://{user_and_password}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL as the server's own user, and gives what it prints, without decoration.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let mut command = Command::new(self.bin.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "openline", "-d", database, "-c", sql]);
        command.arg("-h").arg(&self.folder).args(["-p", &self.port.to_string()]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Stops the server at once and starts it again.
    pub(crate) fn restart(&self) {
        let mut words = as_server_user(&self.bin.join("pg_ctl")).into_iter();
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg("-D").arg(self.folder.join("data")).args(["-m", "immediate", "-w", "restart"]);
        command.current_dir(&self.folder).stdin(Stdio::null());
        assert!(command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    }

    fn wait(&self) {
        let end = Instant::now() + PATIENCE;
        let mut command = Command::new(self.bin.join("pg_isready"));
        command.arg("-q").arg("-h").arg(&self.folder).args(["-p", &self.port.to_string()]);
        while !command.status().unwrap().success() {
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < end, "the server does not start: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A database of its own for a test.
pub(crate) struct Database {
    pub(crate) cluster: &'static Cluster,
    pub(crate) name: String,
}

impl Database {
    pub(crate) fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    /// Runs SQL, and gives what it prints, without decoration.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.cluster.sql(&self.name, sql)
    }

    /// Cuts all connections to it, and takes its name away, so that nobody who has it finds it again: for whoever opens
    /// the new one, its users are gone from one moment to the next.
    pub(crate) fn abandoned(&self) -> Self {
        let name = format!("{}x", self.name);
        let (old, server) = (&self.name, |sql: &str| self.cluster.sql("postgres", sql));
        server(&format!("ALTER DATABASE {old} ALLOW_CONNECTIONS false"));
        let cut = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname =";
        server(&format!("{cut} '{old}'"));
        server(&format!("ALTER DATABASE {old} RENAME TO {name}"));
        server(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
        Self { cluster: self.cluster, name }
    }
}

/// The folder with the programs of the newest version.
fn newest_programs() -> PathBuf {
    let mut found = Vec::new();
    for version in std::fs::read_dir(VERSIONS).into_iter().flatten().flatten() {
        let number = version.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        let bin = version.path().join("bin");
        found.extend(number.filter(|_| bin.join("initdb").exists()).map(|number| (number, bin)));
    }
    let newest = found.into_iter().max();
    newest.unwrap_or_else(|| panic!("no PostgreSQL in {VERSIONS}: install the Debian package postgresql-15")).1
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// The words that run a program as somebody who may run a server.
fn as_server_user(program: &Path) -> Vec<String> {
    let program = program.to_str().unwrap().to_owned();
    let change = ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "--"];
    if is_root() { change.into_iter().map(str::to_owned).chain([program]).collect() } else { vec![program] }
}

fn new_folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("openline-pg-{}-{}", std::process::id(), free_port()));
    std::fs::create_dir(&folder).unwrap();
    if is_root() {
        assert!(Command::new("chown").arg(USER).arg(&folder).status().unwrap().success());
    }
    folder
}

/// One below those that the system gives away by itself (from 32768 on, Linux): between this look and the server's start
/// other tests take hundreds of them.
fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(|| fastrand::u16(15_000..32_000)).find(is_free).unwrap()
}

fn init(bin: &Path, folder: &Path) {
    let mut words = as_server_user(&bin.join("initdb")).into_iter();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg("-D").arg(folder.join("data")).args(["-U", "openline", "-E", "UTF8", "--locale=C.UTF-8"]);
    // The cluster need not survive a power cut before its first use; the server itself flushes as always.
    command.args(["--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256"]);
    let log = File::create(folder.join("init")).unwrap();
    let status = command.stdout(log.try_clone().unwrap()).stderr(log).current_dir("/").status().unwrap();
    assert!(status.success(), "{}", std::fs::read_to_string(folder.join("init")).unwrap());
}
