//! Whom a described channel calls: hosts that are named, by the proxy, with the certificates that are given.

use super::*;
use crate::described::transport::{Network, Route};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::json;
use std::path::Path;

type Seen = Arc<Mutex<Vec<String>>>;

/// A server that notes what it is asked; `/away` leads to the address it is told.
async fn server(away: String) -> (String, Seen) {
    let seen = Seen::default();
    let noted = Arc::clone(&seen);
    let app = Router::new().fallback(move |request: Request<Body>| {
        let (noted, away) = (Arc::clone(&noted), away.clone());
        async move {
            noted.lock().push(format!("{} {}", request.method(), request.uri()));
            match request.uri().path() {
                "/away" => (StatusCode::FOUND, [(header::LOCATION, away)]).into_response(),
                "/file" => "bytes of a file".into_response(),
                _ => json_of(&json!({ "id": "m1", "up": { "url": away } })),
            }
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, seen)
}

fn json_of(body: &Json) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// A channel that calls the network.
fn stage(more: &str, settings: &str, folder: &Path) -> Stage {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let description = load(&format!("{KIT}{more}")).unwrap_or_else(|wrong| panic!("{wrong}"));
    let given = settings::read(&description.settings, settings.parse().unwrap()).unwrap();
    let network = Route::read(&description, &given, folder).and_then(Network::by);
    Stage::over(more, settings, Box::new(network.unwrap_or_else(|problem| panic!("{problem}"))))
}

const ONCE: &str = "[once]\nby = \"key\"\n";

/// Neither a visitor, nor an answer, nor a redirect leads to a host that is not named.
#[tokio::test]
async fn only_hosts_that_are_named_are_called() {
    let (stranger, by_stranger) = server(String::new()).await;
    let (api, of_api) = server(format!("{stranger}/file")).await;
    let files = "[[events]]\neach = [\"f in body.files\"]\nchat = \"a\"\nkey = \"{{ f.id }}\"\ntext = \"{{ f.text }}\"\n\
                 files = [{ url = \"{{ f.url }}\" }]\nrules = [{}]\n";
    let up = "[[send]]\nsteps = [{ post = \"/up\", take = { up = \"answer.up\" } }, { post = \"{{ up.url }}\", json = {}, id = \"answer.id\" }]\n";
    let stage = stage(&format!("{files}{up}{ONCE}"), &format!("api = \"{api}\""), Path::new(""));
    for (id, url) in [("1", format!("{stranger}/file")), ("2", format!("{api}/away")), ("3", format!("{api}/file"))] {
        stage.comes(json!({ "files": [{ "id": id, "url": url, "text": "look" }] })).await.unwrap();
    }
    let items = stage.items("a");
    assert_eq!(items.iter().map(|item| item.content.files.len()).collect::<Vec<_>>(), [0, 0, 1]);
    assert!(stage.texts("a")[0].contains("[file not delivered: it is at 127.0.0.1"), "{:?}", stage.texts("a"));
    // What is not taken in this channel is told to the operators as well.
    stage.comes(json!({ "files": [{ "id": "4", "url": format!("{api}/page"), "text": "look" }] })).await.unwrap();
    let told = "look\n[file not delivered: files of the type application/json are not taken]";
    assert_eq!(stage.texts("a")[3], told);
    let Err(DeliveryError::Refused { reason }) = stage.sends("a", "hi", false).await else { panic!() };
    assert!(reason.contains("is not one of Kit's hosts"), "{reason}");
    assert_eq!(*by_stranger.lock(), [""; 0]);
    assert_eq!(*of_api.lock(), ["GET /away", "GET /file", "GET /page", "POST /up"]);
}

#[tokio::test]
async fn calls_go_by_the_proxy_of_the_channel() {
    let (proxy, asked) = server(String::new()).await;
    let given = format!("api = \"http://api.example\"\nproxy = \"{proxy}\"");
    let stage = stage(&format!("{SEND}{ONCE}"), &given, Path::new(""));
    assert_eq!(stage.sends("a", "hi", false).await.unwrap(), ["m1"]);
    assert_eq!(*asked.lock(), ["POST http://api.example/send"]);
}

/// A server with a certificate of an authority that no system knows.
async fn private() -> String {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let _ = rustls::crypto::ring::default_provider().install_default();
    let chain = CertificateDer::pem_slice_iter(include_bytes!("tls/server.pem")).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"id\":\"m1\"}").await;
            let _ = stream.shutdown().await;
        }
    });
    url
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_it_is_given() {
    let api = private().await;
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/described/tests/tls");
    let more = format!("{SEND}{ONCE}");
    let without = stage(&more, &format!("api = \"{api}\""), &here);
    assert!(matches!(without.sends("a", "hi", false).await, Err(DeliveryError::Retry { .. })), "it never left");
    let with = stage(&more, &format!("api = \"{api}\"\nca_file = \"ca.pem\""), &here);
    assert_eq!(with.sends("a", "hi", false).await.unwrap(), ["m1"]);
}

#[test]
fn wrong_certificates_and_proxies_are_told_at_once() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/described/tests/tls");
    let description = load(&format!("{KIT}{SEND}{ONCE}")).unwrap_or_else(|wrong| panic!("{wrong}"));
    let problem = |settings: &str| {
        let given = settings::read(&description.settings, settings.parse().unwrap()).unwrap();
        Route::read(&description, &given, &here).err().map(|problem| problem.to_string())
    };
    assert!(problem("ca_file = \"none.pem\"").unwrap().contains("can't be read"));
    assert!(problem("ca_file = \"server.key\"").unwrap().contains("no certificate"));
    assert!(problem("proxy = \"a proxy\"").unwrap().starts_with("proxy: "));
    assert_eq!(problem("ca_file = \"ca.pem\"\nproxy = \"http://user:word@127.0.0.1:3128\""), None);
}
