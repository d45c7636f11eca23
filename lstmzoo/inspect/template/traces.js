// What goes in and comes out, and each cell, as lines over time; only what is in view is drawn.

const ROW = 44, LABEL = 150, AXIS = 22;
const LINES = {input: "--soft", target: "--high", prediction: "--mark"};

class TraceView {
  constructor(box, cells, tracks, choose) {
    Object.assign(this, {box, cells, tracks, choose, quantity: "h", at: -1, drawing: 0});
    this.step = Math.max(3, Math.min(16, Math.floor((box.clientWidth - LABEL) / Math.min(header.steps, 160))));
    this.rows = header.layers.flatMap((size, layer) => Array.from({length: size}, (_, unit) => ({layer, unit})));
    this.canvas = element("canvas");
    this.space = element("div", "space");
    this.space.style.width = `${LABEL + header.steps * this.step + 20}px`;
    this.space.style.height = `${this.top(this.rows.length) + 8}px`;
    box.append(this.space, this.canvas);
    box.addEventListener("scroll", () => this.draw());
    box.addEventListener("pointermove", (event) => this.point(event));
    box.addEventListener("pointerdown", (event) => this.point(event));
    box.addEventListener("pointerleave", (event) => isMouse(event) && this.leave());
    box.addEventListener("click", (event) => this.click(event));
    box.scrollLeft = this.firstTarget() * this.step;
    new ResizeObserver(() => this.draw()).observe(box);
  }

  // The first step whose target is known: before it a series warms up.
  firstTarget() {
    const number = header.tracks.findIndex((name) => name.startsWith("target"));
    const place = number < 0 ? 0 : this.track(number).findIndex(Number.isFinite);
    return place > 20 ? place - 10 : 0;
  }

  // Inputs have a row each; a target and its prediction share one.
  get groups() {
    const found = [];
    header.tracks.forEach((name, number) => {
      const [what, ...rest] = name.split(" "), of = rest.join(" ");
      const target = found.find((group) => what === "prediction" && group.what === "target" && group.of === of);
      if (target) target.lines.push({what, number});
      else found.push({what, of, lines: [{what, number}]});
    });
    return found;
  }

  top(row) {
    return AXIS + (this.groups.length + row) * ROW;
  }

  // The height that stays when the cells are scrolled: inputs and targets too, unless they fill most of the box.
  get head() {
    return this.top(0) > this.box.clientHeight * 0.6 ? AXIS : this.top(0);
  }

  // How far inputs and targets are scrolled.
  get risen() {
    return this.head === AXIS ? this.box.scrollTop : 0;
  }

  async draw() {
    const {box, canvas} = this, drawing = ++this.drawing, ratio = devicePixelRatio;
    const first = Math.max(0, Math.floor((box.scrollTop - this.top(0)) / ROW));
    const rows = this.rows.slice(first, first + Math.ceil(box.clientHeight / ROW) + 1);
    const values = [];
    for (const row of rows) values.push(await this.cells.values(row.layer, row.unit, this.quantity));
    if (drawing !== this.drawing) return;
    canvas.width = box.clientWidth * ratio;
    canvas.height = box.clientHeight * ratio;
    canvas.style.width = `${box.clientWidth}px`;
    canvas.style.height = `${box.clientHeight}px`;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.font = "13px system-ui, sans-serif";
    rows.forEach((row, k) => values[k] && this.drawCell(context, row, values[k], this.top(first + k) - box.scrollTop));
    this.drawTracks(context);
  }

  drawCell(context, row, values, y) {
    const isChosen = row.layer === shown.layer && row.unit === shown.unit;
    const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
    if (isChosen) this.fill(context, "--panel", y);
    this.strip(context, values, this.cells.largest(row.layer, row.unit, this.quantity), y);
    this.line(context, values, low, Math.max(high, low + 0.01), y, "--fore", isChosen ? 2.6 : 1.3);
    this.label(context, `layer ${row.layer}, unit ${row.unit}`, y, isChosen ? "--mark" : "--fore");
  }

  drawTracks(context) {
    const height = this.top(0) - this.risen;
    context.fillStyle = colourOf("--back");
    context.fillRect(0, 0, this.box.clientWidth, height);
    this.groups.forEach((group, k) => {
      const y = AXIS + k * ROW - this.risen;
      const lines = group.lines.map(({what, number}) => ({what, values: this.track(number)}));
      const all = lines.flatMap(({values}) => Array.from(values)).filter(Number.isFinite);
      const low = all.reduce((a, b) => Math.min(a, b), Infinity), high = all.reduce((a, b) => Math.max(a, b), -Infinity);
      for (const {what, values} of lines) this.line(context, values, low, high, y, LINES[what], what === "target" ? 4 : 1.5);
      this.label(context, `${group.lines.map(({what}) => what).join(", ")} ${group.of}`.trim(), y, "--fore");
    });
    this.axis(context);
    context.fillStyle = colourOf("--line");
    context.fillRect(0, height - 1, this.box.clientWidth, 1);
    if (this.at >= 0) context.fillRect(this.x(this.at), 0, 1, this.box.clientHeight);
  }

  track(number) {
    return this.tracks.subarray(number * header.steps, (number + 1) * header.steps);
  }

  x(step) {
    return LABEL + (step + 0.5) * this.step - this.box.scrollLeft;
  }

  // The steps in view.
  view() {
    const first = Math.floor(this.box.scrollLeft / this.step);
    return [first, Math.min(header.steps, first + Math.ceil((this.box.clientWidth - LABEL) / this.step) + 1)];
  }

  line(context, values, low, high, y, colour, width = 1.5) {
    const [first, end] = this.view(), spread = high - low || 1;
    context.save();
    context.beginPath();
    context.rect(LABEL, y - 2, this.box.clientWidth, ROW);
    context.clip();
    context.beginPath();
    for (let t = Math.max(first - 1, 0), pen = false; t < end; t++) {
      const isThere = Number.isFinite(values[t]), height = y + ROW - 8 - (values[t] - low) / spread * (ROW - 14);
      if (isThere && pen) context.lineTo(this.x(t), height);
      else if (isThere) context.moveTo(this.x(t), height);
      pen = isThere;
    }
    context.strokeStyle = colourOf(colour);
    context.lineWidth = width;
    context.lineJoin = "round";
    context.stroke();
    context.restore();
  }

  // The values as colours behind the line, as in a text.
  strip(context, values, largest, y) {
    const [first, end] = this.view(), image = context.createImageData(end - first, 1);
    const pixels = new Uint32Array(image.data.buffer);
    for (let t = first; t < end; t++) pixels[t - first] = pixel(values[t], largest);
    const small = new OffscreenCanvas(end - first, 1);
    small.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, this.x(first) - this.step / 2, y + 2, (end - first) * this.step, ROW - 6);
    context.fillStyle = colourOf("--back");
    context.fillRect(0, y, LABEL - 4, ROW);
  }

  fill(context, colour, y) {
    context.fillStyle = colourOf(colour);
    context.fillRect(0, y, this.box.clientWidth, ROW);
  }

  label(context, text, y, colour) {
    context.fillStyle = colourOf("--back");
    context.fillRect(0, y, LABEL - 4, ROW);
    context.fillStyle = colourOf(colour);
    context.fillText(text, 8, y + ROW / 2 + 4, LABEL - 16);
  }

  axis(context) {
    const [first, end] = this.view(), every = [5, 10, 20, 50, 100, 200].find((count) => count * this.step >= 60) ?? 500;
    context.fillStyle = colourOf("--back");
    context.fillRect(0, 0, this.box.clientWidth, AXIS);
    context.fillStyle = colourOf("--soft");
    for (let t = Math.ceil(first / every) * every; t < end; t += every) context.fillText(String(t + 1), this.x(t) - 4, 15);
    this.label(context, "step", -10, "--soft");
  }

  rowAt(event) {
    const place = this.box.getBoundingClientRect(), y = event.clientY - place.top;
    if (y < this.head) return -1;
    return Math.floor((y + this.box.scrollTop - this.top(0)) / ROW);
  }

  point(event) {
    const x = event.clientX - this.box.getBoundingClientRect().left + this.box.scrollLeft - LABEL;
    const at = Math.floor(x / this.step);
    this.at = at >= 0 && at < header.steps ? at : -1;
    byId("tip").hidden = this.at < 0;
    if (this.at >= 0) showTip(this.tell(this.at, this.rows[this.rowAt(event)]), event.clientX, event.clientY);
    this.draw();
  }

  leave() {
    this.at = -1;
    byId("tip").hidden = true;
    this.draw();
  }

  tell(step, row) {
    const lines = header.tracks.map((name, number) => [name, format(this.track(number)[step])]);
    const values = row && this.cells.kept.get(`${this.quantity}${row.layer} ${row.unit}`);
    if (values) lines.push([`${this.quantity} of layer ${row.layer}, unit ${row.unit}`, format(values[step])]);
    return table([[`step ${step + 1}`, ""], ...lines]);
  }

  click(event) {
    const row = this.rows[this.rowAt(event)];
    if (row) this.choose(row.layer, row.unit, this.quantity);
  }

  reveal(layer, unit) {
    const row = this.rows.findIndex((each) => each.layer === layer && each.unit === unit);
    const top = this.top(row) - this.head, height = this.box.clientHeight - this.head - ROW;
    if (top < this.box.scrollTop || top > this.box.scrollTop + height) this.box.scrollTop = Math.max(0, top - height / 2);
  }
}

const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
