// Sends the fields of the form, one question at a time, and shows the answers. The fields that differ from
// the start stand in the address, after its #, which no browser sends.
const SLOW = 5000;

const page = document.querySelector(".page");
const find = (selector) => page.querySelector(selector);
const form = find("#controls"), results = find("#results"), spoken = find("#spoken");
const fixed = JSON.parse(form.dataset.fixed ?? "{}");
let asked = 0, answered = 0, changed = false, known = false;

const fields = () => Object.fromEntries(new FormData(form));
const started = fields();

const send = async () => {
  changed = false;
  asked += 1;
  remember();
  results.setAttribute("aria-busy", "true");
  const waiting = setTimeout(lost, SLOW);
  const message = JSON.stringify({ ...fields(), serial: asked });
  try {
    const response = await fetch(form.dataset.answer ?? "answer", { method: "POST", headers: { "Content-Type": "application/json" }, body: message });
    if (response.ok) show(await response.json());
    else lost(await response.text());
  } catch { lost(); }
  clearTimeout(waiting);
  answered = asked;
  page.dataset.answered = answered;
  if (changed) send();
};
const ask = () => { if (asked === answered) send(); else changed = true; };
const lost = (reason = "Is scaling-bayes explore still running?") => {
  spoken.textContent = `No answer. ${reason}`;
  const said = document.createElement("p");
  said.className = "problem";
  said.textContent = spoken.textContent;
  results.replaceChildren(said);
  results.setAttribute("aria-busy", "false");
  known = false;
};
// What is wrong is said at its field; the last answer stays, and says that it is the last.
const show = ({ html, spoken: said, field }) => {
  for (const each of page.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
  for (const each of page.querySelectorAll(".wrong")) { each.hidden = true; each.textContent = ""; }
  const wrong = field !== undefined, at = wrong && form.elements[field], place = wrong && field && find(`#${field}-wrong`);
  if (at && place) {
    at.setAttribute("aria-invalid", "true");
    place.textContent = said;
    place.hidden = false;
    at.closest("details")?.setAttribute("open", "");
  }
  results.classList.toggle("last", wrong && known && Boolean(place));
  if (!(wrong && known && place)) {
    const open = [...results.querySelectorAll("details[open]")].map((each) => each.id);
    results.innerHTML = html;
    if (!wrong) haunt();
    for (const id of open) find(`#${id}`)?.setAttribute("open", "");
    known = !wrong;
  }
  results.setAttribute("aria-busy", "false");
  spoken.textContent = said;
};

// The setting before, as a grey bar on the axes of this one, and in words.
const bars = () => new Map([...results.querySelectorAll(".axis")].map((axis) => {
  const [low, high] = JSON.parse(axis.dataset.ends), { style } = axis.querySelector(".inner") ?? { style: {} };
  const at = (percent) => low + (high - low) * parseFloat(percent) / 100;
  return [axis.dataset.name, style.left ? [at(style.left), at(parseFloat(style.left) + parseFloat(style.width))] : null];
}));
let before = null;
const haunt = () => {
  const told = find(".sentence")?.textContent, was = before;
  before = { told, bars: bars() };
  if (!told || !find(".answer") || !was || was.told === told) return;
  const said = document.createElement("p");
  said.className = "key earlier";
  said.textContent = `Before: ${was.told}`;
  find(".answer").append(said);
  for (const axis of results.querySelectorAll(".axis")) {
    const ends = was.bars.get(axis.dataset.name), [low, high] = JSON.parse(axis.dataset.ends);
    if (!ends) continue;
    const [left, right] = ends.map((end) => 100 * Math.min(Math.max((end - low) / (high - low), 0), 1));
    const ghost = document.createElement("b");
    ghost.className = "ghost";
    ghost.style.left = `${left}%`;
    ghost.style.width = `${right - left}%`;
    axis.append(ghost);
  }
  find("#needs .key")?.append(" Grey, below: the 50 % interval of the setting before.");
};

const remember = () => {
  const now = new URLSearchParams();
  for (const [name, value] of Object.entries(fields())) if (value !== started[name]) now.set(name, value);
  const text = now.toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname);
};
const recall = () => {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1)))
    if (form.elements[name] && name in { ...started, ...fields() }) form.elements[name].value = value;
  for (const select of form.querySelectorAll("select")) if (select.selectedIndex < 0) select.value = started[select.name];
};

const SCALES = { thousand: 1e3, k: 1e3, million: 1e6, m: 1e6, billion: 1e9, b: 1e9, trillion: 1e12, t: 1e12 };
const amount = (text) => {
  const [, number, word] = /^[^0-9]*([0-9.,]+(?:e[+-]?[0-9]+)?)[ ]*([a-z]*)/i.exec(text) ?? [];
  return number === undefined ? NaN : Number(number.replaceAll(",", "")) * (SCALES[word.toLowerCase()] ?? 1);
};
const worth = (slider) => {
  const text = form.elements[slider.dataset.for].value, value = amount(text);
  return slider.dataset.for === "error" && value < 1 && !text.includes("%") ? 100 * value : value;
};
const nearest = (steps, value) => {
  const distance = (step) => step === "" ? Infinity : Math.abs(Math.log(step) - Math.log(value));
  return steps.reduce((best, step, i) => (distance(step) < distance(steps[best]) ? i : best), steps.length - 1);
};
const follow = (slider) => {
  const steps = JSON.parse(slider.dataset.steps), value = worth(slider);
  if (value > 0) slider.value = nearest(steps, value);
  else if (steps.includes("")) slider.value = steps.indexOf("");
  speak(slider);
};
const speak = (slider) => {
  const steps = JSON.parse(slider.dataset.words ?? slider.dataset.steps), said = String(steps[slider.value]);
  slider.setAttribute("aria-valuetext", slider.dataset.for === "error" ? `${said} %` : said);
};
const moved = (slider) => {
  const step = JSON.parse(slider.dataset.steps)[slider.value], words = JSON.parse(slider.dataset.words ?? "null");
  if (step === "") return "";
  return slider.dataset.for === "error" ? `${step} %` : words ? words[slider.value].replace(/ USD$/, "") : step;
};
const arrange = () => {
  if (form.elements.scenario) {
    const scenario = form.elements.scenario.value, bound = fixed[scenario] ?? [], none = scenario === "none";
    for (const name of ["price", "hardware", "grid"]) {
      const select = form.elements[name];
      for (const option of select.options) option.disabled = bound.includes(name) && !["", "own"].includes(option.value);
      if (select.selectedOptions[0].disabled) select.value = "";
    }
    form.elements.hardware.disabled = none || bound.includes("hardware");
    for (const name of ["price", "grid", "algorithmic_progress"]) form.elements[name].disabled = none;
    find("#fixed-note").hidden = bound.length === 0;
    for (const id of ["budget_usd", "budget_usd-slider", "carbon_kg"]) find(`#${id}`).disabled = none;
    for (const field of page.querySelectorAll("[data-own]")) {
      const owner = form.elements[field.dataset.own];
      field.hidden = owner.value !== "own" || owner.disabled;
    }
    const task = form.elements.task.selectedOptions[0];
    find("#error-hint").textContent = `5 % or 0.05. Lowest observed: ${task.dataset.lowest} %`;
  }
  page.querySelectorAll("input[type=range]").forEach(follow);
};

form.addEventListener("input", ({ target }) => {
  if (target.type === "range") form.elements[target.dataset.for].value = moved(target);
  if (target.name === "task") form.elements.error.value &&= target.selectedOptions[0].dataset.asked;
  arrange();
  ask();
});
form.addEventListener("reset", () => setTimeout(() => { arrange(); ask(); }));
form.addEventListener("submit", (event) => event.preventDefault());
const copy = async (text, button, place) => {
  const was = button.dataset.was ??= button.textContent;
  try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; }
  catch { if (place) { place.hidden = false; getSelection().selectAllChildren(place); } else button.textContent = "Copy the address above"; }
  spoken.textContent = button.textContent;
  setTimeout(() => { button.textContent = was; }, 2000);
};
results.addEventListener("click", ({ target }) => {
  const from = target.dataset?.copy;
  if (from) copy(find(`#${from}`).textContent, target, find(`#${from}`));
});
find("#copy-link")?.addEventListener("click", ({ target }) => copy(location.href, target));
addEventListener("hashchange", () => { form.reset(); recall(); arrange(); ask(); });
addEventListener("beforeprint", () => results.querySelectorAll("details").forEach((each) => { each.open = true; }));

recall();
arrange();
send();
