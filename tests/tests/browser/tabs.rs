//! Reloading, and several tabs of one visitor.

use crate::stage::{Stage, answers, introduces, is, opens, says, shows, was_quiet};
use openline_tests::browser::{Look, Page};

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

/// Two of the widget's frames in one page, as in two tabs: both ask for a session before either has an answer, unless
/// one waits for the other.
const TWO_FRAMES: &str = "const [locks] = arguments; let asked = 0;
    const waits = async () => (await navigator.locks.query()).pending.some(({ name }) => name.endsWith('/session'));
    const hold = (view) => {
      const ask = view.fetch.bind(view);
      if (!locks) Object.defineProperty(view.navigator, 'locks', { value: undefined });
      view.fetch = async (url, init) => {
        if (!String(url).endsWith('/session')) return ask(url, init);
        asked += 1;
        const answer = await ask(url, init);
        while (asked < 2 && !await waits()) await new Promise((done) => setTimeout(done, 5));
        return answer;
      };
    };
    const ready = [];
    addEventListener('message', ({ data, source }) => {
      if (data.openline !== 'ready' || source === window || ready.push(source) < 2) return;
      ready.forEach(hold);
      for (const one of ready) one.postMessage({ openline: 'hello', identity: null, open: true, page: {} }, location.origin);
    });
    for (const id of ['first', 'second']) {
      const frame = Object.assign(document.createElement('iframe'), { id, width: 360, height: 600 });
      frame.src = `frame?origin=${location.origin}`;
      document.body.prepend(frame);
    }";

async fn enters(page: &Page, frame: &str) {
    page.find(frame).await.enter_frame().await.unwrap();
}

#[tokio::test]
async fn frames_that_begin_together_have_one_session() {
    for locks in [true, false] {
        let Some(stage) = Stage::set().await else { return };
        let page = stage.open(Look::DESKTOP, &stage.world.url("/c/site/frame")).await; // any page without a cookie
        page.client().execute(TWO_FRAMES, vec![locks.into()]).await.unwrap();
        for (frame, text) in [("#first", "from the first"), ("#second", "from the second")] {
            enters(&page, frame).await;
            says(&page, text).await;
            is(&page, text, "delivered").await;
            page.client().enter_parent_frame().await.unwrap();
        }
        enters(&page, "#first").await;
        shows(&page, "visitor", "from the second").await;
        page.client().enter_parent_frame().await.unwrap();
        was_quiet(&page).await;
    }
}
