// What the portal says of itself: the app, the lines, the connectors.

import { $, avatar, badge, clean, el, icon, picture } from "./dom.js";

const works = (connector) => (connector.lines ?? []).some((line) => line.status);

let drawn = "";

/** The foot of the list and its panel. */
export function drawPortal(portal) {
  const look = JSON.stringify(portal);
  if (drawn === look) return;
  drawn = look;
  const name = clean(portal.operator?.name, 80) || "Operator";
  const { domain, installed } = portal.portal ?? {};
  $("op-avatar").replaceWith(Object.assign(avatar(name, null, "small"), { id: "op-avatar" }));
  $("op-name").textContent = name;
  $("op-domain").textContent = clean(domain, 80);
  $("faults").hidden = portal.faults !== true;
  const mark = $("installed");
  mark.hidden = false;
  mark.className = installed ? "pill good" : "pill warn";
  mark.textContent = installed ? "App installed" : "No app yet";

  const lines = portal.lines ?? [];
  const connectors = portal.connectors ?? [];
  const named = new Map(lines.map((line) => [String(line.id), clean(line.name, 60)]));
  const status = (good, text) => el("span", { class: `pill ${good ? "good" : ""}` }, text);
  $("portal-panel").replaceChildren(
    el("h2", {}, "Open lines"),
    lines.length ? el("ul", {}, lines.map((line) => el("li", {}, el("bdi", { class: "grow" }, clean(line.name, 60) || line.id), status(line.active, line.active ? "Active" : "Paused"))))
      : el("p", { class: "muted" }, "No lines."),
    el("h2", {}, "Connectors"),
    connectors.length ? el("ul", {}, connectors.map((connector) => {
      const on = (connector.lines ?? []).filter((line) => line.status).map((line) => named.get(String(line.line)) || `line ${clean(line.line, 20)}`);
      return el("li", { "data-testid": "portal-connector", "data-connector": connector.id, "data-connected": String(on.length > 0) },
        symbol(connector), badge(connector),
        status(on.length > 0, on.length ? "Connected" : "Off"),
        on.length > 0 && el("span", { class: "on" }, on.join(" · ")));
    })) : el("p", { class: "muted" }, "The app has not registered any."),
  );
}

function symbol(connector) {
  const src = picture(connector.icon);
  if (!src) return null;
  const image = el("img", { class: "connector-icon", src, alt: "", width: 18, height: 18, onerror: () => image.remove() });
  return image;
}

/** What must happen before the first message can arrive, and what has. */
export function drawSteps(list, portal) {
  if (!portal) {
    list.hidden = true;
    return;
  }
  const connectors = portal.connectors ?? [];
  const steps = [
    [portal.portal?.installed === true, "The app is installed on the portal"],
    [connectors.length > 0, "It has registered its connectors"],
    [connectors.some(works), "A connector is switched on for a line"],
    [false, "A visitor writes the first message"],
  ];
  const next = steps.findIndex(([done]) => !done);
  list.replaceChildren(...steps.map(([done, text], index) => el("li", {
    class: done ? "done" : index === next ? "next" : "", "data-done": String(done),
  }, el("span", { class: "step-mark", "aria-hidden": "true" }, done ? icon("check") : String(index + 1)), text,
  done && el("span", { class: "sr" }, " (done)"))));
}
