//! What programs that are attached to a database tell the service that has it open, through a socket beside it. It only saves
//! waiting: what nobody heard (of a folder whose name is too long for a socket, for one) is found at the next look.

use crate::private;
use crate::words::{LONGEST, read, words};
use openline_core::store::News;
use parking_lot::Mutex;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use tokio::sync::broadcast;

/// How much news waits for a subscriber before that one lags behind.
const BACKLOG: usize = 256;
/// Whose words they are, and whose they are not.
const ATTACHED: i64 = 1;
const SERVICE: i64 = 0;

/// Between a service and who is attached to its database.
pub(crate) enum Bell {
    /// The service's.
    Hears(Ear),
    /// Of one who is attached: where to ring.
    Rings(PathBuf),
}

impl Bell {
    /// The service's, which has the database alone.
    pub(crate) fn hear(database: &Path) -> Self {
        Self::Hears(Ear::open(place(database)))
    }

    /// One beside a service, if there is any.
    pub(crate) fn ring(database: &Path) -> Self {
        Self::Rings(place(database))
    }

    /// Tells the service.
    pub(crate) fn tell(&self, news: impl IntoIterator<Item = News>) {
        let Self::Rings(place) = self else { return };
        let mut news = news.into_iter().peekable();
        if news.peek().is_none() {
            return;
        }
        let sent = || {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            words(ATTACHED, news).iter().try_for_each(|words| socket.send_to(words.as_bytes(), place).map(drop))
        };
        let sent: io::Result<()> = sent();
        if let Err(error) = sent {
            tracing::debug!(%error, "no service hears what was changed; it finds it at its next look");
        }
    }

    /// What those who are attached tell.
    pub(crate) fn subscribe(&self) -> Option<broadcast::Receiver<News>> {
        match self {
            Self::Hears(ear) => Some(ear.inbound.subscribe()),
            Self::Rings(_) => None,
        }
    }

    /// Ends the listening.
    pub(crate) fn close(&self) {
        if let Self::Hears(ear) = self {
            ear.close();
        }
    }
}

/// Listens.
pub(crate) struct Ear {
    place: PathBuf,
    inbound: broadcast::Sender<News>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

impl Ear {
    fn open(place: PathBuf) -> Self {
        let inbound = broadcast::Sender::new(BACKLOG);
        // Of a process that was killed. Whoever has the database has this place alone.
        let _ = std::fs::remove_file(&place);
        let started = UnixDatagram::bind(&place).and_then(|socket| {
            private::close_up(&place)?;
            let heard = inbound.clone();
            std::thread::Builder::new().name("store-news".to_owned()).spawn(move || hear(&socket, &heard))
        });
        let listening = started.map_err(|error| tracing::debug!(%error, "commands are heard at the next look")).ok();
        Self { place, inbound, listening: Mutex::new(listening) }
    }

    fn close(&self) {
        let Some(listening) = self.listening.lock().take() else { return };
        // An empty word is the end.
        let ended = UnixDatagram::unbound().and_then(|socket| socket.send_to(b"", &self.place));
        if ended.is_ok() {
            let _ = listening.join();
        }
        let _ = std::fs::remove_file(&self.place);
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.close();
    }
}

fn hear(socket: &UnixDatagram, inbound: &broadcast::Sender<News>) {
    let mut buffer = vec![0; 2 * LONGEST];
    loop {
        match socket.recv(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                let words = String::from_utf8_lossy(&buffer[..length]);
                for news in read(SERVICE, &words) {
                    let _ = inbound.send(news);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::debug!(%error, "commands are heard at the next look");
                return;
            }
        }
    }
}

fn place(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".news");
    name.into()
}
