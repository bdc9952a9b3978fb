//! HTML of the Contact Center. Everything that comes from outside is escaped.

use serde_json::Value;

use crate::model::{Connector, Line, State};
use crate::php::value;
use crate::php::xml::escape;
use crate::verbs::PageForm;

/// The overview.
pub(super) fn home(state: &State) -> String {
    let tiles: String = state
        .connectors
        .values()
        .flat_map(|connector| state.lines.values().map(move |line| tile(state, connector, line)))
        .collect();
    let tiles =
        if tiles.is_empty() { "<p class=\"off\">No connector is registered yet.</p>".to_owned() } else { tiles };
    let body = format!("<h2>Channels</h2><div class=\"tiles\">{tiles}</div>{}", application(state));
    document("Contact Center", &body)
}

fn tile(state: &State, connector: &Connector, line: &Line) -> String {
    let on = state.is_connected(&connector.id, line.id);
    let (class, word) = if on { ("on", "connected") } else { ("off", "not connected") };
    let (id, name, icon) = (escape(&connector.id), escape(&connector.name), escape(&connector.icon.data_image));
    let link = format!("/contact_center/connector/?ID={}&amp;LINE={}", percent(&connector.id), line.id);
    let open = if on { "Settings" } else { "Connect" };
    let disconnect = format!(
        "<form method=\"post\" action=\"/contact_center/disconnect\"><input type=\"hidden\" name=\"connector\" \
         value=\"{id}\"><input type=\"hidden\" name=\"line\" value=\"{}\"><button>Disconnect</button></form>",
        line.id
    );
    format!(
        "<section class=\"tile\"><img src=\"{icon}\" alt=\"\"><div class=\"name\">{name}</div>\
         <div>{line_name}: <span class=\"{class}\">{word}</span></div>\
         <div class=\"actions\"><a class=\"button\" href=\"{link}\">{open}</a>{disconnect}</div></section>",
        line_name = escape(&line.name),
        disconnect = if on { disconnect } else { String::new() },
    )
}

fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The application: installed, half installed, or the form to install it.
fn application(state: &State) -> String {
    let app = state.apps.first();
    let button = |action: &str, label: &str| {
        format!("<form method=\"post\" action=\"/contact_center/{action}\"><button>{label}</button></form>")
    };
    match app {
        Some(app) if app.installed => {
            // The form's "handler path" is not asked for here: it stands beside the installation path.
            let handler = app.install_url.rsplit_once('/').map(|(folder, _)| format!("{folder}/app"));
            let open = handler.map(|url| {
                format!(
                    "<p><a class=\"button\" href=\"/contact_center/application/?URL={}\">Open</a></p>",
                    percent(&url)
                )
            });
            format!(
                "<h2>Application</h2><p>Installed from {}</p>{}{}",
                escape(&app.install_url),
                open.unwrap_or_default(),
                button("uninstall", "Uninstall")
            )
        }
        Some(app) if app.present => format!(
            "<h2>Application</h2><p>The installation from {} is not finished.</p>{}",
            escape(&app.install_url),
            button("finish", "Finish installation")
        ),
        _ => INSTALL_FORM.to_owned(),
    }
}

const INSTALL_FORM: &str = "<h2>Install application</h2>\
    <form class=\"stack\" method=\"post\" action=\"/contact_center/install\">\
    <label>Initial installation path <input type=\"url\" name=\"url\" required></label>\
    <label class=\"choice\"><input type=\"radio\" name=\"flow\" value=\"script\" checked> Script only (no user interface)</label>\
    <label class=\"choice\"><input type=\"radio\" name=\"flow\" value=\"ui\"> With user interface</label>\
    <div><button>Install</button></div></form>";

/// A page of the application in a frame; the form posts itself into it.
pub(super) fn frame(title: &str, form: &PageForm, installing: bool) -> String {
    let fields = value::entries(&Value::Object(form.fields.clone()))
        .into_iter()
        .map(|(name, item)| {
            let text = value::text(item).unwrap_or_default();
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(&name), escape(&text))
        })
        .collect::<String>();
    let finish = if installing {
        "<form method=\"post\" action=\"/contact_center/finish\"><button>Finish installation</button></form>"
    } else {
        ""
    };
    let body = format!(
        "<p><a href=\"/contact_center/\">Back to the channels</a></p><h2>{title}</h2>\
         <form method=\"post\" action=\"{}\" target=\"application\" data-autosubmit>{fields}\
         <noscript><button>Open</button></noscript></form>\
         <iframe name=\"application\" title=\"{title}\"></iframe>{finish}",
        escape(&form.action),
    );
    document(title, &body)
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"/assets/contact_center.css\">\
         <script src=\"/assets/contact_center.js\" defer></script></head>\
         <body><header><h1>Contact Center</h1><a href=\"/desk/\">Operators' desk</a></header>\
         <main>{body}</main></body></html>"
    )
}
