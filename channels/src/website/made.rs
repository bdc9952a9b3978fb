//! The files that a channel's configuration makes: the script for other people's pages, its sheet, the colours.

use super::served::{assets, made::Made};
use super::settings::Settings;
use super::welcome::texts::Catalogue;
use serde_json::{Map, Value, json};

/// The texts that the script shows itself, in the order in which it names them; title and launcher follow.
const TEXTS: [&str; 5] = ["widget_open", "widget_close", "widget_unread", "chat_away", "retry"];

/// What a channel's configuration makes.
pub(super) struct MadeFiles {
    pub(super) loader: Made,
    /// What the loader brings along, for browsers that can't take it from there.
    pub(super) sheet: Made,
    pub(super) theme: Made,
    pub(super) avatar: Option<Made>,
}

impl MadeFiles {
    pub(super) fn new(settings: &Settings, channel: &str, origin: &str, base: &str) -> Self {
        Self {
            loader: Made::new("text/javascript; charset=utf-8", loader(settings, channel, origin, base)),
            sheet: Made::new("text/css; charset=utf-8", sheet(settings)),
            theme: Made::new("text/css; charset=utf-8", settings.theme.css(":root")),
            avatar: settings.avatar.clone().or_else(|| settings.theme.icon()),
        }
    }
}

impl MadeFiles {
    /// Where the theme is; `None` when it changes nothing.
    pub(super) fn theme_link(&self, base: &str) -> Option<String> {
        let plain = self.theme.file.plain.ends_with(b"{}");
        (!plain).then(|| format!("{base}theme.css?v={}", self.theme.tag()))
    }
}

/// The script with everything it needs to know.
fn loader(settings: &Settings, channel: &str, origin: &str, base: &str) -> String {
    let texts = |language: &'static Catalogue| {
        let own = [settings.title(language), settings.theme.launcher.given(language).unwrap_or_default()];
        TEXTS.iter().map(|key| language.get(key)).chain(own).map(|text| json!(text)).collect::<Value>()
    };
    let languages: Map<String, Value> =
        settings.language.all().map(|language| (language.code.to_owned(), texts(language))).collect();
    let origins: Vec<_> = std::iter::once(origin).chain(settings.widget.origins.iter().map(String::as_str)).collect();
    let config = json!({
        "home": format!("{origin}{base}"),
        "origins": origins,
        "key": format!("channels.{channel}.settings.widget.origins"),
        "lang": settings.language.fixed(),
        "texts": languages,
        "count": settings.widget.title_count,
        "position": settings.theme.position,
        "css": sheet(settings),
    });
    // Where a script may end in a page (nobody should paste it there, somebody will).
    let config = config.to_string().replace("</", "<\\/");
    assets::built("widget.js").replacen("__OPENLINE__", &config, 1)
}

fn sheet(settings: &Settings) -> String {
    format!("{}{}", settings.theme.css(":host"), assets::built("widget.css"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn settings(toml: &str) -> Settings {
        Settings::read(toml::from_str(toml).unwrap()).unwrap()
    }

    /// Bytes after `gzip -9`, which every Debian has.
    fn weight(text: &str) -> usize {
        let mut gzip = Command::new("gzip").arg("-9c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = gzip.stdin.take().unwrap();
        let text = text.to_owned();
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
        let output = gzip.wait_with_output().unwrap();
        writer.join().unwrap();
        output.stdout.len()
    }

    #[test]
    fn the_scripts_are_light() {
        let themed = "title = 'Harbour Prints'\nwidget.origins = ['https://shop.example', 'https://www.shop.example', \
                      'https://help.shop.example', 'https://shop-example.myshop.example']\n[theme]\naccent = '#7c2d12'\n\
                      on_accent = '#ffffff'\nmode = 'dark'\nradius = 12\nfont = 'rounded'\nposition = 'left'\nlauncher = 'Ask us'";
        let weights = ["", themed].map(|toml| {
            weight(&loader(&settings(toml), "harbour_prints", "https://chat.shop.example", "/c/harbour_prints/"))
        });
        let launcher = weights[1].max(weights[0]);
        let [sheet, script] = ["page.css", "app.js"].map(|name| assets::weight(name).unwrap());
        let (page, brotli) = (sheet.0 + script.0, sheet.1 + script.1);
        println!("widget.js {launcher} bytes, the page's script and sheet {page}, {brotli} by brotli");
        assert!(launcher < 7_600, "widget.js: {weights:?} bytes");
        // What the first opening weighs on the wire is measured in a browser, see docs/performance.md.
        assert!(page < 28_000 && brotli < 24_000, "app.js and page.css: {page} bytes, {brotli} by brotli");
    }

    #[test]
    fn the_script_knows_its_configuration() {
        let settings =
            settings("title = '</script>'\nwidget.origins = ['https://shop.example']\ntheme.launcher = 'Ask us'");
        let made = loader(&settings, "site", "https://chat.example", "/c/site/");
        assert!(made.contains(r#""origins":["https://chat.example","https://shop.example"]"#), "{made}");
        assert!(made.contains("channels.site.settings.widget.origins") && made.contains("Ask us"));
        assert!(!made.contains("__OPENLINE__") && !made.contains("</script>") && !made.contains("/*"));
    }
}
