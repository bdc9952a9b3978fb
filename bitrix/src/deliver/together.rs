//! Who goes to the portal with whom: where requests are limited, whatever else waits goes along in one request, so that
//! nobody waits for a request of their own.

use crate::access::batch;
use crate::access::budget::Class;
use crate::deliver::gather::{Gather, Waiting, spawn, tell};
use crate::deliver::gathered::{Change, Confirming, Delivered, Done, Looked, Looking, Message, Noting};
use crate::deliver::parts::{confirmations, looks, messages, notes};
use crate::deliver::request::{Part, send};
use crate::shared::Inner;
use crate::wire::rest::CallError;
use futures_util::future::{BoxFuture, join_all};
use openline_core::DeliveryError;
use std::sync::Arc;

/// Confirmations in one request; they are cheap.
pub(crate) const CONFIRMATIONS: usize = 50;
/// Notes in one request where requests are limited.
const NOTES: usize = 25;
/// Looks in one request where requests are limited.
const LOOKS: usize = 24;

/// The portal carries out so many calls of one request (`bitrix24.md` §3.3).
const CALLS: usize = 50;
/// What goes along makes a request so many times as long as its messages alone may: half of the 60 s after which it is cut.
const LONGER: usize = 2;

/// One kind of what goes to the portal.
pub(crate) trait Freight: Sized + Send + 'static {
    /// What whoever waits is told.
    type Told: Send + 'static;

    const CLASS: Class;
    /// Whether it goes together where requests are not limited, too.
    const ALWAYS_TOGETHER: bool = false;
    /// How many of it share a request with other kinds.
    const MIXED: usize = usize::MAX;

    /// Where it waits.
    fn gather(bitrix: &Inner) -> &Gather<Self, Self::Told>;

    /// It is not sent now.
    fn stays(why: DeliveryError) -> Self::Told;

    /// How many of it one request may have.
    fn most(bitrix: &Inner) -> usize;

    /// The calls that it makes; who is not to be sent is told so.
    fn parts(bitrix: &Arc<Inner>, waiting: Vec<Carried<Self>>) -> Vec<Part>;
}

/// What waits, of one kind.
pub(crate) type Carried<F> = Waiting<F, <F as Freight>::Told>;

/// Begins to wait for a request for what waits of one kind.
pub(crate) fn lead<F: Freight>(bitrix: Arc<Inner>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let (most, another) = (|| F::most(&bitrix), || spawn(&bitrix, lead::<F>));
        let carry = |waiting| carry::<F>(&bitrix, waiting);
        F::gather(&bitrix).run(&bitrix.portal.budget, most, another, carry).await;
    })
}

/// Waits until an item was carried.
pub(crate) async fn carried<F: Freight>(bitrix: &Arc<Inner>, item: F) -> F::Told {
    let carried = F::gather(bitrix).carried(item, || lead::<F>(Arc::clone(bitrix))).await;
    carried.unwrap_or_else(|| F::stays(DeliveryError::unknown("no result")))
}

/// Sends what was taken, by one request that was counted already.
async fn carry<F: Freight>(bitrix: &Arc<Inner>, waiting: Vec<Carried<F>>) {
    if let Some(paused) = bitrix.portal.shut() {
        bitrix.portal.budget.give_back();
        return tell(waiting, std::iter::repeat_with(|| F::stays(paused.clone())));
    }
    let own = F::parts(bitrix, waiting);
    if own.is_empty() {
        bitrix.portal.budget.give_back();
    } else if own.len() > F::MIXED {
        send(bitrix, own, F::CLASS.paid()).await;
    } else if batch::pays(&bitrix.portal, F::CLASS) {
        let mut load = Load { bitrix, own: F::CLASS, parts: own, left: Vec::new() };
        load.take_along::<Message>();
        load.take_along::<Noting>();
        load.take_along::<Change>();
        load.take_along::<Confirming>();
        load.take_along::<Looking>();
        load.go().await;
    } else if F::ALWAYS_TOGETHER {
        send(bitrix, own, F::CLASS.paid()).await;
    } else {
        let fare = |nth| if nth == 0 { F::CLASS.paid() } else { F::CLASS.into() };
        let each = own.into_iter().enumerate().map(|(nth, part)| send(bitrix, vec![part], fare(nth)));
        join_all(each).await;
    }
}

/// A request that is being filled.
struct Load<'b> {
    bitrix: &'b Arc<Inner>,
    own: Class,
    parts: Vec<Part>,
    /// Those whose items went along.
    left: Vec<fn(&Arc<Inner>)>,
}

impl Load<'_> {
    fn take_along<F: Freight>(&mut self) {
        if F::CLASS == self.own {
            return;
        }
        let weight: usize = self.parts.iter().map(|part| part.weight).sum();
        let room = (LONGER * self.bitrix.pace.messages_a_call()).saturating_sub(weight);
        // An item is a call at the most.
        let calls = CALLS.saturating_sub(self.parts.len());
        let waiting = F::gather(self.bitrix).board(F::most(self.bitrix).min(F::MIXED).min(room).min(calls));
        if !waiting.is_empty() {
            self.parts.extend(F::parts(self.bitrix, waiting));
            self.left.push(left::<F>);
        }
    }

    async fn go(self) {
        send(self.bitrix, self.parts, self.own.paid()).await;
        self.left.iter().for_each(|left| left(self.bitrix));
    }
}

/// Those who went along have arrived: others of their kind may wait, with nobody who leads them.
fn left<F: Freight>(bitrix: &Arc<Inner>) {
    if F::gather(bitrix).left() {
        spawn(bitrix, lead::<F>);
    }
}

impl Freight for Message {
    type Told = Delivered;
    const CLASS: Class = Class::Message;

    fn gather(bitrix: &Inner) -> &Gather<Self, Delivered> {
        &bitrix.gathered.messages
    }

    fn stays(why: DeliveryError) -> Delivered {
        Err(why)
    }

    fn most(bitrix: &Inner) -> usize {
        bitrix.pace.messages_a_call()
    }

    fn parts(bitrix: &Arc<Inner>, waiting: Vec<Carried<Self>>) -> Vec<Part> {
        messages::parts(bitrix, waiting.into_iter().map(|(Self(ready), told)| (ready, told)))
    }
}

impl Freight for Change {
    type Told = Delivered;
    const CLASS: Class = Class::Edit;

    fn gather(bitrix: &Inner) -> &Gather<Self, Delivered> {
        &bitrix.gathered.edits
    }

    fn stays(why: DeliveryError) -> Delivered {
        Err(why)
    }

    fn most(bitrix: &Inner) -> usize {
        bitrix.pace.messages_a_call()
    }

    fn parts(bitrix: &Arc<Inner>, waiting: Vec<Carried<Self>>) -> Vec<Part> {
        messages::parts(bitrix, waiting.into_iter().map(|(Self(ready), told)| (ready, told)))
    }
}

impl Freight for Noting {
    type Told = Done;
    const CLASS: Class = Class::Note;
    const ALWAYS_TOGETHER: bool = true;

    fn gather(bitrix: &Inner) -> &Gather<Self, Done> {
        &bitrix.gathered.notes
    }

    fn stays(why: DeliveryError) -> Done {
        Err(why)
    }

    fn most(bitrix: &Inner) -> usize {
        if bitrix.portal.budget.is_limited() { NOTES } else { 1 }
    }

    fn parts(_: &Arc<Inner>, waiting: Vec<Carried<Self>>) -> Vec<Part> {
        waiting.into_iter().map(notes::part).collect()
    }
}

impl Freight for Looking {
    type Told = Looked;
    const CLASS: Class = Class::Look;
    // Histories are long, and a request that is too long for the portal takes along whatever else is in it.
    const MIXED: usize = 4;

    fn gather(bitrix: &Inner) -> &Gather<Self, Looked> {
        &bitrix.gathered.looks
    }

    fn stays(why: DeliveryError) -> Looked {
        Err(CallError::Storage(why.to_string()))
    }

    fn most(bitrix: &Inner) -> usize {
        if bitrix.portal.budget.is_limited() { LOOKS } else { 1 }
    }

    fn parts(_: &Arc<Inner>, waiting: Vec<Carried<Self>>) -> Vec<Part> {
        waiting.into_iter().map(looks::part).collect()
    }
}

impl Freight for Confirming {
    type Told = Done;
    const CLASS: Class = Class::Confirm;
    const ALWAYS_TOGETHER: bool = true;

    fn gather(bitrix: &Inner) -> &Gather<Self, Done> {
        &bitrix.gathered.confirmations
    }

    fn stays(why: DeliveryError) -> Done {
        Err(why)
    }

    fn most(_: &Inner) -> usize {
        CONFIRMATIONS
    }

    fn parts(bitrix: &Arc<Inner>, waiting: Vec<Carried<Self>>) -> Vec<Part> {
        confirmations::parts(bitrix, waiting)
    }
}
