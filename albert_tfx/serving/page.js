"use strict";

const form = document.getElementById("form");
const text = document.getElementById("text");
const button = form.querySelector("button");
const problem = document.getElementById("error");
const model = document.getElementById("model");
const answers = document.getElementById("answers");
const PERCENT = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1 });
let name = null;

/** Returns an answer's JSON and headers; throws what the server says is wrong. */
async function ask(path, options) {
  const response = await fetch(path, options);
  const content = await response.json();
  if (!response.ok) throw new Error(content.error);
  return { content, version: response.headers.get("Model-Version") };
}

async function findModel() {
  const { content } = await ask("health/ready");
  name = content.name;
  model.textContent = `Model: ${name}, version ${content.version}`;
  model.dataset.state = "known";
}

function element(tag, content) {
  const made = document.createElement(tag);
  made.textContent = content;
  return made;
}

function meter(value) {
  const cell = document.createElement("dd");
  const bar = document.createElement("meter");
  bar.value = value;
  bar.setAttribute("aria-hidden", "true");
  cell.append(bar);
  return cell;
}

/** Adds an answer above those that came before. */
function show(given, row, version) {
  const classes = row.labels.map((label, index) => [label, row.probabilities[index]]);
  classes.sort((one, other) => other[1] - one[1]);
  const item = document.getElementById("answer").content.cloneNode(true);
  item.querySelector(".text").textContent = given;
  item.querySelector(".label").textContent = row.label ?? classes[0][0];
  item.querySelector(".version").textContent = `version ${version}`;
  for (const [label, value] of classes) {
    const cells = [element("dt", label), meter(value), element("dd", PERCENT.format(value))];
    item.querySelector("dl").append(...cells);
  }
  answers.prepend(item);
  document.getElementById("answers-section").hidden = false;
  model.textContent = `Model: ${name}, version ${version}`;
}

async function classify() {
  const given = text.value;
  problem.textContent = "";
  button.disabled = true;
  try {
    if (name === null) await findModel();
    const body = JSON.stringify({ signature_name: "classify_text", instances: [given] });
    const path = `v1/models/${name}:predict`;
    const { content, version } = await ask(path, { method: "POST", body });
    show(given, content.predictions[0], version);
    text.select();
  } catch (error) {
    problem.textContent = `That did not work: ${error.message}`;
  } finally {
    button.disabled = false;
    text.focus();
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!button.disabled) classify();
});

text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

findModel().catch((error) => { problem.textContent = `That did not work: ${error.message}`; });
