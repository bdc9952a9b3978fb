//! The demo with a bot.

use openline::commands::demo::{Demo, Options, TOKEN};

#[tokio::test]
async fn the_demo_has_a_bot_beside_the_website() {
    openline::install_crypto();
    let options =
        Options { data: None, chaos: false, telegram: true, messenger: None, port: 0, portal_port: 0, auth_port: 0 };
    let demo = Demo::start(&options).await.unwrap();
    let telegram = demo.telegram.as_ref().unwrap();
    assert_eq!(reqwest::get(telegram.phone_url()).await.unwrap().status(), 200);
    let (bot, sam) = (telegram.add_bot(TOKEN, "demo_bot"), telegram.person("Sam"));
    sam.writes(&bot, "hello");
    let said = |portal: openline_sandbox::View<'_>| portal.all_messages().any(|message| message.text == "hello");
    demo.sandbox.wait_until(said).await.unwrap();
    demo.service.stop().await;
}
