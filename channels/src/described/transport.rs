//! How requests leave: over the network, or for fixtures over a script.

use super::calls::{Answer, Payload, Request};
use super::description::Description;
use super::settings::Given;
use super::verdicts::Failed;
use crate::common::http::{How, Lost, client, deepest, is_one_of};
use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use openline_core::backend::FileStream;
use openline_core::files::ByteStream;
use openline_core::{ConfigError, DeliveryError};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// An answer is read so far, in bytes.
const MOST: usize = 4 * 1024 * 1024;
/// How long a call with a file may take: core wants an answer within a minute.
const UPLOAD: Duration = Duration::from_secs(50);

/// An operator's file on its way out.
pub(crate) struct FileOut {
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) size: Option<u64>,
    /// Opens it, anew for each call.
    pub(crate) open: Box<dyn Fn() -> BoxFuture<'static, Result<FileStream, DeliveryError>> + Send + Sync>,
}

/// The way out.
#[async_trait]
pub(crate) trait Transport: Send + Sync {
    /// Makes a call.
    ///
    /// # Errors
    /// When there is no answer.
    async fn call(&self, request: &Request, file: Option<&FileOut>) -> Result<Answer, Failed>;

    /// Fetches a file from one of the hosts.
    ///
    /// # Errors
    /// An answer without the file, or why there is none.
    async fn fetch(&self, url: &url::Url, headers: &[(String, String)])
    -> Result<(Answer, Option<FileStream>), Failed>;
}

/// The way to a messenger, as the settings say.
pub(super) struct Route {
    name: String,
    timeout: Duration,
    proxy: Option<String>,
    certificates: Option<Vec<u8>>,
    /// Hosts of files and of addresses that answers name.
    hosts: Vec<String>,
    secrets: Vec<String>,
}

impl Route {
    /// As the settings say; `folder`: where files that they name are.
    ///
    /// # Errors
    /// The key and what is wrong.
    pub(super) fn read(description: &Description, given: &Given, folder: &Path) -> Result<Self, ConfigError> {
        let certificates = given.ca_file.as_ref().map(|file| {
            let path = folder.join(file);
            let bad = |error| ConfigError::at("ca_file", format!("{} can't be read: {error}", path.display()));
            std::fs::read(&path).map_err(bad)
        });
        let Description { name, http, .. } = description;
        let base = http.base.text(&given.scope).unwrap_or_default();
        let mut hosts: Vec<_> = http.hosts.iter().chain(&given.file_hosts).cloned().collect();
        if let Ok(url) = url::Url::parse(&base)
            && let Some(host) = url.host_str()
        {
            hosts.push(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")));
        }
        let certificates = certificates.transpose()?;
        if let Some(pem) = &certificates
            && !reqwest::Certificate::from_pem_bundle(pem).is_ok_and(|read| !read.is_empty())
        {
            return Err(ConfigError::at("ca_file", "has no certificate in PEM form"));
        }
        if let Some(proxy) = &given.proxy
            && reqwest::Proxy::all(proxy).is_err()
        {
            return Err(ConfigError::at("proxy", "is no address like \"http://proxy.example:3128\""));
        }
        let (proxy, secrets) = (given.proxy.clone(), given.secrets.clone());
        Ok(Self { name: name.clone(), timeout: http.timeout, proxy, certificates, hosts, secrets })
    }
}

/// The network.
pub(crate) struct Network {
    route: Route,
    client: Client,
}

impl Network {
    /// By this way.
    ///
    /// # Errors
    /// When there can be no client.
    pub(super) fn by(route: Route) -> Result<Self, ConfigError> {
        let (proxy, certificates) = (route.proxy.as_deref(), route.certificates.as_deref());
        let client = client(How { timeout: UPLOAD, proxy, certificates, redirects: route.hosts.clone() })?;
        Ok(Self { route, client })
    }

    fn lost(&self, error: &reqwest::Error) -> Failed {
        let mut lost = Lost::of(error);
        let (Lost::Unreached(cause) | Lost::Cut(cause)) = &mut lost;
        for secret in &self.route.secrets {
            *cause = cause.replace(secret.as_str(), "…");
        }
        lost.verdict(&self.route.name).into()
    }

    async fn body(
        &self,
        request: &Request,
        file: Option<&FileOut>,
        call: reqwest::RequestBuilder,
    ) -> Result<reqwest::RequestBuilder, Failed> {
        Ok(match &request.payload {
            Payload::None => call,
            Payload::Json(json) => call.json(json),
            Payload::Form(fields) => call.form(fields),
            Payload::Multipart(parts) => {
                let mut form = Form::new();
                for (name, text) in parts {
                    form = match (text, file) {
                        (Some(text), _) => form.text(name.clone(), text.clone()),
                        (None, Some(file)) => form.part(name.clone(), part(file).await?),
                        (None, None) => return Err(DeliveryError::refused("there is no file to send").into()),
                    };
                }
                call.multipart(form).timeout(UPLOAD)
            }
        })
    }
}

async fn part(file: &FileOut) -> Result<Part, Failed> {
    let stream = (file.open)().await?;
    let size = file.size.or(stream.size);
    let body = reqwest::Body::wrap_stream(stream.bytes);
    let part = match size {
        Some(size) => Part::stream_with_length(body, size),
        None => Part::stream(body),
    };
    let part = part.file_name(file.name.clone());
    part.mime_str(&file.mime).map_err(|_| DeliveryError::refused("the file's type is none").into())
}

#[async_trait]
impl Transport for Network {
    async fn call(&self, request: &Request, file: Option<&FileOut>) -> Result<Answer, Failed> {
        if !is_one_of(&request.url, &self.route.hosts) {
            let host = request.url.host_str().unwrap_or_default();
            return Err(DeliveryError::refused(format!(
                "{host} is not one of {}'s hosts (http.hosts)",
                self.route.name
            ))
            .into());
        }
        let method = request.method.parse().unwrap_or(reqwest::Method::POST);
        let mut call = self.client.request(method, request.url.clone()).timeout(self.route.timeout);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        let call = self.body(request, file, call).await?;
        let response = call.send().await.map_err(|error| self.lost(&error))?;
        self.read(response).await
    }

    async fn fetch(
        &self,
        url: &url::Url,
        headers: &[(String, String)],
    ) -> Result<(Answer, Option<FileStream>), Failed> {
        if !is_one_of(url, &self.route.hosts) {
            let host = url.host_str().unwrap_or_default();
            return Err(
                DeliveryError::refused(format!("it is at {host}, which is not allowed (settings.file_hosts)")).into()
            );
        }
        let mut call = self.client.get(url.clone());
        for (name, value) in headers {
            call = call.header(name, value);
        }
        let response = call.send().await.map_err(|error| self.lost(&error))?;
        if response.status().as_u16() != 200 {
            return Ok((self.read(response).await?, None));
        }
        let answer = Answer { status: 200, headers: told(&response), body: String::new() };
        let size = response.content_length();
        let mime = answer.headers.get("content-type").cloned();
        let bytes: ByteStream =
            response.bytes_stream().map(|piece| piece.map_err(|error| std::io::Error::other(deepest(&error)))).boxed();
        Ok((answer, Some(FileStream { size, mime, bytes })))
    }
}

fn told(response: &Response) -> BTreeMap<String, String> {
    let headers = response.headers().iter();
    headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

impl Network {
    async fn read(&self, mut response: Response) -> Result<Answer, Failed> {
        let (status, headers) = (response.status().as_u16(), told(&response));
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.lost(&error))? {
            body.extend_from_slice(&piece);
            if body.len() > MOST {
                break;
            }
        }
        Ok(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }
}
