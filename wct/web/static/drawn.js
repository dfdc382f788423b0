// What Python's `drawn` shows: functions of an element, its properties, one that tells Python, one that watches them.
"use strict";
{
  const {make, fill, look} = wct;

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
      buttons[i].setAttribute("aria-pressed", [props.value].flat().includes(item.name));
    });
    fill(element, make("div", {class: "tools"}, search, surprise),
      make("div", {class: "grid", role: "group", "aria-label": props.label}, ...buttons), none);
    element.wctChoose = (key) => { const item = props.items.find((one) => one.name === key); if (item) choose(item); };
    watch("value", mark);
    mark();
  }

  let at = 10;  // per cent of the photo beside each result

  function viewer(element, props, pick, watch) {
    const draw = () => {
      const value = props.value;
      if (!value || !value.after) return fill(element, make("p", {class: "empty"}, props.empty));
      const after = make("img", {class: "after", src: value.after.url, alt: `Result: ${value.alt}`,
        width: value.size[0], height: value.size[1]});
      const figure = make("figure", {class: "compare"});
      figure.style.setProperty("--ratio", value.size[0] / value.size[1]);
      if (value.before) {
        const slide = make("input", {type: "range", min: 0, max: 100, step: 1, value: at,
          "aria-label": "Photo on the left, result on the right", oninput: () => {
            at = slide.value;
            figure.style.setProperty("--at", `${slide.value}%`);
          }});
        figure.style.setProperty("--at", `${slide.value}%`);
        figure.append(make("img", {class: "before", src: value.before.url, alt: "The photo"}), after, slide);
      } else figure.append(after);
      const big = make("button", {type: "button", class: "big", title: "Full screen", "aria-label": "Full screen",
        onclick: () => document.fullscreenElement ? document.exitFullscreen()
          : figure.parentElement.requestFullscreen()});
      big.innerHTML = '<svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="2"'
        + ' aria-hidden="true"><path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"/></svg>';
      figure.append(big);
      fill(element, figure);
      wct.record(value);
    };
    watch("value", draw);
    draw();
  }

  function wall(element, props, pick, watch) {
    const tile = (item) => make("button",
      {type: "button", title: item.title, "aria-label": `The photo in the style of ${item.title}`,
        onclick: () => pick({name: item.name})},
      make("img", {src: item.picture.url, alt: ""}), make("span", {}, item.title));
    const draw = () => fill(element, ...(props.value?.length ? props.value.map(tile)
      : [make("p", {class: "empty"}, props.empty)]));
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

  Object.assign(wct, {picker, viewer, wall, pairs});
}
