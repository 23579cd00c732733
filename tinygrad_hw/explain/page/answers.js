// Of a sheet: what is revealed of its solution, and the form for answers. The parts of page.js that
// step and explain are used here.

// --- What is revealed ----------------------------------------------------------------------------

function revealNext() {
  if (!sealed || revealed >= data.views.a.frames.length) return;
  revealed++;
  showRevealed();
  refresh();
  go(lastStep());
  remember();
}

function showRevealed() {
  if (!sealed) return;
  sealed.articles.forEach(([, gradient], i) => {
    $(`about-${i}`).querySelector(".derived").hidden = gradient >= revealed;
  });
  explain(explained);
}

// --- Answers -------------------------------------------------------------------------------------

function tomlText(text) {
  return '"' + text.replace(/["\\]/g, "\\$&").replace(/[\u0000-\u001f\u007f-\u009f]/g, " ") + '"';
}

const fields = all("#answers input");

// Whether a text is read as a number; what is not would count as missing.
const DIGITS = "(\\d+([ ,.'’_]\\d+)*[.,]?|[.,]\\d+)", POWER = "10\\s*(\\^|\\*\\*)\\s*\\(?[+-]?\\d{1,4}\\)?";
const TIMES = `(\\s*(e\\s*[+-]?\\d{1,4}|[*·×⋅∙•x]\\s*${POWER}))?`;
const FORMS = `${DIGITS}${TIMES}|${DIGITS}\\s*/\\s*${DIGITS}|${POWER}`;
const SIGNED = `[+-]?\\s*(${FORMS}|\\((${FORMS})\\))`;
const NUMBER = new RegExp(`^(${SIGNED}|\\(${SIGNED}\\))$`, "i");

function isNumber(text) {
  const plain = text.trim().replace(/10\s*\^?\s*[⁺⁻]?[⁰¹²³⁴-⁹]+/g, "10^1").normalize("NFKC")
    .replace(/[−–—‐‑]/g, "-").replace(/⁄/g, "/")
    .replace(/^\$(.+)\$$/, "$1").replace(/\\(cdot|times)/, "·").replace(/\^\{([-+\d]+)\}/, "^$1")
    .replace(/^[=≈~]/, "").replace(/(\d)\.\.\.$/, "$1").trim();
  return NUMBER.test(plain);
}

function checkFields() {
  const wrong = fields.slice(1).filter((field) => {
    const isWrong = field.value.trim() !== "" && !isNumber(field.value);
    field.setAttribute("aria-invalid", String(isWrong));
    return isWrong;
  }).map((field) => field.getAttribute("aria-label"));
  const listed = wrong.slice(0, 5).join("; ") + (wrong.length > 5 ? "; …" : "");
  const words = wrong.length ? `No number, and would count as missing: ${listed}` : "";
  if ($("unreadable").textContent !== words) $("unreadable").textContent = words;
}

// The first field that is empty, or the name.
function goToAnswers() {
  if (!fields.length) return;
  fields[0].closest("details").open = true;
  (fields.slice(1).find((field) => field.value.trim() === "") || fields[0]).focus();
}

function count() {
  const filled = fields.slice(1).filter((field) => field.value.trim() !== "").length;
  $("filled").textContent = `${filled} of ${fields.length - 1} filled`;
}

// What was typed and revealed is kept in this browser; where it keeps nothing, the page works too.
function remember() {
  try {
    localStorage.setItem(data.store, JSON.stringify([fields.map((field) => field.value), revealed]));
  } catch { /* a private window, or a frame without storage */ }
}

function recall() {
  try {
    const [texts, steps] = JSON.parse(localStorage.getItem(data.store)) || [[], 0];
    if (texts.length === fields.length) fields.forEach((field, i) => { field.value = texts[i]; });
    if (sealed) revealed = Math.max(revealed, Math.min(steps, data.views.a.frames.length));
  } catch { /* nothing is kept */ }
}

if ($("answers")) {
  let emptied = null; // what was typed before "Start over", to be had back until more is typed
  const changed = () => {
    checkFields();
    count();
    $("over").textContent = emptied ? "Undo" : "Start over";
    $("over").disabled = !emptied && fields.every((field) => field.value === field.defaultValue);
  };
  recall();
  changed();
  $("answers").addEventListener("input", () => {
    emptied = null;
    changed();
    remember();
  });
  $("answers").addEventListener("keydown", (event) => { // Enter is no way to save: on to the next
    const place = fields.indexOf(event.target);
    if (event.key !== "Enter" || place < 0 || event.isComposing) return;
    event.preventDefault();
    (fields[place + 1] || $("answers").querySelector("[type=submit]")).focus();
  });
  $("over").addEventListener("click", () => {
    const texts = emptied || fields.map((field) => field.defaultValue);
    emptied = emptied ? null : fields.map((field) => field.value);
    fields.forEach((field, i) => { field.value = texts[i]; });
    changed();
    remember();
    const kept = sealed && revealed ? " What was revealed stays so." : "";
    $("saved").textContent = emptied ? `As it was at first.${kept}` : "Your answers are back.";
  });
  $("answers").addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = fields.map((field) => tomlText(field.value.trim()));
    const names = sealed ? sealed.names.slice(0, revealed).filter(Boolean).map(tomlText) : [];
    const piece = (part) => (typeof part !== "number" ? part : part < 0 ? names.join(", ") : typed[part]);
    const text = data.sheet.map(piece).join("");
    const slug = fields[0].value.trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
    const name = slug ? data.file.replace(/answers\.toml$/, `${slug.slice(0, 40)}.toml`) : data.file;
    const file = document.createElement("a");
    file.href = URL.createObjectURL(new Blob([text], { type: "application/toml" }));
    file.download = name;
    file.click();
    URL.revokeObjectURL(file.href);
    const nameless = slug ? "" : " It has no name yet.";
    $("saved").textContent = `Saved as ${name}: tinygrad-hw check ${name}.${nameless}`;
  });
}
