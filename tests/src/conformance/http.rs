//! What stand-ins of kinds with an HTTP interface share.

use super::{Answer, Attachment};
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

    /// A file by its address.
    pub(super) async fn fetch(request: RequestBuilder, name: &str) -> Attachment {
        let response = request.send().await.expect("an answer").error_for_status().expect("the file");
        Attachment { name: name.to_owned(), bytes: response.bytes().await.expect("its bytes").to_vec() }
    }
}

/// A body of `multipart/form-data`, with the content type that goes with it; parts are name, file name and type when it
/// is a file, content.
pub(super) fn multipart(parts: &[(&str, Option<(&str, &str)>, &[u8])]) -> (String, Vec<u8>) {
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
