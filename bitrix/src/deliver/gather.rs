//! Where items of one kind wait together for a call: when a request may be sent, it takes as many of them as fit. So
//! calls are small while there are requests enough, and full when requests are short.

use crate::access::budget::{Budget, Class};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::oneshot;

/// An item that waits, and whom to tell what became of it.
pub(crate) type Waiting<T, R> = (T, oneshot::Sender<R>);

/// Items that wait, and who carries them.
pub(crate) struct Gather<T, R> {
    class: Class,
    /// Calls under way at the same time.
    calls: usize,
    /// Who lets the others go first.
    behind: fn(&T) -> bool,
    state: Mutex<State<T, R>>,
}

struct State<T, R> {
    waiting: VecDeque<Waiting<T, R>>,
    /// Somebody waits for a request for those who wait here.
    leads: bool,
    under_way: usize,
}

impl<T, R> State<T, R> {
    /// Whether somebody has to begin to wait for a request.
    fn lead(&mut self, calls: usize) -> bool {
        let lead = !self.leads && !self.waiting.is_empty() && self.under_way < calls;
        self.leads |= lead;
        lead
    }
}

impl<T: Send + 'static, R: Send + 'static> Gather<T, R> {
    /// For calls of a class, so many under way at the most.
    pub(crate) fn new(class: Class, calls: usize) -> Self {
        let state = State { waiting: VecDeque::new(), leads: false, under_way: 0 };
        Self { class, calls, behind: |_| false, state: Mutex::new(state) }
    }

    /// The same, with some that let the others go first: they have a quarter of each call, and what is left of it.
    pub(crate) fn with_behind(self, behind: fn(&T) -> bool) -> Self {
        Self { behind, ..self }
    }

    /// Waits until an item was carried. `lead` begins to wait for a request in a task of its own ([`Gather::run`]): whoever
    /// asked may go away, the others may not. `None` when that task is gone.
    pub(crate) async fn carried<F>(&self, item: T, lead: impl FnOnce() -> F) -> Option<R>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.carried_all(vec![item], lead).await.pop().flatten()
    }

    /// The same for several, which go together if they fit.
    pub(crate) async fn carried_all<F>(&self, items: Vec<T>, lead: impl FnOnce() -> F) -> Vec<Option<R>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (tell, hear): (Vec<_>, Vec<_>) = items.iter().map(|_| oneshot::channel()).unzip();
        let must_lead = {
            let mut state = self.state.lock();
            state.waiting.extend(items.into_iter().zip(tell));
            state.lead(self.calls)
        };
        if must_lead {
            tokio::spawn(lead());
        }
        let mut results = Vec::with_capacity(hear.len());
        for hears in hear {
            results.push(hears.await.ok());
        }
        results
    }

    /// Takes those who still wait, in order, at most so many.
    fn take(&self, state: &mut State<T, R>, most: usize) -> Vec<Waiting<T, R>> {
        state.waiting.retain(|(_, told)| !told.is_closed());
        let behind = state.waiting.iter().filter(|(item, _)| (self.behind)(item)).count();
        let ahead = state.waiting.len() - behind;
        let behind = behind.min((most / 4).max(most.saturating_sub(ahead)));
        let mut places = (ahead.min(most - behind), behind);
        let (mut taken, mut left) = (Vec::with_capacity(most), VecDeque::new());
        for waiting in std::mem::take(&mut state.waiting) {
            let place = if (self.behind)(&waiting.0) { &mut places.1 } else { &mut places.0 };
            if *place == 0 {
                left.push_back(waiting);
            } else {
                *place -= 1;
                taken.push(waiting);
            }
        }
        state.waiting = left;
        state.under_way += usize::from(!taken.is_empty());
        taken
    }

    /// Takes at most so many along in a call that was counted for others. When there are some and their call has ended,
    /// [`Gather::left`] has to be told so.
    pub(crate) fn board(&self, most: usize) -> Vec<Waiting<T, R>> {
        let mut state = self.state.lock();
        if most == 0 || state.under_way >= self.calls { Vec::new() } else { self.take(&mut state, most) }
    }

    /// A call has ended. True when somebody has to begin to lead.
    pub(crate) fn left(&self) -> bool {
        let mut state = self.state.lock();
        state.under_way -= 1;
        state.lead(self.calls)
    }

    /// Carries what waits as long as something does: `carry` gets at most `most()` items whose request is paid, and tells
    /// what became of them. `another` begins to lead beside this one.
    pub(crate) async fn run<F>(
        &self,
        budget: &Budget,
        most: impl Fn() -> usize + Send,
        another: impl Fn() + Send,
        carry: impl Fn(Vec<Waiting<T, R>>) -> F + Send,
    ) where
        F: Future<Output = ()> + Send,
    {
        loop {
            budget.take(self.class).await;
            let (taken, more) = {
                let mut state = self.state.lock();
                state.leads = false;
                let taken = self.take(&mut state, most());
                (taken, state.lead(self.calls))
            };
            if more {
                another();
            }
            if taken.is_empty() {
                // They went along with others.
                budget.give_back();
                return;
            }
            carry(taken).await;
            if !self.left() {
                return;
            }
        }
    }
}

/// Tells each what became of it.
pub(crate) fn tell<T, R>(waiting: Vec<Waiting<T, R>>, results: impl IntoIterator<Item = R>) {
    for ((_, told), result) in waiting.into_iter().zip(results) {
        let _ = told.send(result);
    }
}

/// Begins to lead in a task of its own.
pub(crate) fn spawn<S: Send + Sync + 'static, F>(shared: &Arc<S>, lead: fn(Arc<S>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(lead(Arc::clone(shared)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RequestLimit;
    use futures_util::future::{BoxFuture, join_all};
    use std::time::Duration;
    use tokio::time::Instant;

    /// A portal whose calls take a while, and what came in each.
    struct Desk {
        budget: Budget,
        notes: Gather<u32, u32>,
        calls: Mutex<Vec<usize>>,
    }

    impl Desk {
        fn new(limit: RequestLimit) -> Arc<Self> {
            let (budget, notes) = (Budget::new(limit, "x"), Gather::new(Class::Note, 2));
            Arc::new(Self { budget, notes, calls: Mutex::default() })
        }

        async fn send(self: &Arc<Self>, item: u32) -> u32 {
            self.notes.carried(item, || lead(Arc::clone(self))).await.unwrap()
        }

        fn calls(&self) -> Vec<usize> {
            self.calls.lock().clone()
        }
    }

    fn lead(desk: Arc<Desk>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let carry = |waiting: Vec<Waiting<u32, u32>>| {
                desk.calls.lock().push(waiting.len());
                async move {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let results: Vec<_> = waiting.iter().map(|(item, _)| item * 10).collect();
                    tell(waiting, results);
                }
            };
            desk.notes.run(&desk.budget, || 25, || spawn(&desk, lead), carry).await;
        })
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_small_while_there_are_requests_enough_and_full_when_they_are_short() {
        let desk = Desk::new(RequestLimit::None);
        let began = Instant::now();
        assert_eq!(desk.send(7).await, 70);
        assert!(began.elapsed() < Duration::from_millis(60));
        let short = Desk::new(RequestLimit::Bucket { burst: 4, per_second: 1 });
        let results = join_all((0..60).map(|item| {
            let short = Arc::clone(&short);
            async move {
                tokio::time::sleep(Duration::from_millis(u64::from(item) * 50)).await;
                short.send(item).await
            }
        }));
        assert_eq!(results.await, (0..60).map(|item| item * 10).collect::<Vec<_>>());
        let calls = short.calls();
        assert!(calls.len() <= 6 && calls.iter().any(|count| *count >= 15), "{calls:?}");
    }

    #[test]
    fn who_stands_behind_has_a_quarter_of_a_call_and_what_is_left() {
        let take = |most: usize, items: &[u32]| {
            let gather = Gather::<u32, u32>::new(Class::Message, 1).with_behind(|item| *item >= 100);
            let (tell, _hear): (Vec<_>, Vec<_>) = items.iter().map(|_| oneshot::channel()).unzip();
            gather.state.lock().waiting.extend(items.iter().copied().zip(tell));
            gather.board(most).into_iter().map(|(item, _)| item).collect::<Vec<_>>()
        };
        assert_eq!(take(4, &[100, 101, 102, 1, 2, 3, 4]), [100, 1, 2, 3]);
        assert_eq!(take(4, &[100, 101, 102, 1]), [100, 101, 102, 1]);
        assert_eq!(take(8, &[100, 101, 102, 1, 2, 3]), [100, 101, 102, 1, 2, 3]);
        assert_eq!(take(1, &[100, 1]), [1]);
        assert_eq!(take(2, &[100, 101, 102]), [100, 101]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_along_with_others_costs_no_request() {
        let desk = Desk::new(RequestLimit::Bucket { burst: 4, per_second: 1 });
        let began = Instant::now();
        assert_eq!(desk.send(1).await, 10);
        let waits = tokio::spawn({
            let desk = Arc::clone(&desk);
            async move { desk.send(2).await }
        });
        tokio::task::yield_now().await;
        let along = desk.notes.board(5);
        assert_eq!(along.len(), 1);
        tell(along, [77]);
        assert!(!desk.notes.left(), "nobody waits");
        assert_eq!(waits.await.unwrap(), 77);
        // Who waited for a request gave it back.
        assert_eq!(desk.send(3).await, 30);
        assert!(began.elapsed() < Duration::from_millis(1200), "{:?}", began.elapsed());
        assert_eq!(desk.calls(), [1, 1]);
    }

    #[test]
    fn who_waits_while_all_calls_are_under_way_is_led_when_one_has_ended() {
        let gather = Gather::<u32, u32>::new(Class::Note, 2);
        let (tell, hear): (Vec<_>, Vec<_>) = (1..=3).map(|_| oneshot::channel()).unzip();
        let boarded = tell.into_iter().map(|tell| {
            gather.state.lock().waiting.push_back((0, tell));
            gather.board(5).len()
        });
        assert_eq!(boarded.collect::<Vec<_>>(), [1, 1, 0]);
        assert_eq!(hear.len(), 3);
        assert!(gather.left(), "somebody has to lead");
    }

    #[tokio::test(start_paused = true)]
    async fn who_went_away_is_not_sent() {
        let desk = Desk::new(RequestLimit::Bucket { burst: 4, per_second: 1 });
        assert_eq!(desk.send(1).await, 10);
        let gone = tokio::time::timeout(Duration::from_millis(200), desk.send(2)).await;
        assert!(gone.is_err());
        assert_eq!(desk.send(3).await, 30);
        assert_eq!(desk.calls().iter().sum::<usize>(), 2);
    }
}
