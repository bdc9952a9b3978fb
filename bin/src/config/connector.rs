//! How an instance appears in the portal.

use super::raw::RawConnector;
use base64::{Engine, prelude::BASE64_STANDARD};
use openline_bitrix::{Connector, Shows};
use openline_core::channel::Capabilities;
use openline_core::{ChannelId, ConfigError};
use std::path::Path;

/// The icon when none is configured: a speech bubble.
const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><path fill="#fff" d="M12 12h40a6 6 0 0 1 6 6v22a6 6 0 0 1-6 6H30L16 57V46h-4a6 6 0 0 1-6-6V18a6 6 0 0 1 6-6zm6 13v4h28v-4zm0 9v4h18v-4z"/></svg>"##;

/// Largest icon file: it travels in every registration.
const MAX_ICON: usize = 64 * 1024;

/// A checked `[channels.ID.connector]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // the portal's flags
pub struct ConnectorSettings {
    /// The connector's id in the portal.
    pub id: String,
    /// Its name in the Contact Center.
    pub name: String,
    icon: String,
    color: String,
    line: Option<u32>,
    delete_external: bool,
    /// What the channel can do, unless configured.
    edit_internal: Option<bool>,
    delete_internal: Option<bool>,
    newsletter: bool,
    system_messages: bool,
    signature: bool,
    chat_group: bool,
}

impl ConnectorSettings {
    /// Checks the table; everything that is wrong with it is told at once.
    pub(super) fn read(channel: &ChannelId, raw: RawConnector, folder: &Path) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut wrong = |key: &str, problem: String| {
            errors.push(ConfigError::at(format!("channels.{channel}.connector.{key}"), problem));
        };
        let id = raw.id.unwrap_or_else(|| format!("openline_{}", channel.as_str().replace('-', "_")));
        let id_ok = (1..=50).contains(&id.len())
            && id != "0"
            && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !id_ok {
            wrong("id", format!("{id:?} is not a connector id; use 1 to 50 of a-z, 0-9 and _"));
        }
        let name = raw.name.unwrap_or_else(|| format!("openline: {channel}"));
        if name.trim().is_empty() || name.chars().count() > 255 {
            wrong("name", "must have 1 to 255 characters".to_owned());
        }
        if !is_color(&raw.color) {
            wrong("color", format!("{:?} is not a color; write one like \"#1f7a8c\"", raw.color));
        }
        if raw.line == Some(0) {
            wrong("line", "0 is not the number of a line; the portal numbers them from 1".to_owned());
        }
        let icon = match &raw.icon {
            None => data_uri("image/svg+xml", ICON.as_bytes()),
            Some(file) => icon(&folder.join(file)).unwrap_or_else(|problem| {
                wrong("icon", problem);
                String::new()
            }),
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            id,
            name,
            icon,
            color: raw.color,
            line: raw.line,
            delete_external: raw.delete_external_messages,
            edit_internal: raw.edit_internal_messages,
            delete_internal: raw.delete_internal_messages,
            newsletter: raw.newsletter,
            system_messages: raw.system_messages,
            signature: raw.signature,
            chat_group: raw.chat_group,
        })
    }

    /// As the backend wants it. Operators may change what the channel can change.
    pub(super) fn to_connector(&self, channel: &ChannelId, can: Capabilities, shown: Shows) -> Connector {
        Connector {
            channel: channel.clone(),
            id: self.id.clone(),
            name: self.name.clone(),
            icon: self.icon.clone(),
            color: self.color.clone(),
            shown,
            delete_external: self.delete_external,
            edit_internal: self.edit_internal.unwrap_or(can.edits),
            delete_internal: self.delete_internal.unwrap_or(can.deletes),
            newsletter: self.newsletter,
            system_messages: self.system_messages,
            signature: self.signature,
            chat_group: self.chat_group,
            line: self.line.map(|line| line.to_string()),
        }
    }
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
