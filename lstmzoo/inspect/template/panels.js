// The lists beside the text: what cells tell, the cells for a stretch, and the scatter of gates.

const SHOWN = 12;  // cells of the list for a stretch
const HINT = byId("selected").textContent;
const RADIUS = 2.6, SIDE = 108, SVG = "http://www.w3.org/2000/svg";
const GATE_NAMES = ["input gate", "forget gate", "output gate"];

const cellName = ({layer, unit}) => `layer ${layer}, unit ${unit}`;
const signed = (r) => `${r < 0 ? "−" : "+"}${Math.abs(r).toFixed(2)}`;

// A line of a list: what it is, words beside it, a number; a click chooses the cell.
function cellButton(what, beside, number, cell, choose) {
  const texts = [["what", what], ["cell", beside], ["r", number]].map(([name, text]) => element("span", name, text));
  const button = element("button", "", undefined, ...texts);
  button.type = "button";
  if (cell) Object.assign(button.dataset, {layer: cell.layer, unit: cell.unit});
  button.addEventListener("click", choose);
  return element("li", "", undefined, button);
}

function drawFeatures(choose) {
  byId("features").replaceChildren(...header.features.map((feature, number) => {
    const {name, varies, tells, best: [best]} = feature;
    const chooseIt = () => {
      shown.feature = number;
      if (best && varies) choose(best[0], best[1], can(best) ? best[2] : "h");
      drawFeatures(choose);
      drawRanked(choose);
    };
    const none = varies ? `none (${Math.abs(best?.[3] ?? 0).toFixed(2)} at most)` : "the same everywhere";
    const [words, r] = tells ? [`${cellName({layer: best[0], unit: best[1]})} (${best[2]})`, signed(best[3])] : [none, ""];
    const line = cellButton(name, words, r, null, chooseIt);
    line.firstChild.setAttribute("aria-current", String(number === shown.feature));
    return line;
  }));
}

const can = ([layer, unit, quantity]) => cells.can(quantity, layer, unit);

function drawRanked(choose) {
  const feature = header.features[shown.feature];
  byId("ranked-title").textContent = feature?.varies ? `All cells by “${feature.name}”` : "";
  if (!feature?.varies) return byId("ranked").replaceChildren();
  byId("ranked").replaceChildren(...ranked(shown.feature).map((cell) => cellButton(
    cellName(cell), cell.quantity, signed(cell.r), cell, () => choose(cell.layer, cell.unit, cell.quantity))));
  markChosen();
}

// All cells by how well h or c tells a feature.
function ranked(number) {
  const found = [];
  header.layers.forEach((size, layer) => {
    for (let unit = 0; unit < size; unit++) {
      const [h, c] = ["h", "c"].map((quantity) => correlations[`${quantity}${layer}`][number * size + unit]);
      const isC = Math.abs(c) > Math.abs(h) && cells.can("c", layer, unit);
      found.push({layer, unit, quantity: isC ? "c" : "h", r: isC ? c : h});
    }
  });
  return found.sort((a, b) => Math.abs(b.r) - Math.abs(a.r));
}

async function drawStretch(moments, choose) {
  const {from, to} = shown, note = byId("selected");
  if (to <= from || to - from === header.steps) {
    note.textContent = to > from ? "All of the text is selected: nothing is elsewhere." : HINT;
    return byId("stretch").replaceChildren();
  }
  note.textContent = `Symbols ${(from + 1).toLocaleString("en")} to ${to.toLocaleString("en")}: cells that are high there and low elsewhere, in standard deviations of h.`;
  const found = await cells.forStretch(from, to, moments);
  if (from !== shown.from || to !== shown.to) return;
  byId("stretch").replaceChildren(...found.slice(0, SHOWN).map((cell) => cellButton(
    cellName(cell), "", signed(cell.r), cell, () => choose(cell.layer, cell.unit, "h"))));
  markChosen();
}

function markChosen() {
  const lists = ":is(#ranked, #stretch)", chosen = `${lists} [data-layer="${shown.layer}"][data-unit="${shown.unit}"]`;
  for (const button of document.querySelectorAll(`${lists} [aria-current=true]`)) button.removeAttribute("aria-current");
  for (const button of document.querySelectorAll(chosen)) button.setAttribute("aria-current", "true");
  for (const circle of document.querySelectorAll("#saturation .chosen")) circle.classList.remove("chosen");
  for (const circle of document.querySelectorAll(`#saturation [data-cell="${shown.layer} ${shown.unit}"]`)) {
    circle.classList.add("chosen");
    circle.parentNode.append(circle);  // on top of the others
  }
}

function svg(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// One picture of a layer: three squares, a circle for each cell.
function drawSaturation(layer, shares, choose) {
  const size = header.layers[layer], picture = svg("svg", {viewBox: "0 0 350 152", role: "img", "aria-label": `layer ${layer}`});
  picture.append(svg("text", {x: 0, y: 11}, `layer ${layer}`));
  GATE_NAMES.forEach((name, gate) => {
    const left = 4 + gate * (SIDE + 8), plot = svg("g", {transform: `translate(${left} 34)`});
    plot.append(svg("text", {x: 0, y: -5}, name), svg("rect", {class: "frame", width: SIDE, height: SIDE}));
    plot.append(svg("path", {class: "frame", d: `M0 0L${SIDE} ${SIDE}`}));
    for (let unit = 0; unit < size; unit++) {
      const low = shares[2 * gate * size + unit], high = shares[(2 * gate + 1) * size + unit];
      const circle = svg("circle", {cx: (low * SIDE).toFixed(1), cy: ((1 - high) * SIDE).toFixed(1), r: RADIUS, "data-cell": `${layer} ${unit}`});
      circle.append(svg("title", {}, `${cellName({layer, unit})}: below 0.1 at ${(100 * low).toFixed(0)} %, above 0.9 at ${(100 * high).toFixed(0)} % of the steps`));
      plot.append(circle);
    }
    picture.append(plot);
  });
  picture.addEventListener("click", (event) => {
    const cell = event.target.dataset?.cell?.split(" ").map(Number);
    if (cell) choose(cell[0], cell[1], shown.quantity);
  });
  byId("saturation").append(picture);
}
