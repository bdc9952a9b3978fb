//! How an instance appears in the portal.

use base64::{Engine, prelude::BASE64_STANDARD};
use openline_bitrix::{Connector, Shows};
use openline_core::channel::Capabilities;
use openline_core::{ChannelId, ConfigError};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};

/// The icon when none is configured: a speech bubble.
const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><path fill="#fff" d="M12 12h40a6 6 0 0 1 6 6v22a6 6 0 0 1-6 6H30L16 57V46h-4a6 6 0 0 1-6-6V18a6 6 0 0 1 6-6zm6 13v4h28v-4zm0 9v4h18v-4z"/></svg>"##;

/// Largest icon file: it travels in every registration.
const MAX_ICON: usize = 64 * 1024;

/// `[channels.ID.connector]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // the portal's flags
pub struct ConnectorSettings {
    /// The connector's id in the portal; made of the channel's when it is not named.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Its name in the Contact Center; the same.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// A file with its picture.
    icon: Option<PathBuf>,
    #[serde(deserialize_with = "color")]
    color: String,
    #[serde(deserialize_with = "line")]
    line: Option<u32>,
    delete_external_messages: bool,
    /// What the channel can do, unless configured.
    edit_internal_messages: Option<bool>,
    delete_internal_messages: Option<bool>,
    newsletter: bool,
    system_messages: bool,
    signature: bool,
    chat_group: bool,
    /// The picture itself, as the portal takes it.
    #[serde(skip)]
    picture: String,
}

impl Default for ConnectorSettings {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            icon: None,
            color: "#1f7a8c".to_owned(),
            line: None,
            delete_external_messages: true,
            edit_internal_messages: None,
            delete_internal_messages: None,
            newsletter: false,
            system_messages: true,
            signature: true,
            chat_group: false,
            picture: String::new(),
        }
    }
}

impl ConnectorSettings {
    /// Gives it the names that nobody wrote, and its picture, which stands beside the configuration.
    pub(super) fn settle(&mut self, channel: &ChannelId, folder: &Path) -> Result<(), ConfigError> {
        if self.id.is_empty() {
            self.id = format!("openline_{}", channel.as_str().replace('-', "_"));
        }
        if self.name.is_empty() {
            self.name = format!("openline: {channel}");
        }
        self.picture = match &self.icon {
            None => data_uri("image/svg+xml", ICON.as_bytes()),
            Some(file) => icon(&folder.join(file))
                .map_err(|problem| ConfigError::at(format!("channels.{channel}.connector.icon"), problem))?,
        };
        Ok(())
    }

    /// As the backend wants it. Operators may change what the channel can change.
    pub(super) fn to_connector(&self, channel: &ChannelId, can: Capabilities, shown: Shows) -> Connector {
        Connector {
            channel: channel.clone(),
            id: self.id.clone(),
            name: self.name.clone(),
            icon: self.picture.clone(),
            color: self.color.clone(),
            shown,
            delete_external: self.delete_external_messages,
            edit_internal: self.edit_internal_messages.unwrap_or(can.edits),
            delete_internal: self.delete_internal_messages.unwrap_or(can.deletes),
            newsletter: self.newsletter,
            system_messages: self.system_messages,
            signature: self.signature,
            chat_group: self.chat_group,
            line: self.line.map(|line| line.to_string()),
        }
    }
}

fn id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let id = String::deserialize(from)?;
    let is_one = (1..=50).contains(&id.len())
        && id != "0"
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if is_one {
        return Ok(id);
    }
    Err(D::Error::custom(format!("{id:?} is not a connector id; use 1 to 50 of a-z, 0-9 and _")))
}

fn name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let name = String::deserialize(from)?;
    if name.trim().is_empty() || name.chars().count() > 255 {
        return Err(D::Error::custom("must have 1 to 255 characters"));
    }
    Ok(name)
}

fn line<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    match Option::<u32>::deserialize(from)? {
        Some(0) => Err(D::Error::custom("0 is not the number of a line; the portal numbers them from 1")),
        line => Ok(line),
    }
}

fn color<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let color = String::deserialize(from)?;
    if is_color(&color) {
        return Ok(color);
    }
    Err(D::Error::custom(format!("{color:?} is not a color; write one like \"#1f7a8c\"")))
}

/// The portal pastes it into a style sheet as it is (`bitrix24.md` §4.1).
fn is_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or_default();
    matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn icon(path: &Path) -> Result<String, String> {
    let kind = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => return Err(format!("{} must be an .svg or .png file", path.display())),
    };
    let bytes = std::fs::read(path).map_err(|e| format!("{} can't be read: {e}", path.display()))?;
    if bytes.len() > MAX_ICON {
        return Err(format!("{} has {} bytes, at most {MAX_ICON} are taken", path.display(), bytes.len()));
    }
    if !is_picture(kind, &bytes) {
        let what = if kind == "image/png" { "PNG" } else { "SVG" };
        return Err(format!("{} is no {what} picture, whatever its name says", path.display()));
    }
    Ok(data_uri(kind, &bytes))
}

/// Whether the content is what the name says: the portal shows nothing for what is not.
fn is_picture(kind: &str, bytes: &[u8]) -> bool {
    if kind == "image/png" {
        return bytes.starts_with(b"\x89PNG\r\n\x1a\n");
    }
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains("<svg") && text.contains("http://www.w3.org/2000/svg"))
}

fn data_uri(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", BASE64_STANDARD.encode(bytes))
}
