// What survives a reload: settings in localStorage, pictures in IndexedDB, nothing on the server. And links.
"use strict";
{
  let names = [];  // of the settings of the first tab
  const paths = {photo: null, painting: null};  // of what is kept

  // What a tab's widgets hold now; of the first, for the next visit too.
  function settle(tab, values) {
    wct.values[tab] = values;
    if (tab === "stylise") remember(values);
  }

  function remember(values) {
    const [content, style, painting, ...settings] = values;
    try { localStorage.setItem("wct", JSON.stringify({painting, settings})); } catch { /* a private window */ }
    keepPicture("photo", content);
    keepPicture("painting", painting ? null : style);
  }

  // The settings of a link, else those of the last visit, else those that stand there.
  function recall(called, values) {
    names = called;
    let last = {};
    try { last = JSON.parse(localStorage.getItem("wct")) || {}; } catch { /* as at first */ }
    const linked = new URLSearchParams(location.hash.slice(1));
    const settings = values.map((value, i) => {
      if (linked.has(names[i])) try { return JSON.parse(linked.get(names[i])); } catch { return value; }
      return last.settings?.length === values.length ? last.settings[i] ?? value : value;
    });
    restore(linked.get("painting") || last.painting);
    return settings;
  }

  async function restore(painting) {
    const place = document.querySelector(".inputs .pair");
    const photo = await stored("photo"), own = painting ? null : await stored("painting");
    if (photo) await wct.give(place.querySelector(".zone-photo"), [photo]);
    if (own) await wct.give(place.querySelector(".zone-painting"), [own]);
    if (painting) [...document.querySelectorAll(".picker")].find((one) => one.wctChoose)?.wctChoose(painting);
  }

  async function link() {
    const [, , painting, ...settings] = wct.values.stylise || [];
    const parts = new URLSearchParams();
    if (painting) parts.set("painting", painting);
    settings.forEach((value, i) => parts.set(names[i], JSON.stringify(value)));
    history.replaceState(null, "", `#${parts}`);
    try { await navigator.clipboard.writeText(location.href); wct.say("The link is copied."); }
    catch { wct.say("The link is the address of this page now: copy it from there."); }
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
    if (paths[name] === path) return;
    paths[name] = path;
    try {
      if (!path) return await pictures("readwrite", (store) => store.delete(name));
      const blob = await (await fetch(file.url)).blob();
      const called = file.orig_name || path.split(/[\\/]/).pop();
      await pictures("readwrite", (store) => store.put(new File([blob], called, {type: blob.type}), name));
    } catch { /* likewise */ }
  }

  Object.assign(wct, {settle, recall, link});
}
