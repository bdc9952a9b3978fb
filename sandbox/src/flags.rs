//! Conditions a whole portal can be in until somebody lifts them (bitrix24.md R11).

use serde::{Deserialize, Serialize};

use crate::rest::error::RestError;

/// A standing condition of the portal; set with `Sandbox::flag` or `POST /sandbox/flags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// `OVERLOAD_LIMIT`: the vendor has blocked REST by hand.
    OverloadLimit,
    /// `PORTAL_DELETED`: the portal was closed.
    PortalDeleted,
    /// `ACCESS_DENIED`: REST is not part of the plan.
    AccessDenied,
    /// `CONNECTION_ERROR`: the portal cannot reach the authorization server.
    ConnectionError,
    /// `user_access_error`: the administrator restricted the application to others.
    UserAccessError,
    /// `authorization_error`: the token's user is gone.
    AuthorizationError,
    /// `INTERNAL_SERVER_ERROR` on every call.
    InternalServerError,
    /// `PAYMENT_REQUIRED` at the authorization server (bitrix24.md A6).
    PaymentRequired,
}

impl Flag {
    /// The answer at the portal's REST front; `source` chooses the statuses of the portal's source over the documented
    /// ones (bitrix24.md §2.8). `PaymentRequired` shows at the authorization server only.
    pub(crate) fn error(self, source: bool) -> Option<RestError> {
        let pick = |documented: u16, in_source: u16| if source { in_source } else { documented };
        let (status, code, text) = match self {
            Self::OverloadLimit => (pick(503, 401), "OVERLOAD_LIMIT", "REST API is blocked due to overload."),
            Self::PortalDeleted => (pick(500, 403), "PORTAL_DELETED", "Portal was deleted"),
            Self::AccessDenied => (pick(403, 401), "ACCESS_DENIED", "REST is available only on commercial plans."),
            Self::ConnectionError => (401, "CONNECTION_ERROR", "Error connecting to authorization server"),
            Self::UserAccessError => {
                (pick(403, 401), "user_access_error", "The user does not have access to the application.")
            }
            Self::AuthorizationError => (401, "authorization_error", "Unable to authorize user"),
            Self::InternalServerError => (500, "INTERNAL_SERVER_ERROR", "Internal server error"),
            Self::PaymentRequired => return None,
        };
        Some(RestError::new(status, code, text))
    }
}
