//! The command line.

use crate::commands::backup;
use crate::commands::channels::{self, Trouble};
use crate::commands::check;
use crate::commands::dead;
#[cfg(feature = "demo")]
use crate::commands::demo;
use crate::commands::doctor;
use crate::commands::health;
use crate::commands::messengers;
use crate::commands::migrate;
use crate::commands::privacy;
use crate::commands::reload;
use crate::config::Config;
use crate::serve::service::Service;
pub use clap::Parser;
use clap::Subcommand;
use rustix::fs::Mode;
use sd_notify::NotifyState;
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Exit status for a configuration that can't be used.
const BAD_CONFIG: u8 = 2;

/// How long the end waits for threads that are still at work.
const LEFT_OVER: Duration = Duration::from_millis(200);

/// Joins website chats and messengers with Bitrix24 open lines.
///
/// Visitors write in a chat on your website, in Telegram or by an API; operators answer in Bitrix24, and their replies come
/// back to the visitors. openline runs on your own machine, beside a reverse proxy that speaks https, and keeps every
/// message until the other side has it.
///
#[cfg_attr(feature = "demo", doc = " Begin with `openline demo`, which needs nothing. Then write openline.toml as")]
#[cfg_attr(not(feature = "demo"), doc = " Write openline.toml as")]
/// docs/portal.md says, look at it with `openline check --online`, and run `openline serve`.
#[derive(Debug, Parser)]
#[command(name = "openline", version, about, long_about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: a stand-in portal with an operator desk, and a website chat connected to it
    #[cfg(feature = "demo")]
    Demo(demo::Options),
    /// Try it: not in this build
    #[cfg(not(feature = "demo"))]
    #[command(hide = true)]
    Demo {
        /// Whatever it is asked for
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Run the service
    Serve {
        /// The configuration file
        #[arg(long, short, value_name = "FILE", default_value = "openline.toml")]
        config: PathBuf,
    },
    /// Check a configuration without starting anything
    Check {
        /// The configuration file
        #[arg(long, short, value_name = "FILE", default_value = "openline.toml")]
        config: PathBuf,
        /// Then look at everything as `openline doctor` does
        #[arg(long)]
        online: bool,
    },
    /// Look at every thing between a visitor and an operator, and say what to do about it
    ///
    /// It may be used while the service runs. Each line begins with ✓ (well), ! (it will do, or can't be seen from here) or
    /// ✗ (broken), with the remedy below. The exit status is 0 when nothing is broken, 1 when something is, and 2 when the
    /// configuration can't be used.
    Doctor(doctor::Options),
    /// Let the running service read its configuration again, without a stop; a wrong one changes nothing
    Reload {
        /// The configuration file
        #[arg(long, short, value_name = "FILE", default_value = "openline.toml")]
        config: PathBuf,
    },
    /// Ask the running service whether it is well
    Health {
        /// The configuration file
        #[arg(long, short, value_name = "FILE", default_value = "openline.toml")]
        config: PathBuf,
    },
    /// Look at messages that were given up, put them back or forget them
    #[command(subcommand)]
    Dead(dead::Action),
    /// Print everything that is kept of a visitor, as JSON
    Export {
        /// Whose
        #[command(flatten)]
        whose: privacy::Whose,
        /// Write it into this new file, which nobody else can read, instead of the standard output
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Forget everything of a visitor, here and, as far as it goes, in the portal
    Erase {
        /// Whose
        #[command(flatten)]
        whose: privacy::Whose,
        /// Erase all conversations that were found, not only a single one
        #[arg(long)]
        yes: bool,
    },
    /// Write database, secret and visitors' files into one archive, also while the service runs
    Backup(backup::Target),
    /// Put an archive that `backup` wrote back into an empty place
    Restore(backup::Source),
    /// Copy everything from one store into a new one, while no service runs on either
    MigrateStore {
        /// The store that is there: sqlite:FILE, postgres://USER@HOST/DATABASE, or a configuration file (FILE.toml) that names it
        from: String,
        /// The new store, which must be empty, named in the same ways
        to: String,
    },
    /// List, show, begin and test messengers that are described by a file
    #[command(subcommand)]
    Messengers(messengers::Action),
    /// List the kinds of channels, and how the configured ones stand; pause one, and let it go on
    #[command(args_conflicts_with_subcommands = true)]
    Channels {
        /// The configuration file; openline.toml when there is one
        #[arg(long, short, value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(subcommand)]
        action: Option<channels::Action>,
    },
}

/// Carries out a command line.
pub fn run(cli: Cli) -> ExitCode {
    // Whatever is made is for this user only.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    match cli.command {
        #[cfg(not(feature = "demo"))]
        Command::Demo { options: _ } => complain(
            "this build has no demo, as packages have none; the sources have it: cargo run -p openline -- demo",
            ExitCode::FAILURE,
        ),
        #[cfg(feature = "demo")]
        Command::Demo(options) => {
            crate::log::start("warn,openline=info", false);
            in_runtime(async {
                match demo::run(options, async { stop_signal().await }).await {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(error) => complain(&error.to_string(), ExitCode::FAILURE),
                }
            })
        }
        Command::Serve { config } => serve(&config),
        Command::Check { config, online } => match check::report(&config) {
            Ok(report) if online => {
                say(&report, ExitCode::SUCCESS);
                examine(&doctor::Options::usual(config))
            }
            Ok(report) => say(&report, ExitCode::SUCCESS),
            Err(errors) => complain(&errors, ExitCode::from(BAD_CONFIG)),
        },
        Command::Doctor(options) => examine(&options),
        Command::Reload { config } => in_runtime(async { told(reload::run(&config).await) }),
        Command::Health { config } => in_runtime(async { told(health::report(&config).await) }),
        Command::Dead(action) => in_runtime(async { told(dead::run(action).await) }),
        Command::Export { whose, to } => in_runtime(async { told(privacy::export(whose, to).await) }),
        Command::Erase { whose, yes } => in_runtime(async { told(privacy::erase(whose, yes).await) }),
        Command::Backup(target) => in_runtime(async { told(backup::backup(target).await) }),
        Command::Restore(source) => in_runtime(async { told(backup::restore(source).await) }),
        Command::MigrateStore { from, to } => in_runtime(async { told(migrate::run(&from, &to).await) }),
        Command::Messengers(action) => in_runtime(async { told(messengers::run(action).await) }),
        Command::Channels { action: Some(action), .. } => in_runtime(async {
            match channels::act(&action).await {
                Ok(text) => say(&text, ExitCode::SUCCESS),
                Err(Trouble::Failed(error)) => complain(&error, ExitCode::FAILURE),
                Err(Trouble::Written(error)) => complain(&error, ExitCode::from(BAD_CONFIG)),
            }
        }),
        Command::Channels { config, action: None } => in_runtime(async {
            let file = config.clone().unwrap_or_else(|| PathBuf::from("openline.toml"));
            told(channels::report(&file, config.is_some()).await)
        }),
    }
}

fn examine(options: &doctor::Options) -> ExitCode {
    in_runtime(async {
        match doctor::run(options).await {
            Ok(report) => {
                let code = if report.is_bad() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
                say(&if options.json { report.json() } else { report.to_string() }, code)
            }
            Err(errors) => complain(&errors, ExitCode::from(BAD_CONFIG)),
        }
    })
}

fn serve(path: &std::path::Path) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(errors) => return complain(&errors.to_string(), ExitCode::from(BAD_CONFIG)),
    };
    crate::log::start(&config.log.level, config.log.json);
    for exposed in &config.exposed {
        tracing::warn!("{exposed}");
    }
    in_runtime(async {
        let mut stop = std::pin::pin!(stop_signal());
        let started = tokio::select! {
            started = Service::start(config) => started,
            () = &mut stop => return ExitCode::SUCCESS,
        };
        let service = match started {
            Ok(service) => service,
            Err(error) => return complain(&format!("{}: {error}", path.display()), ExitCode::FAILURE),
        };
        tracing::info!(address = %service.address(), "openline is running");
        tell_manager(NotifyState::Ready);
        stop.await;
        tracing::info!("stopping");
        tell_manager(NotifyState::Stopping);
        service.stop().await;
        ExitCode::SUCCESS
    })
}

/// Tells systemd how the service stands, when it is what started it (`Type=notify`).
fn tell_manager(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "can't tell the service manager");
    }
}

fn in_runtime(body: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(body);
            // Threads that wait for a disk that does not answer end with the process.
            runtime.shutdown_timeout(LEFT_OVER);
            code
        }
        Err(error) => complain(&format!("can't start: {error}"), ExitCode::FAILURE),
    }
}

/// Completes with the first SIGINT or SIGTERM from now on.
fn stop_signal() -> impl Future<Output = ()> {
    let signals = signal(SignalKind::interrupt()).and_then(|ctrl_c| Ok((ctrl_c, signal(SignalKind::terminate())?)));
    async {
        let Ok((mut ctrl_c, mut terminate)) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = ctrl_c.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// What a command has to say, or what went wrong.
fn told(outcome: Result<String, String>) -> ExitCode {
    match outcome {
        Ok(text) => say(&text, ExitCode::SUCCESS),
        Err(error) => complain(&error, ExitCode::FAILURE),
    }
}

fn say(text: &str, code: ExitCode) -> ExitCode {
    let _ = writeln!(std::io::stdout(), "{text}");
    code
}

fn complain(text: &str, code: ExitCode) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{text}");
    code
}
