//! Makes the files of the website's page before the program is built: scripts and sheets without their comments, one
//! script and one sheet of all that a visit begins with, and each of them packed by brotli and gzip. Packed that tightly
//! they take a second, which neither a start nor a visitor should wait for.

#[path = "src/website/served/bundle.rs"]
mod bundle;
#[path = "src/website/served/lean.rs"]
mod lean;

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{Error, Write};
use std::path::{Path, PathBuf};
use std::{env, fs};

const SOURCES: &str = "src/website/assets";

fn main() -> Result<(), Error> {
    println!("cargo::rerun-if-changed={SOURCES}");
    for one in ["build.rs", "src/website/served/bundle.rs", "src/website/served/lean.rs"] {
        println!("cargo::rerun-if-changed={one}");
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or(Error::other("no OUT_DIR"))?).join("page");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let mut names = vec![bundle::SHEET.to_owned(), bundle::ENTRY.to_owned()];
    write(&folder, bundle::SHEET, bundle::sheet(&source).as_bytes())?;
    write(&folder, bundle::ENTRY, bundle::script(&source).as_bytes())?;
    for entry in fs::read_dir(SOURCES)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(made) = bundle::made(&name, &source).filter(|_| name != bundle::ENTRY) {
            write(&folder, &name, made.as_bytes())?;
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
fn write(folder: &Path, name: &str, plain: &[u8]) -> Result<(), Error> {
    fs::write(folder.join(name), plain)?;
    for (kind, packed) in [("br", brotli(plain)?), ("gz", gzip(plain)?)] {
        if packed.len() < plain.len() {
            fs::write(folder.join(format!("{name}.{kind}")), packed)?;
        }
    }
    Ok(())
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
