//! Putting an archive back into an empty place.

use super::places::{DATABASE, FILES, Places, SECRET, SUMS};
use crate::audit;
use crate::config::Config;
use openline_core::{FileId, Store};
use openline_store::StoreUrl;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to restore.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// The archive, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What was erased since the archive was made: the file DATABASE.erased of the lost installation
    #[arg(long, value_name = "FILE")]
    pub erased: Option<PathBuf>,
    /// The configuration file
    #[arg(long, short, value_name = "FILE", default_value = "openline.toml")]
    pub config: PathBuf,
}

/// Restores; what to print.
///
/// # Errors
/// What went wrong, for people. The database is not at its place then.
pub async fn restore(source: Source) -> Result<String, String> {
    let config = Config::load(&source.config).map_err(|errors| errors.to_string())?;
    let places = Places::of(&config)?;
    let journal = source.erased.clone().unwrap_or_else(|| beside(&places.database, ".erased"));
    let task = tokio::task::spawn_blocking(move || {
        empty(&places)?;
        let unpacked = unpack(&places, &source.file);
        if unpacked.is_err() {
            let _ = std::fs::remove_file(beside(&places.database, PART));
            let _ = std::fs::remove_file(beside(&places.secret, PART));
        }
        let files = unpacked?;
        let tag = openline_store::tag_of(&places.database).map_err(|error| error.to_string())?;
        Ok::<_, String>((files, tag))
    });
    let (files, tag) = task.await.map_err(|error| error.to_string())??;
    let erased = erase_again(&config.store, tag, &journal).await?;
    let again = if erased == 0 { String::new() } else { format!(" {erased} conversations were erased again.") };
    Ok(format!(
        "The database and {files} files are back.{again} Start the service; replies that operators wrote since the backup \
         are fetched from open dialogs."
    ))
}

const PART: &str = ".restoring";

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Nothing is written over.
fn empty(places: &Places) -> Result<(), String> {
    for path in [&places.database, &places.secret, &beside(&places.database, "-wal")] {
        if path.exists() {
            let problem = "is there already; restore goes into an empty place, so move it away first";
            return Err(format!("{}: {problem}", path.display()));
        }
    }
    Ok(())
}

fn unpack(places: &Places, file: &Path) -> Result<usize, String> {
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let input: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(file).map_err(|error| at(&error))?)
    };
    let sums = entries(places, input).map_err(|problem| at(&problem))?;
    if !sums.contains_key(DATABASE) {
        return Err(at(&"has no database in it"));
    }
    let put = |part: PathBuf, whole: &Path| {
        std::fs::rename(part, whole).map_err(|error| format!("{}: {error}", whole.display()))
    };
    if sums.contains_key(SECRET) {
        put(beside(&places.secret, PART), &places.secret)?;
    }
    put(beside(&places.database, PART), &places.database)?;
    Ok(sums.keys().filter(|name| name.starts_with(FILES)).count())
}

/// Writes each entry to its place, but for the database and the secret, which get their names at the end. The entries'
/// names with their checksums, which are those of the list.
fn entries(places: &Places, input: Box<dyn Read>) -> Result<BTreeMap<String, String>, String> {
    let broken = |error: std::io::Error| format!("is not a whole archive ({error})");
    let (mut sums, mut listed) = (BTreeMap::new(), None);
    for entry in tar::Archive::new(input).entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path().map_err(broken)?.to_string_lossy().into_owned();
        if name == SUMS {
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(broken)?;
            listed = Some(text);
            continue;
        }
        let target = place(places, &name).ok_or_else(|| format!("has an entry that no backup has: {name:?}"))?;
        let sum = write(&mut entry, &target).map_err(|error| format!("{}: {error}", target.display()))?;
        sums.insert(name, sum);
    }
    let listed = listed.ok_or("is cut short: its list of checksums is missing")?;
    let listed: BTreeMap<String, String> =
        listed.lines().filter_map(|line| line.split_once("  ")).map(|(sum, name)| (name.into(), sum.into())).collect();
    if listed == sums { Ok(sums) } else { Err("is damaged: a checksum is wrong or an entry is missing".to_owned()) }
}

/// Where an entry belongs; only names that a backup has are known.
fn place(places: &Places, name: &str) -> Option<PathBuf> {
    match name {
        DATABASE => Some(beside(&places.database, PART)),
        SECRET => Some(beside(&places.secret, PART)),
        _ => {
            let (first, rest) = name.strip_prefix(FILES)?.strip_prefix('/')?.split_once('/')?;
            FileId::parse(&format!("{first}{rest}")).ok().filter(|_| first.len() == 2)?;
            Some(places.files.join(first).join(rest))
        }
    }
}

fn write(from: &mut impl Read, target: &Path) -> std::io::Result<String> {
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(target)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        file.write_all(&buffer[..count])?;
    }
    file.sync_all()?;
    Ok(hex::encode(hash.finalize()))
}

/// What somebody asked to forget after the backup is forgotten in it too.
async fn erase_again(url: &StoreUrl, tag: Option<String>, journal: &Path) -> Result<usize, String> {
    let named = openline_store::erased(journal, &tag.unwrap_or_default());
    let named = named.map_err(|error| format!("{}: {error}", journal.display()))?;
    let store: Arc<dyn Store> = openline_store::open(url).await.map_err(|error| error.to_string())?;
    let mut count = 0;
    for conversation in named {
        let erased = store.erase(conversation).await.map_err(|error| error.to_string())?;
        count += usize::from(erased.is_some());
    }
    audit::note(&store, "restore", &format!("everything, {count} erased again"), &Ok::<_, String>(())).await;
    store.close().await;
    Ok(count)
}
