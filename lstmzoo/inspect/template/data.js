"use strict";
// The data of the page: a header in JSON, and blocks of numbers that were deflated and written in base64.

const header = JSON.parse(document.getElementById("header").textContent);
const ARRAYS = {i1: Int8Array, i2: Int16Array, u2: Uint16Array, f2: Uint16Array, f4: Float32Array};

// h from -1 to 1 is stored as integers from -WHOLE to WHOLE.
const WHOLE = header.blocks.h0[0] === "i2" ? 32767 : 127;

const byId = (id) => document.getElementById(id);

// A new element with a class and a text; texts are never read as HTML.
function element(tag, name, text, ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

// Lets the browser draw and answer; long work calls it every few milliseconds.
const pause = () => new Promise((resolve) => {
  const channel = new MessageChannel();
  channel.port1.onmessage = resolve;
  channel.port2.postMessage(null);
});

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// The numbers of a block by its name, piece by piece, so that no piece stops the page.
async function block(name) {
  if (!(name in header.blocks)) return null;
  const [type, ...shape] = header.blocks[name], kind = ARRAYS[type];
  const found = new Uint8Array(shape.reduce((a, b) => a * b, 1) * kind.BYTES_PER_ELEMENT);
  let place = 0;
  for (const piece of document.querySelectorAll(`script[data-block="${name}"]`)) {
    const bytes = await inflated(bytesOf(piece.textContent));
    found.set(bytes, place);
    place += bytes.length;
    piece.remove();
    await pause();
  }
  const numbers = new kind(found.buffer);
  return type === "f2" ? fromHalf(numbers) : numbers;
}

// float16 to float32: sign, 5 bits of exponent, 10 bits of fraction.
function fromHalf(halves) {
  const table = new Float32Array(65536);
  for (let k = 0; k < 65536; k++) {
    const exponent = (k >> 10) & 31, fraction = k & 1023;
    const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
    table[k] = k & 32768 ? -size : size;
  }
  return new Float32Array(halves).map((half) => table[half]);  // `from` with a function is far slower
}

// What is shown, which the address remembers behind its #.
const shown = {layer: 0, unit: 0, quantity: "h", at: 0, feature: 0, from: 0, to: 0};

function readAddress() {
  const found = new URLSearchParams(location.hash.slice(1));
  Object.assign(shown, {at: 0, from: 0, to: 0});
  for (const name of ["layer", "unit", "at", "feature", "from", "to"]) {
    const value = parseInt(found.get(name) ?? "", 10);
    if (value >= 0) shown[name] = value;
  }
  if (Object.hasOwn(NAMES, found.get("show"))) shown.quantity = found.get("show");
  shown.layer = Math.min(shown.layer, header.layers.length - 1);
  shown.unit = Math.min(shown.unit, header.layers[shown.layer] - 1);
  shown.feature = Math.min(shown.feature, Math.max(header.features.length - 1, 0));
  shown.to = Math.min(shown.to, header.steps);
}

// Writes it when nothing has changed for a moment: browsers limit how often that may be.
let addressing = 0;

function rememberSoon() {
  clearTimeout(addressing);
  addressing = setTimeout(writeAddress, 200);
}

function writeAddress() {
  const found = new URLSearchParams({layer: shown.layer, unit: shown.unit, show: shown.quantity, feature: shown.feature});
  if (shown.at) found.set("at", shown.at);
  if (shown.to > shown.from) {
    found.set("from", shown.from);
    found.set("to", shown.to);
  }
  history.replaceState(null, "", `#${found}`);
}
