//! Why a caller was not believed.

use crate::wire::rest::CallError;
use crate::wire::verdict::{self, Verdict};

/// Why a caller was not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Disbelief {
    /// Something that must be there is not.
    #[error("the request lacks {0}")]
    Missing(&'static str),
    /// The token belongs to another application.
    #[error("the token belongs to another application ({0}): check client_id in openline's configuration")]
    OtherApplication(String),
    /// The portal is not the configured one.
    #[error("the request comes from another portal than the configured {0}")]
    OtherPortal(String),
    /// The portal's proof is another than the known one.
    #[error("the portal names another application_token than the known one: the application was made anew or changed")]
    ChangedToken,
    /// The caller may not do this.
    #[error("only an administrator of the portal may do this")]
    NotAdmin,
    /// Too many ask to be believed; the portal's request limit is kept for messages.
    #[error("this could not be confirmed yet, or too many claim it at the moment: look again in a minute")]
    Busy,
    /// The portal could not be asked, or refused.
    #[error("the portal did not confirm the caller: {0}")]
    Call(#[from] CallError),
    /// The caller was believed, but openline's own tokens did not do.
    #[error("a call with openline's own tokens failed: {0}")]
    Ours(CallError),
    /// The caller was believed, but channels or events were not taken.
    #[error("installed, but registering in the portal failed: {0}")]
    Registering(CallError),
}

impl Disbelief {
    /// Whether the same may be believed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::Call(error) => {
                matches!(verdict::of(error), Verdict::Wait | Verdict::Unknown | Verdict::MethodBlocked)
            }
            _ => false,
        }
    }
}
