// The page: what is chosen, and what follows from it.

const NAMES = {h: "h", c: "c", i: "input", f: "forget", g: "candidate", o: "output", surprise: "surprise"};
const cells = new Cells(), correlations = {}, moments = [];
let reading = null, traces = null, writer = null, likeliest = null, chances = null;

function fillHead() {
  const {run, subject, steps, nats, layers, notes, step} = header;
  const loss = nats === null ? "" : `, ${nats.toFixed(3)} nats a symbol`;
  const kinds = layers.length === 1 ? `1 layer of ${layers[0]}` : `layers of ${layers.join(", ")}`;
  byId("title").textContent = `${run} reads ${subject}`;
  byId("summary").textContent = `${steps.toLocaleString("en")} ${symbols ? "symbols" : "steps"}${loss}; ${kinds}, weights of step ${step.toLocaleString("en")}`;
  byId("notes").replaceChildren(...notes.map((note) => element("li", "", note)));
  byId("layer").replaceChildren(...layers.map((_, layer) => Object.assign(element("option", "", String(layer)), {value: layer})));
  const quantities = symbols ? Object.keys(NAMES) : Object.keys(NAMES).slice(0, -1);
  byId("quantities").replaceChildren(...quantities.map((quantity) => {
    const button = element("button", "", NAMES[quantity]);
    button.type = "button";
    button.dataset.quantity = quantity;
    button.addEventListener("click", () => choose(shown.layer, shown.unit, quantity));
    return button;
  }));
}

// Shows a cell; every way to choose one ends here.
function choose(layer, unit, quantity) {
  Object.assign(shown, {layer, unit, quantity: cells.can(quantity, layer, unit) ? quantity : "h"});
  byId("layer").value = layer;
  byId("unit").max = header.layers[layer] - 1;
  byId("unit").value = unit;
  for (const button of byId("quantities").children) {
    button.setAttribute("aria-pressed", String(button.dataset.quantity === shown.quantity));
    button.disabled = !cells.can(button.dataset.quantity, layer, unit);
  }
  markChosen();
  rememberSoon();
  return colour();
}

async function colour() {
  const {layer, unit, quantity} = shown, values = await cells.values(layer, unit, quantity);
  if (layer !== shown.layer || unit !== shown.unit || quantity !== shown.quantity) return;
  const largest = cells.largest(layer, unit, quantity);
  drawScale(quantity, largest);
  writer?.colour();
  reading?.colour(values, largest);
  if (traces) {
    traces.quantity = quantity;
    traces.reveal(layer, unit);
    await traces.draw();
  }
}

function chooseNext(by) {
  const all = header.layers.flatMap((size, layer) => Array.from({length: size}, (_, unit) => [layer, unit]));
  const place = all.findIndex(([layer, unit]) => layer === shown.layer && unit === shown.unit);
  const [layer, unit] = all[(place + by + all.length) % all.length];
  choose(layer, unit, shown.quantity);
}

// The note beside the pointer: the symbol, the value of the cell, the likeliest next symbols.
function symbolTip(id, place, value, next) {
  const bars = next.map(([other, share]) => {
    const bar = element("div", "bar");
    bar.style.width = `${Math.max(1, share * 110)}px`;
    return [nameOf(other), `${(100 * share).toFixed(1)} %`, element("td", "", undefined, bar)];
  });
  const isKnown = value !== undefined && value !== null && (shown.quantity !== "surprise" || place > 0);
  const known = isKnown ? `: ${NAMES[shown.quantity]} ${value.toFixed(2)}` : "";
  return element("div", "", undefined, element("div", "", `“${nameOf(id)}”, symbol ${(place + 1).toLocaleString("en")}${known}`), element("div", "hint", "what the model expects next:"), table(bars));
}

function nameOf(id) {
  const [glyph, name] = symbols.shown[id];
  return glyph === " " ? "space" : PLAIN.test(glyph) && symbols.unit === "char" ? glyph : `${glyph} ${name}`;
}

function readingTip(symbol) {
  const next = likeliest ? [0, 1, 2, 3, 4].map((k) => symbol * top5 + k).slice(0, top5) : [];
  return symbolTip(cells.inputs[symbol], symbol, reading.values?.[symbol], next.map((at) => [likeliest[at], chances[at] / 65535]));
}

const top5 = header.blocks.top?.[2] ?? 0;

function takeStretch(found) {
  if (found[0] === shown.from && found[1] === shown.to) return;
  [shown.from, shown.to] = found;
  rememberSoon();
  drawStretch(moments, choose);
}

function listen() {
  byId("before").addEventListener("click", () => chooseNext(-1));
  byId("after").addEventListener("click", () => chooseNext(1));
  byId("layer").addEventListener("change", (event) => choose(Number(event.target.value), 0, shown.quantity));
  byId("unit").addEventListener("change", (event) => {
    const unit = Math.min(Math.max(Math.round(Number(event.target.value)) || 0, 0), header.layers[shown.layer] - 1);
    choose(shown.layer, unit, shown.quantity);
  });
  document.addEventListener("keydown", (event) => {
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!by || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    chooseNext(by);
  });
  dark.addEventListener("change", () => {
    makeScale();
    choose(shown.layer, shown.unit, shown.quantity);
  });
  document.addEventListener("pointerdown", (event) => { byId("tip").hidden ||= !event.target.closest(".text, .traces"); });
  addEventListener("hashchange", followAddress);
}

// Shows what another address in the same page remembers.
function followAddress() {
  readAddress();
  if (reading) {
    reading.mark([shown.from, shown.to]);
    reading.reveal(shown.at);
  }
  drawFeatures(choose);
  drawRanked(choose);
  drawStretch(moments, choose);
  choose(shown.layer, shown.unit, shown.quantity);
}

function listenToText() {
  new Dragging(reading, takeStretch);
  reading.box.addEventListener("scroll", () => {
    shown.at = reading.firstSymbol();
    rememberSoon();
  });
}

async function loadCells() {
  for (let layer = 0; layer < header.layers.length; layer++) {
    byId("loading").textContent = `layer ${layer} of ${header.layers.length} is being unpacked`;
    cells.hidden.push(await block(`h${layer}`));
    moments.push(await block(`moments${layer}`));
    for (const quantity of ["h", "c"]) correlations[`${quantity}${layer}`] = await block(`r_${quantity}${layer}`);
    drawSaturation(layer, await block(`saturation${layer}`), choose);
    if (layer === shown.layer) await choose(shown.layer, shown.unit, shown.quantity);
  }
  byId("loading").textContent = "";
}

async function loadText() {
  cells.inputs = await block("ids");
  byId("text").hidden = false;
  reading = new TextView(byId("text"), readingTip);
  reading.stretch = [shown.from, shown.to];
  const at = shown.at;
  reading.show(cells.inputs);
  reading.reveal(at);
  listenToText();
  [likeliest, chances, cells.surprise] = [await block("top"), await block("shares"), await block("surprise")];
}

async function loadTraces() {
  byId("text").hidden = byId("selecting").hidden = true;
  byId("traces").hidden = byId("about-traces").hidden = false;
  cells.inputs = await block("x");
  traces = new TraceView(byId("traces"), cells, await block("tracks"), choose);
}

async function start() {
  readAddress();
  makeScale();
  fillHead();
  listen();
  const flat = await block("weights");
  cells.weights = flat && namedWeights(flat);
  [cells.stored, cells.scales] = [await block("stored"), await block("largest")];
  await (symbols ? loadText() : loadTraces());
  const first = header.features.findIndex((feature) => feature.tells);
  if (!location.hash && first >= 0) {
    shown.feature = first;
    [shown.layer, shown.unit, shown.quantity] = header.features[first].best[0];
  }
  drawFeatures(choose);
  if (symbols && cells.weights) writer = new Writer(cells.weights);
  await loadCells();
  drawRanked(choose);
  await choose(shown.layer, shown.unit, shown.quantity);
  drawStretch(moments, choose);
  document.documentElement.dataset.ready = "true";
}

start().catch((error) => {
  byId("loading").textContent = `This browser cannot show the page (${error.message}): take a newer one.`;
});
