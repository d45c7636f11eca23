// The model itself, one symbol at a time:
//   i, f, o = sigmoid(x W + h U + b)    g = tanh(x W + h U + b)    c' = f c + i g    h' = o tanh(c')

class Model {
  constructor(weights) {
    this.weights = weights;
    this.hidden = header.layers.map((size) => new Float64Array(size));
    this.cells = header.layers.map((size) => new Float64Array(size));
  }

  // Reads a symbol and returns the logits of the next one; `record` gets h, c, i, f, g, o of all cells.
  read(id, record) {
    let below = null;
    for (let layer = 0, place = 0; layer < header.layers.length; layer++) {
      below = this.step(layer, layer ? null : id, below, record, place);
      place += header.layers[layer];
    }
    const bias = this.weights["head bias"], logits = Float64Array.from(bias);
    const seen = header.model.skipOutputs ? this.hidden.reduce((sum, h) => sum.map((value, u) => value + h[u])) : below;
    addRows(logits, this.weights["head kernel"], seen);
    return logits;
  }

  step(layer, id, below, record, place) {
    const size = header.layers[layer], kernel = this.weights[`layer ${layer} kernel`];
    const sums = Float64Array.from(this.weights[`layer ${layer} bias`]);
    if (id === null) addRows(sums, kernel, below);
    else if (header.model.encoding === "one_hot") addRow(sums, kernel, id, 1);
    else addRows(sums, kernel, rowOf(this.weights.embedding, id, header.model.shapes.embedding[1]));
    addRows(sums, this.weights[`layer ${layer} recurrent_kernel`], this.hidden[layer]);
    const h = this.hidden[layer], c = this.cells[layer], all = header.layers.reduce((a, b) => a + b);
    for (let u = 0; u < size; u++) {
      const i = openGate(sums[u]), f = openGate(sums[size + u]), g = Math.tanh(sums[2 * size + u]), o = openGate(sums[3 * size + u]);
      c[u] = f * c[u] + i * g;
      h[u] = o * Math.tanh(c[u]);
      [h[u], c[u], i, f, g, o].forEach((value, row) => { record[row * all + place + u] = value; });
    }
    return h;
  }
}

const rowOf = (rows, number, width) => rows.subarray(number * width, (number + 1) * width);

function addRow(sums, rows, number, by) {
  const first = number * sums.length;
  for (let k = 0; k < sums.length; k++) sums[k] += by * rows[first + k];
}

function addRows(sums, rows, by) {
  for (let d = 0; d < by.length; d++) addRow(sums, rows, d, by[d]);
}

// Probabilities of logits divided by a temperature.
function probabilities(logits, temperature) {
  const largest = Math.max(...logits), shares = logits.map((logit) => Math.exp((logit - largest) / temperature));
  const sum = shares.reduce((a, b) => a + b);
  return shares.map((share) => share / sum);
}

// Draws a symbol; at temperature 0 it is the likeliest.
function drawn(logits, temperature) {
  if (temperature === 0) return logits.indexOf(Math.max(...logits));
  const shares = probabilities(logits, temperature);
  let left = Math.random();
  for (let k = 0; k < shares.length; k++) if ((left -= shares[k]) < 0) return k;
  return shares.length - 1;
}
