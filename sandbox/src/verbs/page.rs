//! Pages of the application, opened the way a person's browser opens them in an iframe (bitrix24.md §2.4, §7).

use serde_json::{Map, Value, json};

use crate::model::{ADMIN, State};
use crate::php::form;
use crate::portal::Portal;
use crate::sandbox::Sandbox;

/// A page that came back into the iframe.
#[derive(Debug, Clone)]
pub struct Page {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Page {
    /// The first header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// How a page is opened.
#[expect(clippy::struct_excessive_bools, reason = "independent variations of one form")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOptions {
    /// Portal user whose browser posts the form; 1 is the administrator.
    pub user: i64,
    /// Leaves out `SERVER_ENDPOINT`, `APPLICATION_TOKEN` and `APPLICATION_SCOPE`, as older portals do.
    pub older_fields: bool,
    /// A random `APPLICATION_TOKEN`.
    pub forged_application_token: bool,
    /// A random `AUTH_ID` and `REFRESH_ID`.
    pub forged_auth: bool,
    /// `LINE` as a number, statuses as `"1"` and `""`: the older shape of `PLACEMENT_OPTIONS`.
    pub older_options: bool,
}

impl Default for PageOptions {
    fn default() -> Self {
        Self {
            user: ADMIN,
            older_fields: false,
            forged_application_token: false,
            forged_auth: false,
            older_options: false,
        }
    }
}

/// A form ready to be posted into an iframe: the address with its query, and the fields.
#[derive(Debug, Clone)]
pub(crate) struct PageForm {
    pub(crate) action: String,
    pub(crate) fields: Map<String, Value>,
}

impl Sandbox {
    /// Presses "Connect" on a connector's tile for a line: the settings page opens, posted from the browser of the
    /// given user to the registered `PLACEMENT_HANDLER`. Fails when the connector is not registered or its page cannot
    /// be reached.
    pub async fn open_settings_page(&self, connector: &str, line: i64, options: &PageOptions) -> Result<Page, String> {
        let form = self.portal.edit(|state| state.settings_form(connector, line, options));
        post(&self.portal, &form.ok_or("The connector is not registered.")?).await.map_err(|error| error.to_string())
    }

    /// Opens a page of the application itself (`PLACEMENT=DEFAULT`).
    pub async fn open_app_page(&self, url: &str, options: &PageOptions) -> Result<Page, String> {
        let form = self.portal.edit(|state| state.page_form(self.app, url, "DEFAULT", None, options));
        post(&self.portal, &form).await.map_err(|error| error.to_string())
    }
}

async fn post(portal: &Portal, form: &PageForm) -> reqwest::Result<Page> {
    let body = form::build(&Value::Object(form.fields.clone()));
    let request = portal.browser.post(&form.action).header("content-type", "application/x-www-form-urlencoded");
    let answer = request.header("accept", "text/html").body(body).send().await?;
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    Ok(Page { status: answer.status().as_u16(), headers, body: answer.text().await? })
}

impl State {
    /// The form of the settings page; pressing "Connect" switches the connector on in the user interface first.
    pub(crate) fn settings_form(&mut self, connector: &str, line: i64, options: &PageOptions) -> Option<PageForm> {
        let found = self.connectors.get(connector)?.clone();
        self.status_row(connector, line).active = true;
        let placement = self.placement_options(connector, line, options.older_options);
        Some(self.page_form(found.app, &found.handler, "SETTING_CONNECTOR", Some(placement), options))
    }

    fn placement_options(&self, connector: &str, line: i64, older: bool) -> Value {
        let row = self.statuses.get(&(connector.to_owned(), line)).cloned().unwrap_or_default();
        let flag = |set: bool| if older { json!(if set { "1" } else { "" }) } else { json!(set) };
        json!({
            "LINE": if older { json!(line) } else { json!(line.to_string()) },
            "CONNECTOR": connector,
            "STATUS": flag(row.status()),
            "ACTIVE_STATUS": flag(row.active),
            "CONNECTION_STATUS": flag(row.connected),
            "REGISTER_STATUS": flag(row.connected),
            "ERROR_STATUS": flag(row.error),
            "URI": format!("/contact_center/connector/?ID={connector}&LINE={line}"),
        })
    }

    /// The form the portal builds for any page of an application.
    pub(crate) fn page_form(
        &mut self,
        app: i64,
        url: &str,
        placement: &str,
        placement_options: Option<Value>,
        options: &PageOptions,
    ) -> PageForm {
        let session = self.rng.hex(32);
        let query = form::build(&json!({
            "DOMAIN": self.domain, "PROTOCOL": u8::from(self.https), "LANG": self.language, "APP_SID": session,
        }));
        let joint = if url.contains('?') { '&' } else { '?' };
        let mut fields = self.auth_fields(app, options);
        fields.insert("PLACEMENT".to_owned(), json!(placement));
        if let Some(placement_options) = placement_options {
            fields.insert("PLACEMENT_OPTIONS".to_owned(), json!(placement_options.to_string()));
        }
        PageForm { action: format!("{url}{joint}{query}"), fields }
    }

    fn auth_fields(&mut self, app: i64, options: &PageOptions) -> Map<String, Value> {
        let forged = |state: &mut Self| json!(state.rng.hex(70));
        let (access, refresh) = if options.forged_auth {
            (forged(self), forged(self))
        } else {
            (
                json!(self.issue_token(app, options.user, crate::model::HOPS)),
                json!(self.issue_refresh_token(app, options.user)),
            )
        };
        let mut fields = Map::new();
        fields.insert("AUTH_ID".to_owned(), access);
        fields.insert("AUTH_EXPIRES".to_owned(), json!(self.token_life_ms / 1000));
        fields.insert("REFRESH_ID".to_owned(), refresh);
        if !options.older_fields {
            let random = self.rng.hex(32);
            let (own, scope) =
                self.app(app).map(|app| (app.application_token.clone(), app.scope.join(","))).unwrap_or_default();
            let token = if options.forged_application_token { random } else { own };
            fields.insert("SERVER_ENDPOINT".to_owned(), json!(self.server_endpoint()));
            fields.insert("APPLICATION_TOKEN".to_owned(), json!(token));
            fields.insert("APPLICATION_SCOPE".to_owned(), json!(scope));
        }
        fields.insert("member_id".to_owned(), json!(self.member_id));
        fields.insert("status".to_owned(), json!("L"));
        fields
    }
}
