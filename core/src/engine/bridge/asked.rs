//! What the bridge is asked for by those around it: channels' doors, linked files, what other processes do.

use super::Bridge;
use crate::domain::error::DeliveryError;
use crate::domain::id::ChannelId;
use crate::domain::message::File;
use crate::engine::inbox::VisitorInbox;
use crate::ports::backend::FileStream;

impl Bridge {
    /// The door for one channel instance.
    pub fn visitor_inbox(&self, channel: ChannelId) -> VisitorInbox {
        self.sides.inbox(channel)
    }

    /// Opens the file that a signed link names, see [`crate::files::FileLinks`]; `None` when the link is not good, or what it
    /// named is gone.
    ///
    /// # Errors
    /// When the file can't be opened now.
    pub async fn linked_file(&self, token: &str) -> Result<Option<(File, FileStream)>, DeliveryError> {
        let Some(file) = self.doors.linked(token).await? else { return Ok(None) };
        let stream = self.doors.open_file(&file, &*self.backend).await?;
        Ok(Some((file, stream)))
    }

    /// Follows what other processes do on the same database, until the doors are closed; returns at once when there can't be
    /// others.
    pub async fn listen(&self) {
        self.doors.listen(&*self.backend).await;
    }
}
