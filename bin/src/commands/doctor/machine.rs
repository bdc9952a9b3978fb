//! What can be looked at without asking anybody: rights of files, the store, disks, descriptors.

use crate::config::{Config, Exposed};
use crate::serve::{open_files, room};
use openline_core::store::Expect;
use openline_core::{Check, SystemClock};
use openline_store::DiskFiles;
use std::sync::Arc;

pub(super) async fn look(config: &Config, mend: bool) -> Vec<Check> {
    let mut checks: Vec<Check> = config.exposed.iter().map(|exposed| open(exposed, mend)).collect();
    if config.exposed.iter().all(|exposed| exposed.file.is_none()) {
        checks.push(Check::good("secrets", "nobody else on this machine can read them"));
    }
    checks.push(store(config).await);
    checks.extend(files(config).await);
    checks.push(descriptors(config));
    checks
}

fn open(exposed: &Exposed, mend: bool) -> Check {
    let Exposed { problem, remedy, file } = exposed;
    match file {
        None => Check::doubtful("user", problem, remedy),
        Some(_) if mend => match exposed.close() {
            Ok(()) => Check::mended("secrets", problem),
            Err(error) => Check::bad("secrets", format!("{problem}; it could not be mended: {error}"), remedy),
        },
        Some(_) => Check::bad("secrets", problem, remedy),
    }
}

/// Reads all of it, and writes something small.
async fn store(config: &Config) -> Check {
    let what = "store";
    if config.store.file().is_some_and(|file| !file.exists()) {
        let found = format!("{} is not there", config.store);
        return Check::bad(what, found, "it is made when openline is started for the first time; or put a backup back");
    }
    if let Err(error) = openline_store::examine(&config.store).await {
        return Check::bad(what, error.to_string(), "docs/troubleshooting.md says what to do about the database");
    }
    let written = async {
        let store = openline_store::attach(&config.store).await.map_err(|error| error.to_string())?;
        let key = format!("service/doctor/{}", store.tag());
        let written = store.state_put(&key, b"looks", Expect::Anything).await.map_err(|error| error.to_string());
        let written = written.and(store.state_delete(&key).await.map_err(|error| error.to_string()));
        store.close().await;
        written
    };
    match written.await {
        Ok(()) => Check::good(what, format!("{}, read whole: no damage; can be written", config.store)),
        Err(error) => {
            Check::bad(what, format!("can't be written: {error}"), "make room, and let openline's user write there")
        }
    }
}

/// The folder for files, and the room on the disks.
async fn files(config: &Config) -> Vec<Check> {
    let folder = &config.files.folder;
    if let Err(error) = DiskFiles::open(folder, Arc::new(SystemClock::new())).await {
        let remedy = "files.folder must be a folder that openline's user can write to";
        return vec![Check::bad("files", format!("files.folder: {error}"), remedy)];
    }
    let folder = Check::good("files", format!("{}, can be written", folder.display()));
    let free = openline_store::room(&config.files.folder).unwrap_or_default() / 1_000_000;
    let disk = match room::problem(&room::places(config)) {
        None => Check::good("disk", format!("{free} MB are free")),
        Some(concern) => concern.check("disk"),
    };
    vec![folder, disk]
}

fn descriptors(config: &Config) -> Check {
    let wanted = config.limits.connections as usize;
    match open_files::too_few(wanted) {
        None => Check::good("open files", format!("the system lets openline have {wanted} connections")),
        Some(room) => Check::doubtful(
            "open files",
            format!("the system allows fewer than limits.connections: {room} instead of {wanted}"),
            "raise LimitNOFILE in the unit (ulimit -n), or write a smaller limits.connections",
        ),
    }
}
