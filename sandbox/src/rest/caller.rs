//! Who is calling: the checks between "a request came" and "the method runs", in the portal's order.

use super::error::RestError;
use super::request::{RestRequest, Webhook};
use crate::config::RequestLimit;
use crate::flags::Flag;
use crate::model::{Actor, App, State};

/// An authorised caller.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The application; `None` for an incoming webhook.
    pub(crate) app: Option<i64>,
    /// `client_id`, or a name for the webhook; the key of the operating limit.
    pub(crate) client: String,
    pub(crate) user: i64,
    pub(crate) admin: bool,
    pub(crate) scope: Vec<String>,
    pub(crate) hops: u8,
}

impl Caller {
    /// The application, or the long `WRONG_AUTH_TYPE` of `imconnector.*`.
    pub(crate) fn application(&self) -> Result<i64, RestError> {
        self.app.ok_or_else(RestError::wrong_auth_long)
    }

    /// On whose behalf events happen.
    pub(crate) fn actor(&self) -> Actor {
        Actor { user: Some(self.user), hops: self.hops }
    }

    /// Whether the granted scopes cover a method of this scope.
    pub(crate) fn covers(&self, scope: &str) -> bool {
        scope.is_empty() || self.app.is_none() || self.scope.iter().any(|granted| granted == scope)
    }
}

impl State {
    /// Everything that can refuse a call before its method runs (bitrix24.md §2.8, §9.2); `scope` is what the method needs,
    /// or why there is none.
    pub(crate) fn admit(
        &mut self,
        request: &RestRequest,
        limit: Option<RequestLimit>,
        scope: Result<&str, RestError>,
    ) -> Result<Caller, RestError> {
        if self.switches.require_https && !request.https {
            return Err(RestError::bad("INVALID_REQUEST", "Https required"));
        }
        self.take_request(request.peer, limit)?;
        self.check_flags(&[Flag::OverloadLimit, Flag::PortalDeleted, Flag::InternalServerError])?;
        let scope = scope?;
        self.check_flags(&[Flag::AccessDenied])?;
        let caller = match &request.webhook {
            Some(webhook) => self.authorise_webhook(webhook)?,
            None => self.authorise_token(request)?,
        };
        if caller.covers(scope) { Ok(caller) } else { Err(self.insufficient_scope()) }
    }

    /// 403 (or 401 by the source) `insufficient_scope`.
    pub(crate) fn insufficient_scope(&self) -> RestError {
        let status = if self.switches.source_statuses { 401 } else { 403 };
        let text = "The request requires higher privileges than provided by the access token";
        RestError::new(status, "insufficient_scope", text)
    }

    fn check_flags(&self, flags: &[Flag]) -> Result<(), RestError> {
        let raised = flags.iter().find(|flag| self.flags.contains(flag));
        raised.and_then(|flag| flag.error(self.switches.source_statuses)).map_or(Ok(()), Err)
    }

    fn authorise_webhook(&self, webhook: &Webhook) -> Result<Caller, RestError> {
        let user = self.users.get(&webhook.user).filter(|user| user.active && user.external_key.is_none());
        match user {
            Some(user) if webhook.secret == self.webhook_secret => Ok(Caller {
                app: None,
                client: format!("webhook-{}", user.id),
                user: user.id,
                admin: user.admin,
                scope: Vec::new(),
                hops: crate::model::HOPS,
            }),
            _ => Err(RestError::new(403, "INVALID_CREDENTIALS", "Invalid request credentials")),
        }
    }

    fn authorise_token(&self, request: &RestRequest) -> Result<Caller, RestError> {
        let unauthorised = |code: &str, text: &str| RestError::new(401, code, text);
        let name = request.token().ok_or_else(|| unauthorised("NO_AUTH_FOUND", "Wrong authorization data"))?;
        self.check_flags(&[Flag::ConnectionError])?;
        let invalid = || unauthorised("invalid_token", "Unable to get application by token");
        let token = self.tokens.get(&name).ok_or_else(invalid)?;
        let app = self.app(token.app).filter(|app| app.present);
        let app = app.ok_or_else(|| unauthorised("APPLICATION_NOT_FOUND", "Application not found"))?;
        if token.revoked {
            return Err(invalid());
        }
        if token.expires_ms <= self.now {
            return Err(unauthorised("expired_token", "The access token provided has expired"));
        }
        self.check_user(app, token.user)?;
        Ok(Caller {
            app: Some(app.id),
            client: app.client_id.clone(),
            user: token.user,
            admin: self.users.get(&token.user).is_some_and(|user| user.admin),
            scope: app.scope.clone(),
            hops: token.hops,
        })
    }

    fn check_user(&self, app: &App, user: i64) -> Result<(), RestError> {
        self.check_flags(&[Flag::UserAccessError, Flag::AuthorizationError])?;
        let known = self.users.get(&user);
        if known.is_none_or(|user| !user.active) {
            return Err(RestError::new(401, "authorization_error", "Unable to authorize user"));
        }
        if self.restricted.contains(&app.id) && known.is_none_or(|user| !user.admin) {
            let refused = Flag::UserAccessError.error(self.switches.source_statuses);
            return refused.map_or(Ok(()), Err);
        }
        Ok(())
    }
}
