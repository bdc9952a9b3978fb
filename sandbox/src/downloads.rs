//! Files and pictures the portal really fetches while it handles a message (bitrix24.md §4.7, C18).

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::files::sniff;
use crate::model::State;
use crate::php::value;
use crate::portal::Portal;

/// Largest file the portal takes.
const MAX_FILE: u64 = 100 * 1024 * 1024;
/// Names keep their last characters.
const MAX_NAME: usize = 50;

/// Something fetched.
struct Fetched {
    bytes: Bytes,
    mime: String,
}

/// Ids of the files of an element that could be downloaded; `None` when it names none.
pub(crate) async fn files(portal: &Arc<Portal>, element: &Value) -> Option<Vec<i64>> {
    let sent = value::get(value::get(element, "message")?, "files").filter(|files| value::truthy(files))?;
    let mut ids = Vec::new();
    for (_, file) in value::entries(sent) {
        let url = value::text_of(file, "url");
        let Some(fetched) = fetch(portal, &url, value::get(file, "headers")).await else { continue };
        let name = file_name(&value::text_of(file, "name"), &url);
        let mime = Some(value::text_of(file, "type")).filter(|mime| mime.contains('/')).unwrap_or(fetched.mime);
        ids.push(portal.edit(|state| state.store_file(&name, &mime, fetched.bytes)));
    }
    Some(ids)
}

/// The client's new picture, fetched when the `user` block differs from last time. What is no image is noted as a
/// violation and left out.
pub(crate) async fn picture(portal: &Arc<Portal>, connector: &str, element: &Value) -> Option<i64> {
    let block = value::get(element, "user")?;
    let url = portal.view(|state| state.wants_picture(connector, block))?;
    let fetched = fetch(portal, &url, None).await?;
    let keep = |state: &mut State| {
        let Some(mime) = sniff::image_mime(&fetched.bytes) else {
            state.record.violation(state.now, "user.picture.url does not lead to a picture");
            return None;
        };
        Some(state.store_file("avatar", mime, fetched.bytes))
    };
    portal.edit(keep)
}

/// GET with redirects; `None` unless it ends in 200 in time.
async fn fetch(portal: &Portal, url: &str, headers: Option<&Value>) -> Option<Fetched> {
    let mut request = portal.downloads.get(url);
    for (_, header) in headers.map(value::entries).unwrap_or_default() {
        request = request.header(value::text_of(header, "name"), value::text_of(header, "value"));
    }
    let answer = request.send().await.ok()?;
    if answer.status().as_u16() != 200 || answer.content_length().is_some_and(|length| length > MAX_FILE) {
        return None;
    }
    let mime = answer.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mime = mime.split(';').next().unwrap_or_default().trim().to_owned();
    let mime = if mime.is_empty() { "application/octet-stream".to_owned() } else { mime };
    Some(Fetched { mime, bytes: answer.bytes().await.ok()? })
}

/// The base name, cut to its last fifty characters; from the address when none was given.
fn file_name(given: &str, url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let full = if given.is_empty() { path } else { given };
    let base = full.rsplit(['/', '\\']).next().unwrap_or_default();
    let length = base.chars().count();
    base.chars().skip(length.saturating_sub(MAX_NAME)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(file_name("", "http://x/a/b.pdf?c=1"), "b.pdf");
        assert_eq!(file_name("dir/../c.txt", "http://x/"), "c.txt");
        let long = "a".repeat(60) + ".png";
        assert_eq!(file_name(&long, ""), "a".repeat(46) + ".png");
    }
}
