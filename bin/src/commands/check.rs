//! `openline check`: what is wrong with a configuration, or what it says. With `--online` it goes on as `openline doctor`.

use crate::config::Config;
use openline_channels::described::Source;
use std::fmt::Write;
use std::path::Path;

/// The report of a good configuration.
///
/// # Errors
/// The errors, one a line, each with file and key.
pub fn report(file: &Path) -> Result<String, String> {
    let config = Config::load(file).map_err(|errors| errors.to_string())?;
    let mut out = format!("{}: ok\n", file.display());
    let _ = writeln!(out, "  listens at    {}", config.listen);
    let _ = writeln!(out, "  reached at    {}", config.public_url);
    let _ = writeln!(out, "  stores in     {}", config.store);
    let _ = writeln!(out, "  files in      {}", config.files.shown());
    let _ = writeln!(out, "  portal        {}", config.portal.url);
    for (id, instance) in &config.channels {
        let _ = writeln!(
            out,
            "  channel       {id} ({}), connector {} {:?}",
            instance.kind, instance.connector.id, instance.connector.name
        );
    }
    for kind in config.kinds.names() {
        if let Some((Source::File(file), overrides)) = config.kinds.source(kind) {
            let instead = if overrides { ", instead of the one in the program" } else { "" };
            let _ = writeln!(out, "  messenger     {kind} of {}{instead}", file.display());
        }
    }
    out.push_str("  for the local application in Bitrix24:\n");
    let _ = writeln!(out, "    handler path       {}/bitrix/app", config.public_url);
    let _ = write!(out, "    installation path  {}/bitrix/install", config.public_url);
    for doubt in config.doubts().into_iter().chain(config.exposed.iter().map(ToString::to_string)) {
        let _ = write!(out, "\n  doubtful: {doubt}");
    }
    Ok(out)
}
