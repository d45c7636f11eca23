// Selecting a stretch of a text. A mouse drags from symbol to symbol, however far the text is scrolled meanwhile; what
// a finger or a program selects is the browser's own selection.

class Dragging {
  // `take` is called with the symbols [from, to), or [0, 0] for none.
  constructor(view, take) {
    Object.assign(this, {view, take, anchor: null, byMouse: false, at: [0, 0]});
    view.box.addEventListener("pointerdown", (event) => this.begin(event));
    view.box.addEventListener("scroll", () => this.go());
    document.addEventListener("pointermove", (event) => this.go([event.clientX, event.clientY]));
    document.addEventListener("pointerup", () => this.end());
    document.addEventListener("selectionchange", () => this.takeOwn());
  }

  begin(event) {
    this.byMouse = isMouse(event);
    if (!this.byMouse || event.button !== 0 || event.offsetX > this.view.box.clientWidth) return;
    this.at = [event.clientX, event.clientY];
    this.anchor = this.view.boundary(...this.at);
  }

  go(at = this.at) {
    this.at = at;
    if (this.anchor === null) return;
    const ends = [this.anchor, this.view.boundary(...at)].sort((a, b) => a - b);
    this.view.mark(ends[1] > ends[0] ? ends : [0, 0]);
  }

  end() {
    if (this.anchor === null) return;
    this.go();
    this.anchor = null;
    this.take(this.view.stretch);
  }

  takeOwn() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      const found = this.byMouse ? null : this.view.selected();
      if (!found) return;
      this.view.mark(found);
      this.take(found);
    }, 150);
  }
}
