//! `openline channels`: the kinds there are, and how the configured instances stand.

use crate::audit;
use crate::config::{Config, Instance};
use crate::serve::status::{self, Said};
use clap::Subcommand;
use openline_bitrix::{Problem, Remembered};
use openline_channels::Kinds;
use openline_core::channel::{Capabilities, Host};
use openline_core::pauses::{self, By, Pause};
use openline_core::secret::MasterSecret;
use openline_core::store::Queue;
use openline_core::{ChannelId, Clock, Store, SystemClock};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to say of channels.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Print the documented example configuration of a kind
    Example {
        /// The kind
        kind: String,
    },
    /// Let what operators write in a channel wait, until it is resumed; visitors' messages still arrive
    ///
    /// It counts for every process that runs on the store at once, and outlasts restarts. What is under way already still goes.
    /// The exit status is 0 when the channel is paused now, 1 when that could not be stored, and 2 when the configuration can't
    /// be used or has no such channel.
    Pause {
        /// Why; everybody who asks /health reads it
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        /// Which channel, where
        #[command(flatten)]
        which: Which,
    },
    /// Let a paused channel go on
    ///
    /// The exit status is 0 when the channel is not paused now, 1 when that could not be stored, and 2 when the configuration
    /// can't be used or has no such channel.
    Resume {
        /// Which channel, where
        #[command(flatten)]
        which: Which,
    },
}

/// A channel of an installation.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The channel's name in the configuration: NAME of [channels.NAME]
    #[arg(value_name = "NAME")]
    pub channel: String,
    /// The configuration file
    #[arg(long, short, value_name = "FILE", default_value = "openline.toml")]
    pub config: PathBuf,
}

/// Why something was not done.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// What was written, in the configuration or at the command line, can't be used.
    Written(String),
    /// It went wrong.
    Failed(String),
}

/// Pauses a channel, or lets it go on: beside the running service, or for when it runs again. What to print.
///
/// # Errors
/// [`Trouble`].
pub async fn act(action: &Action) -> Result<String, Trouble> {
    let (which, reason) = match action {
        Action::Example { kind } => return example(kind).map_err(Trouble::Written),
        Action::Pause { which, reason } => (which, Some(reason)),
        Action::Resume { which } => (which, None),
    };
    let config = Config::load(&which.config).map_err(|errors| Trouble::Written(errors.to_string()))?;
    let store = openline_store::attach(&config.store).await.map_err(|error| Trouble::Failed(error.to_string()))?;
    let done = hold(&config, &store, which, reason.map(String::as_str)).await;
    store.close().await;
    done
}

async fn hold(
    config: &Config,
    store: &Arc<dyn Store>,
    Which { channel, config: file }: &Which,
    reason: Option<&str>,
) -> Result<String, Trouble> {
    let failed = |error: openline_core::StoreError| Trouble::Failed(format!("store: {error}"));
    let known = ChannelId::parse(channel).ok();
    let paused = pauses::stored(store).await.map_err(failed)?;
    // One that was paused and is not configured any more can be resumed.
    let Some(id) = known.filter(|id| config.channels.contains_key(id) || reason.is_none() && paused.contains_key(id))
    else {
        let all = config.channels.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(Trouble::Written(format!("{channel:?} is not a channel of {}; there is: {all}", file.display())));
    };
    let (action, done) = match reason {
        Some(reason) => {
            let by = By::Command(audit::user_name());
            ("channels pause", pauses::pause(store, &id, (reason, by), SystemClock::new().now()).await)
        }
        None => ("channels resume", pauses::resume(store, &id).await),
    };
    audit::note(store, action, &format!("channel {id}"), &done).await;
    Ok(match (reason, done.map_err(failed)?, paused.get(&id)) {
        (Some(_), true, _) => {
            format!("{id} is paused: what operators write waits until `openline channels resume {id}`")
        }
        (Some(_), false, earlier) => {
            format!("{id} is paused already: {}", earlier.map(told).unwrap_or_default())
        }
        (None, true, _) => format!("{id} goes on"),
        (None, false, _) => format!("{id} is not paused"),
    })
}

/// A pause, for people.
fn told(Pause { since, why, by }: &Pause) -> String {
    let why = crate::commands::dead::printable(why);
    format!("since {} UTC by {by}: {}", crate::commands::dead::time(since.0), crate::commands::dead::or_dash(&why))
}

/// The example of a kind.
///
/// # Errors
/// When there is no such kind; it names those there are.
pub fn example(kind: &str) -> Result<String, String> {
    let found =
        openline_channels::kind(kind).ok_or_else(|| crate::config::kinds::unknown_kind(kind, Kinds::shipped()))?;
    Ok(found.example().trim_end().to_owned())
}

/// The kinds, and the instances of a configuration when there is one.
///
/// # Errors
/// What is wrong with the configuration or the store.
pub async fn report(file: &Path, wanted: bool) -> Result<String, String> {
    let mut out = String::from("kinds\n");
    for kind in Kinds::shipped().iter() {
        let _ = writeln!(out, "  {:<10} {}", kind.name(), kind.summary());
        let _ = writeln!(out, "  {:<10} {}", "", abilities(capabilities(kind.name())));
    }
    if !wanted && !file.exists() {
        let _ = write!(out, "no {}: name a configuration with --config to see its channels", file.display());
        return Ok(out);
    }
    let config = Config::load(file).map_err(|errors| errors.to_string())?;
    let _ = writeln!(out, "channels of {}", file.display());
    match openline_store::attach(&config.store).await {
        Ok(store) => {
            let listed = instances(&config, &store, &mut out).await;
            store.close().await;
            listed.map_err(|error| format!("store: {error}"))?;
        }
        // Before the first start there is no database.
        Err(error) => {
            for (id, instance) in &config.channels {
                head(&mut out, id, instance);
            }
            let _ = write!(out, "nothing is known of the portal: {error}");
        }
    }
    Ok(out.trim_end().to_owned())
}

/// What a kind can do, told by its example.
fn capabilities(name: &str) -> Option<Capabilities> {
    let kind = openline_channels::kind(name)?;
    let example: toml::Table = kind.example().parse().ok()?;
    let (id, instance) = example.get("channels")?.as_table()?.iter().next()?;
    let settings = instance.get("settings").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let clock = Arc::new(SystemClock::new());
    let host = Host {
        public_url: "https://chat.example.com".to_owned(),
        secret: MasterSecret::new([0; 32]),
        clock,
        folder: ".".into(),
        limits: Arc::default(),
    };
    kind.read(&ChannelId::parse(id).ok()?, settings, &host).ok().map(|plan| plan.can)
}

fn abilities(capabilities: Option<Capabilities>) -> String {
    let Some(Capabilities { edits, deletes, files, visitor_edits, .. }) = capabilities else { return String::new() };
    let words = [
        (files, "files"),
        (edits, "operators' edits"),
        (deletes, "operators' deletions"),
        (visitor_edits, "visitors' edits"),
    ];
    let able: Vec<_> = words.into_iter().filter(|(able, _)| *able).map(|(_, word)| word).collect();
    if able.is_empty() { "text only".to_owned() } else { format!("text, {}", able.join(", ")) }
}

fn head(out: &mut String, id: &ChannelId, instance: &Instance) {
    let connector = &instance.connector;
    let _ = writeln!(out, "  {id} ({}), connector {} {:?}", instance.kind, connector.id, connector.name);
}

async fn instances(config: &Config, store: &Arc<dyn Store>, out: &mut String) -> Result<(), openline_core::StoreError> {
    let known = openline_bitrix::remembered(store).await?;
    let said = status::last(store).await?;
    let paused = pauses::stored(store).await?;
    for (id, instance) in &config.channels {
        head(out, id, instance);
        if let Some(pause) = paused.get(id) {
            let _ = writeln!(out, "    paused, what operators write waits: {}", told(pause));
        }
        lines(out, &known, &instance.connector.id);
        let waiting = store.depth(&Queue::Channel(id.clone())).await?;
        if waiting > 0 {
            let _ = writeln!(out, "    {waiting} waiting for the visitors' side");
        }
        for one in &said {
            trouble(out, one, &by(&said, one), id);
        }
    }
    for gone in known.connectors.iter().filter(|entry| !config.has_connector(&entry.connector)) {
        let _ = writeln!(
            out,
            "  not configured any more: connector {} {:?} of the channel {}, still registered in the portal\n    \
             portal.unregister_removed = true takes it away at the next start",
            gone.connector, gone.name, gone.channel
        );
    }
    portal(out, &known, &said, store).await
}

fn lines(out: &mut String, known: &Remembered, connector: &str) {
    let mine: Vec<_> = known.lines.iter().filter(|(id, ..)| id == connector).collect();
    if !known.connectors.iter().any(|entry| entry.connector == connector) {
        let _ = writeln!(out, "    not registered in the portal yet");
    } else if mine.is_empty() {
        let _ = writeln!(out, "    connected to no open line: press Connect in the portal's Contact Center");
    }
    for (_, line, binding) in mine {
        let (state, since) = (if binding.active { "on" } else { "off" }, crate::commands::dead::time(binding.since.0));
        let _ = writeln!(out, "    line {line} {state} since {since}");
    }
}

/// Which process said it, where there are several.
fn by(all: &[Said], one: &Said) -> String {
    if all.len() > 1 { format!("{}: ", one.process) } else { String::new() }
}

fn trouble(out: &mut String, said: &Said, by: &str, id: &ChannelId) {
    let Some(channel) = said.channels.get(id.as_str()) else { return };
    if let Some(problem) = &channel.problem {
        let _ = writeln!(out, "    {by}problem: {problem}");
    }
    if let Some((at, reason)) = &channel.last_error {
        let solved = if channel.solved_at.is_some() { " (solved)" } else { "" };
        let _ = writeln!(out, "    {by}last error {}{solved}: {reason}", crate::commands::dead::time(*at));
    }
}

async fn portal(
    out: &mut String,
    known: &Remembered,
    said: &[Said],
    store: &Arc<dyn Store>,
) -> Result<(), openline_core::StoreError> {
    let installed = if known.installed { "installed" } else { "not installed yet" };
    let _ = writeln!(out, "portal\n  {installed}");
    for one in said {
        let by = by(said, one);
        if let Some(problem) = &one.portal {
            let _ = writeln!(out, "  {by}{problem}");
        }
        // What channels have is said of each.
        for concern in one.problems.iter().filter(|one| !one.key.starts_with("channel/")) {
            let Problem { problem, remedy } = concern.english();
            let _ = writeln!(out, "  {by}to be mended: {problem}\n    {remedy}");
        }
    }
    let waiting = store.depth(&Queue::Backend).await?;
    let _ = writeln!(out, "  {waiting} waiting for the portal");
    for one in said {
        let at = crate::commands::dead::time(one.at);
        let _ = writeln!(out, "as {}the service said at {at} UTC", by(said, one));
    }
    if said.is_empty() {
        let _ = writeln!(out, "no service has run on this database yet");
    }
    Ok(())
}
