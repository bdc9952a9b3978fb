//! The promises of a channel while nothing breaks.

use super::compare::same_files;
use super::stage::{Can, Stage, series, texts};
use super::{Answer, Attachment, StandIn, Wrong};
use crate::Database;
use std::time::{Duration, Instant};

/// A stop may take so long, whoever waits.
const STOP: Duration = Duration::from_secs(5);

/// Everything but files.
pub async fn promises(kind: &str, database: Database, outside: Box<dyn StandIn>, can: Can) {
    let mut stage = Stage::running(kind, database, outside).await;
    once(&stage).await;
    in_order(&stage).await;
    nothing_wrong_is_taken(&stage).await;
    long_texts_come_whole(&stage).await;
    operators_edit(&stage, can).await;
    operators_delete(&stage, can).await;
    visitors_edit(&stage, can).await;
    visitors_delete(&stage, can).await;
    a_stop_waits_for_nobody(&mut stage).await;
}

/// The same delivery again stores nothing, whether it comes at once or after others, and is acknowledged.
async fn once(stage: &Stage) {
    let who = "once";
    stage.says(who, "k1", "first").await;
    let together = (0..3).map(|_| stage.outside.says(who, "k2", "second"));
    let answers = futures_util::future::join_all(together).await;
    assert!(answers.iter().all(|answer| *answer == Answer::Taken), "{answers:?}");
    stage.says(who, "k3", "third").await;
    assert_eq!(stage.outside.says(who, "k1", "first").await, Answer::Taken);
    stage.says(who, "k4", "fourth").await;
    let chat = stage.chat("first").await;
    let wanted = ["first", "second", "third", "fourth"].map(str::to_owned);
    stage.desk_shows(chat, &wanted, "each once").await;
}

/// What is written one after another arrives so, on both ways; another visitor sees nothing of it.
async fn in_order(stage: &Stage) {
    let (who, written, answered) = ("order", series("written", 20), series("answered", 20));
    for text in &written {
        stage.says(who, &text.replace(' ', "-"), text).await;
    }
    let chat = stage.chat("written 0").await;
    stage.desk_shows(chat, &written, "in order").await;
    let ids: Vec<_> = answered.iter().map(|text| stage.answers(chat, text)).collect();
    let seen = stage.is_seen(who, "answered 19").await;
    assert_eq!(texts(&seen), answered);
    for id in ids {
        stage.is_confirmed(id).await;
    }
    stage.says("somebody-else", "k", "hello from somebody else").await;
    stage.chat("hello from somebody else").await;
    assert_eq!(stage.outside.sees("somebody-else").await, []);
}

/// What can't be taken is refused, leaves nothing behind, and hurts nobody.
async fn nothing_wrong_is_taken(stage: &Stage) {
    let who = "wrong";
    let count = || stage.world.sandbox.view(|portal| portal.all_messages().count());
    stage.says(who, "k", "before").await;
    let chat = stage.chat("before").await;
    let before = count();
    for wrong in Wrong::ALL {
        match stage.outside.errs(who, wrong).await {
            None => {}
            Some(Answer::Refused(why)) => assert!(why.len() > 10, "{wrong:?}: no reason: {why}"),
            // Whoever sends this much may find the connection closed.
            Some(Answer::Unclear(_)) if wrong == Wrong::Flood => {}
            Some(other) => panic!("{wrong:?}: {other:?}"),
        }
    }
    stage.says(who, "k2", "after").await;
    stage.desk_shows(chat, &["before".to_owned(), "after".to_owned()], "nothing wrong").await;
    assert_eq!(count(), before + 1, "nothing in another chat either");
}

/// A text of any length comes whole, in as many pieces as it takes; of what operators mark the words are read, not the marks.
async fn long_texts_come_whole(stage: &Stage) {
    let who = "reading-much";
    stage.says(who, "k", "everything please").await;
    let chat = stage.chat("everything please").await;
    let long = series("number", 700).join(", ");
    let rich = "[b]bold[/b] and [i]leaning[/i], 2 < 3 & 4 > 1, [url=https://example.com/a?b=1]a link[/url]";
    let ids = [&long, rich, "that was all"].map(|text| stage.answers(chat, text));
    let seen = texts(&stage.is_seen(who, "that was all").await);
    let Some(([pieces @ .., marked], _)) = seen.split_last().map(|(last, before)| (before, last)) else {
        panic!("nothing came of it: {seen:?}");
    };
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&pieces.join(" ")), words(&long), "a long text, in {} pieces", pieces.len());
    for words in ["bold", "leaning", "2 < 3 & 4 > 1", "a link"] {
        assert!(marked.contains(words), "{words:?} is not in {marked:?}");
    }
    assert!(!["[b]", "[/i]", "[url", "<b>", "&lt;"].iter().any(|mark| marked.contains(mark)), "{marked:?}");
    for id in ids {
        stage.is_confirmed(id).await;
    }
}

/// Operators' edits are applied, or the portal does not let them be made.
async fn operators_edit(stage: &Stage, can: Can) {
    let who = "edited";
    stage.says(who, "k", "edit it").await;
    let chat = stage.chat("edit it").await;
    let message = stage.answers(chat, "as it was");
    stage.is_seen(who, "as it was").await;
    stage.is_confirmed(message).await;
    let edited = stage.world.sandbox.operator_edits(message, "as it is");
    assert_eq!(edited.is_ok(), can.edits, "{edited:?}");
    let after = stage.answers(chat, "after the edit");
    stage.is_confirmed(after).await;
    let wanted = if can.edits { "as it is" } else { "as it was" };
    stage.comes_to_see(who, &[wanted, "after the edit"]).await;
}

async fn operators_delete(stage: &Stage, can: Can) {
    let who = "deleted";
    stage.says(who, "k", "delete it").await;
    let chat = stage.chat("delete it").await;
    let message = stage.answers(chat, "too much");
    stage.is_seen(who, "too much").await;
    stage.is_confirmed(message).await;
    // The portal knows one switch for both (bitrix24.md §4.1).
    let deleted = stage.world.sandbox.operator_deletes(message);
    assert_eq!(deleted.is_ok(), can.edits, "{deleted:?}");
    let after = stage.answers(chat, "after the deletion");
    stage.is_confirmed(after).await;
    let wanted: &[&str] = if can.deletes { &["after the deletion"] } else { &["too much", "after the deletion"] };
    stage.comes_to_see(who, wanted).await;
}

/// Visitors' edits reach the desk, or are refused and do not.
async fn visitors_edit(stage: &Stage, can: Can) {
    let who = "editing";
    stage.says(who, "k1", "wrote it").await;
    let chat = stage.chat("wrote it").await;
    let answer = stage.outside.edits(who, "k1", "changed it").await;
    assert_eq!(matches!(answer, Answer::Taken), can.visitor_edits, "{answer:?}");
    assert!(!matches!(answer, Answer::Unclear(_)), "{answer:?}");
    stage.says(who, "k2", "wrote more").await;
    let wanted = if can.visitor_edits { "changed it" } else { "wrote it" };
    stage.desk_shows(chat, &[wanted.to_owned(), "wrote more".to_owned()], "an edit").await;
    if can.visitor_edits {
        // A delivery that comes late does not bring the old text back.
        assert_eq!(stage.outside.says(who, "k1", "wrote it").await, Answer::Taken);
        let nothing = stage.outside.edits(who, "unknown", "x").await;
        assert!(matches!(nothing, Answer::Refused(_)), "an edit of nothing: {nothing:?}");
        stage.says(who, "k3", "the end").await;
        let wanted = ["changed it", "wrote more", "the end"].map(str::to_owned);
        stage.desk_shows(chat, &wanted, "an edit that stays").await;
    }
}

async fn visitors_delete(stage: &Stage, can: Can) {
    let who = "deleting";
    stage.says(who, "k1", "will stay").await;
    stage.says(who, "k2", "will go").await;
    let chat = stage.chat("will stay").await;
    stage.desk_shows(chat, &["will stay".to_owned(), "will go".to_owned()], "before").await;
    let Some(answer) = stage.outside.deletes(who, "k2").await else { return };
    assert_eq!(matches!(answer, Answer::Taken), can.visitor_edits, "{answer:?}");
    stage.says(who, "k3", "more").await;
    let gone: &[&str] = if can.visitor_edits { &["will stay", "more"] } else { &["will stay", "will go", "more"] };
    stage.desk_shows(chat, &gone.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), "a deletion").await;
}

/// A graceful stop ends what waits.
async fn a_stop_waits_for_nobody(stage: &mut Stage) {
    let who = "waiting";
    stage.says(who, "k", "I wait").await;
    let chat = stage.chat("I wait").await;
    stage.desk_shows(chat, &["I wait".to_owned()], "settled").await;
    let waiting = stage.outside.waits(who).await.map(tokio::spawn);
    // A whole call after it, so that the one that is held is there before the stop.
    stage.says("waiting-too", "k", "I don't").await;
    let began = Instant::now();
    stage.world.stop_service().await;
    let took = began.elapsed();
    if let Some(waiting) = waiting {
        waiting.await.expect("it ended");
    }
    assert!(took < STOP, "the stop took {took:?}");
}

/// Files, both ways.
pub async fn files(kind: &str, database: Database, outside: Box<dyn StandIn>, can: Can) {
    let stage = Stage::running(kind, database, outside).await;
    operators_send_files(&stage, can).await;
    visitors_send_files(&stage, can).await;
}

/// No picture: some messengers take the name from those.
fn document() -> Attachment {
    Attachment { name: "list.pdf".to_owned(), bytes: [b"%PDF-1.4\n".as_slice(), &[0, 1, 0xff].repeat(50_000)].concat() }
}

/// A file arrives whole, or the operator's message stays unconfirmed: it must not look as if it had arrived.
async fn operators_send_files(stage: &Stage, can: Can) {
    let (who, file) = ("reading", document());
    stage.says(who, "k", "a file please").await;
    let chat = stage.chat("a file please").await;
    let sandbox = &stage.world.sandbox;
    let sent = sandbox.operator_writes_with_file(chat, "here it is", &file.name, "application/pdf", file.bytes.clone());
    let sent = sent.expect("the operator may send files");
    let after = stage.answers(chat, "after the file");
    let seen = stage.is_seen(who, "after the file").await;
    stage.is_confirmed(after).await;
    let files = seen.iter().flat_map(|seen| seen.files.clone()).collect::<Vec<_>>();
    if can.files {
        assert_eq!(texts(&seen), ["here it is", "after the file"]);
        same_files("an operator's file, at its visitor", &files, &[file]);
        assert!(seen[1].files.is_empty(), "it belongs to the first message: {seen:?}");
        stage.is_confirmed(sent).await;
    } else {
        assert_eq!((texts(&seen), files), (vec!["after the file".to_owned()], Vec::new()));
        assert!(stage.message(sent).sending, "the operator must not believe that the file arrived");
    }
}

async fn visitors_send_files(stage: &Stage, can: Can) {
    let (who, file) = ("sending", document());
    stage.says(who, "k1", "I have a file").await;
    let chat = stage.chat("I have a file").await;
    let answer = stage.outside.attaches(who, "k2", &file).await;
    assert_eq!(matches!(answer, Answer::Taken), can.files, "{answer:?}");
    assert!(!matches!(answer, Answer::Unclear(_)), "{answer:?}");
    if can.files {
        assert_eq!(stage.outside.attaches(who, "k2", &file).await, Answer::Taken, "the same again");
    }
    stage.says(who, "k3", "that was it").await;
    let last = |portal: openline_sandbox::View<'_>| {
        portal.texts(chat, "client").last().is_some_and(|text| text == "that was it")
    };
    stage.world.sandbox.wait_until(last).await.expect("the last message is at the desk");
    let at_desk: Vec<Attachment> = stage.world.sandbox.view(|portal| {
        let ids = portal.messages(chat).into_iter().flat_map(|message| message.files);
        ids.filter_map(|id| portal.file(id)).map(|(name, bytes)| Attachment { name, bytes: bytes.to_vec() }).collect()
    });
    same_files(
        "a visitor's file, at the operators'",
        &at_desk,
        if can.files { std::slice::from_ref(&file) } else { &[] },
    );
}
