//! The list of methods: name, scope, and what runs them.

use super::call::{Call, Method, Outcome};
use super::{application, chat_name, config, delivery, dialog, event, history, im, offline};
use super::{register, status, update, user};
use crate::rest::error::RestError;

const fn basic(name: &'static str, run: fn(&mut Call<'_>) -> Outcome) -> Method {
    Method { name, scope: "", batchable: true, run }
}

const fn lines(name: &'static str, run: fn(&mut Call<'_>) -> Outcome) -> Method {
    Method { name, scope: "imopenlines", batchable: true, run }
}

/// Stands in for methods that have their own path (`batch` and those that wait for downloads).
fn elsewhere(_: &mut Call<'_>) -> Outcome {
    Err(RestError::new(500, "INTERNAL_SERVER_ERROR", "Internal server error"))
}

const METHODS: &[Method] = &[
    Method { name: "batch", scope: "", batchable: false, run: elsewhere },
    basic("app.info", application::info),
    basic("profile", user::profile),
    basic("scope", application::scope),
    basic("server.time", application::server_time),
    basic("method.get", application::method_get),
    basic("methods", application::methods),
    basic("feature.get", application::feature_get),
    basic("user.admin", user::is_admin),
    basic("events", event::names),
    basic("event.bind", event::bind),
    basic("event.unbind", event::unbind),
    basic("event.get", event::get),
    basic("event.test", event::test),
    basic("event.offline.get", offline::get),
    basic("event.offline.clear", offline::clear),
    basic("event.offline.error", offline::error),
    basic("event.offline.list", offline::list),
    Method { name: "user.get", scope: "user", batchable: true, run: user::get },
    Method { name: "user.current", scope: "user", batchable: true, run: user::current },
    Method { name: "im.message.add", scope: "im", batchable: true, run: im::message_add },
    Method { name: "im.notify.system.add", scope: "im", batchable: true, run: im::notify_system_add },
    lines("imconnector.register", register::register),
    lines("imconnector.unregister", register::unregister),
    lines("imconnector.activate", status::activate),
    lines("imconnector.status", status::status),
    lines("imconnector.connector.data.set", status::data_set),
    lines("imconnector.list", status::list),
    lines("imconnector.set.error", status::set_error),
    lines("imconnector.send.messages", elsewhere),
    lines("imconnector.update.messages", elsewhere),
    lines("imconnector.delete.messages", update::delete),
    lines("imconnector.send.status.delivery", delivery::delivery),
    lines("imconnector.send.status.reading", delivery::reading),
    lines("imconnector.chat.name.set", chat_name::set),
    lines("imopenlines.config.list.get", config::list_get),
    lines("imopenlines.config.get", config::get),
    lines("imopenlines.config.add", config::add),
    lines("imopenlines.config.update", config::update),
    lines("imopenlines.config.delete", config::delete),
    lines("imopenlines.config.path.get", config::path_get),
    lines("imopenlines.dialog.get", dialog::get),
    lines("imopenlines.session.history.get", history::get),
    lines("imopenlines.session.open", dialog::session_open),
    lines("imopenlines.session.start", dialog::session_start),
    lines("imopenlines.operator.finish", dialog::finish),
    lines("imopenlines.operator.another.finish", dialog::finish),
];

/// The method with this lower-case name, or 404 `ERROR_METHOD_NOT_FOUND`.
pub(crate) fn find(name: &str) -> Result<&'static Method, RestError> {
    let found = METHODS.iter().find(|method| method.name == name);
    found.ok_or_else(|| RestError::new(404, "ERROR_METHOD_NOT_FOUND", "Method not found!"))
}

/// All methods.
pub(crate) fn all() -> &'static [Method] {
    METHODS
}
