//! Small files that settings name, beside the configuration.

use openline_core::ConfigError;
use std::path::Path;

/// A file's bytes, at most `most`; a relative name is looked for in `folder`.
///
/// # Errors
/// When it can't be read or is too large, at `key`.
pub(crate) fn read(key: &str, folder: &Path, name: &str, most: usize) -> Result<Vec<u8>, ConfigError> {
    let path = folder.join(name);
    let bytes = std::fs::read(&path)
        .map_err(|error| ConfigError::at(key, format!("the file {} can't be read: {error}", path.display())))?;
    if bytes.len() > most {
        let problem = format!("the file {} has {} bytes, at most {most} are taken", path.display(), bytes.len());
        return Err(ConfigError::at(key, problem));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_had_is_told_with_its_key() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(read("k", here, "Cargo.toml", 100_000).is_ok());
        let error = |name, most| read("k", here, name, most).unwrap_err().to_string();
        assert!(error("Cargo.toml", 3).ends_with("at most 3 are taken"));
        assert!(
            error("nowhere", 3).starts_with("k: the file ") && error("nowhere", 3).contains("nowhere can't be read")
        );
    }
}
