//! `openline migrate-store`: everything from one store into a new one.

use crate::audit;
use crate::config::{Config, trusted};
use openline_store::StoreUrl;
use std::fmt::Write;
use std::path::Path;

/// Copies; what to print.
///
/// # Errors
/// What went wrong, for people.
pub async fn run(from: &str, to: &str) -> Result<String, String> {
    let (from, to) = (place(from)?, place(to)?);
    let report = openline_store::migrate(&from, &to).await.map_err(|error| error.to_string())?;
    // Where it is gone on with; nobody has opened it yet.
    audit::note_in(openline_store::open(&to).await, "migrate-store", "everything", &Ok::<_, String>(())).await;
    let mut out = String::new();
    for (table, rows) in report.tables {
        let _ = writeln!(out, "{table:<14} {rows:>10}");
    }
    // The ids that the backend knows go on in the copy; two services would give out the same ones.
    out.push_str(
        "copied. Name the new store in the configuration, and don't run a service on the old one again: both would give \
         out the same ids",
    );
    out.push_str(&beside(&from, &to));
    Ok(out)
}

/// The store that is meant: by its address, or by the configuration that names it.
fn place(named: &str) -> Result<StoreUrl, String> {
    if Path::new(named).extension().is_some_and(|ending| ending == "toml") {
        return Config::load(Path::new(named)).map(|config| config.store).map_err(|errors| errors.to_string());
    }
    let url: StoreUrl = named.parse().map_err(|error: openline_store::OpenError| error.to_string())?;
    if url.password().is_some() {
        return Err(format!(
            "{url}: don't write the password here, where every list of processes shows it. Name a configuration file \
             (FILE.toml) that has the store, or leave the password out and give it by PGPASSWORD or ~/.pgpass"
        ));
    }
    let hint = "; or name a configuration file (FILE.toml) that allows it";
    trusted(&url, false).map_err(|error| format!("{named}: {}{hint}", error.problem))?;
    Ok(url)
}

/// What belongs to a store and does not stand in it, and what to do about it.
fn beside(from: &StoreUrl, to: &StoreUrl) -> String {
    let file = |url: &StoreUrl| url.file().map(|file| file.display().to_string());
    let mut out = String::from("\nCopy by hand, too, before the first start on the new store:");
    let _ = match (file(from), file(to)) {
        (Some(from), Some(to)) => write!(
            out,
            "\n- the secret, when the configuration does not name it: {from}.secret to {to}.secret. Without it the portal's \
             tokens can't be read, and visitors' sessions begin anew"
        ),
        (Some(from), None) => write!(
            out,
            "\n- the secret: a database server needs it in the configuration, as secret = {{ file = \"…\" }}. When it does \
             not stand there yet, name {from}.secret, the file beside the old database"
        ),
        (None, _) => write!(out, "\n- nothing of the secret: it stands in the configuration, and has to stay there"),
    };
    out.push_str(
        "\n- visitors' files: the folder files.folder of the configuration; when it is not named, the folder \"files\" \
         beside an SQLite database. Name the same folder, or copy it as a whole",
    );
    out
}
