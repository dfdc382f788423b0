// What the browser does itself: pictures to choose from, before and after, this visit's results, what survives a reload.
"use strict";
window.wct = (() => {
  const state = {values: null, names: [], photo: null, painting: null, results: [], reopened: null};
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((found) => found.checkVisibility());

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // ---- what Python's `drawn` shows: (where, its properties, tells Python, watches properties)

  function picker(element, props, pick, watch) {
    const name = (item) => `${item.by}: ${item.title}`;
    const choose = (item) => { props.value = item.name; mark(); pick({name: item.name}); };
    const buttons = props.items.map((item) => make("button",
      {type: "button", title: name(item), "aria-label": name(item), onclick: () => choose(item)},
      make("img", {src: item.small, alt: "", loading: "lazy"}), make("span", {}, item.title.split(",")[0])));
    const none = make("p", {class: "none", hidden: ""}, "No painting has such a name.");
    const search = make("input", {type: "search", placeholder: `Search ${props.items.length} paintings`,
      "aria-label": "Search the paintings", oninput: () => {
        const words = search.value.toLowerCase().split(/\s+/);
        props.items.forEach((item, i) => {
          buttons[i].hidden = !words.every((word) => name(item).toLowerCase().includes(word));
        });
        none.hidden = buttons.some((button) => !button.hidden);
      }});
    const surprise = make("button", {type: "button", class: "small", onclick: () => {
      const others = props.items.filter((item) => item.name !== props.value);
      choose(others[Math.floor(Math.random() * others.length)]);
    }}, "Surprise me");
    const mark = () => props.items.forEach((item, i) => {
      buttons[i].setAttribute("aria-pressed", item.name === props.value);
    });
    fill(element, make("div", {class: "tools"}, search, surprise),
      make("div", {class: "grid", role: "group", "aria-label": props.label}, ...buttons), none);
    element.wctChoose = (key) => { const item = props.items.find((one) => one.name === key); if (item) choose(item); };
    watch("value", mark);
    mark();
  }

  function viewer(element, props, pick, watch) {
    const draw = () => {
      const value = props.value;
      if (!value || !value.after) return fill(element, make("p", {class: "empty"}, props.empty));
      const after = make("img", {class: "after", src: value.after.url, alt: `Result: ${value.alt}`,
        width: value.size[0], height: value.size[1]});
      const figure = make("figure", {class: "compare"});
      if (value.before) {
        const slide = make("input", {type: "range", min: 0, max: 100, step: 1, value: state.at ?? 10,
          "aria-label": "Photo on the left, result on the right", oninput: () => {
            state.at = slide.value;
            figure.style.setProperty("--at", `${slide.value}%`);
          }});
        figure.style.setProperty("--at", `${slide.value}%`);
        figure.append(make("img", {class: "before", src: value.before.url, alt: "The photo"}), after, slide);
      } else figure.append(after);
      const big = make("button", {type: "button", class: "big", title: "Full screen", "aria-label": "Full screen",
        onclick: () => document.fullscreenElement ? document.exitFullscreen() : figure.requestFullscreen()});
      big.innerHTML = '<svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="2"'
        + ' aria-hidden="true"><path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"/></svg>';
      figure.append(big);
      fill(element, figure);
      if (value.tab === "stylise") record(value);
    };
    watch("value", draw);
    draw();
  }

  function wall(element, props, pick, watch) {
    const draw = () => fill(element, ...(props.value || []).map((item) => make("button",
      {type: "button", title: item.title, "aria-label": `The photo in the style of ${item.title}`,
        onclick: () => pick({name: item.name})},
      make("img", {src: item.picture.url, alt: ""}), make("span", {}, item.title))));
    watch("value", draw);
    draw();
  }

  function pairs(element, props, pick) {
    fill(element, make("h2", {}, "Try one"), ...props.items.map((item, index) => make("button",
      {type: "button", "aria-label": `Example: ${item.photo_name} in the style of ${item.style.title}`,
        onclick: () => { look(); pick({index}); }},
      make("img", {src: item.photo, alt: "", loading: "lazy"}),
      make("img", {src: item.style.small, alt: "", loading: "lazy"}))));
  }

  function past(element, props, pick) {
    state.drawPast = () => fill(element, ...(state.results.length < 2 ? [] : [
      make("h2", {}, "This visit"),
      ...state.results.map((result, i) => make("button", {type: "button", title: result.alt,
        "aria-label": `Result ${i + 1}: ${result.alt}`,
        onclick: () => { state.reopened = result.values; pick({}); look(); }}, make("img", {src: result.small, alt: ""}))),
    ]));
    state.drawPast();
  }

  function fill(element, ...children) {
    (element.querySelector(".drawn") || element).replaceChildren(...children);
  }

  // ---- the results of this visit

  async function record(value) {
    const values = state.values;
    if (!values || state.results.some((one) => one.key === value.after.path)) return;
    const result = {key: value.after.path, values, alt: value.alt, small: value.after.url};
    state.results.unshift(result);
    state.results.length = Math.min(state.results.length, 24);
    try {  // a small copy, which stays when the server's is gone
      const bitmap = await createImageBitmap(await (await fetch(value.after.url)).blob());
      const scale = 160 / Math.max(bitmap.width, bitmap.height);
      const canvas = make("canvas", {width: Math.ceil(bitmap.width * scale), height: Math.ceil(bitmap.height * scale)});
      canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      result.small = canvas.toDataURL("image/jpeg", 0.8);
    } catch { /* the large one does */ }
    state.drawPast?.();
  }

  const reopened = () => state.reopened;

  // ---- what survives a reload: settings in localStorage, pictures in IndexedDB; nothing on the server

  function remember(values) {
    state.values = values;
    const [content, style, painting, ...settings] = values;
    localStorage.setItem("wct", JSON.stringify({painting, settings}));
    keepPicture("photo", content);
    keepPicture("painting", painting ? null : style);
  }

  function recall(names, values) {
    state.names = names;
    let stored = {};
    try { stored = JSON.parse(localStorage.getItem("wct")) || {}; } catch { /* as at first */ }
    const linked = new URLSearchParams(location.hash.slice(1));
    const settings = values.map((value, i) => {
      if (linked.has(names[i])) try { return JSON.parse(linked.get(names[i])); } catch { return value; }
      return stored.settings?.length === values.length && stored.settings[i] !== null ? stored.settings[i] : value;
    });
    restore(linked.get("painting") || stored.painting);
    return settings;
  }

  async function restore(painting) {
    const place = document.querySelector(".inputs .pair");
    const photo = await stored("photo"), own = painting ? null : await stored("painting");
    if (photo) await give(place.querySelector(".zone-photo"), [photo]);
    if (own) await give(place.querySelector(".zone-painting"), [own]);
    if (painting) [...document.querySelectorAll(".picker")].find((one) => one.wctChoose)?.wctChoose(painting);
  }

  async function link() {
    const [, , painting, ...settings] = state.values || [];
    const parts = new URLSearchParams();
    if (painting) parts.set("painting", painting);
    settings.forEach((value, i) => parts.set(state.names[i], JSON.stringify(value)));
    history.replaceState(null, "", `#${parts}`);
    try { await navigator.clipboard.writeText(location.href); say("The link is copied."); }
    catch { say("The link is the address of this page now: copy it from there."); }
  }

  function database() {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open("wct", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("pictures");
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  async function pictures(mode, use) {
    const request = use((await database()).transaction("pictures", mode).objectStore("pictures"));
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  const stored = (name) => pictures("readonly", (store) => store.get(name)).catch(() => null);

  async function keepPicture(name, file) {
    const path = file?.path ?? null;
    if (state[name] === path) return;
    state[name] = path;
    try {
      if (!path) return await pictures("readwrite", (store) => store.delete(name));
      const blob = await (await fetch(file.url)).blob();
      const called = file.orig_name || path.split(/[\\/]/).pop();
      await pictures("readwrite", (store) => store.put(new File([blob], called, {type: blob.type}), name));
    } catch { /* a private window: nothing is kept */ }
  }

  // ---- pictures from the clipboard and from folders

  async function give(box, files) {
    if (!box || !files.length) return;
    let input = box.querySelector("input[type=file]");
    if (!input) {
      box.querySelector("[aria-label='Remove Image'], [aria-label='Clear']")?.click();
      for (let i = 0; i < 40 && !input; i++) {
        await new Promise((done) => setTimeout(done, 25));
        input = box.querySelector("input[type=file]");
      }
    }
    if (!input) return;
    const transfer = new DataTransfer();
    (input.multiple ? files : files.slice(0, 1)).forEach((file) => transfer.items.add(file));
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", {bubbles: true}));
  }

  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files || [])].filter((file) => file.type.startsWith("image/"));
    if (!files.length) return;
    const zones = shown(".zone-photo, .zone-painting, .drops-folder");
    const free = zones.find((zone) => zone.querySelector("input[type=file]")) || zones[0];
    if (!free) return;
    event.preventDefault();
    event.stopPropagation();
    give(free, files);
  }, true);

  document.addEventListener("drop", async (event) => {
    const zone = event.target.closest?.(".drops-folder");
    const entries = [...(event.dataTransfer?.items || [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!zone || !entries.some((entry) => entry.isDirectory)) return;
    event.preventDefault();
    event.stopPropagation();
    const files = (await Promise.all(entries.map(walk))).flat().sort((a, b) => a.name.localeCompare(b.name));
    const taken = files.filter((file) => /\.(jpe?g|png|webp|gif|tiff?|bmp|hei[cf]|avif|jxl)$/i.test(file.name));
    say(`${taken.length} of the ${files.length} files dropped are pictures.`);
    give(zone, taken);
  }, true);

  async function walk(entry) {
    if (entry.name.startsWith(".")) return [];
    if (entry.isFile) return [await new Promise((done, fail) => entry.file(done, fail))];
    const reader = entry.createReader(), found = [];
    for (;;) {  // a reader gives a hundred at a time
      const some = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!some.length) return found;
      found.push(...(await Promise.all(some.map(walk))).flat());
    }
  }

  // ---- the page itself

  function say(text) {
    const note = make("p", {class: "wct-note", role: "status"}, text);
    document.body.append(note);
    setTimeout(() => note.remove(), 5000);
  }

  function look() {
    const place = shown(".studio .result")[0];
    if (place && matchMedia("(max-width: 800px)").matches) place.scrollIntoView({block: "start", behavior: "smooth"});
  }

  const tab = (name) => [...document.querySelectorAll("[role=tab]")].find((one) => one.textContent.trim() === name)?.click();

  function stale(line, text) {
    return /class="said"/.test(line || "") ? `<p class="old">${text}</p>` : line;
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

  // Gradio names some parts that have no role, or tells changes to nobody.
  function describe() {
    document.querySelectorAll(".empty[aria-label]:not([role])").forEach((part) => part.setAttribute("role", "img"));
    document.querySelectorAll(".told:not([role])").forEach((part) => part.setAttribute("role", "status"));
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
  return {picker, viewer, wall, pairs, past, remember, recall, reopened, link, look, tab, stale};
})();
