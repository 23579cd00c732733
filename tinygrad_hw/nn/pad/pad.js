// Draw strokes, bring them to the form of an image of MNIST, and show what the network makes of it.
// `answer`, above, is the network and its gradient, as the engine wrote them.
const data = JSON.parse(document.getElementById("pad-data").textContent);
const [rows, columns] = data.shape;
const at = (id) => document.getElementById(`pad-${id}`);
const [draw, seen, says, saliency] = ["draw", "seen", "says", "saliency"].map(at);
const bars = [...at("bars").rows].map((row) => ({
  row, name: row.cells[0], bar: row.cells[1].firstChild, number: row.cells[2],
}));
const weights = Object.fromEntries(Object.entries(data.weights).map(([name, text]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return [name, new Float32Array(bytes.buffer)];
}));

// --- The drawing ---------------------------------------------------------------------------------

const LONG = 280; // dots of the drawing's longer side
const unit = LONG / Math.max(rows, columns);
draw.width = Math.round(columns * unit);
draw.height = Math.round(rows * unit);
const short = Math.min(draw.width, draw.height);
const PEN = 0.09 * short, STEP = 0.03 * short;
const paper = draw.getContext("2d", { willReadFrequently: true });
const color = (name) => getComputedStyle(draw).getPropertyValue(`--${name}`).trim();

let strokes = []; // lists of points
let drawing = false;
const pen = { x: draw.width / 2, y: draw.height / 2, down: false, shown: false }; // the keyboard's

function paint() {
  paper.clearRect(0, 0, draw.width, draw.height);
  paper.strokeStyle = paper.fillStyle = color("ink");
  paper.lineWidth = PEN;
  paper.lineCap = paper.lineJoin = "round";
  for (const points of strokes) {
    paper.beginPath();
    paper.moveTo(...points[0]);
    for (const point of points) { paper.lineTo(...point); }
    paper.stroke();
  }
}

function paintPen() {
  if (!pen.shown) { return; }
  paper.beginPath();
  paper.lineWidth = 2;
  paper.strokeStyle = color(pen.down ? "differs" : "ours");
  paper.arc(pen.x, pen.y, PEN / 2 + 3, 0, 2 * Math.PI);
  paper.stroke();
}

const full = data.ink - data.paper; // of a pixel that is wholly inked

// How much of each dot is inked, from 0 to 1, row by row.
function inked() {
  const dots = paper.getImageData(0, 0, draw.width, draw.height).data;
  return Float32Array.from({ length: draw.width * draw.height }, (_, i) => dots[4 * i + 3] / 255);
}

// --- The form of an image of MNIST ---------------------------------------------------------------

// Which old dots a new one covers, and which share of it each of them is.
function covers(start, length, count) {
  return Array.from({ length: count }, (_, i) => {
    const from = length * i / count, to = length * (i + 1) / count, parts = [];
    for (let k = Math.floor(from); k < to - 1e-9; k++) {
      parts.push([start + k, (Math.min(k + 1, to) - Math.max(k, from)) / (to - from)]);
    }
    return parts;
  });
}

// Ink in a box of the size that MNIST's digits have, the center of its mass in the image's middle.
function normalized(ink, height, width) {
  let [top, bottom, left, right] = [height, -1, width, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x] === 0) { continue; }
      top = Math.min(top, y); bottom = Math.max(bottom, y);
      left = Math.min(left, x); right = Math.max(right, x);
    }
  }
  const pixels = new Float32Array(rows * columns).fill(data.paper);
  if (bottom < 0) { return pixels; }
  const scale = data.box / Math.max(bottom - top + 1, right - left + 1);
  const count = (length) => Math.max(1, Math.round(length * scale));
  const down = covers(top, bottom - top + 1, count(bottom - top + 1));
  const across = covers(left, right - left + 1, count(right - left + 1));
  const box = down.map((ys) => across.map((xs) => {
    let mean = 0;
    for (const [y, b] of ys) { for (const [x, a] of xs) { mean += a * b * ink[y * width + x]; } }
    return mean;
  }));
  let mass = 0, yMass = 0, xMass = 0;
  box.forEach((line, y) => line.forEach((m, x) => {
    mass += m; yMass += m * y; xMass += m * x;
  }));
  const place = (size, center, length) => // on the pixel of this number, as all of MNIST's are
    Math.min(Math.max(Math.round(size / 2 - center), 0), size - length);
  const y0 = place(rows, yMass / mass, down.length);
  const x0 = place(columns, xMass / mass, across.length);
  box.forEach((line, y) => line.forEach((m, x) => {
    pixels[(y0 + y) * columns + x0 + x] = data.paper + m * full;
  }));
  return pixels;
}

// --- What the network says -----------------------------------------------------------------------

let shown = null; // pixels and gradient, to be painted anew in other colors

function show(pixels) {
  const [probabilities, gradient] = answer({ pixels, ...weights }).results;
  shown = { pixels, gradient };
  const order = [...probabilities.keys()];
  const best = order.reduce((a, b) => (probabilities[b] > probabilities[a] ? b : a));
  if (order.length > bars.length) { order.sort((a, b) => probabilities[b] - probabilities[a]); }
  bars.forEach(({ row, name, bar, number }, i) => {
    const p = probabilities[order[i]];
    row.classList.toggle("best", order[i] === best);
    name.textContent = data.labels[order[i]];
    bar.style.width = `${100 * Math.min(Math.max(p, 0), 1)}%`;
    number.textContent = p.toFixed(4);
  });
  says.textContent = `It says ${data.labels[best]}, with probability ${probabilities[best].toFixed(4)}.`;
  seen.ariaLabel = `What the network gets: ${rows} by ${columns} pixels, and the gradient by them`;
  paintSeen();
  return { probabilities, gradient };
}

function nothing() {
  shown = null;
  bars.forEach(({ row, name, bar, number }, i) => {
    row.classList.remove("best");
    name.textContent = data.labels.length > bars.length ? "–" : data.labels[i];
    bar.style.width = 0;
    number.textContent = "–";
  });
  says.textContent = "Draw in the first square.";
  seen.ariaLabel = "Nothing drawn yet";
  paintSeen();
}

const channels = (name) => color(name).match(/[0-9a-f]{2}/gi).map((two) => parseInt(two, 16));
const mixed = (a, b, share) => a.map((c, i) => c + (b[i] - c) * share);

function paintSeen() {
  seen.width = columns;
  seen.height = rows;
  if (shown === null) { return; }
  const [ground, ink, more, less] = ["panel", "ink", "ours", "differs"].map(channels);
  const largest = shown.gradient.reduce((m, g) => Math.max(m, Math.abs(g)), 0);
  const image = new ImageData(columns, rows);
  shown.pixels.forEach((pixel, i) => {
    let dot = mixed(ground, ink, Math.min(Math.max((pixel - data.paper) / full, 0), 1));
    if (saliency.checked && largest > 0) {
      const slope = shown.gradient[i] / largest * Math.sign(full); // of more ink
      dot = mixed(dot, slope > 0 ? more : less, 0.9 * Math.abs(slope));
    }
    image.data.set([...dot, 255], 4 * i);
  });
  seen.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
}

// --- Once for each frame, while one draws --------------------------------------------------------

let waiting = false;

function soon() {
  if (waiting) { return; }
  waiting = true;
  requestAnimationFrame(() => { waiting = false; update(); });
}

function update() {
  paint();
  says.ariaLive = drawing ? "off" : "polite"; // a screen reader hears of a stroke when it ends
  if (strokes.length) { show(normalized(inked(), draw.height, draw.width)); } else { nothing(); }
  paintPen();
}

function clear() {
  strokes = [];
  drawing = pen.down = false;
  soon();
}

const place = (event) => {
  const box = draw.getBoundingClientRect(), style = getComputedStyle(draw);
  const edge = parseFloat(style.borderLeftWidth);
  return [
    (event.clientX - box.left - edge) / (box.width - 2 * edge) * draw.width,
    (event.clientY - box.top - edge) / (box.height - 2 * edge) * draw.height,
  ];
};

draw.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary || event.button !== 0) { return; }
  draw.setPointerCapture(event.pointerId);
  drawing = true;
  pen.down = pen.shown = false;
  strokes.push([place(event)]);
  soon();
});
draw.addEventListener("pointermove", (event) => {
  if (!drawing || !event.isPrimary) { return; }
  const all = event.getCoalescedEvents?.() ?? [];
  for (const one of all.length ? all : [event]) { strokes.at(-1).push(place(one)); }
  soon();
});
for (const end of ["pointerup", "pointercancel"]) {
  draw.addEventListener(end, (event) => {
    if (!event.isPrimary) { return; }
    drawing = false;
    soon();
  });
}

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
draw.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) { return; }
  if (MOVES[event.key]) {
    const [x, y] = MOVES[event.key];
    pen.x = Math.min(Math.max(pen.x + x * STEP, 0), draw.width);
    pen.y = Math.min(Math.max(pen.y + y * STEP, 0), draw.height);
    if (pen.down) { strokes.at(-1).push([pen.x, pen.y]); }
  } else if (event.key === " ") {
    pen.down = !pen.down;
    if (pen.down) { strokes.push([[pen.x, pen.y]]); }
  } else if (event.key === "Delete" || event.key === "Backspace") {
    clear();
  } else { return; }
  pen.shown = true;
  event.preventDefault();
  soon();
});
draw.addEventListener("blur", () => { pen.down = pen.shown = false; soon(); });
at("clear").addEventListener("click", clear);
saliency.addEventListener("change", paintSeen);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  paint();
  paintSeen();
});
nothing();
globalThis.pad = { show, normalized, clear };
