//! `GET /metrics` in Prometheus' text format: on a listener of its own, or on the service's behind a bearer token.

use crate::config::ListenerSettings;
use crate::serve::token::is_bearer;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use openline_bitrix::Bitrix;
use openline_core::inbox::Doors;
use openline_core::{ClientAddress, Store, StoreError, sampled};
use secrecy::SecretString;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Borders of the times that are measured, in seconds.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];
/// Dead letters are counted so far.
const MOST_DEAD: usize = 1000;
/// How often what was measured is put in order, so that it does not grow when nobody asks.
const UPKEEP: Duration = Duration::from_secs(10);

/// The collector of this process; there can be only one.
fn collector() -> Option<&'static PrometheusHandle> {
    static COLLECTOR: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
        match builder.map(PrometheusBuilder::install_recorder) {
            Ok(Ok(handle)) => Some(handle),
            Ok(Err(error)) | Err(error) => {
                tracing::error!(%error, "metrics can't be collected");
                None
            }
        }
    };
    COLLECTOR.get_or_init(install).as_ref()
}

/// What is told at each question.
#[derive(Clone)]
struct Told {
    collector: &'static PrometheusHandle,
    token: Option<SecretString>,
    store: Arc<dyn Store>,
    doors: Doors,
    bitrix: Arc<Bitrix>,
}

/// The route, when metrics are configured; what was measured is kept in order until `stop`.
pub(crate) fn routes(
    settings: &ListenerSettings,
    store: &Arc<dyn Store>,
    doors: &Doors,
    bitrix: &Arc<Bitrix>,
    stop: CancellationToken,
) -> Option<Router> {
    let collector = settings.are_on().then(collector).flatten()?;
    tokio::spawn(async move {
        while stop.run_until_cancelled(tokio::time::sleep(UPKEEP)).await.is_some() {
            collector.run_upkeep();
        }
    });
    let (store, doors, bitrix) = (Arc::clone(store), doors.clone(), Arc::clone(bitrix));
    let told = Told { collector, token: settings.token.clone(), store, doors, bitrix };
    Some(Router::new().route("/metrics", get(tell)).with_state(told))
}

async fn tell(State(told): State<Told>, from: ClientAddress, headers: HeaderMap) -> Response {
    if !told.token.as_ref().is_none_or(|token| is_bearer(&headers, token)) {
        sampled!(warn, target: "security", client = %from, result = "refused", "a wrong token for the metrics");
        let ask = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, ask, "send metrics.token as Authorization: Bearer …\n").into_response();
    }
    if let Err(error) = look(&told).await {
        tracing::warn!(%error, "the queues can't be measured");
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, told.collector.render()).into_response()
}

/// Measures what stands in the store now.
#[allow(clippy::cast_precision_loss)] // counts far below 2^53
async fn look(told: &Told) -> Result<(), StoreError> {
    let now = told.doors.now();
    for queue in told.doors.queues() {
        let name = queue.name();
        let depth = told.store.depth(&queue).await?;
        let age = told.store.oldest(&queue).await?.map_or(0.0, |oldest| oldest.until(now).as_secs_f64());
        gauge!("openline_queue_jobs", "queue" => name.clone()).set(depth as f64);
        gauge!("openline_queue_oldest_seconds", "queue" => name).set(age);
    }
    let dead = told.store.dead_letters(None, MOST_DEAD).await?.len();
    gauge!("openline_dead_letters").set(dead as f64);
    let status = told.bitrix.status();
    gauge!("openline_portal_installed").set(f64::from(u8::from(status.member_id.is_some())));
    gauge!("openline_portal_ready").set(f64::from(u8::from(status.problem.is_none())));
    Ok(())
}
