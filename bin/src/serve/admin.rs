//! `/admin`: the dashboard for operators of the machine, on a listener of its own. Who reaches it without a token is on this
//! machine; with one it is asked for by the browser.

use crate::config::ListenerSettings;
use crate::serve::token::{is_bearer, is_password};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use openline_core::{ClientAddress, sampled};
use secrecy::SecretString;
use std::net::IpAddr;

/// The pages, behind what lets in.
pub(crate) fn routes(settings: &ListenerSettings, pages: Router) -> Router {
    let to_page = get(async || Redirect::temporary("/admin"));
    pages.route("/", to_page).layer(from_fn_with_state(settings.token.clone(), let_in))
}

async fn let_in(
    State(token): State<Option<SecretString>>,
    from: ClientAddress,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    let refused = |status, text: &'static str| {
        sampled!(warn, target: "security", client = %from, result = "refused", reason = text, "somebody asked for /admin");
        (status, text).into_response()
    };
    match token {
        Some(token) if !is_bearer(&headers, &token) && !is_password(&headers, &token) => {
            let mut response = refused(StatusCode::UNAUTHORIZED, "send admin.token, in a browser as the password\n");
            let ask = header::HeaderValue::from_static("Basic realm=\"openline\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
            response
        }
        // A name that a stranger's site has for this machine would let its scripts read the page.
        None if !is_by_address(&headers) => {
            refused(StatusCode::FORBIDDEN, "ask by the address (127.0.0.1) or as localhost, or set admin.token\n")
        }
        _ => next.run(request).await,
    }
}

/// Whether the request names this machine by an address, or as localhost.
fn is_by_address(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(uri) = host.and_then(|host| format!("http://{host}/").parse::<Uri>().ok()) else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_somebodys_is_not_this_machine() {
        let asked = |host: &str| is_by_address(&HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]));
        for good in ["127.0.0.1:9465", "localhost:9465", "LOCALHOST", "[::1]:9465", "[::1]"] {
            assert!(asked(good), "{good}");
        }
        for bad in ["evil.example:9465", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b"] {
            assert!(!asked(bad), "{bad}");
        }
        assert!(!is_by_address(&HeaderMap::new()));
    }
}
