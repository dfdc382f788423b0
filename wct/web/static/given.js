// Pictures from the clipboard and from folders.
"use strict";
{
  const DROPS = ".takes-photos, .takes-paintings";  // places for many files

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
    const zones = wct.shown(`.zone-photo, .zone-painting, ${DROPS}`);
    const free = zones.find((zone) => zone.querySelector("input[type=file]")) || zones[0];
    if (!free) return;
    event.preventDefault();
    event.stopPropagation();
    give(free, files);
  }, true);

  document.addEventListener("drop", async (event) => {
    const zone = event.target.closest?.(DROPS);
    const entries = [...(event.dataTransfer?.items || [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!zone || !entries.some((entry) => entry.isDirectory)) return;
    event.preventDefault();
    event.stopPropagation();
    const files = (await Promise.all(entries.map(walk))).flat().sort((a, b) => a.name.localeCompare(b.name));
    const taken = files.filter((file) => /\.(jpe?g|png|webp|gif|tiff?|bmp|hei[cf]|avif|jxl)$/i.test(file.name));
    wct.say(`${taken.length} of the ${files.length} files dropped are pictures.`);
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

  Object.assign(wct, {give});
}
