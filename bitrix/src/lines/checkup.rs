//! Everything at the portal that is between a visitor and an operator, looked at by whoever asks: with what the running
//! service does by itself on a timer, and with what would be too much for a timer. With `mend` what can be is set right.

use crate::access::budget::Class;
use crate::concern::Problem;
use crate::findings::Area;
use crate::lines::{connect, examine, heard, registration};
use crate::shared::Inner;
use crate::texts;
use crate::wire::rest::CallError;
use crate::wire::values::{text, truthy};
use openline_core::{Check, Timestamp};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Clocks that differ by more are told: tokens die unnoticed then, and signatures are not believed.
const SKEW: Duration = Duration::from_secs(60);

/// Looks at all of it; `patience` is for the event that the portal is asked for, none: it is not.
pub(crate) async fn look(bitrix: &Inner, mend: bool, patience: Duration) -> Vec<Check> {
    let installed = installed(bitrix).await;
    let lets_in = !installed.iter().any(Check::is_bad);
    let mut checks = installed;
    if !lets_in {
        return checks;
    }
    examine::key(bitrix).await;
    checks.push(of_area(bitrix, Area::Key, "code and key", "are right at the authorization server"));
    examine::application(bitrix).await;
    checks.push(of_area(
        bitrix,
        Area::Application,
        "application",
        "has its permissions, and its installation is finished",
    ));
    checks.push(clock(bitrix).await);
    checks.extend(connectors(bitrix, mend).await);
    checks.extend(lines(bitrix, mend).await);
    checks.push(data(bitrix, mend).await);
    let events = events(bitrix, mend).await;
    // The portal sends nothing before the installation is finished (`bitrix24.md` §2.4).
    let comes = !events.is_bad() && bitrix.finished.load(Ordering::Relaxed);
    checks.push(events);
    if comes && !patience.is_zero() {
        checks.push(heard::try_out(bitrix, patience).await);
    }
    checks
}

/// Whether openline is installed, and its tokens are those of an administrator who is there.
async fn installed(bitrix: &Inner) -> Vec<Check> {
    let config = bitrix.portal.config();
    let again = format!("an administrator of the portal has to open {}/bitrix/authorize", config.public_url);
    let Some(known) = bitrix.portal.credentials() else {
        let why = bitrix.portal.gate.reason().unwrap_or_else(|| "openline is not installed in the portal".to_owned());
        let remedy =
            "open the application from the portal's menu as an administrator, or save its form in the portal again";
        return vec![Check::bad("installation", why, remedy)];
    };
    if let Some(reason) = &known.broken {
        return vec![Check::bad("installation", reason.clone(), again)];
    }
    let there = Check::good("installation", format!("openline is installed in the portal {}", known.member_id));
    let installer = match bitrix.portal.call("profile", &json!({}), Class::Admin).await {
        Ok(profile) if truthy(profile.result.get("ADMIN")) => {
            let number = text(profile.result.get("ID")).unwrap_or_default();
            Check::good(
                "installer",
                format!("the user {number}, to whom openline's tokens belong, is an administrator"),
            )
        }
        Ok(_) => {
            let found = "the user to whom openline's tokens belong is no administrator any more: the portal will refuse \
                         channels, lines and events";
            Check::bad("installer", found, again)
        }
        Err(error) => Check::bad("installer", format!("the portal does not let openline in: {error}"), again),
    };
    vec![there, installer]
}

/// What an area's findings say; the words for when there are none.
fn of_area(bitrix: &Inner, area: Area, what: &str, well: &str) -> Check {
    let found = bitrix.findings.of(area);
    if found.is_empty() {
        return Check::good(what, well);
    }
    let told: Vec<Problem> = found.iter().map(|finding| finding.told(texts::english())).collect();
    let join = |part: fn(&Problem) -> &str| told.iter().map(part).collect::<Vec<_>>().join(" ");
    Check::bad(what, join(|one| &one.problem), join(|one| &one.remedy))
}

async fn clock(bitrix: &Inner) -> Check {
    let (what, before) = ("clock", bitrix.portal.clock().now());
    let asked = bitrix.portal.call("server.time", &json!({}), Class::Admin).await;
    let now = bitrix.portal.clock().now();
    let told = match asked
        .map(|answer| text(Some(&answer.result)).and_then(|time| time.parse::<jiff::Timestamp>().ok()))
    {
        Ok(Some(told)) => Timestamp(told.as_millisecond()),
        Ok(None) => return Check::doubtful(what, "the portal did not tell its time", "compare the clocks by hand"),
        Err(error) => return Check::doubtful(what, format!("the portal's can't be asked for: {error}"), "look again"),
    };
    // The answer was made at some moment between the two.
    let away = before.until(now).max(Duration::from_secs(1));
    let (late, early) = (told.until(before), now.until(told));
    match late.max(early).saturating_sub(away) {
        skew if skew <= SKEW => Check::good(what, "agrees with the portal's"),
        skew => {
            let which = if late > early { "behind ours" } else { "ahead of ours" };
            let found = format!("the portal's is {} s {which}", skew.as_secs());
            Check::bad(what, found, "let this machine's clock be set by NTP (timedatectl set-ntp true)")
        }
    }
}

/// Whether the portal knows each connector.
async fn connectors(bitrix: &Inner, mend: bool) -> Vec<Check> {
    let listed = match bitrix.portal.call("imconnector.list", &json!({}), Class::Admin).await {
        Ok(listed) => listed.result,
        Err(error) => {
            return vec![Check::doubtful(
                "connectors",
                format!("the portal does not list them: {error}"),
                "look again",
            )];
        }
    };
    let known: BTreeSet<String> = listed.as_object().into_iter().flatten().map(|(id, _)| id.to_lowercase()).collect();
    let mut checks = Vec::new();
    for connector in &bitrix.portal.config().connectors {
        let what = format!("connector {}", connector.id);
        if known.contains(&connector.id) {
            checks.push(Check::good(&what, format!("{:?} is registered", connector.name)));
            continue;
        }
        let lost = format!("{:?} is not registered in the portal", connector.name);
        let remedy = "doctor --fix registers it; so does a start of the service";
        checks.push(match mended(mend, registration::register_anew(bitrix, connector)).await {
            None => Check::bad(&what, lost, remedy),
            Some(Ok(())) => Check::mended(&what, lost),
            Some(Err(error)) => Check::bad(&what, format!("{lost}, and the portal does not take it: {error}"), remedy),
        });
    }
    checks
}

/// Whether each connector has a line, and the line is on.
async fn lines(bitrix: &Inner, mend: bool) -> Vec<Check> {
    registration::check_lines(bitrix).await;
    let mut checks = Vec::new();
    for connector in &bitrix.portal.config().connectors {
        let what = format!("line of {}", connector.id);
        if bitrix.lines.active_lines(&connector.id).is_empty() {
            registration::find_lines(bitrix, connector).await;
        }
        let used = bitrix.lines.active_lines(&connector.id);
        let wanted = connector.line.as_ref().filter(|wanted| !used.contains(wanted));
        if let Some(line) = wanted
            && let Some(Ok(())) = mended(mend, connect::switch_on(bitrix, connector, line)).await
        {
            checks.push(Check::mended(&what, format!("{:?} was not connected to the line {line}", connector.name)));
        } else if used.is_empty() {
            let found = format!("{:?} is connected to no open line", connector.name);
            let remedy = "open it in the portal's Contact Center, choose an open line and press Connect";
            checks.push(Check::bad(&what, found, remedy));
        } else {
            checks.push(Check::good(&what, String::new()));
        }
    }
    examine::lines(bitrix).await;
    let named = |line: &String| bitrix.named_line(line);
    for (check, connector) in
        checks.iter_mut().zip(&bitrix.portal.config().connectors).filter(|(one, _)| one.found.is_empty())
    {
        let all: Vec<_> = bitrix.lines.active_lines(&connector.id).iter().map(named).collect();
        check.found = format!("{:?} is connected to {}", connector.name, all.join(", "));
    }
    checks.push(of_area(bitrix, Area::Lines, "lines", "those that are used are switched on"));
    checks
}

/// Whether the portal was told the channels' names and addresses as they are now.
async fn data(bitrix: &Inner, mend: bool) -> Check {
    let (what, untold) = ("channels' data", connect::untold(bitrix).await);
    let names: Vec<_> = untold.iter().map(|(connector, line, _)| format!("{} (line {line})", connector.name)).collect();
    if names.is_empty() {
        return Check::good(what, "the portal shows names and addresses as they are configured");
    }
    let found = format!("the portal shows another name or address: {}", names.join(", "));
    if mend {
        connect::tell_changes(bitrix).await;
        if connect::untold(bitrix).await.is_empty() {
            return Check::mended(what, found);
        }
    }
    Check::bad(what, found, "doctor --fix tells it; so does a restart of the service")
}

/// Who gets the events.
async fn events(bitrix: &Inner, mend: bool) -> Check {
    let (what, ours) = ("events", bitrix.portal.config().events_url());
    let handlers = match registration::handlers(bitrix, Class::Admin).await {
        Ok(handlers) => handlers,
        Err(error) => return Check::bad(what, format!("the portal does not tell who has them: {error}"), "look again"),
    };
    let missing = handlers.missing();
    let (serious, found, remedy) = if let Some(other) = handlers.taken() {
        let remedy = "stop the other openline, or give it an application of its own; doctor --fix takes them back";
        (true, format!("the portal sends them to {other}, not to {ours}"), remedy)
    } else if handlers.is_deaf() {
        (
            true,
            format!("the portal sends no replies to {ours}"),
            "doctor --fix binds them; so does a start of the service",
        )
    } else if handlers.has_strangers() {
        (true, "the portal sends them to another address, too".to_owned(), "doctor --fix takes that away")
    } else if !missing.is_empty() {
        (
            false,
            format!("the portal does not send {}", missing.join(", ")),
            "doctor --fix binds them, where the portal knows them",
        )
    } else {
        return Check::good(what, format!("the portal sends them to {ours}"));
    };
    match mended(mend, registration::bind_events(bitrix)).await {
        Some(Ok(())) => Check::mended(what, found),
        Some(Err(error)) => Check::bad(what, format!("{found}; it could not be mended: {error}"), remedy),
        None if serious => Check::bad(what, found, remedy),
        None => Check::doubtful(what, found, remedy),
    }
}

/// What became of a repair, when one is wanted.
async fn mended(wanted: bool, repair: impl Future<Output = Result<(), CallError>>) -> Option<Result<(), CallError>> {
    if wanted { Some(repair.await) } else { None }
}
