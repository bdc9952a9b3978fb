//! `openline demo`: a stand-in portal, and a website chat connected to it; on request a stand-in Telegram with a bot.

use crate::config::Config;
use crate::serve::service::{Service, StartError};
use clap::Args;
use openline_sandbox::messengers::{Server as Messenger, Which};
use openline_sandbox::telegram::{TelegramConfig, TelegramServer};
use openline_sandbox::{Fault, FaultKind, PageOptions, Sandbox, SandboxConfig, TOKEN_ENDPOINT};
use std::future::Future;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;

/// Options of the demo.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Keep the chat's data in this folder instead of a temporary one
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Let the stand-in portal misbehave: refuse, cut, forget and repeat at random
    #[arg(long)]
    pub chaos: bool,
    /// Put a Telegram bot beside the website chat, at a stand-in Telegram
    #[arg(long)]
    pub telegram: bool,
    /// Put a messenger beside the website chat, at its stand-in: vk, max, whatsapp, messenger, viber or line
    #[arg(long, value_name = "NAME")]
    pub messenger: Option<Which>,
    /// Port of the website chat; any free one when it is taken
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Port of the stand-in portal; any free one when it is taken
    #[arg(long, default_value_t = 8081)]
    pub portal_port: u16,
    /// Port of the stand-in portal's authorization server; any free one when it is taken
    #[arg(long, default_value_t = 8082)]
    pub auth_port: u16,
}

/// The bot's key at the stand-in Telegram, which is no secret.
pub const TOKEN: &str = "123456789:stand-in-for-a-bots-token";

/// The id of the messenger's channel.
const MESSENGER: &str = "messenger";

/// A running demo.
pub struct Demo {
    /// The stand-in Telegram, when it is wanted.
    pub telegram: Option<TelegramServer>,
    /// The stand-in of a messenger, when one is wanted.
    pub messenger: Option<(Which, Messenger)>,
    /// The stand-in portal.
    pub sandbox: Sandbox,
    /// The service.
    pub service: Service,
    _folder: Option<tempfile::TempDir>,
}

impl Demo {
    /// The visitor's page.
    pub fn visitor_url(&self) -> String {
        format!("http://{}/c/site/", self.service.address())
    }

    /// Starts both sides, installs the application, connects the channel to the first line.
    ///
    /// # Errors
    /// What failed, for people.
    pub async fn start(options: &Options) -> anyhow::Result<Self> {
        let folder = match &options.data {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("openline-demo-").tempdir()?),
        };
        let temporary = folder.as_ref().map(|folder| folder.path().to_owned());
        let path = options.data.clone().or(temporary).unwrap_or_default();
        // Both are held until both are known, or they could be one.
        let (portal, auth) = (free(options.portal_port).await?, free(options.auth_port).await?);
        let (portal_listen, auth_listen) = (portal.local_addr()?, auth.local_addr()?);
        drop((portal, auth));
        let sandbox =
            Sandbox::start(SandboxConfig { portal_listen, auth_listen, processing_ms: 20, ..SandboxConfig::default() })
                .await?;
        let telegram = if options.telegram { Some(telegram().await?) } else { None };
        let messenger = match options.messenger {
            Some(which) => Some((which, Messenger::start(which).await?)),
            None => None,
        };
        let listener = free(options.port).await?;
        let address = listener.local_addr()?;
        if let Some((_, messenger)) = &messenger {
            messenger.hook(&format!("http://{address}/c/{MESSENGER}/hook"));
        }
        let config = config(&sandbox, telegram.as_ref(), messenger.as_ref(), address, &path)?;
        let connectors: Vec<String> = config.channels.values().map(|channel| channel.connector.id.clone()).collect();
        let service = Service::start_on(config, listener).await?;
        install(&sandbox, &connectors, address).await?;
        if options.chaos {
            chaos(&sandbox);
        }
        Ok(Self { telegram, messenger, sandbox, service, _folder: folder })
    }
}

/// Runs the demo until `stop`.
///
/// # Errors
/// What failed, for people.
pub async fn run(options: Options, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let demo = Demo::start(&options).await?;
    let phone = demo.telegram.as_ref().map(|telegram| format!("telegram  {}\n  ", telegram.phone_url()));
    let page = demo.messenger.as_ref().map(|(_, messenger)| format!("messenger {}\n  ", messenger.phone_url()));
    let phone = phone.unwrap_or_default() + &page.unwrap_or_default();
    let _ = write!(
        std::io::stdout(),
        "\n  openline demo is running\n\n  \
         visitor   {}\n  {}\
         operator  {}\n\n  \
         Write something on the visitor's page; it shows up at the operator's desk.\n  \
         Ctrl+C ends the demo.\n\n",
        demo.visitor_url(),
        phone,
        demo.sandbox.desk_url()
    );
    let _ = std::io::stdout().flush();
    stop.await;
    demo.service.stop().await;
    demo.sandbox.stop().await;
    if let Some(telegram) = demo.telegram {
        telegram.stop().await;
    }
    Ok(())
}

/// A stand-in Telegram with a bot, and somebody who may write to it.
async fn telegram() -> std::io::Result<TelegramServer> {
    let telegram = TelegramServer::start(TelegramConfig::default()).await?;
    telegram.add_bot(TOKEN, "demo_bot");
    telegram.person("Sam Rivers");
    Ok(telegram)
}

/// A listener on the wanted port, or on any.
async fn free(port: u16) -> Result<TcpListener, StartError> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(at(port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => crate::serve::service::listen(at(0)).await,
    }
}

fn config(
    sandbox: &Sandbox,
    telegram: Option<&TelegramServer>,
    messenger: Option<&(Which, Messenger)>,
    address: SocketAddr,
    folder: &Path,
) -> anyhow::Result<Config> {
    let mut text = format!(
        "listen = \"{address}\"\n\
         public_url = \"http://{address}\"\n\
         store = \"sqlite:{}\"\n\
         [portal]\n\
         reconcile_seconds = 10\nurl = \"{}\"\nauth_server = \"{}\"\nclient_id = \"{}\"\nclient_secret = \"{}\"\n\
         [channels.site]\nkind = \"website\"\n\
         connector = {{ name = \"Website chat\" }}\n\
         settings = {{ title = \"Chat with us\", subtitle = \"We usually answer within minutes\" }}\n",
        folder.join("openline.db").display(),
        sandbox.portal_url(),
        sandbox.auth_url(),
        sandbox.client_id(),
        sandbox.client_secret(),
    );
    if let Some(telegram) = telegram {
        text.push_str(&format!(
            "[channels.telegram]\nkind = \"telegram\"\nconnector = {{ name = \"Telegram\" }}\n\
             settings = {{ token = \"{TOKEN}\", api_url = \"{}\" }}\n",
            telegram.base_url()
        ));
    }
    if let Some((which, messenger)) = messenger {
        text.push_str(&format!(
            "[channels.{MESSENGER}]\nkind = \"{}\"\nconnector = {{ name = \"{}\" }}\n[channels.{MESSENGER}.settings]\n{}",
            which.label().to_lowercase(),
            which.label(),
            messenger.settings()
        ));
    }
    Ok(Config::parse(Path::new("demo"), &text, Some(std::collections::HashMap::new()))?)
}

/// What goes wrong between a service and its portal, now and then: all but what would stop the talk for minutes (a hang,
/// a blocked method). The portal's control has the whole list.
fn chaos(sandbox: &Sandbox) {
    let faults = [
        Fault::latency(Duration::from_millis(400)).probability(0.3),
        Fault::status(503).probability(0.1),
        Fault::status(500).probability(0.05),
        Fault::status(500).after().probability(0.1),
        Fault::cut().probability(0.05),
        Fault::cut().after().probability(0.1),
        Fault::new(FaultKind::CutAfterStored { stored: 1 }).probability(0.05),
        Fault::html(502).probability(0.05),
        Fault::html(502).after().probability(0.05),
        Fault::new(FaultKind::AcceptedNotStored).probability(0.05),
        Fault::new(FaultKind::FailElement { text: "a bad moment".to_owned() }).probability(0.05),
        Fault::status(500).on(TOKEN_ENDPOINT).probability(0.2),
        Fault::new(FaultKind::DropEvent).probability(0.2),
        Fault::new(FaultKind::DuplicateEvent).probability(0.2),
        Fault::new(FaultKind::ReorderEvent).probability(0.2),
        Fault::new(FaultKind::DelayEvent { ms: 1000 }).probability(0.2),
    ];
    for fault in faults {
        sandbox.faults().add(fault);
    }
}

/// What an admin does in a real portal: install the application, press "Connect" for a line.
async fn install(sandbox: &Sandbox, connectors: &[String], address: SocketAddr) -> anyhow::Result<()> {
    sandbox.install_script_only(&format!("http://{address}/bitrix/install"));
    let registered = |portal: openline_sandbox::View<'_>| {
        let known = portal.connectors();
        connectors.iter().all(|id| known.contains(id))
    };
    sandbox
        .wait_until(registered)
        .await
        .map_err(|_| anyhow::anyhow!("the stand-in portal was not told of the connectors"))?;
    for connector in connectors {
        let page = sandbox.open_settings_page(connector, 1, &PageOptions::default()).await;
        let page = page.map_err(anyhow::Error::msg)?;
        anyhow::ensure!(page.status == 200, "the settings page answered {}", page.status);
    }
    Ok(())
}
