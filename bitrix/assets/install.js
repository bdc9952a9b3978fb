// Tells the portal that the installation is finished (until then it sends no events), and says when that did not work. The
// vendor's own script is loaded before this one.
const show = (id) => {
  for (const one of ["finishing", "finished", "no-script", "no-answer"]) {
    document.getElementById(one).hidden = one !== id;
  }
  // No tick stands above what is not well.
  document.querySelector("h1")?.classList.toggle("good", !id.startsWith("no-"));
};
const ask = document.currentScript.dataset.ask;
const end = Date.now() + 20000;

// Whether the portal says so itself: our server asks it.
const confirmed = async () => {
  while (Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    try {
      const answer = await fetch(ask, { cache: "no-store" });
      if ((await answer.json()).finished) return show("finished");
    } catch {
      // It is asked again.
    }
  }
  show("no-answer");
};

if (window.BX24) {
  window.BX24.init(() => window.BX24.installFinish());
  confirmed();
} else {
  show("no-script");
}
