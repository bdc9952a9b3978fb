//! A message that comes as a form: with files, which are kept as they come and never held in memory.

use crate::common::multipart::{Part, Parts, content, is_multipart};
use crate::website::bounds::MAX_FILES;
use crate::website::error::{Problem, Refusal};
use crate::website::sent::form::{Typed, fields};
use crate::website::session::sessions::Session;
use crate::website::site::Site;
use crate::website::welcome::before::Profile;
use crate::website::welcome::introduce::{Brought, examine};
use crate::website::welcome::texts::Catalogue;
use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use openline_core::client::Patience;
use openline_core::files::{FileError, FileRules};
use openline_core::message::File;
use openline_core::{ClientAddress, sampled};
use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use tokio::sync::Mutex;

/// Bytes of all fields that are no files.
const MAX_FIELDS: usize = 256 * 1024;
/// What parts with files are called.
const FILES: &str = "files";
/// What a file is called that comes without a name.
const UNNAMED: &str = "file";
/// Bytes of a body beside its files.
const BESIDE: u64 = 1_000_000;

/// What came in a form, and what is wrong with it: the fields are known then too, so that nothing has to be typed again.
#[derive(Default)]
pub(in crate::website) struct Upload {
    pub(in crate::website) fields: HashMap<String, String>,
    pub(in crate::website) files: Vec<File>,
    pub(in crate::website) problem: Option<Problem>,
    /// Bytes of files that came, and how many were counted against the limits.
    came: u64,
    counted: u64,
}

impl Upload {
    /// Reads a form of either kind. Files are kept only for a sender.
    pub(in crate::website) async fn read(site: &Site, request: Request, sender: Option<Sender<'_>>) -> Self {
        let mut upload = Self::default();
        if sender.is_some() {
            Patience::of(request.extensions()).lengthen();
        }
        let read = if is_multipart(request.headers()) {
            upload.read_parts(site, request, sender).await
        } else {
            upload.read_fields(request).await
        };
        match (read, &upload.problem) {
            (Err(problem), None) => Self { problem: Some(problem), ..upload },
            _ => upload,
        }
    }

    /// What was typed and chosen.
    pub(in crate::website) fn typed(self) -> Typed {
        typed(&self.fields, self.files)
    }

    async fn read_fields(&mut self, request: Request) -> Result<(), Problem> {
        let body: Bytes = request.extract().await.map_err(|error: axum::extract::rejection::BytesRejection| {
            let too_large = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
            if too_large { Problem::of(Refusal::BodyTooLarge, "The form is too long.") } else { broken_off() }
        })?;
        self.fields = fields(&body)?;
        Ok(())
    }

    async fn read_parts(&mut self, site: &Site, request: Request, sender: Option<Sender<'_>>) -> Result<(), Problem> {
        let rules = site.inbox.file_rules();
        let most = rules.most.saturating_mul(MAX_FILES as u64).saturating_add(BESIDE);
        let (head, body) = request.into_parts();
        let wrong = |error: Error| wrong_body(&error, most);
        let parts = Arc::new(Mutex::new(Parts::new(&head.headers, body, most).map_err(wrong)?));
        // After a refusal the rest is read all the same: browsers read no answer before everything is sent.
        while let Some(part) = { parts.lock().await.next().await.map_err(wrong)? } {
            // A part of that name is a file, however little its head says of it.
            if part.file_name.is_none() && part.name != FILES {
                let field = self.field(&part, &mut *parts.lock().await).await;
                self.problem = self.problem.take().or(field.map_err(wrong)?);
            } else if let Some(sender) = sender.as_ref().filter(|_| part.name == FILES && self.problem.is_none()) {
                self.problem = self.file(site, sender, part, &parts).await.err();
            }
        }
        Ok(())
    }

    async fn field(&mut self, part: &Part, parts: &mut Parts) -> Result<Option<Problem>, Error> {
        let room = MAX_FIELDS.saturating_sub(self.fields.values().map(String::len).sum());
        let mut bytes = Vec::new();
        while let Some(piece) = parts.piece().await? {
            if bytes.len() + piece.len() > room {
                return Ok(Some(Problem::of(Refusal::BodyTooLarge, "The text is too long.")));
            }
            bytes.extend_from_slice(&piece);
        }
        let Ok(text) = String::from_utf8(bytes) else {
            return Ok(Some(Problem::of(Refusal::BadForm, "the form is not in UTF-8")));
        };
        self.fields.insert(part.name.clone(), text);
        Ok(None)
    }

    async fn file(
        &mut self,
        site: &Site,
        sender: &Sender<'_>,
        part: Part,
        parts: &Arc<Mutex<Parts>>,
    ) -> Result<(), Problem> {
        let name = part.file_name.unwrap_or_default();
        // A body that broke off is told by whoever asks for the next part.
        let Ok(first) = parts.lock().await.piece().await else { return Ok(()) };
        if name.is_empty() && first.is_none() {
            // Where nothing was chosen browsers send a file without name and content.
            return Ok(());
        }
        if self.files.is_empty() {
            sender.check(site, &self.fields).await?;
        }
        if self.files.len() == MAX_FILES {
            let message = format!("A message takes at most {MAX_FILES} files. Please send the others in another one.");
            return Err(Problem::of(Refusal::TooManyFiles, message));
        }
        let name = if name.is_empty() { UNNAMED.to_owned() } else { name };
        let kept = site.inbox.keep_file(&name, &part.mime, content(first, Arc::clone(parts))).await;
        match kept {
            Ok(file) => {
                self.came += file.size.unwrap_or(0);
                self.files.push(file);
                self.count(site, sender)
            }
            Err(FileError::Broken(_)) => Ok(()),
            Err(error) => Err(refused(&name, &error, &site.inbox.file_rules())),
        }
    }

    /// Of a body whose head did not say how large it is, no more than one file was counted.
    fn count(&mut self, site: &Site, sender: &Sender<'_>) -> Result<(), Problem> {
        self.counted = self.counted.max(sender.counted);
        let more = self.came.saturating_sub(self.counted);
        self.counted += more;
        Ok(site.limits.upload(site.inbox.channel(), &sender.session.chat, sender.from, more)?)
    }
}

fn typed(fields: &Fields, files: Vec<File>) -> Typed {
    let field = |name: &str| fields.get(name).cloned();
    let (key, text, name) = (field("key").unwrap_or_default(), field("text").unwrap_or_default(), field("name"));
    Typed { key, text, name, files }
}

/// What stands in a form beside its files.
type Fields = HashMap<String, String>;

/// Who sends a form. What stands before its files is checked before any of them is kept.
pub(in crate::website) struct Sender<'s> {
    pub(in crate::website) session: &'s Session,
    pub(in crate::website) from: ClientAddress,
    /// How many bytes of it were counted against the limits before it was read.
    pub(in crate::website) counted: u64,
    pub(in crate::website) language: &'static Catalogue,
    /// Reads the profile out of the form's fields.
    pub(in crate::website) profile: fn(&Fields, &Catalogue) -> Result<Option<Profile>, Problem>,
}

impl Sender<'_> {
    async fn check(&self, site: &Site, fields: &Fields) -> Result<(), Problem> {
        let Typed { key, name, .. } = typed(fields, Vec::new()).check_fields()?;
        let profile = (self.profile)(fields, self.language)?;
        let signed = self.session.customer.as_ref();
        let brought = Brought { key: &key, name, profile, about: None, signed };
        examine(site, self.language, &self.session.chat, brought).await.map(|_| ())
    }
}

fn broken_off() -> Problem {
    Problem::of(Refusal::BadForm, "the form did not come whole")
}

fn wrong_body(error: &Error, most: u64) -> Problem {
    match error.kind() {
        ErrorKind::FileTooLarge => {
            let message = format!("Together the files are too large: at most {} MB are taken.", most / 1_000_000);
            Problem::of(Refusal::BodyTooLarge, message)
        }
        ErrorKind::InvalidData => Problem::of(Refusal::BadForm, error.to_string()),
        _ => broken_off(),
    }
}

fn refused(name: &str, error: &FileError, rules: &FileRules) -> Problem {
    match error {
        FileError::TooLarge { most } => {
            let message = format!("\"{name}\" is too large: files of up to {} MB are taken.", most / 1_000_000);
            let size = format!("{} MB", most / 1_000_000);
            Problem::of(Refusal::FileTooLarge, message).naming("name", name).naming("size", size)
        }
        FileError::Empty => Problem::of(Refusal::FileEmpty, format!("\"{name}\" is empty: there is nothing to send."))
            .naming("name", name),
        FileError::TypeRefused(kind) => {
            let taken = rules.types.join(", ");
            let message = format!("\"{name}\" can't be sent: files of the type {kind} are not taken, only {taken}.");
            Problem::of(Refusal::FileTypeRefused, message).naming("name", name)
        }
        FileError::NotLetThrough(why) => {
            Problem::of(Refusal::FileTypeRefused, format!("\"{name}\" can't be sent: {why}.")).naming("name", name)
        }
        FileError::Full => {
            sampled!(warn, "there is no room for visitors' files; /health says more");
            let message = "there is no room for files at the moment; the text can be sent without them";
            Problem::of(Refusal::StorageFull, message)
        }
        FileError::Broken(_) | FileError::Unavailable(_) | FileError::Gone => {
            tracing::error!(%error, "a visitor's file could not be kept");
            Problem::of(Refusal::StorageUnavailable, "nothing was stored; try again in a moment")
        }
    }
}
