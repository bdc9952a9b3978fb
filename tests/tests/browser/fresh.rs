//! In a frame files are fetched by addresses that are good for minutes.

use crate::host::Host;
use crate::stage::{drawing, is, says, shows_pictures, was_quiet_but};
use crate::widget::{enters, leaves, presses};
use openline_tests::browser::Look;
use serde_json::json;

const PICTURE: &str = "document.querySelector('a.image img')";
const LINK: &str = "document.querySelector('a.file')";

/// An address as it is when its time is over: refused.
fn over(element: &str, attribute: &str) -> String {
    format!("{element}.{attribute} = {element}.{attribute}.replace(/-[0-9a-f]{{32}}\\//, `-${{'0'.repeat(32)}}/`)")
}

#[tokio::test]
async fn a_picture_and_a_file_whose_address_is_over_come_by_a_fresh_one() {
    let Some((host, stage)) = Host::with_chat("").await else { return };
    let page = host.open(&stage, Look::DESKTOP, "").await;
    presses(&page).await;
    enters(&page).await;
    page.find(".js").await;
    for (name, bytes) in [("sunset.png", drawing(&page).await), ("list.txt", b"eggs".to_vec())] {
        let file = stage.file(name, &bytes).display().to_string();
        page.find("[data-testid=file-input]").await.send_keys(&file).await.unwrap();
    }
    page.count("[data-testid=chip]", 2).await;
    says(&page, "look").await;
    is(&page, "look", "delivered").await;
    shows_pictures(&page, 1).await;
    let signed = page.eval(&format!("return [{PICTURE}.src, {LINK}.href]")).await;
    for (address, ending) in signed.as_array().unwrap().iter().zip(["/sunset.png", "/list.txt"]) {
        let address = address.as_str().unwrap();
        assert!(address.contains("/f/") && address.ends_with(ending), "{address}");
        let until: u64 = address.split('-').nth(3).unwrap().parse().unwrap();
        let left = until.saturating_sub(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs());
        assert!((60..=15 * 60).contains(&left), "{left} seconds");
    }

    page.eval(&over(PICTURE, "src")).await;
    page.until(&format!("!{PICTURE}.src.includes('0'.repeat(32)) && {PICTURE}.complete && {PICTURE}.naturalWidth > 0"))
        .await;

    page.eval(
        "window.gone = []; HTMLAnchorElement.prototype.click = function () { gone.push([this.href, this.download]); }",
    )
    .await;
    page.eval(&over(LINK, "href")).await;
    page.click("a.file").await;
    page.until("gone.length === 1").await;
    let gone = page.eval("return gone[0]").await;
    assert_eq!(gone[1], "list.txt");
    let there = reqwest::get(gone[0].as_str().unwrap()).await.unwrap();
    assert_eq!((there.status().as_u16(), there.text().await.unwrap()), (200, "eggs".to_owned()));

    leaves(&page).await;
    assert_eq!(page.eval("return window.violations").await, json!([]));
    was_quiet_but(&page, |entry| entry["source"] == "network").await;
}
