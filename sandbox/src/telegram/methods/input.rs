//! `InputFile`: an upload, a `file_id` of this bot, or an address Telegram fetches itself.

use std::sync::Arc;

use super::kinds::MediaKind;
use crate::telegram::error::ApiError;
use crate::telegram::files::{MAX_DOWNLOAD, MAX_UPLOAD, Upload, check_photo};
use crate::telegram::hub::Hub;
use crate::telegram::params::Params;

/// Largest photo that is fetched from an address, 5 MB.
const MAX_FETCHED_PHOTO: usize = 5 << 20;

/// A file that may be sent.
#[derive(Debug, Clone)]
pub(super) enum Input {
    /// A file the bot knows.
    Known(String),
    New(Upload),
}

/// Finds the file that `given` names, else the one uploaded as `field`.
pub(super) async fn find(
    hub: &Arc<Hub>,
    bot: i64,
    kind: &MediaKind,
    (field, given): (&str, &str),
    params: &Params,
) -> Result<Option<Input>, ApiError> {
    let name = given.strip_prefix("attach://").unwrap_or(field);
    if given.is_empty() || given.starts_with("attach://") {
        let Some(upload) = params.files.get(name).cloned() else { return Ok(None) };
        check(kind, &upload)?;
        return Ok(Some(Input::New(upload)));
    }
    if given.starts_with("http://") || given.starts_with("https://") {
        return fetch(hub, kind, given).await.map(|upload| Some(Input::New(upload)));
    }
    known(hub, bot, kind, given).map(|id| Some(Input::Known(id)))
}

fn check(kind: &MediaKind, upload: &Upload) -> Result<(), ApiError> {
    if upload.bytes.is_empty() {
        return Err(ApiError::bad("file must be non-empty"));
    }
    if upload.bytes.len() > MAX_UPLOAD {
        return Err(ApiError::too_large());
    }
    if kind.field == "photo" { check_photo(&upload.bytes) } else { Ok(()) }
}

fn known(hub: &Hub, bot: i64, kind: &MediaKind, id: &str) -> Result<String, ApiError> {
    hub.view(|world| {
        let file = world.file_of(bot, id);
        let file = file.ok_or_else(|| ApiError::bad("wrong file identifier/HTTP URL specified"))?;
        // A file keeps its kind when it is sent again.
        if file.kind == kind.field {
            return Ok(id.to_owned());
        }
        let capital = |name: &str| name[..1].to_uppercase() + &name[1..];
        let (from, to) = (capital(file.kind), capital(kind.field));
        Err(ApiError::bad(format!("can't use file of type {from} as {to}")))
    })
}

async fn fetch(hub: &Arc<Hub>, kind: &MediaKind, address: &str) -> Result<Upload, ApiError> {
    let failed = |_| ApiError::bad("failed to get HTTP URL content");
    let answer = hub.http.get(address).send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let mime = answer.headers().get("content-type").and_then(|mime| mime.to_str().ok()).unwrap_or_default().to_owned();
    let bytes = answer.bytes().await.map_err(failed)?;
    let most = if kind.field == "photo" { MAX_FETCHED_PHOTO } else { MAX_DOWNLOAD };
    if bytes.is_empty() || bytes.len() > most {
        return Err(ApiError::bad("failed to get HTTP URL content"));
    }
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let upload = Upload { name, mime, bytes };
    check(kind, &upload)?;
    Ok(upload)
}
