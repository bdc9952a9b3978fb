//! The look that a configuration may change: colours that can be read, checked when it is loaded.

use super::words::Words;
use crate::website::served::assets;
use crate::website::served::made::Made;
use crate::website::welcome::contrast::{Colour, READABLE};
use openline_core::ConfigError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Largest picture, in bytes.
const MAX_AVATAR: usize = 64 * 1024;
/// Roundest corner, in pixels.
const MAX_RADIUS: u8 = 28;

/// Which colours are used.
#[derive(Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::website) enum Mode {
    /// What the visitor's system prefers.
    #[default]
    Auto,
    Light,
    Dark,
}

/// The side of the page where the launcher is; mirrored on pages that are written from right to left.
#[derive(Deserialize, Serialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::website) enum Position {
    #[default]
    Right,
    Left,
}

/// Fonts that every system has: nothing is loaded.
#[derive(Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Font {
    #[default]
    System,
    Rounded,
    Serif,
}

/// `[settings.theme]` as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(in crate::website) struct RawTheme {
    accent: Option<String>,
    on_accent: Option<String>,
    mode: Mode,
    radius: Option<u8>,
    font: Font,
    position: Position,
    launcher: Words,
    avatar: Option<String>,
}

/// The look, checked.
#[derive(Default)]
pub(in crate::website) struct Theme {
    colours: Option<Colours>,
    mode: Mode,
    radius: Option<u8>,
    font: Font,
    pub(in crate::website) position: Position,
    /// The text beside the launcher's picture; empty for none.
    pub(in crate::website) launcher: Words,
    avatar: Option<String>,
}

/// What follows from the accent.
struct Colours {
    accent: Colour,
    on: Colour,
}

impl Theme {
    /// Checks the table.
    ///
    /// # Errors
    /// What is wrong, with the key.
    pub(in crate::website) fn read(raw: RawTheme) -> Result<Self, ConfigError> {
        if raw.radius.is_some_and(|radius| radius > MAX_RADIUS) {
            return Err(ConfigError::at("theme.radius", format!("must be from 0 to {MAX_RADIUS} pixels")));
        }
        if raw.launcher.all().any(|text| text.chars().count() > 40) {
            return Err(ConfigError::at("theme.launcher", "must have at most 40 characters"));
        }
        Ok(Self {
            colours: colours(raw.accent.as_deref(), raw.on_accent.as_deref())?,
            mode: raw.mode,
            radius: raw.radius,
            font: raw.font,
            position: raw.position,
            launcher: raw.launcher,
            avatar: raw.avatar,
        })
    }

    /// The picture in the header; `folder` is the configuration's. `None` for the built-in one.
    ///
    /// # Errors
    /// When it can't be had, with the key.
    pub(in crate::website) fn load_avatar(&self, folder: &Path) -> Result<Option<Made>, ConfigError> {
        let Some(name) = &self.avatar else { return Ok(None) };
        let ending = Path::new(name).extension().map(std::ffi::OsStr::to_ascii_lowercase);
        let mime = match ending.as_ref().and_then(|ending| ending.to_str()) {
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("jpg" | "jpeg") => "image/jpeg",
            Some("webp") => "image/webp",
            _ => {
                return Err(ConfigError::at("theme.avatar", format!("{name:?} must end in .svg, .png, .jpg or .webp")));
            }
        };
        let bytes = crate::common::beside::read("theme.avatar", folder, name, MAX_AVATAR)?;
        Ok(Some(Made::new(mime, bytes)))
    }

    /// The built-in picture in the theme's colours; `None` when those are the built-in ones.
    pub(in crate::website) fn icon(&self) -> Option<Made> {
        let Colours { accent, on } = self.colours.as_ref()?;
        let drawing = assets::text("icon.svg").replace("#fff", &on.to_string()).replace("#0f766e", &accent.to_string());
        Some(Made::new("image/svg+xml", drawing))
    }

    /// What `<meta name="color-scheme">` says.
    pub(in crate::website) fn scheme(&self) -> &'static str {
        match self.mode {
            Mode::Auto => "light dark",
            Mode::Light => "light",
            Mode::Dark => "dark",
        }
    }

    /// The style sheet that is laid over `chat.css`; `root` is `:root` for pages and `:host` for the launcher.
    pub(in crate::website) fn css(&self, root: &str) -> String {
        let palette = Palette::ours();
        let (mut light, mut dark) = match self.mode {
            // What is not changed stays as `chat.css` has it; the launcher has no `chat.css`.
            Mode::Auto if root == ":root" => (Vec::new(), Vec::new()),
            Mode::Auto => (palette.light.clone(), palette.dark.clone()),
            Mode::Light => (palette.light.clone(), Vec::new()),
            Mode::Dark => (palette.light.iter().chain(&palette.dark).cloned().collect(), Vec::new()),
        };
        if let Some(colours) = &self.colours {
            let second = if self.mode == Mode::Dark { &mut light } else { &mut dark };
            second.push(("accent-text".to_owned(), colours.text_on(&palette.grounds(true), Colour::WHITE)));
            if self.mode != Mode::Dark {
                light.push(("accent-text".to_owned(), colours.text_on(&palette.grounds(false), Colour::BLACK)));
            }
            light.extend(colours.own());
        }
        light.extend(self.shape());
        let scheme = if self.mode == Mode::Auto { String::new() } else { format!("color-scheme:{};", self.scheme()) };
        let mut css = format!("{root}{{{scheme}{}}}", rules(&light));
        if self.mode == Mode::Auto && !dark.is_empty() {
            css.push_str(&format!("@media (prefers-color-scheme:dark){{{root}{{{}}}}}", rules(&dark)));
        }
        css
    }

    fn shape(&self) -> Vec<(String, String)> {
        let stack = match self.font {
            Font::System => None,
            Font::Rounded => Some(
                "ui-rounded, \"SF Pro Rounded\", \"Hiragino Maru Gothic ProN\", Quicksand, Nunito, system-ui, sans-serif",
            ),
            Font::Serif => Some("ui-serif, Charter, \"Bitstream Charter\", Georgia, Cambria, \"Noto Serif\", serif"),
        };
        let radius = self.radius.map(|radius| ("radius".to_owned(), format!("{radius}px")));
        radius.into_iter().chain(stack.map(|stack| ("font".to_owned(), stack.to_owned()))).collect()
    }
}

fn rules(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(name, value)| format!("--ol-{name}:{value};")).collect()
}

fn colours(accent: Option<&str>, on: Option<&str>) -> Result<Option<Colours>, ConfigError> {
    let parse = |key: &str, text: &str| {
        let problem = format!("{text:?} is not a colour; write # and 3 or 6 hex digits, like \"#0f766e\"");
        Colour::parse(text).ok_or_else(|| ConfigError::at(key, problem))
    };
    let (accent, on) = match (accent, on) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(ConfigError::at("theme.on_accent", "needs theme.accent, the colour under it")),
        (Some(accent), on) => (parse("theme.accent", accent)?, on),
    };
    let Some(on) = on else { return Ok(Some(Colours { accent, on: accent.ink() })) };
    let on = parse("theme.on_accent", on)?;
    let found = on.contrast(accent);
    if found < READABLE {
        let problem = format!(
            "{on} on theme.accent {accent} has a contrast of {:.2}:1, text needs at least {READABLE}:1; without \
             on_accent it is {} by itself ({:.2}:1)",
            (found * 100.0).floor() / 100.0,
            accent.ink(),
            accent.contrast(accent.ink())
        );
        return Err(ConfigError::at("theme.on_accent", problem));
    }
    Ok(Some(Colours { accent, on }))
}

impl Colours {
    fn own(&self) -> Vec<(String, String)> {
        // Times and marks on the accent stand back a little, as far as they can be read.
        let soft = (0..=12).rev().map(|percent| self.on.mixed(self.accent, percent));
        let soft = soft.into_iter().find(|soft| soft.contrast(self.accent) >= READABLE).unwrap_or(self.on);
        [("accent", self.accent), ("on-accent", self.on), ("on-accent-soft", soft)]
            .map(|(name, colour)| (name.to_owned(), colour.to_string()))
            .to_vec()
    }

    /// The accent as text (links, focus rings) on these grounds.
    fn text_on(&self, grounds: &[Colour], towards: Colour) -> String {
        self.accent.until_readable(towards, grounds).to_string()
    }
}

/// The colours of `chat.css`, from that file itself.
struct Palette {
    light: Vec<(String, String)>,
    /// What is different in the dark.
    dark: Vec<(String, String)>,
}

impl Palette {
    fn ours() -> Self {
        let css = assets::text("chat.css");
        let block = |after: &str| {
            let rest = css.split_once(after).map_or("", |(_, rest)| rest);
            rest.split('}').next().unwrap_or_default().to_owned()
        };
        let properties = |block: String| {
            let lines = block.lines().filter_map(|line| line.trim().strip_prefix("--ol-")?.split_once(':'));
            let pairs =
                lines.filter_map(|(name, value)| Some((name.to_owned(), value.split(';').next()?.trim().to_owned())));
            pairs.filter(|(name, _)| name != "height").collect()
        };
        let dark = css.split_once("(prefers-color-scheme: dark) {").map_or("", |(_, rest)| rest);
        let dark = dark.split_once('{').map_or("", |(_, rest)| rest).split('}').next().unwrap_or_default().to_owned();
        Self { light: properties(block(":root {")), dark: properties(dark) }
    }

    /// What text stands on.
    fn grounds(&self, dark: bool) -> Vec<Colour> {
        let of = |name: &str| {
            let find =
                |pairs: &[(String, String)]| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            let value = if dark { find(&self.dark).or_else(|| find(&self.light)) } else { find(&self.light) };
            value.and_then(|value| Colour::parse(&value))
        };
        ["surface", "bubble"].into_iter().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn theme(toml: &str) -> Result<Theme, ConfigError> {
        Theme::read(toml::from_str(toml).unwrap())
    }

    fn error(toml: &str) -> String {
        theme(toml).err().unwrap().to_string()
    }

    #[test]
    fn the_palette_is_found() {
        let palette = Palette::ours();
        assert!(palette.light.len() > 12 && palette.dark.len() > 8, "{:?} {:?}", palette.light, palette.dark);
        assert_eq!((palette.grounds(false).len(), palette.grounds(true).len()), (2, 2));
    }

    #[test]
    fn the_built_in_colours_can_be_read() {
        let palette = Palette::ours();
        let whole = [palette.light.clone(), palette.light.iter().chain(&palette.dark).cloned().collect()];
        for all in whole {
            let of = |name: &str| {
                let (_, value) = all.iter().rfind(|(key, _)| key == name).unwrap();
                Colour::parse(value).unwrap_or_else(|| panic!("{name}: {value}"))
            };
            let pairs = [
                ("on-accent", "accent"),
                ("on-accent-soft", "accent"),
                ("accent-text", "surface"),
                ("accent-text", "bubble"),
                ("text", "surface"),
                ("text", "bubble"),
                ("muted", "surface"),
                ("muted", "bubble"),
                ("danger", "surface"),
                ("on-notice", "notice"),
            ];
            for (text, ground) in pairs {
                let found = of(text).contrast(of(ground));
                assert!(found >= READABLE, "{text} on {ground}: {found:.2}");
            }
        }
    }

    #[test]
    fn every_accent_gives_readable_colours() {
        let palette = Palette::ours();
        for accent in ["#0f766e", "#ffeb3b", "#fff", "#000", "#777", "#e11d48", "#2563eb", "#c0ffee"] {
            let colours = colours(Some(accent), None).unwrap().unwrap();
            for (name, value) in colours.own() {
                let colour = Colour::parse(&value).unwrap();
                assert!(name == "accent" || colour.contrast(colours.accent) >= READABLE, "{name} on {accent}");
            }
            for (dark, towards) in [(false, Colour::BLACK), (true, Colour::WHITE)] {
                let grounds = palette.grounds(dark);
                let text = Colour::parse(&colours.text_on(&grounds, towards)).unwrap();
                assert!(grounds.iter().all(|ground| ground.contrast(text) >= READABLE), "{accent} {dark}");
            }
        }
    }

    #[test]
    fn errors_say_where_and_what() {
        let contrast = error("accent = '#ffd54f'\non_accent = '#fff'");
        assert!(
            contrast.starts_with("theme.on_accent: #ffffff on theme.accent #ffd54f has a contrast of 1.4"),
            "{contrast}"
        );
        assert!(contrast.contains("needs at least 4.5:1"), "{contrast}");
        assert!(error("accent = 'teal'").starts_with("theme.accent: \"teal\" is not a colour"));
        assert!(error("on_accent = '#fff'").starts_with("theme.on_accent: needs theme.accent"));
        assert!(error("radius = 99").starts_with("theme.radius: must be from 0 to 28"));
        let avatar = theme("avatar = 'face.gif'").unwrap().load_avatar(Path::new(".")).err().unwrap();
        assert!(avatar.to_string().starts_with("theme.avatar: \"face.gif\" must end in"));
    }

    #[test]
    fn a_mode_brings_its_whole_palette() {
        assert_eq!(theme("").unwrap().css(":root"), ":root{}");
        let dark = theme("mode = 'dark'").unwrap().css(":root");
        assert!(dark.starts_with(":root{color-scheme:dark;") && dark.contains("--ol-surface:#131c1b;"), "{dark}");
        assert!(!theme("mode = 'light'").unwrap().css(":root").contains("@media"));
        let own = theme("accent = '#2563eb'\nradius = 4").unwrap().css(":host");
        assert!(own.contains("--ol-accent:#2563eb;") && own.contains("--ol-radius:4px;"), "{own}");
        assert!(own.contains("@media (prefers-color-scheme:dark){:host{"), "{own}");
    }

    #[test]
    fn the_picture_takes_the_accent() {
        assert!(theme("").unwrap().icon().is_none());
        let plain = assets::text("icon.svg");
        assert!(plain.contains("#0f766e") && plain.contains("#fff"), "the colours that are replaced: {plain}");
        assert!(theme("accent = '#ffd54f'").unwrap().icon().is_some());
    }
}
