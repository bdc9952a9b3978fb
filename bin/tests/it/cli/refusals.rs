//! What keeps the service from starting is told, and nothing is changed by it.

use super::*;

#[test]
fn a_taken_port_is_told() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let place = Place::new();
    place.configure(&taken.local_addr().unwrap().to_string(), "data/openline.db");
    let said = place.refused();
    assert!(said.contains("listen: can't listen at 127.0.0.1:"), "{said}");
    assert!(said.contains("another program has this port; stop it or choose another one"), "{said}");
    assert!(!place.database().exists(), "nothing was made");
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let place = Place::new();
    std::fs::write(place.path().join("data"), "a file").unwrap();
    let said = place.refused();
    assert!(said.contains("store: data/openline.db: can't make the folder: "), "{said}");
}

#[test]
fn a_folder_for_files_that_cannot_be_used_is_told() {
    let place = Place::with_database();
    let folder = place.database().with_file_name("files");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::write(&folder, "a file").unwrap();
    let said = place.refused();
    assert!(said.contains("files.folder: data/files: "), "{said}");
}

#[test]
fn what_is_no_database_of_ours_is_left_alone() {
    let place = Place::with_database();
    place.spoil(|bytes| bytes[APPLICATION_ID..APPLICATION_ID + 4].copy_from_slice(&[0, 0, 0, 1]));
    let before = std::fs::read(place.database()).unwrap();
    let said = place.refused();
    assert!(said.contains("data/openline.db: is the database of another program; name another file"), "{said}");
    assert_eq!(std::fs::read(place.database()).unwrap(), before);
    place.spoil(|bytes| *bytes = b"not a database at all, but long enough to be taken for one. ".repeat(20));
    let said = place.refused();
    assert!(said.contains("is not a database; name another file, or restore a backup"), "{said}");
}

#[test]
fn damage_is_told() {
    for spoil in [
        |bytes: &mut Vec<u8>| bytes.truncate(4096 * 3 + 100),
        |bytes: &mut Vec<u8>| bytes[4096 * 2..4096 * 3].fill(0xff),
    ] {
        let place = Place::with_database();
        place.spoil(spoil);
        let (status, said, _) = run(place.path(), &["doctor", "--offline"]);
        assert_eq!(status, Some(1));
        assert!(said.contains("data/openline.db: is damaged"), "{said}");
        assert!(said.contains("restore a backup"), "{said}");
    }
}

#[test]
fn a_doctor_finds_nothing_wrong_with_what_is_whole() {
    let place = Place::with_database();
    let running = Running::start(place.path());
    // The configuration has a secret that everybody can read.
    let (status, said, _) = run(place.path(), &["doctor", "--offline"]);
    assert!(status == Some(1) && said.contains("chmod o-rwx openline.toml"), "{said}");
    let (status, said, _) = run(place.path(), &["doctor", "--offline", "--fix"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("read whole: no damage"), "{said}");
    assert!(running.terminate().success());
}

#[test]
fn a_newer_database_is_told_and_left_alone() {
    let place = Place::with_database();
    place.spoil(|bytes| bytes[USER_VERSION..USER_VERSION + 4].copy_from_slice(&[0, 0, 0, 99]));
    let before = std::fs::read(place.database()).unwrap();
    let said = place.refused();
    assert!(said.contains("was written by a newer openline (schema 99, this one knows "), "{said}");
    assert_eq!(std::fs::read(place.database()).unwrap(), before);
}

#[test]
fn a_secret_that_is_none_is_told() {
    let place = Place::with_database();
    std::fs::write(place.path().join("data/openline.db.secret"), "short\n").unwrap();
    let said = place.refused();
    assert!(
        said.contains("openline.db.secret: is not a secret made by openline (64 characters on each line)"),
        "{said}"
    );
    assert!(said.contains("restore it from a backup"), "{said}");
}

#[test]
fn a_second_service_on_the_same_database_is_refused() {
    let place = Place::new();
    let first = Running::start(place.path());
    let said = place.refused();
    assert!(said.contains("store: data/openline.db: in use by another openline process"), "{said}");
    assert!(first.terminate().success());
}

#[test]
fn a_bad_address_of_the_portal_is_told() {
    let place = Place::new();
    let text = std::fs::read_to_string(place.path().join("openline.toml")).unwrap();
    place.write(&text.replace("url = \"http://127.0.0.1:1\"\nclient", "url = \"company\"\nclient"));
    let (code, _, errors) = run(place.path(), &["serve"]);
    assert_eq!(code, Some(2));
    assert!(errors.starts_with("openline.toml: portal.url: \"company\" is not a URL; write one like"), "{errors}");
}
