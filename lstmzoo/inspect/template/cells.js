// What each cell does: h as it was stored, c and gates computed from h and the cell's weights.
// Keras's order of gates is i, f, g, o: gate k of unit u is column k H + u of kernel, recurrent kernel and bias.

const GATES = {i: 0, f: 1, g: 2, o: 3};
const KEPT = 64;  // arrays of cells

// The weights by name, "layer 0 kernel" and so on, each a view of the one array that has them all in their order.
function namedWeights(flat) {
  const found = {};
  let place = 0;
  for (const [name, shape] of Object.entries(header.model.shapes)) {
    const size = shape.reduce((a, b) => a * b, 1);
    found[name] = flat.subarray(place, place + size);
    place += size;
  }
  return found;
}

const openGate = (z) => header.model.activation === "hard_sigmoid"
  ? Math.min(Math.max(0.2 * z + 0.5, 0), 1) : 1 / (1 + Math.exp(-z));

class Cells {
  constructor() {
    this.hidden = [];  // of each layer, a row for each unit
    this.inputs = null;  // ids, or rows of features
    this.weights = null;
    this.stored = this.scales = null;
    this.surprise = null;
    this.kept = new Map();
  }

  can(quantity, layer, unit) {
    if (quantity === "surprise") return this.surprise !== null;
    return quantity === "h" || this.weights !== null || this.placeOf(layer, unit) >= 0;
  }

  placeOf(layer, unit) {
    return header.named.findIndex(([l, u]) => l === layer && u === unit);
  }

  // The values at all steps: h and g from -1 to 1, gates from 0 to 1, c, surprise in nats; null if unknown.
  async values(layer, unit, quantity) {
    const key = quantity === "surprise" ? quantity : `${quantity}${layer} ${unit}`;
    if (!this.can(quantity, layer, unit) || !this.hidden[layer]) return null;
    if (!this.kept.has(key)) {
      const found = await this.computed(layer, unit, quantity);
      if (this.kept.size >= KEPT) this.kept.delete(this.kept.keys().next().value);
      this.kept.set(key, found);
    }
    return this.kept.get(key);
  }

  // The end of the scale of colours: c has one of its own for each cell.
  largest(layer, unit, quantity) {
    if (quantity !== "c") return quantity === "surprise" ? 6 : 1;
    const values = this.kept.get(`c${layer} ${unit}`);
    return values ? values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-6) : 1;
  }

  async computed(layer, unit, quantity) {
    const steps = header.steps, scaled = (whole, most) => new Float32Array(whole).map((value) => value / most);
    if (quantity === "surprise") return scaled(this.surprise, 1000);
    if (quantity === "h") return scaled(this.hidden[layer].subarray(unit * steps, (unit + 1) * steps), WHOLE);
    if (!this.weights) {
      const place = this.placeOf(layer, unit), row = 5 * place + "cifgo".indexOf(quantity);
      const found = scaled(this.stored.subarray(row * steps, (row + 1) * steps), 127);
      return quantity === "c" ? found.map((value) => value * this.scales[place]) : found;
    }
    if (quantity !== "c") return (await this.gates(layer, unit, [quantity]))[0];
    const [i, f, g] = await this.gates(layer, unit, ["i", "f", "g"]);
    for (let t = 0, c = 0; t < steps; t++) i[t] = c = f[t] * c + i[t] * g[t];
    return i;
  }

  // Gates of a cell by their names, computed together: h is read once.
  async gates(layer, unit, names) {
    const size = header.layers[layer], columns = names.map((name) => GATES[name] * size + unit), weights = this.weights;
    const kernel = weights[`layer ${layer} kernel`], bias = weights[`layer ${layer} bias`];
    const sums = columns.map((column) => this.fromBelow(layer, column, kernel, 4 * size));
    if (layer) await this.addHidden(sums, layer - 1, kernel, columns, 4 * size, 0);
    await this.addHidden(sums, layer, weights[`layer ${layer} recurrent_kernel`], columns, 4 * size, 1);
    names.forEach((name, k) => {
      const squash = name === "g" ? Math.tanh : openGate, by = bias[columns[k]], of = sums[k];
      for (let t = 0; t < of.length; t++) of[t] = squash(of[t] + by);
    });
    return sums;
  }

  // x W of one column, of the first layer; zeros of the others.
  fromBelow(layer, column, kernel, width) {
    const found = new Float32Array(header.steps), inputs = this.inputs;
    if (layer) return found;
    const {encoding, shapes} = header.model, size = shapes["layer 0 kernel"][0];
    if (encoding === "one_hot") return found.map((_, t) => kernel[inputs[t] * width + column]);
    const rows = encoding === "embedding" ? this.weights.embedding : inputs;
    for (let t = 0; t < found.length; t++) {
      const first = (encoding === "embedding" ? inputs[t] : t) * size;
      for (let d = 0; d < size; d++) found[t] += rows[first + d] * kernel[d * width + column];
    }
    return found;
  }

  // Adds h W of some columns; `late` is 1 where it is h of the step before.
  async addHidden(sums, layer, kernel, columns, width, late) {
    const hidden = this.hidden[layer], steps = header.steps, slice = Math.max(1, Math.floor(2e6 / steps));
    const add = sums.length === 3 ? addThree : addOne;
    for (let d = 0; d < header.layers[layer]; d++) {
      const by = columns.map((column) => kernel[d * width + column] / WHOLE);
      add(sums, by, hidden.subarray(d * steps, (d + 1) * steps - late), late);
      if (d % slice === slice - 1) await pause();
    }
  }

  // The cells that are high in a stretch and low elsewhere, of which there is something: by how many deviations their mean of h is above the other.
  async forStretch(from, to, moments) {
    const found = [];
    for (let layer = 0; layer < this.hidden.length; layer++) {
      const size = header.layers[layer], hidden = this.hidden[layer], steps = header.steps;
      for (let unit = 0; unit < size; unit++) {
        let sum = 0;
        for (let t = from; t < to; t++) sum += hidden[unit * steps + t];
        const inside = sum / WHOLE / (to - from), mean = moments[layer][unit], deviation = moments[layer][size + unit];
        const outside = (mean * steps - sum / WHOLE) / (steps - to + from);
        if (deviation > 1e-4) found.push({layer, unit, quantity: "h", r: (inside - outside) / deviation});
      }
      await pause();
    }
    return found.sort((a, b) => b.r - a.r);
  }
}

function addOne([sums], [by], hidden, late) {
  for (let t = 0; t < hidden.length; t++) sums[t + late] += by * hidden[t];
}

function addThree([first, second, third], [a, b, c], hidden, late) {
  for (let t = 0; t < hidden.length; t++) {
    const h = hidden[t];
    first[t + late] += a * h;
    second[t + late] += b * h;
    third[t + late] += c * h;
  }
}
