//! `openline migrate-store`: everything from one store into a new one.

use std::fmt::Write;

/// Copies; what to print.
///
/// # Errors
/// What went wrong, for people.
pub async fn run(from: &str, to: &str) -> Result<String, String> {
    let report = openline_store::migrate(from, to).await.map_err(|error| error.to_string())?;
    let mut out = String::new();
    for (table, rows) in report.tables {
        let _ = writeln!(out, "{table:<14} {rows:>10}");
    }
    // The ids that the backend knows go on in the copy; two services would give out the same ones.
    out.push_str(
        "copied. Name the new store in the configuration, and don't run a service on the old one again: both would give \
         out the same ids",
    );
    Ok(out)
}
