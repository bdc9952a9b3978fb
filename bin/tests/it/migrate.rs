//! `openline migrate-store` as a process.

use std::path::Path;
use std::process::Command;

/// Whether it succeeded, standard output, standard error.
fn migrate(folder: &Path, from: &str, to: &str) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openline"));
    let output = command.args(["migrate-store", from, to]).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn a_store_is_copied_once_and_the_rows_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = openline_store::open(&format!("sqlite:{}", folder.path().join("a.db").display()).parse().unwrap())
        .await
        .unwrap();
    store.state_put("key", b"value", openline_core::store::Expect::Nothing).await.unwrap();
    let (done, _, told) = migrate(folder.path(), "sqlite:a.db", "sqlite:b.db");
    assert!(!done && told.contains("in use by another openline process"), "{told}");
    store.close().await;
    let (done, out, told) = migrate(folder.path(), "sqlite:a.db", "sqlite:b.db");
    assert!(done, "{told}");
    let rows: Vec<_> = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert!(rows.contains(&vec!["state", "1"]) && rows.contains(&vec!["messages", "0"]), "{out}");
    assert!(out.contains("a.db.secret to b.db.secret") && out.contains("files.folder"), "{out}");
    let (done, _, told) = migrate(folder.path(), "sqlite:a.db", "sqlite:b.db");
    assert!(!done && told.contains("is not empty"), "{told}");
}

#[test]
fn passwords_are_not_told() {
    let folder = tempfile::tempdir().unwrap();
    for from in ["postgres://me:secret@127.0.0.1:1/db", "postgres://me:secret@[/db", "mysql://me:secret@host/db"] {
        let (done, out, told) = migrate(folder.path(), from, "sqlite:b.db");
        assert!(!done && !told.is_empty() && !format!("{out}{told}").contains("secret"), "{out}{told}");
        assert!(!folder.path().join("b.db").exists());
    }
}
