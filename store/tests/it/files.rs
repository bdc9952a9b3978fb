//! What a folder of files must do.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use openline_core::clock::ManualClock;
use openline_core::files::{ByteStream, FileError, HEAD, Kept};
use openline_core::{Clock, FileId, Files, Timestamp};
use openline_store::DiskFiles;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(3600);

struct Folder {
    folder: TempDir,
    clock: Arc<ManualClock>,
}

impl Folder {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000)));
        Self { folder: tempfile::tempdir().unwrap(), clock }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    async fn open(&self) -> DiskFiles {
        DiskFiles::open(&self.path(), Arc::clone(&self.clock) as Arc<dyn Clock>).await.unwrap()
    }

    /// Everything in it but the lock.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        list(&self.path(), &mut names);
        names.retain(|name| name != ".lock");
        names.sort();
        names
    }

    /// Waits until nothing but the lock is in it: what was begun is cleared away by whoever ends it.
    async fn empties(&self) {
        let wait = async {
            while !self.names().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let left = || format!("left: {:?}", self.names());
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("{}", left()));
    }
}

fn list(folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            list(&entry.path(), names);
        } else {
            names.push(entry.file_name().into_string().unwrap());
        }
    }
}

/// A content that comes in pieces of seven bytes.
fn coming(content: &[u8]) -> ByteStream {
    let pieces: Vec<_> = content.chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

async fn keep(files: &DiskFiles, content: &[u8]) -> Kept {
    files.keep(coming(content), 1_000_000).await.unwrap()
}

async fn read(files: &DiskFiles, id: &FileId) -> Vec<u8> {
    let opened = files.open(id).await.unwrap();
    let pieces: Vec<Bytes> = opened.bytes.try_collect().await.unwrap();
    assert!(pieces.iter().all(|piece| piece.len() <= 64 * 1024));
    let content = pieces.concat();
    assert_eq!(opened.size, Some(content.len() as u64));
    content
}

#[tokio::test]
async fn what_was_kept_is_there_under_its_hash_also_after_a_restart() {
    let folder = Folder::new();
    let content: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    let kept = keep(&folder.open().await, &content).await;
    assert_eq!((kept.size, kept.head.as_ref()), (200_000, &content[..HEAD]));
    assert_eq!(read(&folder.open().await, &kept.id).await, content);
    let abc = keep(&folder.open().await, b"abc").await.id;
    assert_eq!(abc.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert!(folder.path().join("ba").join(&abc.as_str()[2..]).is_file());
}

#[tokio::test]
async fn the_same_content_is_kept_once_however_many_bring_it() {
    let folder = Folder::new();
    let files = folder.open().await;
    let other_process = folder.open().await;
    let many = (0..40).map(|n| keep(if n % 2 == 0 { &files } else { &other_process }, b"the same content"));
    let kept = futures_util::future::join_all(many).await;
    assert!(kept.iter().all(|one| one.id == kept[0].id));
    assert_eq!(folder.names(), [&kept[0].id.as_str()[2..]]);
    assert_eq!(read(&files, &kept[0].id).await, b"the same content");
}

#[tokio::test]
async fn what_is_refused_or_broken_leaves_nothing() {
    let folder = Folder::new();
    let files = folder.open().await;
    let refused = async |bytes: ByteStream, most| files.keep(bytes, most).await.unwrap_err();
    assert_eq!(refused(coming(b""), 10).await, FileError::Empty);
    assert_eq!(refused(coming(b"12345678901"), 10).await, FileError::TooLarge { most: 10 });
    let broken = coming(b"first").chain(stream::iter([Err(std::io::Error::other("cut"))])).boxed();
    assert_eq!(refused(broken, 10).await, FileError::Broken("cut".to_owned()));
    assert_eq!(folder.names(), Vec::<String>::new());
    assert_eq!(files.keep(coming(b"1234567890"), 10).await.unwrap().size, 10);
}

#[tokio::test]
async fn more_than_the_limit_is_refused_before_all_of_it_came() {
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[0; 1024]))).boxed();
    let refused = Folder::new().open().await.keep(endless, 100_000).await;
    assert_eq!(refused.unwrap_err(), FileError::TooLarge { most: 100_000 });
}

#[tokio::test]
async fn an_upload_that_nobody_waits_for_any_more_leaves_nothing() {
    let folder = Folder::new();
    let files = folder.open().await;
    let stuck = coming(b"some bytes").chain(stream::pending()).boxed();
    let mut keeping = Box::pin(files.keep(stuck, 100));
    while folder.names().is_empty() {
        assert!(futures_util::poll!(&mut keeping).is_pending());
        tokio::task::yield_now().await;
    }
    drop(keeping);
    folder.empties().await;
}

#[tokio::test]
async fn an_upload_that_ends_while_its_draft_is_made_leaves_nothing() {
    let folder = Folder::new();
    let files = folder.open().await;
    for _ in 0..50 {
        let mut keeping = Box::pin(files.keep(coming(b"some bytes"), 100));
        assert!(futures_util::poll!(&mut keeping).is_pending());
        drop(keeping);
    }
    // Work that waits for the disk ends in the order it began, but not at once.
    tokio::task::spawn_blocking(|| ()).await.unwrap();
    folder.empties().await;
}

#[tokio::test]
async fn what_is_young_is_not_removed() {
    let folder = Folder::new();
    let files = folder.open().await;
    let id = keep(&files, b"content").await.id;
    assert!(!files.remove(&id, false).await.unwrap());
    folder.clock.advance(HOUR * 2);
    assert_eq!(keep(&files, b"content").await.id, id);
    assert!(!files.remove(&id, false).await.unwrap(), "young again");
    folder.clock.advance(HOUR * 2);
    let held = files.open(&id).await.unwrap();
    assert!(files.remove(&id, false).await.unwrap() && files.remove(&id, false).await.unwrap());
    let young = files.keep(coming(b"y"), 10).await.unwrap().id;
    assert!(files.remove(&young, true).await.unwrap(), "nobody waits for it");
    assert_eq!(files.open(&young).await.err(), Some(FileError::Gone));
    assert_eq!(files.open(&id).await.err(), Some(FileError::Gone));
    let rest: Vec<Bytes> = held.bytes.try_collect().await.unwrap();
    assert_eq!(rest.concat(), b"content", "whoever reads it reads on");
}

#[tokio::test]
async fn drafts_of_a_process_that_is_gone_are_cleared_away_within_minutes() {
    let folder = Folder::new();
    drop(folder.open().await);
    let write = |name: &str, age: Duration| {
        let file = std::fs::File::create(folder.path().join(name)).unwrap();
        let at = u64::try_from(folder.clock.now().minus(age).0).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + Duration::from_millis(at)).unwrap();
    };
    write(".draft-old", HOUR / 2);
    write(".draft-new", HOUR / 4);
    write("notes.txt", HOUR * 1000);
    drop(folder.open().await);
    assert_eq!(folder.names(), [".draft-new", "notes.txt"]);
}

#[tokio::test]
async fn a_folder_that_went_away_is_said_to_be_unavailable_not_empty() {
    let folder = Folder::new();
    let files = folder.open().await;
    let id = keep(&files, b"content").await.id;
    std::fs::rename(folder.path(), folder.folder.path().join("elsewhere")).unwrap();
    let problems =
        [files.keep(coming(b"x"), 10).await.err(), files.open(&id).await.err(), files.remove(&id, false).await.err()];
    for problem in problems {
        let Some(FileError::Unavailable(text)) = problem else { panic!("{problem:?}") };
        assert!(text.contains("is the disk mounted?") && text.contains("files"), "{text}");
    }
    std::fs::rename(folder.folder.path().join("elsewhere"), folder.path()).unwrap();
    assert_eq!(read(&files, &id).await, b"content");
}

#[tokio::test]
async fn a_folder_that_cannot_be_one_is_told() {
    let folder = Folder::new();
    std::fs::write(folder.path(), "").unwrap();
    let opened = DiskFiles::open(&folder.path(), Arc::clone(&folder.clock) as Arc<dyn Clock>).await;
    assert!(opened.err().unwrap().to_string().contains("files"));
}

/// Status 0 takes it, everything else leaves it out; nothing of it is kept then.
#[tokio::test]
async fn a_program_decides_about_each_file() {
    let folder = tempfile::tempdir().unwrap();
    let script = "case \"$(cat \"$1\")\" in bad*) exit 1;; odd*) exit 7;; slow*) exec sleep 60;; *) exit 0;; esac";
    let command = ["/bin/sh", "-c", script, "look"].map(str::to_owned).to_vec();
    let check = openline_store::FileCheck::new(command, Duration::from_millis(500));
    let files = DiskFiles::open(folder.path(), Arc::new(ManualClock::at(Timestamp(0)))).await.unwrap();
    files.guard_by(check, 0);
    let id = files.keep(coming(b"good"), 10).await.unwrap().id;
    assert!(files.open(&id).await.is_ok());
    for (content, why) in [("bad", "did not let it through"), ("odd", "could not be checked"), ("slow", "could not be")]
    {
        let told = files.keep(coming(content.as_bytes()), 10).await.unwrap_err();
        assert!(matches!(told, FileError::NotLetThrough(_)) && told.to_string().contains(why), "{content}: {told}");
    }
    let missing = openline_store::FileCheck::new(vec!["/nowhere/at/all".to_owned()], Duration::from_secs(1));
    files.guard_by(missing, 0);
    assert!(matches!(files.keep(coming(b"good"), 10).await, Err(FileError::NotLetThrough(_))));
    let kept = std::fs::read_dir(folder.path()).unwrap().flatten().filter(|entry| entry.path().is_dir()).count();
    assert_eq!(kept, 1, "no draft and no other file is left");
}
