// Sends the fields of the form, one question at a time, and shows the answers.
const SLOW = 5000;

const page = document.querySelector(".page");
const find = (selector) => page.querySelector(selector);
const form = find("#controls"), results = find("#results"), spoken = find("#spoken");
const fixed = JSON.parse(form.dataset.fixed ?? "{}");
let asked = 0, answered = 0, changed = false;

const send = async () => {
  changed = false;
  asked += 1;
  results.setAttribute("aria-busy", "true");
  const waiting = setTimeout(lost, SLOW);
  const message = JSON.stringify({ ...Object.fromEntries(new FormData(form)), serial: asked });
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
};
const show = ({ html, spoken: said }) => {
  const open = [...results.querySelectorAll("details[open]")].map((each) => each.id);
  results.innerHTML = html;
  for (const id of open) find(`#${id}`)?.setAttribute("open", "");
  results.setAttribute("aria-busy", "false");
  spoken.textContent = said;
};

const nearest = (steps, text) => {
  if (text.trim() === "") return steps.indexOf("") < 0 ? 0 : steps.indexOf("");
  const distance = (step) => step === "" ? Infinity : Math.abs(Math.log(step) - Math.log(Number(text)));
  return steps.reduce((best, step, i) => (distance(step) < distance(steps[best]) ? i : best), steps.length - 1);
};
const follow = (slider) => {
  const steps = JSON.parse(slider.dataset.steps), text = form.elements[slider.dataset.for].value;
  if (text.trim() === "" || Number(text) > 0) slider.value = nearest(steps, text);
  speak(slider);
};
const speak = (slider) => {
  const words = slider.dataset.words, steps = JSON.parse(words ?? slider.dataset.steps);
  const said = String(steps[slider.value]);
  slider.setAttribute("aria-valuetext", slider.dataset.for === "error" ? `${said} %` : said);
  if (words) find(`#${slider.dataset.for}-hint`).textContent =
    form.elements[slider.dataset.for].value.trim() === "" ? "Empty: no limit." : `About ${said}.`;
};
const arrange = () => {
  if (!form.elements.scenario) return;
  const scenario = form.elements.scenario.value, bound = fixed[scenario] ?? [], none = scenario === "none";
  for (const name of ["price", "hardware", "grid"]) {
    const select = form.elements[name];
    for (const option of select.options) option.disabled = bound.includes(name) && !["", "own"].includes(option.value);
    if (select.selectedOptions[0].disabled) select.value = "";
  }
  form.elements.hardware.disabled = none || bound.includes("hardware");
  for (const name of ["price", "grid", "algorithmic_progress"]) form.elements[name].disabled = none;
  find("#fixed-note").hidden = bound.length === 0;
  for (const name of ["budget_usd", "carbon_kg"])
    for (const id of [name, `${name}-slider`]) find(`#${id}`).disabled = none;
  for (const field of page.querySelectorAll("[data-own]")) {
    const owner = form.elements[field.dataset.own];
    field.hidden = owner.value !== "own" || owner.disabled;
  }
  const task = form.elements.task.selectedOptions[0];
  find("#error-hint").textContent = `Lowest observed: ${task.dataset.lowest} %`;
  page.querySelectorAll("input[type=range]").forEach(follow);
};

form.addEventListener("input", ({ target }) => {
  if (target.type === "range") form.elements[target.dataset.for].value = JSON.parse(target.dataset.steps)[target.value];
  if (target.name === "task") form.elements.error.value = target.selectedOptions[0].dataset.asked;
  arrange();
  ask();
});
form.addEventListener("reset", () => setTimeout(() => { arrange(); ask(); }));
form.addEventListener("submit", (event) => event.preventDefault());
results.addEventListener("click", async ({ target }) => {
  const from = target.dataset?.copy;
  if (!from) return;
  const text = find(`#${from}`).textContent;
  try { await navigator.clipboard.writeText(text); spoken.textContent = "Copied."; target.textContent = "Copied"; }
  catch { getSelection().selectAllChildren(find(`#${from}`)); }
});

arrange();
send();
