// The box in which the model writes on: live, coloured by the cell that is chosen.

const symbols = header.symbols;
const NEWLINE = symbols ? symbols.symbols.indexOf(symbols.unit === "byte" ? 10 : "\n") : -1;
const SLICE = 10;  // milliseconds of writing between two pictures
const QUANTITIES = ["h", "c", "i", "f", "g", "o"];

// The ids of a text; an Error names what the model cannot spell.
function idsOf(text) {
  const plain = symbols.normalize ? text.normalize(symbols.normalize) : text;
  const codes = symbols.unit === "byte" ? [...new TextEncoder().encode(plain)] : [...plain];
  return codes.map((code) => {
    const id = symbols.symbols.indexOf(symbols.lowercase ? lower(code) : code);
    if (id < 0) throw new Error(`The model does not know ${JSON.stringify(code)}: remove it from the prompt.`);
    return id;
  });
}

function lower(code) {
  if (typeof code === "string") return [...code.toLowerCase()][0];
  return code >= 65 && code <= 90 ? code + 32 : code;
}

class Writer {
  constructor(weights) {
    this.weights = weights;
    this.records = [];  // of each symbol: quantities of all cells, then its surprise
    this.ids = [];
    this.after = [];  // the logits after each symbol
    this.run = 0;
    byId("writing").hidden = false;
    this.view = new TextView(byId("written"), (symbol) => this.tell(symbol));
    byId("writing").addEventListener("submit", (event) => {
      event.preventDefault();
      this.toggle();
    });
    byId("prompt").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("writing").requestSubmit();
    });
  }

  toggle() {
    const isRunning = byId("write").textContent === "Stop";
    this.run++;
    byId("write").textContent = isRunning ? "Write" : "Stop";
    if (!isRunning) this.write(this.run);
  }

  async write(run) {
    const say = (text) => { byId("said").textContent = text; };
    try {
      const prompt = idsOf(byId("prompt").value), count = Math.min(Math.max(Number(byId("count").value) || 1, 1), 5000);
      say("");
      this.begin();
      const first = prompt.length ? prompt : [Math.floor(Math.random() * symbols.symbols.length)];
      const isDone = await this.go(run, first, prompt.length + count, Math.max(Number(byId("temperature").value) || 0, 0));
      if (!isDone) return;
    } catch (error) {
      say(error.message);
    }
    byId("write").textContent = "Write";
  }

  begin() {
    Object.assign(this, {model: new Model(this.weights), records: [], ids: [], after: []});
    this.view.ids = [];
    this.view.layout();
  }

  // Reads the prompt and draws on, a few milliseconds a picture; false if it was stopped.
  async go(run, prompt, total, temperature) {
    while (this.ids.length < total) {
      for (const end = performance.now() + SLICE; performance.now() < end && this.ids.length < total;) {
        const k = this.ids.length;
        this.read(k < prompt.length ? prompt[k] : drawn(this.after[k - 1], temperature));
      }
      this.view.show(this.ids);
      this.view.box.scrollTop = this.view.box.scrollHeight;
      this.colour();
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (run !== this.run) return false;
    }
    return true;
  }

  read(id) {
    const count = header.layers.reduce((a, b) => a + b), record = new Float32Array(6 * count + 1);
    const before = this.after[this.after.length - 1];
    record[6 * count] = before ? -Math.log(probabilities(before, 1)[id]) : 0;
    this.after.push(this.model.read(id, record));
    this.records.push(record);
    this.ids.push(id);
  }

  colour() {
    const count = header.layers.reduce((a, b) => a + b);
    const place = shown.unit + header.layers.slice(0, shown.layer).reduce((a, b) => a + b, 0);
    const at = shown.quantity === "surprise" ? 6 * count : QUANTITIES.indexOf(shown.quantity) * count + place;
    this.view.colour(Float32Array.from(this.records, (record) => record[at]), cells.largest(shown.layer, shown.unit, shown.quantity));
  }

  tell(symbol) {
    const shares = probabilities(this.after[symbol], 1), order = [...shares.keys()].sort((a, b) => shares[b] - shares[a]);
    return symbolTip(this.ids[symbol], symbol, this.view.values?.[symbol], order.slice(0, 5).map((id) => [id, shares[id]]));
  }
}
