//! Making the portal know us: connectors, event handlers, lines (`bitrix24.md` §4.1, §4.4, §5.3).

use crate::access::budget::Class;
use crate::config::Connector;
use crate::findings::{Area, Finding};
use crate::lines::remembered::remember_line;
use crate::lines::{connect, examine, roster};
use crate::shared::Inner;
use crate::wire::form::elements;
use crate::wire::rest::CallError;
use crate::wire::values::line_number;
use crate::wire::values::{text, truthy};
use crate::wire::verdict::{self, Verdict};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// What a connector has to hear of. The first is the one it can't do without.
const EVENTS: [&str; 11] = [
    "OnImConnectorMessageAdd",
    "OnImConnectorMessageUpdate",
    "OnImConnectorMessageDelete",
    "OnImConnectorStatusDelete",
    "OnImConnectorLineDelete",
    "OnImConnectorDialogStart",
    "OnImConnectorDialogFinish",
    "OnAppUninstall",
    "OnAppUpdate",
    "OnAppInstall",
    "OnAppTest",
];

/// How often at the most lines are looked for when none is known.
const LOOK_FOR_LINES: Duration = Duration::from_secs(300);
/// How many lines are asked then.
const LINES_LOOKED_AT: usize = 10;
/// How often at the most a connector is registered again.
const REGISTER_AGAIN: Duration = Duration::from_secs(60);

/// Registers every connector and binds the events, as often as wanted: each step changes nothing when it is done. One
/// connector that is refused stops neither the others nor the events. Then it is looked whether all stands as it should.
///
/// # Errors
/// The first failure; everything else was tried all the same.
pub(crate) async fn reconcile(bitrix: &Inner) -> Result<(), CallError> {
    examine::key(bitrix).await;
    examine::application(bitrix).await;
    let (mut outcome, mut found) = (Ok(()), Vec::new());
    for connector in &bitrix.portal.config().connectors {
        let registered = match register(bitrix, connector).await {
            Ok(()) => roster::remember(bitrix, connector).await.map_err(|error| CallError::Storage(error.to_string())),
            refused => refused,
        };
        if let Err(error) = &registered {
            found.push(Finding::Register { name: connector.name.clone(), reason: error.to_string() });
        }
        outcome = outcome.and(registered);
    }
    let bound = bind_events(bitrix).await;
    if let Err(error) = &bound {
        found.push(Finding::Events { address: bitrix.portal.config().events_url(), reason: error.to_string() });
    }
    bitrix.findings.replace(Area::Registration, found);
    outcome = outcome.and(roster::retire(bitrix).await).and(bound);
    check_lines(bitrix).await;
    examine::lines(bitrix).await;
    connect::tell_changes(bitrix).await;
    if outcome.is_ok() {
        tracing::info!(connectors = bitrix.portal.config().connectors.len(), "connectors registered, events bound");
    }
    outcome
}

async fn register(bitrix: &Inner, connector: &Connector) -> Result<(), CallError> {
    let icon = json!({ "DATA_IMAGE": connector.icon, "COLOR": connector.color, "SIZE": "90%", "POSITION": "center" });
    let disabled = json!({ "DATA_IMAGE": connector.icon, "COLOR": "#c6cdd3", "SIZE": "90%", "POSITION": "center" });
    let flag = |yes: bool| if yes { "Y" } else { "N" };
    let params = json!({
        "ID": connector.id,
        "NAME": connector.name,
        "ICON": icon,
        "ICON_DISABLED": disabled,
        "PLACEMENT_HANDLER": bitrix.portal.config().settings_url(),
        "DEL_EXTERNAL_MESSAGES": flag(connector.delete_external),
        "EDIT_INTERNAL_MESSAGES": flag(connector.edit_internal),
        "DEL_INTERNAL_MESSAGES": flag(connector.delete_internal),
        "NEWSLETTER": flag(connector.newsletter),
        "NEED_SYSTEM_MESSAGES": flag(connector.system_messages),
        "NEED_SIGNATURE": flag(connector.signature),
        "CHAT_GROUP": flag(connector.chat_group),
    });
    bitrix.portal.call("imconnector.register", &params, Class::Admin).await.map(|_| ())
}

/// The portal does not know a connector any more: registers it again, and switches it on again where it was. At most
/// once a minute, because the portal may take its time to notice (`bitrix24.md` §4.1).
pub(crate) async fn register_again(bitrix: &Inner, id: &str) {
    let config = bitrix.portal.config();
    let Some(connector) = config.connector(id) else { return };
    {
        let mut registered = bitrix.registered.lock().await;
        if registered.get(id).is_some_and(|at| at.elapsed() < REGISTER_AGAIN) {
            return;
        }
        registered.insert(id.to_owned(), Instant::now());
    }
    if let Err(error) = register_anew(bitrix, connector).await {
        tracing::error!(connector = id, %error, "can't register the connector again");
    }
}

/// Registers a connector that the portal has lost, and switches it on again where it was.
pub(crate) async fn register_anew(bitrix: &Inner, connector: &Connector) -> Result<(), CallError> {
    register(bitrix, connector).await?;
    for line in bitrix.lines.active_lines(&connector.id) {
        connect::switch_on(bitrix, connector, &line).await?;
    }
    Ok(())
}

pub(crate) async fn bind_events(bitrix: &Inner) -> Result<(), CallError> {
    let handler = bitrix.portal.config().events_url();
    let bound = bitrix.portal.call("event.get", &json!({}), Class::Admin).await?;
    let bound: Vec<_> = elements(Some(&bound.result)).into_iter().cloned().collect();
    let mut ours: Vec<String> = Vec::new();
    for binding in bound.iter().filter(|binding| !truthy(binding.get("offline"))) {
        let event = text(binding.get("event")).unwrap_or_default();
        let address = text(binding.get("handler")).unwrap_or_default();
        let twice = ours.iter().any(|known| known.eq_ignore_ascii_case(&event));
        if address == handler && !twice {
            ours.push(event);
        } else {
            // It does no more harm than before when the portal refuses.
            if let Err(error) = unbind(bitrix, binding, &event, &address).await {
                tracing::warn!(event, address, %error, "can't unbind a stale event handler");
            }
        }
    }
    for event in EVENTS.iter().filter(|event| !ours.iter().any(|bound| bound.eq_ignore_ascii_case(event))) {
        bind(bitrix, event, &handler).await?;
    }
    is_bound(bitrix, &handler).await
}

/// Whether the portal really has the handler we can't do without.
async fn is_bound(bitrix: &Inner, handler: &str) -> Result<(), CallError> {
    let bound = bitrix.portal.call("event.get", &json!({}), Class::Admin).await?;
    let is_ours = |binding: &Value| {
        text(binding.get("event")).is_some_and(|event| event.eq_ignore_ascii_case(EVENTS[0]))
            && text(binding.get("handler")).as_deref() == Some(handler)
    };
    if elements(Some(&bound.result)).into_iter().any(is_ours) {
        return Ok(());
    }
    Err(CallError::Storage(format!("the portal did not keep the handler of {}", EVENTS[0])))
}

/// A handler at another address (or a second one at ours) would bring every event twice.
async fn unbind(bitrix: &Inner, binding: &Value, event: &str, handler: &str) -> Result<(), CallError> {
    tracing::info!(event, handler, "unbinding a stale event handler");
    let mut params = json!({ "event": event, "handler": handler });
    if let Some(user) = text(binding.get("auth_type")) {
        params["auth_type"] = Value::String(user);
    }
    bitrix.portal.call("event.unbind", &params, Class::Admin).await.map(|_| ())
}

async fn bind(bitrix: &Inner, event: &str, handler: &str) -> Result<(), CallError> {
    let params = json!({ "event": event, "handler": handler });
    match bitrix.portal.call("event.bind", &params, Class::Admin).await {
        Ok(_) => Ok(()),
        // "Handler already binded".
        Err(error) if error.is("ERROR_CORE") => Ok(()),
        Err(error) if error.is("ERROR_EVENT_NOT_FOUND") && event != EVENTS[0] => {
            tracing::warn!(event, "the portal does not know this event, going on without it");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Who has the handlers of events.
pub(crate) struct Handlers {
    /// What is sent to us.
    ours: Vec<String>,
    /// Where the event that we can't do without is sent besides.
    others: Vec<String>,
}

impl Handlers {
    fn has(&self, event: &str) -> bool {
        self.ours.iter().any(|known| known.eq_ignore_ascii_case(event))
    }

    /// The other address, when it has what we have not.
    pub(crate) fn taken(&self) -> Option<&str> {
        self.others.first().filter(|_| self.is_deaf()).map(String::as_str)
    }

    /// Whether we hear of no replies.
    pub(crate) fn is_deaf(&self) -> bool {
        !self.has(EVENTS[0])
    }

    /// Whether somebody else hears of them, too.
    pub(crate) fn has_strangers(&self) -> bool {
        !self.others.is_empty()
    }

    /// What is not sent to us.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        EVENTS.into_iter().filter(|event| !self.has(event)).collect()
    }
}

/// Asks the portal who has them.
pub(crate) async fn handlers(bitrix: &Inner, class: Class) -> Result<Handlers, CallError> {
    let bound = bitrix.portal.call("event.get", &json!({}), class).await?.result;
    let (address, mut handlers) =
        (bitrix.portal.config().events_url(), Handlers { ours: Vec::new(), others: Vec::new() });
    for one in elements(Some(&bound)).into_iter().filter(|one| !truthy(one.get("offline"))) {
        let (Some(event), Some(handler)) = (text(one.get("event")), text(one.get("handler"))) else { continue };
        if handler == address {
            handlers.ours.push(event);
        } else if event.eq_ignore_ascii_case(EVENTS[0]) {
            handlers.others.push(handler);
        }
    }
    Ok(handlers)
}

/// Looks whether the portal still sends the events to us. When another address of the same application has them, another
/// openline has taken them, and taking them back would go on for ever: it is only told. When nobody has them, they are
/// bound again.
pub(crate) async fn look_at_events(bitrix: &Inner) {
    let handlers = match handlers(bitrix, Class::Background).await {
        Ok(handlers) => handlers,
        Err(error) => return tracing::warn!(%error, "can't ask for the handlers of events"),
    };
    let known = bitrix.findings.all().into_iter().find(|finding| matches!(finding, Finding::Taken(_)));
    if let Some(other) = handlers.taken() {
        return bitrix.findings.add(Area::Registration, Finding::Taken(other.to_owned()));
    }
    if let Some(known) = known {
        bitrix.findings.remove(&known);
    }
    if handlers.is_deaf() {
        tracing::warn!("the portal has lost the handlers of events, binding them again");
        if let Err(error) = bind_events(bitrix).await {
            tracing::error!(%error, "can't bind the events again");
        }
    }
}

/// Asks the portal how each known binding stands.
pub(crate) async fn check_lines(bitrix: &Inner) {
    for (connector, line, _) in bitrix.lines.all() {
        check_line(bitrix, &connector, &line).await;
    }
}

/// Asks how a connector stands on a line and remembers it. `None` when the portal does not tell.
pub(crate) async fn check_line(bitrix: &Inner, connector: &str, line: &str) -> Option<bool> {
    let params = json!({ "CONNECTOR": connector, "LINE": line_number(line) });
    let answer = bitrix.portal.call("imconnector.status", &params, Class::Background).await.ok()?;
    let active = truthy(answer.result.get("STATUS"));
    remember_line(bitrix, connector, line, active).await;
    Some(active)
}

/// Looks for a line on which a connector is on, for when we know of none (our record was lost, or the event that it was
/// switched on again never came). Seldom, and only some: the portal's requests are for messages.
pub(crate) async fn find_lines(bitrix: &Inner, connector: &Connector) -> Option<String> {
    {
        let mut looked = bitrix.looked_for_lines.lock().await;
        if looked.get(&connector.id).is_some_and(|at| at.elapsed() < LOOK_FOR_LINES) {
            return None;
        }
        looked.insert(connector.id.clone(), Instant::now());
    }
    let known = bitrix.lines.all().into_iter().filter(|(id, ..)| *id == connector.id).map(|(_, line, _)| line);
    let mut candidates: Vec<String> = known.collect();
    let params = json!({ "PARAMS": { "select": ["ID"], "limit": 50 } });
    match bitrix.portal.call("imopenlines.config.list.get", &params, Class::Background).await {
        Ok(answer) => {
            let listed = answer.result.as_array().into_iter().flatten().filter_map(|line| text(line.get("ID")));
            candidates.extend(listed);
        }
        Err(error) if verdict::of(&error) == Verdict::Reject => {}
        Err(_) => return None,
    }
    candidates.sort();
    candidates.dedup();
    candidates.truncate(LINES_LOOKED_AT);
    let mut found = None;
    for line in candidates {
        if check_line(bitrix, &connector.id, &line).await == Some(true) {
            found.get_or_insert(line);
        }
    }
    found
}
