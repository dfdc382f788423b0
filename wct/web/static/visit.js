// The results of this visit, each with its settings, which a click brings back.
"use strict";
{
  const {make, fill} = wct;
  const MOST = 24, SMALL = 160;  // results of a tab, and pixels
  const strips = {}, results = {};
  let chosen = null;

  function past(element, {tab}, pick) {
    results[tab] = [];
    strips[tab] = () => fill(element, ...(results[tab].length < 2 ? [] : [
      make("h2", {}, "This visit"),
      ...results[tab].map((result, i) => make("button", {type: "button", title: result.alt,
        "aria-label": `Result ${i + 1}: ${result.alt}`, onclick: () => { chosen = result.values; pick({}); wct.look(); }},
        make("img", {src: result.small, alt: ""}))),
    ]));
    strips[tab]();
  }

  async function record({tab, after, alt}) {
    const values = wct.values[tab];
    if (!values || results[tab].some((one) => one.path === after.path)) return;
    const result = {path: after.path, values, alt, small: after.url};
    results[tab].unshift(result);
    results[tab].length = Math.min(results[tab].length, MOST);
    try { result.small = await reduced(after.url); } catch { /* the large one does */ }
    strips[tab]();
  }

  // A small copy, which stays when the server's is gone.
  async function reduced(url) {
    const bitmap = await createImageBitmap(await (await fetch(url)).blob());
    const scale = SMALL / Math.max(bitmap.width, bitmap.height);
    const canvas = make("canvas", {width: Math.ceil(bitmap.width * scale), height: Math.ceil(bitmap.height * scale)});
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/jpeg", 0.8);
  }

  Object.assign(wct, {past, record, reopened: () => chosen});
}
