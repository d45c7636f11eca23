// The scale of colours: blue below zero, orange above it, which people of all kinds of colour vision tell apart.

const RANGES = {h: "-1 to 1", g: "-1 to 1", i: "closed 0 to 1 open", f: "forget 0 to 1 keep",
  o: "closed 0 to 1 open", surprise: "0 to 6 nats"};
const dark = matchMedia("(prefers-color-scheme: dark)");
let scale = null;

// 255 colours as numbers of a picture's memory: 0 is -1, 127 is 0, 254 is 1.
function makeScale() {
  const style = getComputedStyle(document.documentElement);
  const [back, low, high] = ["--back", "--low", "--high"].map((name) => channels(style.getPropertyValue(name).trim()));
  scale = new Uint32Array(255);
  for (let k = 0; k < 255; k++) {
    const value = (k - 127) / 127, end = value < 0 ? low : high, share = Math.abs(value);
    const [r, g, b] = back.map((from, place) => Math.round(from + share * (end[place] - from)));
    scale[k] = 0xff000000 | (b << 16) | (g << 8) | r;
  }
}

function channels(colour) {
  return [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
}

function pixel(value, largest) {
  const share = value / largest;
  return scale[Math.round(127 + 127 * Math.min(Math.max(share, -1), 1))];
}

function drawScale(quantity, largest) {
  const canvas = byId("scale"), context = canvas.getContext("2d"), image = context.createImageData(canvas.width, 1);
  const pixels = new Uint32Array(image.data.buffer), low = "hcg".includes(quantity) ? -1 : 0;
  pixels.forEach((_, k) => { pixels[k] = pixel(low + (1 - low) * k / (pixels.length - 1), 1); });
  context.putImageData(image, 0, 0);
  byId("range").textContent = RANGES[quantity] ?? `-${largest.toPrecision(2)} to ${largest.toPrecision(2)}`;
}
