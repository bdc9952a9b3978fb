//! Writes `THIRD-PARTY-NOTICES.txt` and `openline.cdx.json` for a release into a folder: see [`openline_tests::lists`].

#![allow(clippy::print_stdout)] // it says where they are

use openline_tests::lists;
use std::path::{Path, PathBuf};

fn main() -> std::io::Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = std::env::args().nth(1).map_or_else(|| workspace.join("target/lists"), PathBuf::from);
    let libraries = lists::libraries(&workspace);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("THIRD-PARTY-NOTICES.txt"), lists::notices(&libraries))?;
    let parts = lists::parts(&libraries, env!("CARGO_PKG_VERSION"));
    std::fs::write(folder.join("openline.cdx.json"), format!("{parts:#}\n"))?;
    println!("{} libraries, in {}", libraries.len(), folder.display());
    Ok(())
}
