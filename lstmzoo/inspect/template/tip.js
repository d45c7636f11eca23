// The note beside the pointer.

// A finger leaves with each tap; what it has shown stays until the next one.
const isMouse = (event) => event.pointerType === "mouse";

function showTip(content, x, y) {
  const tip = byId("tip");
  tip.replaceChildren(content);
  tip.hidden = false;
  const {width, height} = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 6))}px`;
  tip.style.top = `${y + 22 + height > innerHeight ? y - height - 12 : y + 22}px`;
}

const format = (value) => Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "not known";

function table(rows) {
  return element("table", "", undefined, ...rows.map((row) => element("tr", "", undefined, ...row.map((cell) => cell instanceof Node ? cell : element("td", "", cell)))));
}
