//! A stand-in portal and a real `openline serve` process that is installed in it and connected.

use crate::machine;
use crate::process::{self, Cpu};
use anyhow::{Context, Result, bail, ensure};
use openline_sandbox::{PageOptions, Sandbox, SandboxConfig, View};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// How long the service may take to start, to install, to work off what waits.
const PATIENCE: Duration = Duration::from_secs(120);

/// Portal and service.
pub(crate) struct Stand {
    /// The service's address.
    pub(crate) address: SocketAddr,
    /// The service's process.
    pub(crate) pid: u32,
    /// The portal; `None` when it went away.
    pub(crate) sandbox: Option<Arc<Sandbox>>,
    child: Child,
    portal: Option<Runtime>,
    _folder: TempDir,
}

/// A portal without limits and automatic texts.
pub(crate) fn unlimited() -> SandboxConfig {
    SandboxConfig { greeting: None, ..SandboxConfig::default().without_limits() }
}

/// Starts a portal on threads of its own, named "portal".
pub(crate) async fn portal(config: SandboxConfig) -> Result<(Runtime, Arc<Sandbox>)> {
    let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("portal").enable_all().build()?;
    let sandbox = runtime.spawn(Sandbox::start(config)).await??;
    Ok((runtime, Arc::new(sandbox)))
}

impl Stand {
    /// Starts both with one website chat, installs the application and connects its connector.
    pub(crate) async fn start(config: SandboxConfig) -> Result<Self> {
        Self::with(config, "[channels.site]\nkind = \"website\"\n", &["openline_site"]).await
    }

    /// The same with these channels, whose connectors are these.
    pub(crate) async fn with(config: SandboxConfig, channels: &str, connectors: &[&str]) -> Result<Self> {
        let (runtime, sandbox) = portal(config).await?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(machine::folder()?)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let path = folder.path().join("openline.toml");
        std::fs::write(&path, config_text(&sandbox, address, folder.path(), channels))?;
        let program = machine::folder()?.join("openline");
        ensure!(program.exists(), "{} is not built", program.display());
        let child = Command::new(program).arg("serve").arg("--config").arg(&path).env_remove("RUST_LOG").spawn()?;
        let pid = child.id();
        let stand = Self { address, pid, sandbox: Some(sandbox), child, portal: Some(runtime), _folder: folder };
        stand.install(connectors).await?;
        Ok(stand)
    }

    async fn install(&self, connectors: &[&str]) -> Result<()> {
        let started = Instant::now();
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            ensure!(started.elapsed() < PATIENCE, "the service does not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (sandbox, url) = (Arc::clone(self.sandbox()?), format!("http://{}/bitrix/install", self.address));
        let connectors: Vec<String> = connectors.iter().map(|id| (*id).to_owned()).collect();
        let portal = self.portal.as_ref().context("no portal")?;
        // On the portal's threads, so that its work stays there.
        portal
            .spawn(async move {
                sandbox.install_script_only(&url);
                let bound = |view: View<'_>| {
                    view.calls_of("event.bind").filter(|call| call.verdict == "ok").count() >= 10
                        && connectors.iter().all(|id| view.connectors().contains(id))
                };
                sandbox.wait_until(bound).await.map_err(|error| anyhow::anyhow!("{error}"))?;
                for connector in &connectors {
                    let page = sandbox.open_settings_page(connector, 1, &PageOptions::default()).await;
                    let page = page.map_err(anyhow::Error::msg)?;
                    ensure!(page.body.contains("Successfully connected"), "not connected: {}", page.status);
                }
                Ok(())
            })
            .await?
    }

    pub(crate) fn sandbox(&self) -> Result<&Arc<Sandbox>> {
        self.sandbox.as_ref().context("the portal is away")
    }

    /// The portal goes away: connections to it are refused from now on.
    pub(crate) async fn portal_leaves(&mut self) -> Result<()> {
        let (Some(sandbox), Some(runtime)) = (self.sandbox.take(), self.portal.take()) else { return Ok(()) };
        drop(sandbox);
        tokio::time::sleep(Duration::from_millis(200)).await;
        runtime.shutdown_background();
        Ok(())
    }

    /// Visitors' messages that the portal has.
    pub(crate) fn delivered(&self) -> usize {
        let count = |view: View<'_>| view.all_messages().filter(|message| message.author.side() == "client").count();
        self.sandbox.as_ref().map_or(0, |sandbox| sandbox.view(count))
    }

    /// Waits until the portal has that many.
    pub(crate) async fn until_delivered(&self, count: usize) -> Result<()> {
        let started = Instant::now();
        while self.delivered() < count {
            if started.elapsed() > PATIENCE {
                bail!("{} of {count} messages were delivered within {PATIENCE:?}", self.delivered());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // What follows the last answer.
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(())
    }

    /// CPU time so far: the service's, the portal's, the load generator's.
    pub(crate) fn cpu(&self) -> Result<Used> {
        let own = process::threads(std::process::id())?;
        let portal = own.get("portal").copied().unwrap_or_default();
        let load = own.iter().filter(|(name, _)| *name != "portal").map(|(_, time)| *time).sum();
        Ok(Used { service: process::threads(self.pid)?, portal, load })
    }
}

/// CPU time.
pub(crate) struct Used {
    pub(crate) service: Cpu,
    pub(crate) portal: Duration,
    pub(crate) load: Duration,
}

impl Used {
    /// What was used since an earlier look.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            service: process::difference(&before.service, &self.service),
            portal: self.portal.saturating_sub(before.portal),
            load: self.load.saturating_sub(before.load),
        }
    }

    /// The service's, all threads.
    pub(crate) fn total(&self) -> Duration {
        self.service.values().sum()
    }

    /// How many cores each used in that time.
    pub(crate) fn cores(&self, time: Duration) -> String {
        let cores = |used: Duration| used.as_secs_f64() / time.as_secs_f64().max(1e-9);
        format!("{:.2}, {:.2}, {:.2}", cores(self.total()), cores(self.portal), cores(self.load))
    }

    /// The service's by threads, as shares.
    pub(crate) fn shares(&self) -> String {
        let total = self.total().as_secs_f64().max(1e-9);
        let mut threads: Vec<_> = self.service.iter().filter(|(_, time)| time.as_secs_f64() > total / 50.0).collect();
        threads.sort_by_key(|(_, time)| std::cmp::Reverse(**time));
        let share = |(name, time): (&String, &Duration)| format!("{name} {:.0} %", time.as_secs_f64() / total * 100.0);
        threads.into_iter().map(share).collect::<Vec<_>>().join(", ")
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        drop(self.sandbox.take());
        if let Some(runtime) = self.portal.take() {
            runtime.shutdown_background();
        }
    }
}

/// A port that nobody has now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn config_text(sandbox: &Sandbox, address: SocketAddr, folder: &std::path::Path, channels: &str) -> String {
    format!(
        "listen = \"{address}\"\npublic_url = \"http://{address}\"\nstore = \"sqlite:{}\"\n\
         {limits}[log]\nlevel = \"off\"\n\
         [portal]\nurl = \"{}\"\nauth_server = \"{}\"\nclient_id = \"{}\"\nclient_secret = \"{}\"\n\
         {channels}",
        folder.join("openline.db").display(),
        sandbox.portal_url(),
        sandbox.auth_url(),
        sandbox.client_id(),
        sandbox.client_secret(),
        limits = openline_tests::no_limits(),
    )
}

/// Runs a program in the background with its output dropped.
pub(crate) fn quiet(command: &mut Command) -> Result<Child> {
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}
