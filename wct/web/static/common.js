// What the parts of the page's script share: each adds its functions to `wct`.
"use strict";
window.wct = {values: {}};  // {tab: what its widgets hold}
{
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes))
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function fill(element, ...children) {
    (element.querySelector(".drawn") || element).replaceChildren(...children);
  }

  const shown = (selector) => [...document.querySelectorAll(selector)].filter((found) => found.checkVisibility());

  function say(text) {
    const note = make("p", {class: "wct-note", role: "status"}, text);
    document.body.append(note);
    setTimeout(() => note.remove(), 5000);
  }

  function look() {
    const place = shown(".studio .result")[0];
    if (place && getComputedStyle(place).position !== "sticky") place.scrollIntoView({block: "start", behavior: "smooth"});
  }

  Object.assign(wct, {make, fill, shown, say, look});
}
