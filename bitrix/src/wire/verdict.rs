//! What an error means for us: the one place that decides (`bitrix24.md` §2.7, §2.8, §3.4, §4).

use crate::wire::rest::CallError;
use openline_core::DeliveryError;
use std::time::Duration;

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The access token is no good: renew it once and repeat.
    Refresh,
    /// Not carried out, and the portal can't be reached or is busy: everything waits a little.
    Wait,
    /// Not carried out: this method is blocked until its operating time frees up.
    MethodBlocked,
    /// It may have been carried out.
    Unknown,
    /// The credentials are dead: an admin has to install or authorise again. Everything waits.
    Reauthorise,
    /// Not before somebody mends something, or a bill is paid: look again after this long.
    Suspend(Duration),
    /// The connector is not switched on for this line.
    LineOff,
    /// The portal does not know the connector: register it again.
    ConnectorGone,
    /// This request will never be taken.
    Reject,
}

/// Until a paused item is looked at again, when something else decides how long the pause is.
const MOMENT: Duration = Duration::from_millis(500);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// The verdict on an error. Decided by the code, whatever the case it is written in; by the HTTP status only where
/// there is no code.
pub fn of(error: &CallError) -> Verdict {
    match error {
        CallError::Connect { .. } | CallError::Storage(_) => Verdict::Wait,
        CallError::NoAnswer { .. } => Verdict::Unknown,
        CallError::NotInstalled => Verdict::Reauthorise,
        CallError::Moved { .. } => Verdict::Suspend(MINUTE),
        CallError::Later { error, .. } => of(error),
        CallError::NotJson { status, .. } => of_status(*status),
        CallError::Oauth { status, code, .. } => of_oauth(*status, &code.to_ascii_lowercase()),
        CallError::Api { status, code, .. } => of_code(*status, &code.to_ascii_lowercase()),
    }
}

fn of_status(status: u16) -> Verdict {
    match status {
        401 => Verdict::Refresh,
        403 | 404 => Verdict::Suspend(5 * MINUTE),
        429 => Verdict::MethodBlocked,
        400..=499 => Verdict::Reject,
        _ => Verdict::Unknown,
    }
}

fn of_code(status: u16, code: &str) -> Verdict {
    match code {
        "expired_token" | "invalid_token" | "no_auth_found" => Verdict::Refresh,
        "query_limit_exceeded" | "connection_error" => Verdict::Wait,
        "operation_time_limit" => Verdict::MethodBlocked,
        "authorization_error" | "invalid_credentials" | "application_not_found" | "invalid_grant" => {
            Verdict::Reauthorise
        }
        "overload_limit" | "portal_deleted" | "payment_required" => Verdict::Suspend(HOUR),
        "insufficient_scope"
        | "user_access_error"
        | "wrong_auth_type"
        | "wrong_license"
        | "invalid_request"
        | "method_confirm_waiting"
        | "method_confirm_denied"
        | "error_method_not_found" => Verdict::Suspend(5 * MINUTE),
        // With 401 and 403 it is the plan or the user; with 400 it is one object's own rights.
        "access_denied" if status == 401 || status == 403 => Verdict::Suspend(10 * MINUTE),
        "not_active_line" => Verdict::LineOff,
        "imconnector_no_correct_provider" | "imconnector_not_specified_correct_connector" => Verdict::ConnectorGone,
        // The answer could not be written, so there was one (`bitrix24.md` §3.2).
        "wrong_encoding"
        | "internal_server_error"
        | "error_unexpected_answer"
        | "imconnector_could_not_get_provider_object" => Verdict::Unknown,
        _ if status >= 500 => Verdict::Unknown,
        _ if status == 429 => Verdict::MethodBlocked,
        _ if status == 401 => Verdict::Refresh,
        _ => Verdict::Reject,
    }
}

fn of_oauth(status: u16, code: &str) -> Verdict {
    match code {
        "invalid_grant" | "bad_verification_code" | "expired_token" => Verdict::Reauthorise,
        "payment_required" => Verdict::Suspend(HOUR),
        "invalid_client" | "wrong_client" | "error_oauth" | "invalid_scope" | "insufficient_scope"
        | "invalid_request" => Verdict::Suspend(5 * MINUTE),
        _ if status >= 500 => Verdict::Wait,
        _ => Verdict::Suspend(5 * MINUTE),
    }
}

/// Whether what was asked for can't be had, now or later, while the portal as a whole can be worked with.
pub fn refuses_this(error: &CallError) -> bool {
    match of(error) {
        Verdict::Reject => true,
        Verdict::Suspend(_) => !error.is_about_the_portal(),
        _ => false,
    }
}

/// The verdict as core understands it, for one item of work.
pub fn to_delivery(error: &CallError) -> DeliveryError {
    let reason = error.to_string();
    match of(error) {
        Verdict::Unknown => DeliveryError::Unknown { reason },
        Verdict::Reject => DeliveryError::Refused { reason },
        // It is registered again, and that takes its time to be known.
        Verdict::ConnectorGone => DeliveryError::Paused { reason, after: Duration::from_secs(5) },
        // What holds back all work is up to the gate; for the others the next attempt finds another line, a connector
        // that is registered again, or how long the method is blocked.
        Verdict::Refresh
        | Verdict::Wait
        | Verdict::Reauthorise
        | Verdict::Suspend(_)
        | Verdict::LineOff
        | Verdict::MethodBlocked => DeliveryError::Paused { reason, after: MOMENT },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(status: u16, code: &str) -> Verdict {
        of(&CallError::Api { status, code: code.to_owned(), description: String::new() })
    }

    fn oauth(status: u16, code: &str) -> Verdict {
        of(&CallError::Oauth { status, code: code.to_owned(), description: String::new() })
    }

    macro_rules! verdicts {
        ($($name:ident: $got:expr => $want:tt $(($arg:tt))?;)*) => {
            $( #[test] fn $name() { assert!(matches!($got, Verdict::$want $(($arg))?), "{:?}", $got); } )*
        };
    }

    verdicts! {
        expired_token: api(401, "expired_token") => Refresh;
        invalid_token: api(401, "invalid_token") => Refresh;
        no_auth_found: api(401, "NO_AUTH_FOUND") => Refresh;
        codes_in_any_case: api(401, "EXPIRED_TOKEN") => Refresh;
        insufficient_scope_by_docs: api(403, "insufficient_scope") => Suspend(_);
        insufficient_scope_by_source: api(401, "insufficient_scope") => Suspend(_);
        user_access_error: api(403, "user_access_error") => Suspend(_);
        access_denied_by_plan: api(403, "ACCESS_DENIED") => Suspend(_);
        access_denied_to_one_dialog: api(400, "ACCESS_DENIED") => Reject;
        invalid_credentials: api(403, "INVALID_CREDENTIALS") => Reauthorise;
        application_not_found: api(401, "APPLICATION_NOT_FOUND") => Reauthorise;
        authorization_error: api(401, "authorization_error") => Reauthorise;
        connection_error: api(401, "CONNECTION_ERROR") => Wait;
        overload_limit_by_docs: api(503, "OVERLOAD_LIMIT") => Suspend(HOUR);
        overload_limit_by_source: api(401, "OVERLOAD_LIMIT") => Suspend(HOUR);
        portal_deleted: api(500, "PORTAL_DELETED") => Suspend(_);
        https_required: api(400, "INVALID_REQUEST") => Suspend(_);
        wrong_auth_type: api(403, "WRONG_AUTH_TYPE") => Suspend(_);
        confirm_waiting: api(401, "METHOD_CONFIRM_WAITING") => Suspend(_);
        confirm_denied: api(403, "METHOD_CONFIRM_DENIED") => Suspend(_);
        wrong_license: api(403, "WRONG_LICENSE") => Suspend(_);
        payment_required: api(402, "PAYMENT_REQUIRED") => Suspend(_);
        query_limit: api(503, "QUERY_LIMIT_EXCEEDED") => Wait;
        operation_time_limit: api(429, "OPERATION_TIME_LIMIT") => MethodBlocked;
        internal_error: api(500, "INTERNAL_SERVER_ERROR") => Unknown;
        unexpected_answer: api(200, "ERROR_UNEXPECTED_ANSWER") => Unknown;
        unknown_code_on_5xx: api(502, "X") => Unknown;
        method_not_found: api(404, "ERROR_METHOD_NOT_FOUND") => Suspend(_);
        bad_argument: api(400, "ERROR_ARGUMENT") => Reject;
        wrong_encoding_on_200: api(200, "WRONG_ENCODING") => Unknown;
        not_active_line: api(400, "NOT_ACTIVE_LINE") => LineOff;
        no_provider: api(400, "IMCONNECTOR_NO_CORRECT_PROVIDER") => ConnectorGone;
        not_specified_connector: api(400, "IMCONNECTOR_NOT_SPECIFIED_CORRECT_CONNECTOR") => ConnectorGone;
        wrong_command: api(400, "IMCONNECTOR_NOT_SPECIFIED_CORRECT_COMMAND") => Reject;
        provider_object: api(400, "IMCONNECTOR_COULD_NOT_GET_PROVIDER_OBJECT") => Unknown;
        other_400: api(400, "") => Reject;
        oauth_invalid_grant: oauth(400, "invalid_grant") => Reauthorise;
        oauth_invalid_client: oauth(401, "invalid_client") => Suspend(_);
        oauth_wrong_client: oauth(400, "wrong_client") => Suspend(_);
        oauth_not_installed: oauth(400, "ERROR_OAUTH") => Suspend(_);
        oauth_invalid_scope: oauth(400, "invalid_scope") => Suspend(_);
        oauth_payment: oauth(400, "PAYMENT_REQUIRED") => Suspend(HOUR);
        oauth_down: oauth(500, "") => Wait;
        html_502: of(&CallError::NotJson { status: 502, host: String::new() }) => Unknown;
        html_200: of(&CallError::NotJson { status: 200, host: String::new() }) => Unknown;
        html_404: of(&CallError::NotJson { status: 404, host: String::new() }) => Suspend(_);
        refused: of(&CallError::Connect { host: String::new(), problem: String::new() }) => Wait;
        cut: of(&CallError::NoAnswer { host: String::new(), problem: String::new() }) => Unknown;
        not_installed: of(&CallError::NotInstalled) => Reauthorise;
        moved_twice: of(&CallError::Moved { location: String::new() }) => Suspend(_);
    }

    #[test]
    fn a_busy_portal_costs_no_attempt() {
        let busy = CallError::Api { status: 503, code: "QUERY_LIMIT_EXCEEDED".into(), description: String::new() };
        assert!(matches!(to_delivery(&busy), DeliveryError::Paused { .. }));
    }
}
