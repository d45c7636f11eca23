// A text in lines of one column a symbol, of which only those in view are elements; behind them a picture of one pixel
// a symbol and row, drawn large. So another cell costs a few thousand pixels, however long the text is.

const HEIGHT = 21;  // of a line, as the style has it
const PIXELS = 7;  // rows of the picture to a line; the last one marks what is selected
const PLAIN = /^[\x20-\x7e]$/;

class TextView {
  constructor(box, tell) {
    this.box = box;
    this.tell = tell;  // gives the content of the note beside the pointer for a symbol
    this.ids = [];
    this.values = null;
    this.largest = 1;
    this.stretch = [0, 0];
    this.narrowed = new Map();
    this.first = this.count = 0;  // lines in view
    this.canvas = element("canvas");
    this.lines = element("div", "lines");
    this.space = element("div");
    this.window = element("div", "window", undefined, this.canvas, this.lines);
    box.append(this.space, this.window);
    this.layout();
    box.addEventListener("scroll", () => { byId("tip").hidden = true; this.render(); });
    box.addEventListener("pointermove", (event) => this.point(event));
    box.addEventListener("pointerdown", (event) => this.point(event));
    box.addEventListener("pointerleave", (event) => { byId("tip").hidden ||= isMouse(event); });
    new ResizeObserver(() => (box.clientWidth === this.width ? this.render() : this.layout())).observe(box);
  }

  show(ids) {
    this.ids = ids;
    this.layout();
  }

  // Cuts the text into lines: after a newline, and where the box is full.
  layout() {
    const probe = element("div", "", "0".repeat(100)), at = this.firstSymbol();
    probe.style.width = "max-content";
    this.lines.append(probe);
    this.wide = probe.getBoundingClientRect().width / 100;
    probe.remove();
    this.width = this.box.clientWidth;
    this.columns = Math.max(8, Math.floor((this.width - 16) / this.wide));
    this.starts = [0];
    for (let k = 0, column = 0; k < this.ids.length; k++) {
      if (++column === this.columns || this.ids[k] === NEWLINE) {
        column = 0;
        if (k + 1 < this.ids.length) this.starts.push(k + 1);
      }
    }
    this.space.style.height = `${this.starts.length * HEIGHT}px`;
    this.lines.replaceChildren();
    this.reveal(at);
    this.render();
  }

  firstSymbol() {
    return this.starts ? this.starts[Math.min(this.first, this.starts.length - 1)] : 0;
  }

  end(line) {
    return line + 1 < this.starts.length ? this.starts[line + 1] : this.ids.length;
  }

  reveal(symbol) {
    const line = Math.max(this.starts.findIndex((_, k) => this.end(k) > symbol), 0);
    this.box.scrollTop = line * HEIGHT;
  }

  render() {
    this.first = Math.min(Math.floor(this.box.scrollTop / HEIGHT), this.starts.length - 1);
    this.count = Math.min(Math.ceil(this.box.clientHeight / HEIGHT) + 1, this.starts.length - this.first);
    this.window.style.top = `${this.first * HEIGHT}px`;
    while (this.lines.childElementCount > this.count) this.lines.lastChild.remove();
    while (this.lines.childElementCount < this.count) this.lines.append(element("div"));
    [...this.lines.children].forEach((line, row) => this.fill(line, this.first + row));
    this.paint();
  }

  fill(line, number) {
    const from = this.starts[number], to = this.end(number);
    if (line.from === from && line.to === to) return;
    line.from = from;
    line.to = to;
    line.replaceChildren();
    let run = "";
    const flush = (k) => {
      if (run) line.append(Object.assign(document.createTextNode(run), {first: k - run.length}));
      run = "";
    };
    for (let k = from; k < to; k++) {
      const glyph = header.symbols.shown[this.ids[k]][0];
      if (PLAIN.test(glyph)) {
        run += glyph;
        continue;
      }
      flush(k);
      const span = element("span", this.ids[k] === NEWLINE ? "odd faint" : "odd", glyph);
      span.style.width = `${this.wide}px`;
      span.style.fontSize = `${100 * this.narrowing(glyph)}%`;
      line.append(Object.assign(span, {first: k}));
    }
    flush(to);
  }

  // By how much a glyph is drawn smaller, so that it fits a column.
  narrowing(glyph) {
    if (!this.narrowed.has(glyph)) {
      const pen = this.canvas.getContext("2d");
      pen.font = getComputedStyle(this.lines).font;
      this.narrowed.set(glyph, Math.min(1, this.wide / Math.max(pen.measureText(glyph).width, 1)));
    }
    return this.narrowed.get(glyph);
  }

  colour(values, largest) {
    this.values = values;
    this.largest = largest;
    this.paint();
  }

  paint() {
    const {canvas, columns, count} = this, context = canvas.getContext("2d");
    canvas.width = columns;
    canvas.height = Math.max(count, 1) * PIXELS;
    canvas.style.width = `${columns * this.wide}px`;
    canvas.style.height = `${canvas.height / PIXELS * HEIGHT}px`;
    const image = context.createImageData(columns, canvas.height), pixels = new Uint32Array(image.data.buffer);
    const mark = selectionColour();
    for (let row = 0; row < count; row++) {
      const from = this.starts[this.first + row], to = this.end(this.first + row);
      for (let k = from; k < to; k++) {
        const colour = this.values ? pixel(this.values[k], this.largest) : 0;
        const isMarked = k >= this.stretch[0] && k < this.stretch[1];
        for (let part = 0, at = row * PIXELS * columns + k - from; part < PIXELS; part++, at += columns) {
          pixels[at] = isMarked && part === PIXELS - 1 ? mark : colour;
        }
      }
    }
    context.putImageData(image, 0, 0);
  }

  symbolAt(x, y) {
    const place = this.window.getBoundingClientRect();
    const row = Math.floor((y - place.top) / HEIGHT), column = Math.floor((x - place.left) / this.wide);
    const symbol = this.starts[this.first + row] + column;
    return row >= 0 && row < this.count && column >= 0 && symbol < this.end(this.first + row) ? symbol : -1;
  }

  // The place between two symbols that is nearest to a point, inside the box or beyond it.
  boundary(x, y) {
    const place = this.window.getBoundingClientRect(), box = this.box.getBoundingClientRect();
    const down = Math.min(Math.max(y, box.top), box.bottom - 1) - place.top;
    const line = this.first + Math.min(Math.max(Math.floor(down / HEIGHT), 0), this.count - 1);
    const column = Math.max(Math.round((x - place.left) / this.wide), 0);
    return Math.min(this.starts[line] + column, this.end(line));
  }

  // Underlines the symbols [from, to).
  mark(stretch) {
    this.stretch = stretch;
    this.paint();
  }

  point(event) {
    const symbol = this.symbolAt(event.clientX, event.clientY);
    byId("tip").hidden = symbol < 0;
    if (symbol >= 0) showTip(this.tell(symbol), event.clientX, event.clientY);
  }

  // The symbols [from, to) of the browser's own selection, [0, 0] of an empty one, or null of one elsewhere.
  selected() {
    const found = getSelection();
    if (!found.rangeCount || !this.lines.contains(found.getRangeAt(0).commonAncestorContainer)) return null;
    if (found.isCollapsed) return [0, 0];
    const range = found.getRangeAt(0);
    const ends = [symbolOf(range.startContainer, range.startOffset), symbolOf(range.endContainer, range.endOffset)];
    return ends[1] > ends[0] ? ends : null;
  }
}

// The symbol at a place of the document: a text of plain symbols, one odd symbol, or a place among lines.
function symbolOf(node, offset) {
  if (node.first !== undefined) return node.first + (node.nodeType === Node.TEXT_NODE ? offset : Number(offset > 0));
  if (node.parentNode.first !== undefined) return node.parentNode.first + Number(offset > 0);
  const after = node.childNodes[offset];
  if (after) return after.from ?? after.first ?? symbolOf(after, 0);
  return node.to ?? node.lastChild?.to ?? 0;
}

function selectionColour() {
  const [r, g, b] = channels(getComputedStyle(document.documentElement).getPropertyValue("--mark").trim());
  return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
}
