//! Makes the files of the website's page before the program is built: scripts and sheets without what only their readers
//! need, one script and one sheet of all that a visit begins with, and each of them packed by brotli and gzip. Packed that tightly
//! they take a second, which neither a start nor a visitor should wait for.

#[path = "src/website/served/bundle.rs"]
mod bundle;

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Error, Write};
use std::path::{Path, PathBuf};
use std::{env, fs};

const SOURCES: &str = "src/website/assets";

fn main() -> Result<(), Error> {
    println!("cargo::rerun-if-changed={SOURCES}");
    for one in ["build.rs", "src/website/served/bundle.rs"] {
        println!("cargo::rerun-if-changed={one}");
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or(Error::other("no OUT_DIR"))?).join("page");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let mut names = vec![bundle::SHEET.to_owned(), bundle::ENTRY.to_owned()];
    write(&folder, bundle::SHEET, &bundle::sheet(&source))?;
    write(&folder, bundle::ENTRY, &bundle::script(&source))?;
    for entry in fs::read_dir(SOURCES)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(made) = bundle::made(&name, &source).filter(|_| name != bundle::ENTRY) {
            write(&folder, &name, &made)?;
            names.push(name);
        }
    }
    names.sort();
    fs::write(folder.join("list.rs"), list(&folder, &names))
}

/// The files as what `assets.rs` includes: name, plain, by gzip, by brotli.
fn list(folder: &Path, names: &[String]) -> String {
    let bytes = |name: &str| format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/page/{name}\"))");
    let there = |name: String| folder.join(&name).exists().then_some(name);
    let packed = |name| there(name).map_or("None".to_owned(), |name| format!("Some({})", bytes(&name)));
    let row = |name: &String| {
        format!("({name:?}, {}, {}, {}),\n", bytes(name), packed(format!("{name}.gz")), packed(format!("{name}.br")))
    };
    format!("[\n{}]", names.iter().map(row).collect::<String>())
}

fn source(name: &str) -> String {
    fs::read_to_string(Path::new(SOURCES).join(name)).unwrap_or_default()
}

/// The file, and beside it as `NAME.br` and `NAME.gz` where that is smaller.
fn write(folder: &Path, name: &str, source: &str) -> Result<(), Error> {
    let plain = lean(name, source)?;
    let plain = plain.as_bytes();
    fs::write(folder.join(name), plain)?;
    for (kind, packed) in [("br", brotli(plain)?), ("gz", gzip(plain)?)] {
        if packed.len() < plain.len() {
            fs::write(folder.join(format!("{name}.{kind}")), packed)?;
        }
    }
    Ok(())
}

/// A script or sheet without comments and the blanks that mean nothing.
fn lean(name: &str, source: &str) -> Result<String, Error> {
    match name.rsplit_once('.') {
        Some((_, "js")) => Ok(minifier::js::minify(source).to_string()),
        Some((_, "css")) => Ok(minifier::css::minify(source).map_err(Error::other)?.to_string()),
        _ => Ok(source.to_owned()),
    }
}

fn brotli(mut plain: &[u8]) -> Result<Vec<u8>, Error> {
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut plain, &mut packed, &brotli::enc::BrotliEncoderParams::default())?;
    Ok(packed)
}

fn gzip(plain: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish()
}
