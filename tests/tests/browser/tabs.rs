//! Reloading, and several tabs of one visitor.

use crate::stage::{Stage, answers, introduces, is, opens, says, shows, was_quiet};
use openline_tests::browser::Look;

#[tokio::test]
async fn a_reload_keeps_everything_once() {
    let Some(stage) = Stage::set().await else { return };
    let (visitor, desk) = (stage.visitor(Look::DESKTOP).await, stage.desk(Look::DESKTOP).await);
    introduces(&visitor, "Ann Lee", "one").await;
    says(&visitor, "two").await;
    opens(&desk).await;
    answers(&desk, "[i]three[/i]").await;
    shows(&visitor, "operator", "three").await;
    is(&visitor, "two", "delivered").await;
    let all = "return [...document.querySelectorAll('[data-testid=message]')].map((one) => one.innerText)";
    let before = visitor.eval(all).await;
    visitor.reload().await;
    is(&visitor, "one", "delivered").await;
    assert_eq!(visitor.eval(all).await, before);
    assert_eq!(visitor.text("#you-are").await, "You are Ann Lee");
    visitor.write("[data-testid=text-input]", "a draft").await;
    visitor.reload().await;
    visitor.until("document.getElementById('text').value === 'a draft'").await;
    was_quiet(&visitor).await;
    desk.reload().await;
    shows(&desk, "client", "one").await;
    shows(&desk, "operator", "three").await;
    was_quiet(&desk).await;
}

#[tokio::test]
async fn two_tabs_are_in_step() {
    let Some(stage) = Stage::set().await else { return };
    let (visitor, desk) = (stage.visitor(Look::DESKTOP).await, stage.desk(Look::PHONE).await);
    introduces(&visitor, "Ann", "from the first").await;
    is(&visitor, "from the first", "delivered").await;
    let [first, second] = visitor.second_tab(&stage.chat()).await;
    shows(&visitor, "visitor", "from the first").await;
    assert_eq!(visitor.text("#you-are").await, "You are Ann");
    says(&visitor, "from the second").await;
    visitor.to_tab(&first).await;
    shows(&visitor, "visitor", "from the second").await;
    says(&visitor, "and back").await;
    opens(&desk).await;
    answers(&desk, "to both").await;
    for tab in [&second, &first] {
        visitor.to_tab(tab).await;
        shows(&visitor, "operator", "to both").await;
        for text in ["from the first", "from the second", "and back"] {
            is(&visitor, text, "delivered").await;
            shows(&desk, "client", text).await;
        }
        visitor.count("[data-testid=message][data-kind=message][data-from=visitor]", 3).await;
    }
    was_quiet(&visitor).await;
    was_quiet(&desk).await;
}
