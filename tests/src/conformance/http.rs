//! What stand-ins of kinds with an HTTP interface share.

use super::{Answer, Attachment, Waiting};
use reqwest::{Client, Method, RequestBuilder, StatusCode};

/// A program that calls the channel.
#[derive(Default)]
pub(super) struct Http {
    client: Client,
    /// Where the channel is, without a slash at the end.
    pub(super) base: String,
}

impl Http {
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// What a call's answer says of the delivery.
    pub(super) async fn deliver(request: RequestBuilder) -> Answer {
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Answer::Unclear(error.to_string()),
        };
        let status = response.status();
        let said = format!("{status}: {}", response.text().await.unwrap_or_default());
        match status {
            status if status.is_success() => Answer::Taken,
            StatusCode::TOO_MANY_REQUESTS => Answer::Unclear(said),
            status if status.is_client_error() => Answer::Refused(said),
            _ => Answer::Unclear(said),
        }
    }

    /// A call whose answer is held.
    pub(super) fn held(request: RequestBuilder) -> Waiting {
        Box::pin(async move {
            let Ok(response) = request.send().await else { return };
            let _ = response.bytes().await;
        })
    }

    /// A file by its address.
    pub(super) async fn fetch(request: RequestBuilder, name: &str) -> Attachment {
        let response = request.send().await.expect("an answer").error_for_status().expect("the file");
        Attachment { name: name.to_owned(), bytes: response.bytes().await.expect("its bytes").to_vec() }
    }
}

/// One part of a form: its name, the file's name and type when it is one, its content.
pub(super) type Part<'p> = (&'p str, Option<(&'p str, &'p str)>, &'p [u8]);

/// A body of `multipart/form-data`, behind the content type that goes with it.
pub(super) fn multipart(parts: &[Part<'_>]) -> (String, Vec<u8>) {
    const MARK: &str = "between-the-parts-of-the-kit";
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file.map(|(file, mime)| format!("; filename=\"{file}\"\r\nContent-Type: {mime}"));
        let head =
            format!("--{MARK}\r\nContent-Disposition: form-data; name=\"{name}\"{}\r\n\r\n", file.unwrap_or_default());
        body.extend(head.as_bytes());
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{MARK}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={MARK}"), body)
}
