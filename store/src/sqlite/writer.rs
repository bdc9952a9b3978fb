//! The writing thread: takes what waits, runs it in one transaction, commits once, and only then answers.

use super::mark::Mark;
use super::row::failed;
use super::schema;
use openline_core::StoreError;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// Most steps that share one commit: bounds how long the first one waits for the others.
const GROUP: usize = 512;
/// While somebody waits, what runs behind gets one part of the thread's time for so many parts of theirs.
const PARTS: u32 = 3;
/// What runs behind can't save up more than this.
const SAVED: Duration = Duration::from_millis(20);
/// … and owes no more than this: after a step that took very long it must get on, too.
const OWED: Duration = Duration::from_millis(100);

/// Who waits for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// A visitor or the portal.
    Awaited,
    /// The dispatcher: it must get on, but nobody looks at the clock.
    Behind,
}

/// What a step says after it ran, called when it is known whether the commit succeeded.
pub(crate) type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Runs a step, or passes on why it can't be run; `Err` rolls this step back.
pub(crate) type WriteStep = Box<dyn FnOnce(Result<&Connection, StoreError>) -> (Result<(), StoreError>, Answer) + Send>;

/// Steps that wait for the next transactions, in order within their rank.
#[derive(Default)]
struct Waiting {
    awaited: VecDeque<WriteStep>,
    behind: VecDeque<WriteStep>,
}

impl Waiting {
    fn take(&mut self, (rank, step): (Rank, WriteStep)) {
        match rank {
            Rank::Awaited => self.awaited.push_back(step),
            Rank::Behind => self.behind.push_back(step),
        }
    }

    fn is_empty(&self) -> bool {
        self.awaited.is_empty() && self.behind.is_empty()
    }

    /// Takes whatever has come; waits for something when there is nothing to do. False when nothing will come any more.
    fn fill(&mut self, todo: &Receiver<(Rank, WriteStep)>) -> bool {
        if self.is_empty() {
            match todo.recv() {
                Ok(step) => self.take(step),
                Err(_) => return false,
            }
        }
        self.hear(todo);
        true
    }

    /// Takes whatever has come.
    fn hear(&mut self, todo: &Receiver<(Rank, WriteStep)>) {
        while self.awaited.len() < GROUP {
            match todo.try_recv() {
                Ok(step) => self.take(step),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
    }
}

/// The time that what runs behind may take while somebody waits: saved up, or overdrawn by a long step and paid back.
#[derive(Default)]
struct Share {
    saved: Duration,
    owed: Duration,
}

impl Share {
    /// Somebody's step took so long.
    fn earn(&mut self, time: Duration) {
        let part = time / PARTS;
        let paid = part.min(self.owed);
        self.owed -= paid;
        self.saved = (self.saved + part.saturating_sub(paid)).min(SAVED);
    }

    fn spend(&mut self, time: Duration) {
        self.owed = (self.owed + time.saturating_sub(self.saved)).min(OWED);
        self.saved = self.saved.saturating_sub(time);
    }
}

/// Runs steps until nobody can send any more, and everything that was sent is done. Who writes alone has a `mark`, and
/// leaves the database whole.
pub(crate) fn run(db: &Connection, todo: &Receiver<(Rank, WriteStep)>, mut mark: Option<Mark>) {
    let (mut waiting, mut share) = (Waiting::default(), Share::default());
    while waiting.fill(todo) {
        commit_group(db, &mut waiting, todo, &mut share, mark.as_mut());
    }
    let _ = db.execute_batch("PRAGMA optimize");
    if mark.is_some() {
        let _ = schema::end(db);
    }
    let _ = db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
}

/// One transaction: first what somebody waits for, then what runs behind, as far as its share of the time goes. When nobody
/// waits that is everything, until somebody comes.
fn commit_group(
    db: &Connection,
    waiting: &mut Waiting,
    todo: &Receiver<(Rank, WriteStep)>,
    share: &mut Share,
    mark: Option<&mut Mark>,
) {
    let mut group = Group { db, result: run_sql(db, "BEGIN IMMEDIATE"), answers: Vec::new() };
    let began = Instant::now();
    let alone = waiting.awaited.is_empty();
    let awaited = waiting.awaited.len().min(GROUP);
    waiting.awaited.drain(..awaited).for_each(|step| group.run(step));
    share.earn(began.elapsed());
    while (if alone { waiting.awaited.is_empty() } else { !share.saved.is_zero() }) && group.answers.len() < GROUP {
        let Some(step) = waiting.behind.pop_front() else { break };
        let began = Instant::now();
        group.run(step);
        if alone {
            waiting.hear(todo);
        } else {
            share.spend(began.elapsed());
        }
    }
    if let (Ok(()), Some(mark)) = (&group.result, mark) {
        group.result = mark.keep(db);
    }
    group.commit();
}

/// Steps that share a transaction.
struct Group<'db> {
    db: &'db Connection,
    /// An error when the whole transaction is lost.
    result: Result<(), StoreError>,
    answers: Vec<Answer>,
}

impl Group<'_> {
    fn run(&mut self, step: WriteStep) {
        let answer = match &self.result {
            Ok(()) => self.in_savepoint(step),
            // The transaction is gone already.
            Err(error) => step(Err(error.clone())).1,
        };
        self.answers.push(answer);
    }

    /// Runs one step; a failing one is rolled back alone.
    fn in_savepoint(&mut self, step: WriteStep) -> Answer {
        let _ = run_sql(self.db, "SAVEPOINT step");
        let (verdict, answer) = step(Ok(self.db));
        self.result = match verdict {
            // A full disk ends the transaction by itself (https://sqlite.org/lang_transaction.html, section 2.3).
            Err(error) if self.db.is_autocommit() => Err(error),
            Err(_) => run_sql(self.db, "ROLLBACK TO step").and_then(|()| run_sql(self.db, "RELEASE step")),
            Ok(()) => run_sql(self.db, "RELEASE step"),
        };
        answer
    }

    fn commit(mut self) {
        if self.result.is_ok() {
            self.result = run_sql(self.db, "COMMIT");
        }
        if self.result.is_err() && !self.db.is_autocommit() {
            let _ = self.db.execute_batch("ROLLBACK");
        }
        if let Err(error) = &self.result {
            tracing::error!(%error, steps = self.answers.len(), "a group of writes failed, nothing of it is stored");
        }
        for answer in self.answers {
            answer(self.result.clone());
        }
    }
}

fn run_sql(db: &Connection, sql: &str) -> Result<(), StoreError> {
    db.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(|_| ()).map_err(|e| failed(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    type Order = Arc<Mutex<Vec<&'static str>>>;

    fn step(order: &Order, name: &'static str, takes: Duration) -> WriteStep {
        let order = Arc::clone(order);
        Box::new(move |db| {
            let end = Instant::now() + takes;
            while Instant::now() < end {}
            order.lock().push(name);
            (db.map(|_| ()), Box::new(|_| {}))
        })
    }

    #[test]
    fn visitors_go_first_and_the_rest_gets_its_share() {
        let db = Connection::open_in_memory().unwrap();
        let (sender, todo) = channel();
        let order = Order::default();
        let (short, long) = (Duration::from_micros(100), Duration::from_millis(4));
        let (mut waiting, mut share) = (Waiting::default(), Share::default());
        for _ in 0..20 {
            sender.send((Rank::Behind, step(&order, "behind", long))).unwrap();
            sender.send((Rank::Awaited, step(&order, "awaited", short))).unwrap();
        }
        assert!(waiting.fill(&todo));
        commit_group(&db, &mut waiting, &todo, &mut share, None);
        let first: Vec<_> = std::mem::take(&mut *order.lock());
        assert_eq!(first[..20], ["awaited"; 20]);
        assert!((1..20).contains(&(first.len() - 20)), "some, and not all: {}", first.len() - 20);
        // With nobody waiting there is nothing to save for.
        commit_group(&db, &mut waiting, &todo, &mut share, None);
        assert_eq!(first.len() + order.lock().len(), 40);
        drop(sender);
        assert!(!waiting.fill(&todo));
    }

    #[test]
    fn what_a_long_step_took_too_much_is_paid_back() {
        let (ms, mut share) = (Duration::from_millis, Share::default());
        share.earn(ms(3));
        share.spend(ms(5));
        share.earn(ms(12));
        assert_eq!((share.saved, share.owed), (ms(0), ms(0)));
        share.earn(ms(6));
        share.spend(ms(1));
        assert_eq!((share.saved, share.owed), (ms(1), ms(0)));
        share.earn(ms(6000));
        share.spend(ms(6000));
        assert_eq!((share.saved, share.owed), (ms(0), OWED));
    }

    #[test]
    fn who_comes_while_nobody_waited_has_to_wait_for_one_step_only() {
        let db = Connection::open_in_memory().unwrap();
        let (sender, todo) = channel();
        let order = Order::default();
        let (mut waiting, mut share) = (Waiting::default(), Share::default());
        let (visitor, seen) = (sender.clone(), Arc::clone(&order));
        let comes: WriteStep = Box::new(move |db| {
            visitor.send((Rank::Awaited, step(&seen, "awaited", Duration::ZERO))).unwrap();
            (db.map(|_| ()), Box::new(|_| {}))
        });
        sender.send((Rank::Behind, comes)).unwrap();
        sender.send((Rank::Behind, step(&order, "behind", Duration::ZERO))).unwrap();
        assert!(waiting.fill(&todo));
        commit_group(&db, &mut waiting, &todo, &mut share, None);
        assert!(order.lock().is_empty());
        commit_group(&db, &mut waiting, &todo, &mut share, None);
        assert_eq!(order.lock()[0], "awaited");
    }
}
