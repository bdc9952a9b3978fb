//! Whatever either side writes: nothing runs, all of it is text.

use crate::stage::{Stage, answers, introduces, is, opens, says, shows, was_quiet};
use openline_tests::browser::{Look, Page};

const NAME: &str = "<img src=x onerror='window.__pwned=1'>";

const TEXTS: [&str; 11] = [
    "<script>window.__pwned = 1; alert(1)</script>",
    "<img src=x onerror=\"window.__pwned=1\"><svg onload=window.__pwned=1>",
    "[url=javascript:window.__pwned=1]click[/url]",
    "[url]javascript:window.__pwned=1[/url]",
    "[url=data:text/html,<script>parent.__pwned=1</script>]x[/url]",
    "[url=https://a.example\" onmouseover=\"window.__pwned=1]x[/url]",
    "[img]javascript:window.__pwned=1[/img]",
    "[b onclick=window.__pwned=1]x[/b] [b][i]crossed[/b][/i] [b]open",
    "[url=[url=javascript:window.__pwned=1]]y[/url]",
    "</textarea></ol></script><iframe srcdoc='<script>parent.__pwned=1</script>'></iframe>",
    "&lt;b&gt; &amp; {{ 7 * 7 }} ${7 * 7} &#60;script&#62;",
];

/// Nothing in the conversation is more than text, formatting and harmless links.
async fn is_harmless(page: &Page) {
    let suspects = "return [...document.querySelectorAll('body *')].filter((one) => \
        [...one.attributes].some(({ name }) => name.startsWith('on') || name === 'srcdoc') \
        || (one.closest('[data-testid=message]') && one.matches('script, iframe, object, svg[onload], img[src=x]')) \
        || (one.matches('a[href]') && !/^(https?|mailto|tel):$/.test(one.protocol))).map((one) => one.outerHTML)";
    assert_eq!(page.eval(suspects).await, serde_json::json!([]));
}

#[tokio::test]
async fn what_a_visitor_writes_is_text_everywhere() {
    let Some(stage) = Stage::set().await else { return };
    let (visitor, desk) = (stage.visitor(Look::DESKTOP).await, stage.desk(Look::DESKTOP).await);
    introduces(&visitor, NAME, TEXTS[0]).await;
    for text in &TEXTS[1..] {
        says(&visitor, text).await;
    }
    is(&visitor, TEXTS[TEXTS.len() - 1], "delivered").await;
    opens(&desk).await;
    for text in TEXTS {
        shows(&visitor, "visitor", text).await;
        shows(&desk, "client", text).await;
    }
    assert!(
        desk.text("[data-testid=client-name]").await.contains("img src"),
        "the name, without what names can't have"
    );
    assert_eq!(visitor.text("#you-are").await, format!("You are {NAME}"));
    desk.click("[data-testid=client-info] summary").await;
    is_harmless(&visitor).await;
    is_harmless(&desk).await;
    visitor.reload().await;
    for text in TEXTS {
        shows(&visitor, "visitor", text).await;
    }
    is_harmless(&visitor).await;
    was_quiet(&visitor).await;
    was_quiet(&desk).await;
}

#[tokio::test]
async fn what_an_operator_writes_runs_nothing() {
    let Some(stage) = Stage::set().await else { return };
    let (visitor, desk) = (stage.visitor(Look::DESKTOP).await, stage.desk(Look::DESKTOP).await);
    says(&visitor, "hello").await;
    opens(&desk).await;
    for (done, text) in TEXTS.iter().enumerate() {
        answers(&desk, text).await;
        desk.count("[data-testid=message][data-from=operator]", done + 1).await;
    }
    for name in ["\"><img src=x onerror=window.__pwned=1>.txt", "<script>window.__pwned=1<&script>.svg"] {
        let file = stage.file(name, b"<svg xmlns='http://www.w3.org/2000/svg' onload='parent.__pwned=1'/>");
        desk.find("[data-testid=attach]").await.send_keys(&file.display().to_string()).await.unwrap();
    }
    desk.count("[data-testid=attachment]", 2).await;
    desk.click("[data-testid=send]").await;
    let everything = TEXTS.len() + 1;
    for _ in 0..2 {
        visitor.count("[data-testid=message][data-from=operator]", everything).await;
        visitor.count("[data-testid=file]", 2).await;
        for plain in [TEXTS[0], TEXTS[1], TEXTS[9], "[b onclick=window.__pwned=1]x[/b] "] {
            let found = serde_json::json!(plain);
            visitor.until(&format!("document.getElementById('items').textContent.includes({found})")).await;
        }
        is_harmless(&visitor).await;
        visitor.reload().await;
    }
    is_harmless(&desk).await;
    was_quiet(&visitor).await;
    was_quiet(&desk).await;
}
