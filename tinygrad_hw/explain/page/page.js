"use strict";
// The page shows; it derives nothing. All numbers come from the program above, `page`, which was
// written by the engine, and each is put wherever an element has its key.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// --- Numbers -------------------------------------------------------------------------------------

// Four significant figures, halves to the even digit, as everywhere else in this project.
function numberText(x) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (x === 0) return "0";
  let [digits, exponent] = x.toExponential(3).split("e");
  const whole = x.toExponential(100).split("e")[0].replace(/^-?\d\.\d{3}/, "");
  if (/^50*$/.test(whole)) { // a tie: the other neighbor may be the even one
    const down = x.toExponential(100).split("e")[0].match(/^-?\d\.\d{3}/)[0];
    if ("02468".includes(down.at(-1))) { digits = down; exponent = x.toExponential(100).split("e")[1]; }
  }
  const e = Number(exponent);
  let text;
  const scientific = e < -4 || e >= 4;
  if (scientific) text = digits;
  else {
    const sign = digits.startsWith("-") ? "-" : "";
    const figures = digits.replace(/[-.]/g, "");
    if (e >= 0) text = sign + figures.slice(0, e + 1) + "." + figures.slice(e + 1);
    else text = sign + "0." + "0".repeat(-e - 1) + figures;
  }
  const power = scientific ? "e" + (e < 0 ? "-" : "+") + String(Math.abs(e)).padStart(2, "0") : "";
  const short = text.includes(".") ? text.replace(/\.?0*$/, "") : text;
  if (Number(short + power) === x) return short + power;
  return text.replace(/\.$/, "") + power;
}

function mathNumber(text, inBrackets) {
  const [digits, exponent] = text.split("e");
  const sign = (t) => (t.startsWith("-") ? '<mo form="prefix">−</mo>' : "");
  const bare = digits.replace("-", "");
  let math = sign(digits) + `<mn>${bare === "inf" ? "∞" : bare}</mn>`;
  if (exponent !== undefined) {
    const e = String(Number(exponent));
    const power = `<mrow>${sign(e)}<mn>${e.replace("-", "")}</mn></mrow>`;
    math += `<mo>×</mo><msup><mn>10</mn>${power}</msup>`;
  }
  return inBrackets && digits.startsWith("-") ? `<mo>(</mo>${math}<mo>)</mo>` : math;
}

const given = data.inputs.map((input) => input.value);
let results = [];
const keyed = all("[data-k]");

function compute() {
  const names = Object.fromEntries(given.map((x, i) => [`given_${i + 1}`, x]));
  results = page(names).results;
  settle();
}
const valueOf = (key) => (zero.has(data.totals[key] || key) ? 0 : results[data.keys[key]]);

// The sums of which nothing is left but the rounding of their terms, and what they would pass on:
// zeros, as by hand: see explain/graph/dust.py.
const zero = new Set();

function settle() {
  zero.clear();
  for (const [v, { frames, edges, nodes }] of Object.entries(data.views)) {
    const counts = nodes.map(() => 0), sizes = nodes.map(() => 0); // of the terms so far
    for (const { node, edge, sum } of frames) {
      if (edge === null) continue;
      const { from, contribution } = edges[edge];
      if (zero.has(`${v}g${from}`)) zero.add(v + contribution);
      counts[node]++;
      const size = sizes[node] += Math.abs(valueOf(v + contribution));
      const total = Math.abs(results[data.keys[v + sum]]);
      const isZero = size === 0 || (size < Infinity && total <= counts[node] * data.rounding * size);
      for (const key of [v + sum, `${v}g${node}`]) zero[isZero ? "add" : "delete"](key);
    }
  }
}

function write(element, key) {
  const text = isSealed(element) ? "·" : numberText(valueOf(key));
  if (element.namespaceURI.endsWith("MathML")) {
    element.innerHTML = mathNumber(text, element.hasAttribute("data-b"));
  } else if (element.textContent !== text) element.textContent = text;
}

// --- Steps ---------------------------------------------------------------------------------------

let view = "a"; // a: by neuron, b: every operation
const at = { a: -1, b: -1 }; // the step shown; -1 is before the first
let explained = null; // the node that is explained: that of the step, or
let isChosen = false; // the one that the reader has chosen
let timer = null;
const sealed = data.sealed; // of a sheet to be answered: what its steps reveal
let revealed = sealed ? sealed.from : Infinity; // how many steps of the view by neuron

// A value in an explanation that is not to be seen yet; chains are hidden as a whole.
function isSealed(element) {
  const article = sealed && element.closest("article");
  return Boolean(article) && !element.closest(".derived")
    && sealed.articles[Number(article.id.slice("about-".length))][0] >= revealed;
}

const frames = () => data.views[view].frames;
const row = (i, which = view) => $(`${which}n${i}`);
const edge = (i) => $(`${view}e${i}`);

function render() {
  const now = at[view], frame = frames()[now];
  const drawing = $(`drawing-${view}`);
  for (const lit of all(".lit, .from", drawing)) lit.classList.remove("lit", "from");
  const values = new Set(data.views[view].given), sums = new Map(), passed = new Set();
  frames().slice(0, now + 1).forEach((f) => {
    if (f.phase === "forward") values.add(f.node);
    else sums.set(f.node, f.sum);
    if (f.edge !== null) passed.add(f.edge);
  });
  const sizes = data.views[view].gradients.map((i) => Math.abs(valueOf(`${view}g${i}`)));
  const finite = sizes.filter(Number.isFinite);
  const dust = 2 ** -50 * Math.max(0, ...finite);  // no more than the rounding of the largest
  const known = finite.filter((x) => x > dust);
  const low = Math.log(Math.min(...known)), high = Math.log(Math.max(...known));
  for (let i = 0; i < data.views[view].nodes.length; i++) {
    const element = row(i), sum = sums.get(i);
    element.classList.toggle("unknown", !values.has(i));
    const gradient = element.querySelector(".g tspan");
    if (gradient) {
      gradient.textContent = sum === undefined ? "·" : numberText(valueOf(view + sum));
      const size = sum === undefined ? 0 : Math.abs(valueOf(view + sum));
      const depth = size > 0 ? (high > low ? (Math.log(size) - low) / (high - low) : 1) : 0;
      element.style.setProperty("--depth", Math.min(1, Math.max(0, depth || 0)).toFixed(3));
      element.classList.toggle("reached", sum !== undefined && !(size <= dust));
      element.classList.toggle("dead", sum !== undefined && size === 0);
    }
    const value = element.querySelector(".v tspan");
    value.textContent = values.has(i) ? numberText(valueOf(`${view}v${i}`)) : "·";
    element.setAttribute("aria-label", label(i, values.has(i), sum));
  }
  data.views[view].edges.forEach((_, i) => edge(i).classList.toggle("passed", passed.has(i)));
  const chip = $(`chip-${view}`);
  chip.classList.remove("shown");
  tell(now, frame);
  if (frame) {
    if (!isChosen) explain(data.views[view].about[frame.node]);
    row(frame.node).classList.add("lit");
    if (frame.edge !== null) light(frame, chip);
    const isShown = chip.classList.contains("shown");
    reveal(isShown ? [row(frame.node), chip.querySelector("rect")] : [row(frame.node)]);
  }
}

function label(i, isKnown, sum) {
  const name = data.views[view].nodes[i];
  const parts = [name, isKnown ? `value ${numberText(valueOf(`${view}v${i}`))}` : "not computed yet"];
  if (sum !== undefined) parts.push(`gradient ${numberText(valueOf(view + sum))}`);
  return parts.join(", ");
}

// The lit edge says: local derivative × upstream = contribution.
function light(frame, chip) {
  const wire = edge(frame.edge), told = data.views[view].edges[frame.edge];
  wire.classList.add("lit");
  row(told.from).classList.add("from");
  const number = (key) => numberText(valueOf(view + key));
  const local = told.local ? `${number(told.local)} × ` : "", upstream = number(told.upstream);
  const factor = local && upstream.startsWith("-") ? `(${upstream})` : upstream;
  const text = `${local}${factor} = ${number(told.contribution)}`;
  const [px, py] = wire.dataset.at.split(",").map(Number), width = text.length * 9 + 20;
  const isBeside = wire.hasAttribute("data-beside");
  const beside = [isBeside ? px + 34 + width / 2 : px, py];
  const place = freePlace(chip.ownerSVGElement, beside, width, row(frame.node).getBBox());
  chip.classList.toggle("shown", Boolean(place));
  if (!place) return;
  const [left, top] = place, path = wire.querySelector("path");
  const end = path ? path.getPointAtLength(path.getTotalLength() / 2) : { x: px, y: py };
  const x = Math.max(left, Math.min(end.x, left + width)), y = Math.max(top, Math.min(end.y, top + CHIP));
  chip.querySelector("path").setAttribute("d", `M${x},${y} L${end.x},${end.y}`);
  const box = chip.querySelector("rect"), line = chip.querySelector("text");
  line.textContent = text;
  for (const [name, n] of [["x", left], ["y", top], ["width", width], ["height", CHIP]]) {
    box.setAttribute(name, n);
  }
  line.setAttribute("x", left + width / 2);
  line.setAttribute("y", top + 19);
}

// The place nearest to a point where a callout covers no box and no number; null where there is none.
// If it can be, it is seen together with the lit row.
const CHIP = 28; // its height
const FAR = [640, 400]; // how far from the point it may be, across and down
const shiftsFor = {}; // by the width of a callout, the nearest first

function shifts(width) {
  if (shiftsFor[width]) return shiftsFor[width];
  const found = [];
  for (let dx = -FAR[0]; dx <= FAR[0]; dx += 16) {
    for (let dy = -FAR[1]; dy <= FAR[1]; dy += 8) {
      const far = Math.hypot(Math.max(0, Math.abs(dx) - width / 2), Math.max(0, Math.abs(dy) - CHIP / 2));
      found.push([far + (Math.abs(dx) + Math.abs(dy)) / 50, dx, dy]);
    }
  }
  return shiftsFor[width] = found.sort((a, b) => a[0] - b[0]);
}

function freePlace(svg, [x, y], width, lit) {
  const { width: most, height: lowest } = svg.viewBox.baseVal, gap = 4;
  const drawing = svg.closest(".drawing"), scale = svg.getScreenCTM().a;
  const isSeen = (left, top) =>
    Math.max(left + width, lit.x + lit.width) - Math.min(left, lit.x) < drawing.clientWidth / scale - gap
    && Math.max(top + CHIP, lit.y + lit.height) - Math.min(top, lit.y) < drawing.clientHeight / scale - gap;
  let outside = null;
  const covered = all(".card, .edge.passed:not(.lit) text, .frame .title", svg).map((e) => e.getBBox())
    .filter((b) => b.x < x + FAR[0] + width && b.x + b.width > x - FAR[0] - width);
  for (const [, dx, dy] of shifts(width)) {
    const left = x + dx - width / 2, top = y + dy - CHIP / 2;
    if (left < 2 || top < 2 || left + width > most - 2 || top + CHIP > lowest - 2) continue;
    if (covered.some((b) => b.x < left + width + gap && b.x + b.width > left - gap
      && b.y < top + CHIP + gap && b.y + b.height > top - gap)) continue;
    if (isSeen(left, top)) return [left, top];
    outside = outside || [left, top];
  }
  return outside;
}

function tell(now, frame) {
  const list = $(`steps-${view}`), count = frames().length;
  for (const item of all("[aria-current]", list)) item.removeAttribute("aria-current");
  const item = list.children[now];
  if (item) {
    item.firstChild.setAttribute("aria-current", "step");
    const scrolled = list.scrollHeight > list.clientHeight ? list : list.parentElement;
    scrolled.scrollTop += item.getBoundingClientRect().top - scrolled.getBoundingClientRect().top
      - scrolled.clientHeight / 2;
  }
  all("li", list).forEach((item, i) => { item.hidden = i > lastStep(); });
  const start = sealed ? "Work it out. Reveal shows the next number." : "Step on, or press play.";
  const words = item ? item.textContent : `What is given is known. ${start}`;
  if ($("said").textContent !== words) $("said").textContent = words;
  $("count").textContent = `${now + 1} of ${count}${frame ? `, ${frame.phase}` : ""}`;
  const slider = $("position");
  slider.max = lastStep() + 1;
  slider.value = now + 1;
  slider.setAttribute("aria-valuetext", words);
  for (const id of ["first", "back"]) $(id).disabled = now < 0;
  for (const id of ["forth", "last"]) $(id).disabled = now >= lastStep();
  $("play").disabled = lastStep() < 0;
  if (sealed) $("reveal").disabled = revealed >= data.views.a.frames.length;
}

// Scroll the drawing only, and only as far as it must for all of these to be seen, or the first.
function reveal(elements) {
  const drawing = elements[0].closest(".drawing"), d = drawing.getBoundingClientRect();
  const boxes = elements.map((e) => e.getBoundingClientRect());
  for (const [start, end, size, scroll] of [
    ["left", "right", drawing.clientWidth, "scrollLeft"],
    ["top", "bottom", drawing.clientHeight, "scrollTop"],
  ]) {
    let first = Math.min(...boxes.map((b) => b[start])), last = Math.max(...boxes.map((b) => b[end]));
    if (last - first > size) [first, last] = [boxes[0][start], boxes[0][end]];
    const room = Math.max(0, Math.min(60, (size - (last - first)) / 2));
    if (last > d[start] + size - room) drawing[scroll] += last - (d[start] + size - room);
    else if (first < d[start] + room) drawing[scroll] -= d[start] + room - first;
  }
}

// The last step that may be shown: of a sheet that is to be answered, the last that is revealed.
function lastStep() {
  if (view === "a") return Math.min(revealed, frames().length) - 1;
  const first = sealed ? sealed.after.findIndex((step) => step >= revealed) : -1;
  return (first < 0 ? frames().length : first) - 1;
}

function go(step) {
  at[view] = Math.max(-1, Math.min(lastStep(), step));
  render();
}

function play(on) {
  clearInterval(timer);
  timer = null;
  if (on) {
    if (at[view] >= lastStep()) go(-1);
    timer = setInterval(() => {
      go(at[view] + 1);
      if (at[view] >= lastStep()) play(false);
    }, 1600 / Number($("speed").value));
  }
  $("play").textContent = on ? "❚❚ Pause" : "▶ Play";
}

// --- The two views -------------------------------------------------------------------------------

function show(which, home) {
  play(false);
  view = which;
  for (const name of ["a", "b"]) {
    if (!$(`drawing-${name}`)) continue;
    $(`drawing-${name}`).hidden = name !== view;
    $(`steps-${name}`).hidden = name !== view;
  }
  if ($("fold")) {
    $("fold").setAttribute("aria-pressed", String(view === "b"));
    $("fold").textContent = view === "b" ? "Fold into neurons" : "Unfold to scalars";
  }
  render();
  const frame = home === undefined ? null : $(`bhome${home}`);
  if (frame && view === "b") {
    frame.closest(".drawing").scrollLeft = 0;
    reveal([frame]);
    frame.querySelector(".fold").focus();
  }
}

// --- Explanations --------------------------------------------------------------------------------

function explain(about) {
  const isHidden = sealed && sealed.articles[about][1] >= revealed;
  const words = [
    isChosen ? `${$(`about-${about}`).firstChild.textContent} is chosen, until it is chosen again.`
      : "What the step is about, until you choose a name in the drawing.",
    isHidden ? "Its derivative is not revealed yet." : "",
  ].join(" ").trim();
  if ($("explained").textContent !== words) $("explained").textContent = words;
  if (explained !== null) $(`about-${explained}`).hidden = true;
  $(`about-${about}`).hidden = false;
  explained = about;
  for (const element of all(".row.chosen")) element.classList.remove("chosen");
  for (const element of all(".row[aria-pressed=true]")) element.setAttribute("aria-pressed", "false");
  for (const name of ["a", "b"]) {
    const i = data.views[name] ? data.views[name].about.indexOf(about) : -1;
    if (i < 0 || !row(i, name)) continue;
    row(i, name).classList.add("chosen");
    row(i, name).setAttribute("aria-pressed", String(isChosen));
  }
}

// Stay with a name; where it is chosen already, let the steps say again what is explained.
function choose(about) {
  isChosen = !isChosen || about !== explained;
  const frame = frames()[at[view]];
  explain(isChosen || !frame ? about : data.views[view].about[frame.node]);
}

// --- Sliders -------------------------------------------------------------------------------------

function move(i, x) {
  if (!Number.isFinite(x)) return;
  const before = given[i];
  given[i] = x;
  try {
    compute();
    $("trouble").textContent = "";
  } catch (error) {
    given[i] = before;
    compute();
    const name = data.inputs[i].name;
    $("trouble").textContent = `${name} = ${x} would take another way through the program than the ` +
      "one that was recorded; make a page of that";
  }
  for (const id of [`slide-${i}`, `type-${i}`]) if ($(id).value !== String(given[i])) $(id).value = given[i];
  refresh();
}

function refresh() {
  for (const element of keyed) write(element, element.dataset.k);
  render();
}

data.inputs.forEach((input, i) => {
  $(`slide-${i}`).addEventListener("input", (event) => move(i, event.target.valueAsNumber));
  $(`type-${i}`).addEventListener("change", (event) => {
    if (event.target.value.trim() === "") event.target.value = given[i];
    else move(i, Number(event.target.value));
  });
});
$("reset").addEventListener("click", () => {
  data.inputs.forEach((input, i) => {
    given[i] = input.value;
    $(`slide-${i}`).value = $(`type-${i}`).value = input.value;
  });
  compute();
  $("trouble").textContent = "";
  refresh();
});

// --- Keys and buttons ----------------------------------------------------------------------------

const actions = {
  first: () => go(-1),
  back: () => go(at[view] - 1),
  play: () => play(timer === null),
  forth: () => go(at[view] + 1),
  last: () => go(lastStep()),
  reveal: revealNext,
  write: goToAnswers,
  fold: () => data.views.b && show(view === "a" ? "b" : "a"),
  theme: () => {
    const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = root.dataset.theme || (dark ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  },
};
for (const [id, action] of Object.entries(actions)) {
  if ($(id)) {
    $(id).addEventListener("click", () => {
      if (!["play", "fold", "theme", "write"].includes(id)) play(false);
      action();
    });
  }
}
const keys = { ArrowRight: "forth", n: "forth", ArrowLeft: "back", p: "back", Home: "first",
  End: "last", " ": "play", u: "fold", t: "theme", r: "reveal", a: "write" };

// The keys that what has the focus needs for itself; all others work wherever the focus is.
function isForItself(target, key) {
  if (target.closest("input[type=range]")) return /^(Arrow|Page|Home$|End$)/.test(key);
  if (target.closest("input[type=number]")) return /^([-+.,\deE]|Arrow.*|Home|End)$/.test(key);
  if (target.closest("input, textarea")) return true;
  if (target.closest("select")) return /^( |Enter|Arrow.*|Page.*|Home|End)$/.test(key);
  return false;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target, isButton = target.closest("button, [role=button], summary");
  if (isForItself(target, event.key)) return;
  if (isButton && (event.key === "Enter" || event.key === " ")) {
    if (!(isButton instanceof SVGElement)) return;
    event.preventDefault();
    isButton.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    return;
  }
  if (event.key === "g") {
    event.preventDefault();
    $("position").focus();
  } else if (event.key === "+" || event.key === "-") {
    const speed = $("speed");
    speed.selectedIndex = Math.max(0, Math.min(speed.length - 1,
      speed.selectedIndex + (event.key === "+" ? 1 : -1)));
    if (timer !== null) play(true);
  } else if (keys[event.key]) {
    event.preventDefault();
    if (!["play", "fold", "theme", "write"].includes(keys[event.key])) play(false);
    actions[keys[event.key]]();
  }
});
$("position").addEventListener("input", (event) => {
  play(false);
  go(event.target.valueAsNumber - 1);
});
$("speed").addEventListener("change", () => timer !== null && play(true));
document.addEventListener("click", (event) => {
  const node = event.target.closest(".row");
  if (node) choose(data.views[node.id[0]].about[Number(node.id.slice(2))]);
  const unfold = event.target.closest(".unfold"), fold = event.target.closest(".fold");
  if (unfold && data.views.b) show("b", unfold.dataset.home);
  if (fold) {
    show("a");
    document.querySelector(`.unfold[data-home="${fold.dataset.home}"]`).focus();
  }
  const other = event.target.closest("[data-about]");
  if (other) choose(Number(other.dataset.about));
  const step = event.target.closest("ol.steps button");
  if (step) {
    play(false);
    go(all("li", step.closest("ol")).indexOf(step.parentElement));
  }
});

addEventListener("beforeprint", () => { for (const part of all("details")) part.open = true; });

function start() {
  const frame = window.frameElement; // a notebook's cell, which says how dark it is
  if (frame && frame.ownerDocument.defaultView.getComputedStyle(frame).colorScheme === "dark") {
    document.documentElement.dataset.theme = "dark";
  }
  compute();
  explain(data.start);
  showRevealed();
  if (sealed) for (const element of keyed) write(element, element.dataset.k);
  show("a");
  if (sealed) go(lastStep());
}
