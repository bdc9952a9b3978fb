//! The collector: steps are posted to it by OTLP, some hundreds at once. One that is away costs what waits in the queue.

use super::otlp;
use super::steps::Steps;
use crate::config::TraceSettings;
use async_trait::async_trait;
use openline_core::trace::Step;
use opentelemetry::InstrumentationScope;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::trace::SpanExporter as _;
use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Between two posts; with [`super::steps::BATCH`] it bounds what telling costs.
const EVERY: Duration = Duration::from_millis(250);
/// How long a post may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// After a post that failed.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Collector {
    exporter: SpanExporter,
    scope: InstrumentationScope,
    away: bool,
}

impl Collector {
    pub(super) fn new(
        settings: &TraceSettings,
        endpoint: &Url,
        public_url: &str,
        process: &str,
    ) -> Result<Self, String> {
        let client = openline_channels::signed::client(PATIENCE).map_err(|error| error.problem)?;
        let bearer = |token: &secrecy::SecretString| format!("Bearer {}", token.expose_secret());
        let headers = settings.token.iter().map(|token| ("authorization".to_owned(), bearer(token)));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(client))
            .with_endpoint(endpoint.as_str())
            .with_headers(headers.collect::<HashMap<_, _>>())
            .with_timeout(PATIENCE)
            // What is not taken is left out; its own pauses would hold up a thread.
            .with_retry_policy(RetryPolicy::disabled())
            .build();
        let mut exporter = exporter.map_err(|error| error.to_string())?;
        exporter.set_resource(&otlp::resource(public_url, process));
        let scope = InstrumentationScope::builder("openline").with_version(env!("CARGO_PKG_VERSION")).build();
        Ok(Self { exporter, scope, away: false })
    }

    /// Tells of steps until `end`, then of what is left.
    pub(super) async fn run(mut self, mut steps: Steps, end: CancellationToken) {
        while let Some(Some(batch)) = end.run_until_cancelled(steps.next()).await {
            let told = self.tell(batch).await;
            steps.adjust();
            let pause = if told { EVERY } else { PAUSE };
            let _ = end.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
        loop {
            let rest = steps.rest();
            if rest.is_empty() || !self.tell(rest).await {
                break;
            }
        }
    }

    /// Whether the collector took them. That it is away is said once.
    async fn tell(&mut self, batch: Vec<Step>) -> bool {
        let spans = batch.into_iter().map(|step| otlp::span(step, &self.scope)).collect();
        let told = self.exporter.export(spans).await;
        match (&told, self.away) {
            (Err(error), false) => {
                let problem = error.to_string();
                tracing::warn!(problem, "the collector takes no traces; they are left out until it does");
            }
            (Ok(()), true) => tracing::info!("the collector takes traces again"),
            _ => {}
        }
        self.away = told.is_err();
        !self.away
    }
}

/// Our own client, with the one TLS that the program has.
#[derive(Debug)]
struct Client(reqwest::Client);

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = self.0.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
        // Errors name no address: it is in the configuration.
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        let status = answer.status();
        // Nothing of the answer is needed but whether it was taken.
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        Ok(response)
    }
}
