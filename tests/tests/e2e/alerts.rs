//! Each alert comes once, by every way, and is taken back when it is mended.

use crate::telegram::{Mode, TOKEN, channel};
use openline_sandbox::telegram::{TelegramConfig, TelegramServer};
use openline_sandbox::{Fault, SandboxConfig};
use openline_tests::{CHANNELS, Receiver, World, eventually};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Raised, and raised and taken back; each once.
const RAISED: [bool; 1] = [true];
const MENDED: [bool; 2] = [true, false];

/// A mail server that takes everything.
struct Post(u16, Arc<Mutex<Vec<String>>>);

impl Post {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, mails) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<String>>>::default());
        let kept = Arc::clone(&mails);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, Arc::clone(&kept)));
            }
        });
        Self(port, mails)
    }

    fn has(&self, words: &[&str]) -> bool {
        self.1.lock().iter().any(|mail| words.iter().all(|word| mail.contains(word)))
    }
}

/// Speaks SMTP (RFC 5321) as far as it takes for one mail after another.
async fn talk(stream: TcpStream, mails: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 here\r\n").await.ok()?;
    let mut line = String::new();
    while stream.read_line(&mut line).await.ok()? > 0 {
        let answer = match line.get(..4)?.to_ascii_uppercase().as_str() {
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let mut mail = String::new();
                while !mail.ends_with("\r\n.\r\n") {
                    stream.read_line(&mut mail).await.ok()?;
                }
                mails.lock().push(mail.replace("=\r\n", ""));
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 well",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        line.clear();
    }
    Some(())
}

fn alerts(receiver: &Receiver, more: &str) -> String {
    format!("[alerts]\nlook_seconds = 1\nqueue_seconds = 1\n{more}{}", receiver.settings())
}

async fn told(receiver: &Receiver, key: &str, wanted: &[bool]) {
    let what = format!("{key}: {wanted:?}");
    eventually(&what, async || (receiver.alerts(key) == wanted).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_alert_comes_once_and_is_taken_back() {
    let (receiver, post) = (Receiver::start().await, Post::start().await);
    let telegram = TelegramServer::start(TelegramConfig::seeded(1)).await.unwrap();
    let bot = telegram.add_bot(TOKEN, "shop_bot");
    let mail = format!(
        "portal_users = [1]\nmail_server = \"smtp://127.0.0.1:{}\"\nmail_from = \"openline@example.com\"\n\
         mail_to = [\"Ann <ann@example.com>\"]\n",
        post.0
    );
    let channels = format!(
        "check_seconds = 1\n{CHANNELS}{}{}",
        channel("tg", &telegram, TOKEN, Mode::Polling),
        alerts(&receiver, &mail)
    );
    let mut world = World::with(SandboxConfig::default().without_limits(), &channels).await;
    let visitor = world.visitor().await;
    visitor.send("first").await;
    world.portal_chat("first").await;

    // A bot whose token was revoked; messages that wait for a line; another host that took the events.
    bot.changes_token("110201543:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    bot.drops_polls();
    world.sandbox.disconnect("openline_site", 1);
    visitor.send("second").await;
    let ours = world.url("/bitrix/events");
    crate::doctor::rebind(&world, &ours, "https://other.example/x").await;
    for key in ["channel/tg", "queue/backend", "portal/taken/https://other.example/x"] {
        told(&receiver, key, &RAISED).await;
    }
    let by_mail = ["openline: What is to go to the portal waits", "To: Ann <ann@example.com>", "openline channels"];
    eventually("a mail", async || post.has(&by_mail).then_some(())).await;
    let noticed = |words: &str| world.sandbox.view(|portal| portal.notices(1).iter().any(|text| text.contains(words)));
    eventually("a notice in the portal", async || noticed("another openline with the same code").then_some(())).await;
    bot.changes_token(TOKEN);
    world.connect("openline_site", 1).await;
    crate::doctor::rebind(&world, "https://other.example/x", &ours).await;
    for key in ["channel/tg", "queue/backend", "portal/taken/https://other.example/x"] {
        told(&receiver, key, &MENDED).await;
    }
    eventually("the mail that it is over", async || post.has(&["openline: mended: What is to go"]).then_some(())).await;
    eventually("the notice that it is over", async || noticed("mended: The portal sends").then_some(())).await;

    // A message that was given up, and one that goes on; tokens that are dead.
    world.sandbox.faults().add(Fault::error(400, "ERROR_ARGUMENT", "no").on("imconnector.send.messages"));
    visitor.send("refused for good").await;
    told(&receiver, "dead", &RAISED).await;
    world.sandbox.faults().clear();
    let store = openline_store::attach(&world.store_url()).await.unwrap();
    for letter in store.dead_letters(None, 9).await.unwrap() {
        assert!(store.drop_dead(letter.job).await.unwrap());
    }
    told(&receiver, "dead", &MENDED).await;
    world.sandbox.revoke_tokens();
    visitor.send("nobody lets us in").await;
    // On a slow machine it was told before that nothing was installed yet.
    let lost = |over: bool| receiver.alerts("portal/lost").last() == Some(&!over);
    eventually("that the tokens are dead", async || lost(false).then_some(())).await;
    world.install().await;
    eventually("that there are new ones", async || lost(true).then_some(())).await;

    // What was told before a restart is not told again, and what is gone after it is taken back.
    world.stop_service().await;
    let public = format!("public_url = \"{}", world.url(""));
    let shown = public.replace("http:", "https:");
    world.mistakes(&[("[files]\n", "[files]\nmin_free_megabytes = 99999999\n"), (&public, &shown)]);
    world.start_service().await;
    for key in ["disk", "certificate"] {
        told(&receiver, key, &RAISED).await;
    }
    world.stop_service().await;
    world.mistakes(&[(&public, &shown)]);
    world.start_service().await;
    told(&receiver, "disk", &MENDED).await;
    assert_eq!(receiver.alerts("certificate"), RAISED);
}
