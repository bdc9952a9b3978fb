//! `multipart/form-data` bodies as browsers write them.

/// A form being written.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<u8>);

const BOUNDARY: &str = "----openlineTests7f3a";

impl Form {
    /// A message with a key and a text.
    pub fn message(key: &str, text: &str) -> Self {
        Self::default().field("key", key).field("text", text)
    }

    /// A field.
    #[must_use]
    pub fn field(self, name: &str, value: &str) -> Self {
        self.part(&format!("name=\"{name}\""), "", value.as_bytes())
    }

    /// A file of the input `files`.
    #[must_use]
    pub fn file(self, name: &str, mime: &str, content: &[u8]) -> Self {
        let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        self.part(&format!("name=\"files\"; filename=\"{name}\""), &format!("Content-Type: {mime}\r\n"), content)
    }

    /// A part; `parameters` go behind `form-data`, `more` are other lines of its head with their ends.
    #[must_use]
    pub fn part(mut self, parameters: &str, more: &str, content: &[u8]) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {parameters}\r\n{more}\r\n");
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Content type and body.
    pub fn finish(mut self) -> (String, Vec<u8>) {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={BOUNDARY}"), self.0)
    }
}
