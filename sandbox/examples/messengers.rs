//! The stand-in messengers by themselves, for their vendors' own libraries:
//!
//! `cargo run -p openline-sandbox --example messengers`
//!
//! One line of JSON for each tells the settings of a channel that joins it (as TOML), and what it would post when a person writes, edits, deletes.

use openline_sandbox::messengers::{Act, Server, Which};
use serde_json::{Value, json};
use std::io::Write;

type Problem = Box<dyn std::error::Error>;

const ALL: [(&str, Which); 6] = [
    ("vk", Which::Vk),
    ("max", Which::Max),
    ("whatsapp", Which::WhatsApp),
    ("messenger", Which::Messenger),
    ("viber", Which::Viber),
    ("line", Which::Line),
];

#[tokio::main]
async fn main() -> Result<(), Problem> {
    let mut servers = Vec::new();
    let mut out = std::io::stdout();
    for (kind, which) in ALL {
        let server = Server::start(which).await?;
        let file = server.stores("bill.pdf", "application/pdf", b"%PDF-1.4");
        let acts = [
            ("writes", Act::Writes(1, "h\u{e9}llo".to_owned())),
            ("sends", Act::Sends(2, file)),
            ("edits", Act::Edits(1, "h\u{e9}llo!".to_owned())),
            ("deletes", Act::Deletes(1)),
        ];
        let told = |(name, act): (&str, Act)| {
            let post = server.tells("ada", &act)?;
            let headers: serde_json::Map<String, Value> =
                post.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            Some(json!({ "act": name, "headers": headers, "body": post.body }))
        };
        let posts: Vec<Value> = acts.into_iter().filter_map(told).collect();
        writeln!(out, "{}", json!({ "kind": kind, "settings": server.settings(), "posts": posts }))?;
        servers.push(server);
    }
    writeln!(out)?;
    out.flush()?;
    std::future::pending::<Result<(), Problem>>().await
}
