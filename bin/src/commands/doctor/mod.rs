//! `openline doctor`: looks at every thing between a visitor and an operator, also while the service runs, says what to do,
//! and mends what it can.

mod machine;
mod world;

use crate::config::Config;
use openline_core::{Check, Standing};
use serde_json::json;
use std::fmt::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// What to look at.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The configuration file
    #[arg(long, short, value_name = "FILE", default_value = "openline.toml")]
    pub config: PathBuf,
    /// Mend what can be mended: event handlers, connectors and their data in the portal, a messenger's webhook, rights of files
    #[arg(long)]
    pub fix: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Look at this machine only
    #[arg(long)]
    pub offline: bool,
    /// How long the portal's test event is waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub patience: u64,
}

impl Options {
    /// The usual look at the installation of a configuration.
    pub fn usual(config: PathBuf) -> Self {
        Self { config, fix: false, json: false, offline: false, patience: 15 }
    }
}

/// All that was found, in the order of a message's way.
#[derive(Debug)]
pub struct Report(pub Vec<Check>);

impl Report {
    /// Whether something is broken.
    pub fn is_bad(&self) -> bool {
        self.0.iter().any(Check::is_bad)
    }

    /// For programs.
    pub fn json(&self) -> String {
        format!("{:#}", json!({ "ok": !self.is_bad(), "checks": self.0 }))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|check| check.what.chars().count()).max().unwrap_or(0);
        for check in &self.0 {
            let Check { what, standing, found, remedy } = check;
            writeln!(f, "{} {what:<width$}  {found}", sign(*standing))?;
            if let Some(remedy) = remedy {
                writeln!(f, "  {:<width$}  → {remedy}", "")?;
            }
        }
        let count = |standing| self.0.iter().filter(|check| check.standing == standing).count();
        let (bad, doubtful, mended) = (count(Standing::Bad), count(Standing::Doubtful), count(Standing::Mended));
        let mut sum = if bad == 0 { "nothing is broken".to_owned() } else { format!("{bad} broken") };
        for (n, word) in [(doubtful, "doubtful"), (mended, "mended")].into_iter().filter(|(n, _)| *n > 0) {
            let _ = write!(sum, ", {n} {word}");
        }
        f.write_str(&sum)
    }
}

fn sign(standing: Standing) -> char {
    match standing {
        Standing::Good | Standing::Mended => '✓',
        Standing::Doubtful => '!',
        Standing::Bad => '✗',
    }
}

/// Looks at everything. It may take minutes, because it reads the whole store; a service may run meanwhile.
///
/// # Errors
/// What is wrong with the configuration.
pub async fn run(options: &Options) -> Result<Report, String> {
    let config = Config::load(&options.config).map_err(|errors| errors.to_string())?;
    let shown = options.config.display();
    let mut checks = vec![Check::good("configuration", format!("{shown} can be used"))];
    checks.extend(config.doubts().into_iter().map(|doubt| {
        Check::doubtful("configuration", doubt, "docs/portal.md and the comments in config/openline.toml say more")
    }));
    checks.extend(machine::look(&config, options.fix).await);
    if !options.offline {
        checks.extend(world::look(&config, options.fix, Duration::from_secs(options.patience)).await);
    }
    Ok(Report(checks))
}
