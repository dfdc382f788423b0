// The page itself: tabs, numbers, the server, names for parts that have none.
"use strict";
{
  const {make} = wct;

  const tab = (name) => [...document.querySelectorAll("[role=tab]")].find((one) => one.textContent.trim() === name)?.click();

  const started = {};  // {tab: what its last run was started with}

  function start(tab, values) {
    started[tab] = JSON.stringify(values);
    wct.look();
    return values;
  }

  // The line in the place of one that tells of other values than these; else nothing, which leaves it.
  function stale(tab, text, line, values) {
    if (/class="said"/.test(line || "") && started[tab] !== JSON.stringify(values)) return `<p class="old">${text}</p>`;
  }

  let emptied = null;  // a number that is emptied goes back to its default, not to the least there is
  document.addEventListener("input", ({target}) => {
    if (target.type === "number") emptied = target.value === "" ? target : null;
  }, true);
  document.addEventListener("focusout", ({target}) => {
    if (target !== emptied) return;
    emptied = null;
    setTimeout(() => target.closest(".block")?.querySelector("button")?.click());
  });

  async function watchServer() {
    const banner = make("p", {class: "wct-lost", role: "alert"},
      "The server does not answer. The page comes back by itself when it does; photo, painting and settings are kept.");
    const first = window.gradio_config?.app_id;
    for (let lost = 0; ; await new Promise((done) => setTimeout(done, lost ? 1500 : 3000))) {
      try {
        const answer = await fetch("gradio_api/app_id", {cache: "no-store", signal: AbortSignal.timeout(8000)});
        if (!answer.ok) throw new Error(answer.status);
        const {app_id: now} = await answer.json();
        if (lost && String(now) !== String(first)) location.reload();
        banner.remove();
        lost = 0;
      } catch {
        if (++lost === 1) document.body.prepend(banner);
      }
    }
  }

  // Gradio names some parts that have no role, tells some changes to nobody, and has one name for all places for files.
  function describe() {
    document.querySelectorAll(".empty[aria-label]:not([role])").forEach((part) => part.setAttribute("role", "img"));
    document.querySelectorAll(".block.told:not([role])").forEach((part) => part.setAttribute("role", "status"));
    document.querySelectorAll("a.download-link > button").forEach((part) => { part.tabIndex = -1; });  // the link does it
    document.querySelectorAll(".takes").forEach((place) => {
      const name = place.querySelector("label")?.textContent.trim();
      place.querySelector("button[aria-label^='Click to upload']")?.setAttribute("aria-label", `${name}: drop or choose files`);
      const more = place.querySelector("button button:not([disabled])");  // which no keyboard would find
      if (more) addFiles(more.parentElement.closest("button"), more);
    });
  }

  function addFiles(button, inner) {
    const input = inner.querySelector("input");
    inner.disabled = true;
    button.title = button.ariaLabel = "Add files";
    button.addEventListener("click", ({target}) => target === input || input.click());
  }

  function begin() {
    watchServer();
    let soon;
    new MutationObserver(() => { soon ??= setTimeout(() => { soon = null; describe(); }, 200); })
      .observe(document.body, {childList: true, subtree: true});
    describe();
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();

  Object.assign(wct, {tab, start, stale});
}
