//! Looks whether something is there: those that wait at the same time go in one request where requests are limited.

use crate::access::batch::Command;
use crate::access::portal::asking;
use crate::deliver::gathered::{Looked, Looking};
use crate::deliver::together::carried;
use crate::shared::Inner;
use std::sync::Arc;

/// Makes a call that changes nothing, or nothing more when it is made twice.
pub(crate) async fn look(bitrix: &Arc<Inner>, command: Command<'static>) -> Looked {
    asking(|| carried(bitrix, Looking(command.clone()))).await
}
