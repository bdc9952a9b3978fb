//! A program that looks at each file before it is kept, like a virus scanner: the configuration's `files.check`.

use openline_core::files::FileError;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Which program, and how long it may take. Nothing of a shell is between: the words are its arguments, then comes the path.
#[derive(Debug, Clone)]
pub struct FileCheck {
    command: Vec<String>,
    patience: Duration,
}

impl FileCheck {
    /// `command` is the program and its first arguments; `None` when it is empty.
    pub fn new(command: Vec<String>, patience: Duration) -> Option<Self> {
        (!command.is_empty()).then_some(Self { command, patience })
    }

    /// Lets the program look at a file.
    ///
    /// # Errors
    /// [`FileError::NotLetThrough`] unless it ends with status 0 in time. What can't be checked is not let through either.
    pub(super) async fn look(&self, file: &Path) -> Result<(), FileError> {
        let (check, file) = (self.clone(), file.to_owned());
        let ended = super::blocking::blocking(move || check.run(&file)).await;
        let problem = match ended {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) if status.code() == Some(1) => {
                tracing::warn!(target: "security", result = "refused", "the check of files did not let a file through");
                return Err(FileError::NotLetThrough("the check of files did not let it through"));
            }
            Ok(Some(status)) => status.to_string(),
            Ok(None) => format!("it was not done after {} s", self.patience.as_secs()),
            Err(error) => error.to_string(),
        };
        tracing::error!(program = self.command[0], problem, "files.check failed: no file is taken as long as it does");
        Err(FileError::NotLetThrough("it could not be checked, so it was left out"))
    }

    /// How it ended; `None` when it had to be ended.
    fn run(&self, file: &Path) -> std::io::Result<Option<ExitStatus>> {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).arg(file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child: Child = command.spawn()?;
        let end = Instant::now() + self.patience;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() > end {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(LOOK);
        }
    }
}
