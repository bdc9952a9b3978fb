//! The service as a process of its own, for tests that kill it.
//!
//! The process is the test binary itself, told by an environment variable to be the program instead: so nothing needs to
//! be built beside it. A test binary that uses this calls [`Process::be_it_if_told`] in a test named `child_process`.

use crate::{World, eventually};
use parking_lot::Mutex;
use std::io::BufRead;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const TOLD: &str = "OPENLINE_TEST_CONFIG";

/// Where a process finds its configuration, and answers.
#[derive(Clone)]
struct Place {
    file: std::path::PathBuf,
    config: String,
    url: String,
}

impl Place {
    fn of(world: &World) -> Self {
        Self { file: world.folder().join("openline.toml"), config: world.config_text(), url: world.url("") }
    }
}

/// A running service in another process.
pub struct Process {
    child: Child,
    place: Place,
}

impl Process {
    /// Becomes the service when the environment says so; returns at once otherwise.
    pub fn be_it_if_told() {
        let Ok(config) = std::env::var(TOLD) else { return };
        openline::install_crypto();
        let arguments = ["openline", "serve", "--config", &config];
        let cli = <openline::cli::Cli as openline::cli::Parser>::parse_from(arguments);
        let _ = openline::cli::run(cli);
        std::process::exit(0);
    }

    /// Starts the world's service as a process and waits until it answers.
    pub async fn start(world: &World) -> Self {
        Self::begin_silent(Place::of(world)).await
    }

    /// Another process of the same service: same store, same portal, an address of its own (without a path), which is
    /// told. What the portal calls is the world's.
    pub async fn beside(world: &World) -> (Self, String) {
        let address = crate::free_address().to_string();
        let listen = format!("listen = \"{}\"", world.url("").replace("http://", ""));
        let config = world.config_text().replace(&listen, &format!("listen = \"{address}\""));
        let file = world.folder().join(format!("{}.toml", address.replace(':', "-")));
        let place = Place { file, config, url: format!("http://{address}") };
        let url = place.url.clone();
        (Self::begin_silent(place).await, url)
    }

    /// Stops it as an administrator does (SIGTERM), and starts it again at the same address.
    pub async fn restart(self) -> Self {
        let place = self.place.clone();
        self.stop().await;
        Self::begin_silent(place).await
    }

    /// Stops it as an administrator does (SIGTERM); how long that took.
    pub async fn stop(mut self) -> Duration {
        let began = Instant::now();
        let told = Command::new("kill").args(["-TERM", &self.id().to_string()]).status().expect("kill");
        assert!(told.success());
        let child = &mut self.child;
        crate::eventually("it ends", async || child.try_wait().expect("its state")).await;
        began.elapsed()
    }

    /// No file of its may grow beyond so many bytes, as on a disk that is full; `None`: that is over.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let most = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let limit = format!("--fsize={most}:unlimited");
        let done = Command::new("prlimit").args(["--pid", &self.id().to_string(), &limit]).status().expect("prlimit");
        assert!(done.success());
    }

    /// Starts it, with the lines that it logs at a level, which go through no file.
    pub async fn start_heard(world: &World, level: &str) -> (Self, Arc<Mutex<Vec<String>>>) {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&heard);
        std::thread::spawn(move || {
            for line in std::io::BufReader::new(reader).lines().map_while(Result::ok) {
                lines.lock().push(line);
            }
        });
        let out = writer.try_clone().expect("its other end");
        (Self::begin(Place::of(world), level, out.into(), writer.into()).await, heard)
    }

    /// An installed and connected world whose service is a process, with all that it logs at a level in a file.
    pub async fn logged(level: &str) -> (World, Self, std::path::PathBuf) {
        let mut world = World::start().await;
        world.stop_service().await;
        let log = world.folder().join("log");
        let process = Self::start_logging(&world, level, &log).await;
        (world, process, log)
    }

    /// The same, with all that it logs at a level in a file.
    pub async fn start_logging(world: &World, level: &str, file: &std::path::Path) -> Self {
        let log = || std::fs::OpenOptions::new().create(true).append(true).open(file).expect("the log file");
        Self::begin(Place::of(world), level, log().into(), log().into()).await
    }

    async fn begin_silent(place: Place) -> Self {
        let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "off".to_owned());
        Self::begin(place, &level, Stdio::null(), Stdio::inherit()).await
    }

    async fn begin(place: Place, level: &str, out: Stdio, err: Stdio) -> Self {
        std::fs::write(&place.file, &place.config).expect("the configuration is written");
        // Whoever may write no more (`Process::limit_files`) shall be told so, and not be ended.
        let child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().expect("the test binary"))
            .args(["child_process", "--exact", "--nocapture", "--test-threads=1"])
            .env(TOLD, &place.file)
            .env("RUST_LOG", level)
            .stdout(out)
            .stderr(err)
            .spawn()
            .expect("the process starts");
        let health = format!("{}/health", place.url);
        let process = Self { child, place };
        eventually("the service answers", async || reqwest::get(&health).await.ok()).await;
        process
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
