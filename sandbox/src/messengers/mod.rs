//! Stand-ins of six messengers with webhooks: VK, MAX, WhatsApp, Messenger and Instagram, Viber, LINE.
//!
//! Each is written from its messenger's documentation and refuses what that refuses. They know nothing of the descriptions
//! by which openline talks to the real ones.

mod call;
mod each;
mod hub;
mod line;
mod max;
mod meta;
mod phone;
mod terms;
mod viber;
mod vk;
mod whatsapp;
mod world;

pub use call::Call;
pub use terms::{Act, Mishap, Upload, Which};
pub use world::Shown;

use each::event_of;
use hub::Hub;
use serde_json::Value;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use terms::{SECRET, TOKEN, id, signature};
use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;

/// A call to the webhook, ready to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Headers, the signature among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body, as it was signed.
    pub body: String,
}

/// A running stand-in. Dropping it stops the server.
#[derive(Debug)]
pub struct Server {
    hub: Arc<Hub>,
    which: Which,
    base: String,
    _owner: DropGuard,
}

impl Server {
    /// Opens it at a free port of this machine.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start(which: Which) -> io::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let base = format!("http://{}", listener.local_addr()?);
        let hub = Arc::new(Hub::new(which, &base));
        let router = phone::routes().fallback(hub::called).with_state(Arc::clone(&hub));
        let router = router.layer(axum::extract::DefaultBodyLimit::disable());
        crate::server::serve(hub.stop.clone(), hub.tasks.clone(), listener, router);
        hub.tasks.spawn(hub::post_on(Arc::clone(&hub)));
        let owner = hub.stop.clone().drop_guard();
        Ok(Self { hub, which, base, _owner: owner })
    }

    /// The keys that a channel of this messenger needs, as TOML.
    pub fn settings(&self) -> String {
        let base = &self.base;
        match self.which {
            Which::Vk => format!("group = 300\ntoken = \"{TOKEN}\"\nsecret = \"{SECRET}\"\napi = \"{base}/method\"\n"),
            Which::Max => format!("token = \"{TOKEN}\"\nsecret = \"{SECRET}\"\napi = \"{base}\"\n"),
            Which::WhatsApp => format!(
                "phone_number_id = \"700200\"\ntoken = \"{TOKEN}\"\napp_secret = \"{SECRET}\"\nverify_token = \"w0rd-of-the-stand-in\"\n\
                 api = \"{base}\"\n"
            ),
            Which::Messenger => format!(
                "account = \"111\"\ntoken = \"{TOKEN}\"\napp_secret = \"{SECRET}\"\nverify_token = \"w0rd-of-the-stand-in\"\napi = \"{base}\"\n"
            ),
            Which::Viber => format!("token = \"{TOKEN}\"\nsender = \"Shop\"\napi = \"{base}/pa\"\n"),
            Which::Line => format!("secret = \"{SECRET}\"\ntoken = \"{TOKEN}\"\napi = \"{base}\"\ndata = \"{base}\"\n"),
        }
    }

    /// Where the channel's webhook is.
    pub fn hook(&self, address: &str) {
        self.hub.edit(|world| address.clone_into(&mut world.hook));
    }

    /// Puts a file where the messenger has those of its people.
    pub fn stores(&self, name: &str, mime: &str, bytes: &[u8]) -> Upload {
        self.hub.edit(|world| world.store(name, mime, bytes))
    }

    /// What the messenger calls the webhook with when a person does something; `None` when it does not tell of that.
    pub fn tells(&self, person: &str, act: &Act) -> Option<Post> {
        self.hub.edit(|world| world.meet(&id(self.which, person)));
        let event = self.event(&id(self.which, person), act)?;
        Some(self.signed(&event))
    }

    /// The same from somebody who does not know the secret.
    pub fn forged(&self, person: &str, act: &Act) -> Option<Post> {
        let mut post = self.tells(person, act)?;
        for (_, value) in &mut post.headers {
            if value != "application/json" {
                *value = value.chars().map(|c| if c == 'a' { 'b' } else { 'a' }).collect();
            }
        }
        post.body = post.body.replace(SECRET, "guessed");
        Some(post)
    }

    /// Signs any bytes as the messenger does.
    pub fn signs(&self, body: &str) -> Post {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(self.signature(body));
        Post { headers, body: body.to_owned() }
    }

    fn signed(&self, event: &Value) -> Post {
        self.signs(&event.to_string())
    }

    fn signature(&self, body: &str) -> Option<(&'static str, String)> {
        signature(self.which, body)
    }

    fn event(&self, person: &str, act: &Act) -> Option<Value> {
        event_of(self.which, &self.base, person, act)
    }

    /// The page on which somebody plays the person.
    pub fn phone_url(&self) -> String {
        format!("{}/phone/", self.base)
    }

    /// What a person sees of our messages, in order.
    pub fn sees(&self, person: &str) -> Vec<Shown> {
        let person = id(self.which, person);
        self.hub.look(|world| world.shown.get(&person).cloned().unwrap_or_default())
    }

    /// What goes wrong from now on.
    pub fn mishap(&self, mishap: Mishap) {
        self.hub.edit(|world| world.mishaps.push(mishap));
    }

    /// Nothing goes wrong any more.
    pub fn relents(&self) {
        self.hub.edit(|world| world.mishaps.clear());
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.hub.look(|world| world.calls.clone())
    }

    /// Waits until something holds.
    ///
    /// # Errors
    /// When it does not within 15 seconds.
    pub async fn wait_until(&self, holds: impl Fn(&Self) -> bool) -> Result<(), String> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(15);
        while !holds(self) {
            if tokio::time::Instant::now() > deadline {
                return Err("it did not come to be within 15 s".to_owned());
            }
            let _ = tokio::time::timeout(Duration::from_millis(100), self.hub.changed.notified()).await;
        }
        Ok(())
    }
}
