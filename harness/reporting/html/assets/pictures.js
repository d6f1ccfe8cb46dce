// Baseline, new image and their difference, amplified.

/** Read the codes of a difference map: a grey picture with the channels one below the other. */
async function readMap(png) {
  const image = new Image();
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  const canvas = el("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data: rgba, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  const codes = new Uint8Array(width * height);
  for (let i = 0; i < codes.length; i += 1) codes[i] = rgba[4 * i];
  return { codes, width, height };
}

/** The difference that each code stands for; see harness/reporting/html/difference.py. */
function codeValues(largest, decades) {
  return Float64Array.from({ length: 256 }, (_, code) => (code ? largest * 10 ** ((-decades * (255 - code)) / 254) : 0));
}

/** Draw a map: |difference| as a part of the range of values, times the gain. Alpha is added as grey. */
function drawMap(canvas, map, channels, levels) {
  const height = map.height / channels;
  if (canvas.width !== map.width || canvas.height !== height) Object.assign(canvas, { width: map.width, height });
  const plane = map.width * height;
  const picture = new ImageData(map.width, height);
  for (let i = 0; i < plane; i += 1) {
    const alpha = channels === 4 ? levels[map.codes[3 * plane + i]] : 0;
    for (let colour = 0; colour < 3; colour += 1) {
      picture.data[4 * i + colour] = levels[map.codes[(channels === 1 ? 0 : colour) * plane + i]] + alpha;
    }
    picture.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function picturesSection(pictures) {
  if (!pictures) return null;
  const { items, channels } = pictures;
  const range = pictures.high - pictures.low;
  // What is not finite has the code of the largest, and is white whatever the gain.
  const largest = number(pictures.largest) || range;
  const values = codeValues(largest, pictures.decades);
  const brightest = Math.log10(range / largest);
  const top = Math.ceil(Math.max(brightest, 0) + 3);
  const state = { item: 0, gain: Math.max(brightest, 0), swapped: false, map: null };
  const worst = items.reduce((best, item, i) => ((number(item.largest) || 0) > (number(items[best].largest) || 0) ? i : best), 0);
  if (pictures.compared) state.item = worst;

  const sized = pictures.width < 200 ? "pixels" : "";
  const picture = (name) => el("img", { class: `picture ${sized}`, alt: `${name} image`, width: pictures.width, height: pictures.height });
  const [baseline, measured] = [picture("baseline"), picture("new")];
  const canvas = el("canvas", { class: `picture ${sized}`, width: pictures.width, height: pictures.height, role: "img" });
  const [noBaseline, noMeasured, noDifference] = [0, 1, 2].map(() => el("p", { class: "absent" }));
  const told = el("output", {});
  const probe = el("p", { class: "readout" });
  const slider = el("input", {
    type: "range", min: "0", max: String(top), step: "0.1", "aria-label": "Amplification of the difference",
    input: () => { state.gain = Number(slider.value); amplify(); },
  });
  const toBrightest = el("button", { type: "button", click: () => { state.gain = Math.max(brightest, 0); amplify(); } }, "fit");

  function amplify() {
    slider.value = String(state.gain);
    const gain = 10 ** state.gain;
    told.textContent = `× ${gain < 1000 ? Math.round(gain) : figure(gain)}`;
    slider.setAttribute("aria-valuetext", `${told.textContent}: white from a difference of ${figure(range / gain)}`);
    slider.title = `white from a difference of ${figure(range / gain)}`;
    if (!state.map) return;
    const levels = Uint8ClampedArray.from(values, (value) => (value ? Math.max((255 * gain * value) / range, 0) : 0));
    drawMap(canvas, state.map, channels, levels);
    canvas.setAttribute("aria-label", `difference, amplified ${told.textContent}`);
  }

  const name = (item) => [
    pictures.images > 1 && `image ${item.image + 1} of ${pictures.images}`,
    pictures.frames > 0 && `frame ${item.frame + 1} of ${pictures.frames}`,
  ].filter(Boolean).join(", ");

  function show(image, absent, png, why) {
    image.hidden = !png;
    absent.hidden = Boolean(png);
    absent.textContent = png ? "" : why;
    if (png) image.src = `data:image/png;base64,${png}`;
  }

  async function select(index) {
    state.item = index;
    const item = items[index];
    const own = item.same ? item.baseline : item.measured;
    show(baseline, noBaseline, item.baseline, "There is no baseline to show.");
    show(measured, noMeasured, state.swapped ? item.baseline : own, pictures.absence ?? "The case gave no image.");
    position.textContent = name(item);
    chooser.value = String(index);
    canvas.hidden = !item.difference;
    noDifference.hidden = Boolean(item.difference);
    noDifference.textContent = item.same ? "The same bits: there is no difference."
      : pictures.compared ? "" : "Nothing to subtract: one of the two is missing, or has another shape or type.";
    tools.hidden = !item.difference;
    probe.textContent = item.difference ? `largest difference ${figure(item.largest)}` : "";
    state.map = null;
    if (!item.difference) return;
    const map = await readMap(item.difference);
    if (state.item !== index) return;
    state.map = map;
    amplify();
  }

  canvas.addEventListener("pointermove", (event) => {
    if (!state.map) return;
    const box = canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
    if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) return;
    const at = Array.from({ length: channels }, (_, c) => values[state.map.codes[c * canvas.width * canvas.height + y * canvas.width + x]]);
    const names = channels === 1 ? [""] : ["R ", "G ", "B ", "A "];
    probe.textContent = `x ${x * pictures.block}, y ${y * pictures.block}: ${at.map((v, c) => names[c] + figure(v)).join("  ")}`;
  });

  const swap = el("button", {
    type: "button", "aria-pressed": "false",
    click: () => {
      state.swapped = !state.swapped;
      swap.setAttribute("aria-pressed", String(state.swapped));
      caption.textContent = state.swapped ? "baseline, in its place" : "new";
      select(state.item);
    },
  }, "swap");
  const caption = el("span", {}, "new");
  const position = el("output", {});
  const chooser = el("input", {
    type: "range", min: "0", max: String(items.length - 1), step: "1", "aria-label": "Image shown",
    input: () => select(Number(chooser.value)),
  });
  const tools = el("div", { class: "tools" }, slider, told, toBrightest);
  const comparing = pictures.compared && items.some((item) => !item.same);
  const notes = [
    pictures.block > 1 && `Shown at 1/${pictures.block} of ${pictures.width} × ${pictures.height}; a difference is the largest of its block.`,
    items.length < pictures.images * Math.max(pictures.frames, 1) && `${items.length} of ${pictures.images * Math.max(pictures.frames, 1)} are here, the worst among them.`,
    (pictures.low !== 0 || ![1, 255].includes(pictures.high)) && `Black is ${figure(pictures.low)}, full brightness ${figure(pictures.high)}.`,
  ].filter(Boolean);
  const section = el("section", { class: "card pictures" },
    el("h3", {}, "Images"),
    items.length > 1 && el("div", { class: "tools" }, chooser, position),
    el("div", { class: "trio" },
      el("figure", {}, el("figcaption", {}, "baseline"), baseline, noBaseline),
      el("figure", {}, el("figcaption", {}, caption, comparing && swap), measured, noMeasured),
      el("figure", {}, el("figcaption", {}, "difference, amplified"), canvas, noDifference, tools, probe)),
    notes.map((text) => el("p", { class: "note" }, text)));
  select(state.item);
  return section;
}
