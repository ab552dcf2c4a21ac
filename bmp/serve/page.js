"use strict";
// The page of `bmp serve`: an image in, boxes drawn on it, the steps of the answer shown.

const LEAST_BOX = 4; // pixels of the screen: less is a click
const BOX_COLOR = "#ffd02e";
const $ = (id) => document.getElementById(id);

const state = {
  file: null, // as it is sent
  image: null, // as this browser shows it; null where it cannot
  boxes: [], // x1 y1 x2 y2, pixels of the image
  drag: null, // the box being drawn
  answer: null,
  steps: [], // pictures of the answer, in order; null is the image itself, to draw on
  at: 0,
  maxBytes: Infinity,
  isWorking: false,
  urls: [],
};

// ---------------------------------------------------------------- messages

function tell(text, isWrong = false) {
  $("status").textContent = text;
  $("status").classList.toggle("wrong", isWrong);
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const stemOf = (name) => name.replace(/\.[^.]*$/, "") || "image";
const people = (count) => (count === 0 ? "nobody found" : count === 1 ? "1 person" : `${count} people`);

// ---------------------------------------------------------------- the image

async function take(file) {
  if (!file || state.isWorking) return;
  forget();
  $("drop").hidden = true;
  $("work").hidden = false;
  update(); // nothing can be drawn on or sent until the image is there
  if (file.size > state.maxBytes) {
    tell(`${file.name} has ${megabytes(file.size)}, at most ${megabytes(state.maxBytes)} are taken`, true);
    return update();
  }
  state.file = file;
  tell("");
  try {
    const image = new Image();
    image.src = keepUrl(file);
    await image.decode();
    if (state.file === file) state.image = image;
  } catch {
    // the server reads more formats than browsers show, and says what is wrong with the others
    if (state.file === file) tell(`This browser cannot show ${file.name}, so no boxes can be drawn.`);
  }
  update();
}

function forget() {
  state.urls.forEach((url) => URL.revokeObjectURL(url));
  Object.assign(state, { file: null, image: null, boxes: [], drag: null, answer: null, steps: [], at: 0, urls: [] });
}

function keepUrl(blob) {
  const url = URL.createObjectURL(blob);
  state.urls.push(url);
  return url;
}

// ---------------------------------------------------------------- boxes

function place(event) {
  const frame = $("canvas").getBoundingClientRect();
  const { naturalWidth: width, naturalHeight: height } = state.image;
  const inside = (value, size) => Math.round(Math.min(Math.max(value, 0), 1) * size);
  return [
    inside((event.clientX - frame.left) / frame.width, width),
    inside((event.clientY - frame.top) / frame.height, height),
  ];
}

function startBox(event) {
  if (event.button !== 0 || state.isWorking || !state.image) return;
  $("canvas").setPointerCapture(event.pointerId);
  state.drag = { from: place(event), to: place(event) };
}

function pullBox(event) {
  if (!state.drag) return;
  state.drag.to = place(event);
  draw();
}

function endBox() {
  if (!state.drag) return;
  const box = corners(state.drag);
  const scale = $("canvas").getBoundingClientRect().width / state.image.naturalWidth;
  if (Math.min(box[2] - box[0], box[3] - box[1]) * scale >= LEAST_BOX) state.boxes.push(box);
  state.drag = null;
  update();
}

function corners({ from, to }) {
  const [[x1, y1], [x2, y2]] = [from, to];
  return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
}

function draw() {
  const canvas = $("canvas");
  const { naturalWidth: width, naturalHeight: height } = state.image;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.drawImage(state.image, 0, 0);
  const shown = Math.max(canvas.getBoundingClientRect().width, 1);
  const unit = width / shown; // image pixels in one of the screen
  const all = state.drag ? [...state.boxes, corners(state.drag)] : state.boxes;
  all.forEach(([x1, y1, x2, y2], n) => {
    context.strokeStyle = "#000000";
    context.lineWidth = 4 * unit;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    context.strokeStyle = BOX_COLOR;
    context.lineWidth = 2 * unit;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    context.fillStyle = BOX_COLOR;
    context.fillRect(x1, y1, 18 * unit, 18 * unit);
    context.fillStyle = "#000000";
    context.font = `${13 * unit}px system-ui, sans-serif`;
    context.fillText(String(n + 1), x1 + 4 * unit, y1 + 14 * unit);
  });
}

// ---------------------------------------------------------------- the answer

async function find() {
  if (!state.file || state.isWorking) return;
  state.isWorking = true;
  update();
  const started = performance.now();
  const tick = () => tell(`working … ${Math.round((performance.now() - started) / 1000)} s`);
  tick();
  const timer = setInterval(tick, 1000);
  let problem = null;
  try {
    receive(await send());
  } catch (error) {
    const isCut = error instanceof TypeError; // what fetch says where nobody answers
    problem = isCut ? "bmp serve does not answer; is it still running?" : error.message;
  }
  clearInterval(timer);
  state.isWorking = false;
  if (problem !== null) tell(problem, true);
  update();
}

async function send() {
  const query = new URLSearchParams({ name: state.file.name || "image" });
  if (state.boxes.length) {
    query.set("boxes", JSON.stringify(state.boxes));
    query.set("size", JSON.stringify([state.image.naturalWidth, state.image.naturalHeight]));
  }
  const headers = { "Content-Type": "application/octet-stream" };
  const reply = await fetch(`/people?${query}`, { method: "POST", headers, body: state.file });
  const content = await reply.json();
  if (!reply.ok) throw new Error(content.error);
  return content;
}

function receive(answer) {
  state.answer = answer;
  state.steps = [null, ...answer.turns.flat(), answer.overlay];
  state.at = state.steps.length - 1;
  const stem = stemOf(answer.name);
  const json = new Blob([JSON.stringify(answer.coco)], { type: "application/json" });
  offer("coco", keepUrl(json), `${stem}_people.json`);
  offer("overlay", answer.overlay.source, `${stem}_people.jpg`);
  listSteps();
  listPeople();
  const found = people(answer.people.length);
  tell(`${found} in ${answer.width}×${answer.height} pixels, ${answer.seconds.toFixed(1)} s`);
}

function offer(id, address, name) {
  $(id).href = address;
  $(id).download = name;
}

function listSteps() {
  $("steps").replaceChildren();
  const row = (title) => {
    const line = document.createElement("div");
    line.className = "turn";
    line.append(Object.assign(document.createElement("span"), { textContent: title }));
    $("steps").append(line);
    return line;
  };
  const button = (line, text, at) => {
    const made = Object.assign(document.createElement("button"), { textContent: text });
    made.dataset.at = at;
    made.addEventListener("click", () => go(at));
    line.append(made);
  };
  if (state.image) button(row("image"), "draw boxes", 0);
  let at = 1;
  state.answer.turns.forEach((turn, n) => {
    const line = row(`turn ${n + 1}`);
    turn.forEach(({ step }) => button(line, step, at++));
  });
  button(row("result"), state.answer.overlay.step, at);
}

function listPeople() {
  const found = state.answer.people;
  $("list").hidden = found.length === 0;
  $("list").querySelector("summary").textContent = `Scores of ${people(found.length)}`;
  const rows = found.map(({ number, score, turn }) => {
    const line = document.createElement("tr");
    const cells = [number, score === null ? "–" : score.toFixed(2), turn];
    cells.forEach((cell) => (line.insertCell().textContent = cell));
    return line;
  });
  $("people").replaceChildren(...rows);
}

const firstStep = () => (state.image ? 0 : 1); // boxes are drawn on what can be shown

function go(at) {
  if (at < firstStep() || at >= state.steps.length) return;
  state.at = at;
  update();
}

// ---------------------------------------------------------------- what is seen

function update() {
  const picture = state.steps[state.at] || null;
  const isDrawing = picture === null && state.image !== null;
  $("find").disabled = !state.file || state.isWorking;
  const drawn = state.boxes.length;
  $("find").textContent = drawn === 0 ? "Find people" : `Find people from ${drawn === 1 ? "1 box" : `${drawn} boxes`}`;
  $("undo").disabled = $("clear").disabled = drawn === 0 || state.isWorking;
  $("canvas").hidden = !isDrawing;
  $("hint").hidden = !isDrawing;
  document.querySelector(".stage").hidden = !isDrawing && picture === null;
  $("picture").hidden = picture === null;
  $("steps").hidden = $("caption").hidden = $("downloads").hidden = state.answer === null;
  const { naturalWidth: width, naturalHeight: height } = state.image || {};
  const shape = state.answer || { width, height };
  if (shape.width) document.querySelector(".stage").style.setProperty("--aspect", shape.width / shape.height);
  if (isDrawing) draw();
  if (picture) {
    $("picture").src = picture.source;
    $("picture").alt = picture.caption;
  }
  if (state.answer === null) return;
  $("text").textContent = picture ? picture.caption : "the image";
  $("back").disabled = state.at === firstStep();
  $("forth").disabled = state.at === state.steps.length - 1;
  $("shown").hidden = picture === null;
  if (picture) offer("shown", picture.source, `${stemOf(state.answer.name)}_step${state.at}.jpg`);
  for (const button of $("steps").querySelectorAll("button")) {
    if (Number(button.dataset.at) === state.at) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  }
}

// ---------------------------------------------------------------- wiring

for (const chooser of document.querySelectorAll(".chooser")) {
  chooser.addEventListener("change", () => {
    take(chooser.files[0]);
    chooser.value = ""; // the same file may be chosen again
  });
}
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault(); // else the browser leaves the page for the image
    document.body.classList.toggle("over", name === "dragover");
    if (name === "drop") take(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowLeft") go(state.at - 1);
  if (event.key === "ArrowRight") go(state.at + 1);
});
$("canvas").addEventListener("pointerdown", startBox);
$("canvas").addEventListener("pointermove", pullBox);
$("canvas").addEventListener("pointerup", endBox);
$("canvas").addEventListener("pointercancel", endBox);
window.addEventListener("resize", () => state.image && draw());
$("undo").addEventListener("click", () => { state.boxes.pop(); showImage(); });
$("clear").addEventListener("click", () => { state.boxes = []; showImage(); });
$("find").addEventListener("click", find);
$("back").addEventListener("click", () => go(state.at - 1));
$("forth").addEventListener("click", () => go(state.at + 1));

function showImage() {
  state.at = 0; // where the boxes are
  update();
}

fetch("/settings").then((reply) => reply.json()).then((settings) => {
  state.maxBytes = settings.max_bytes;
  $("about").textContent = [settings.config, settings.device].filter(Boolean).join(" · ");
  $("limit").textContent = `It stays on this machine. At most ${settings.max_bytes / 1e6} MB.`;
}).catch(() => tell("bmp serve does not answer; is it still running?", true));
