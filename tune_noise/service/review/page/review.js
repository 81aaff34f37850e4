// One example at a time. The server says what there is to do; what is answered goes into the outbox.

import { ClassChooser } from "./classes.js";
import { Outbox, newId } from "./outbox.js";
import { pictureOf, showAbout, showExample } from "./example.js";

const AHEAD = 4; // examples that are fetched before they are needed
const BEAT = 5_000; // how often the server is told what this page holds
const PATIENCE = 400; // an answer that is saved sooner is not called unsaved
const WORDS = { several: "several fit", none: "none fits", cannot_tell: "cannot tell" };
const KEYS = { "+": "several", "-": "none", "?": "cannot_tell" };

const $ = (id) => document.getElementById(id);
const client = newId();
const person = new URLSearchParams(location.search).get("person") ?? "";
const examples = []; // in the order in which they are shown: {key, value, place, ...}; value: the answer
const answered = []; // examples in the order in which they were answered: what undo goes back through
let at = -1; // which is shown; the number of examples where there is none to show
let state, chooser, outbox, warning;

async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ client, person: state.person, list: state.list, ...body }),
  };
  const response = await fetch(`api/${path}`, options).catch(() => {
    throw new Error("the command does not answer; start it again and keep this page open");
  });
  if (!response.ok) throw new Error((await response.text()) || response.statusText);
  return response.json();
}

async function begin() {
  state = await ask(`state?person=${encodeURIComponent(person)}`);
  document.title = $("title").textContent = state.title;
  $("question").textContent = state.question;
  $("who").textContent = `You are ${state.person}.`;
  chooser = new ClassChooser(state.classes, answer);
  $("undo-key").textContent = undoesBy("u") ? "u" : "Ctrl Z";
  examples.push(...state.mine);
  answered.push(...examples);
  showProgress(state);
  outbox = new Outbox(state.list, send, warn);
  at = examples.length;
  await show();
  setInterval(beat, BEAT);
}

async function beat() {
  if ($("view").dataset.isEnd) await show();
  else await fetchMore().catch(() => {});
}

let fetching = null;
function fetchMore() {
  fetching ??= takeMore().finally(() => (fetching = null));
  return fetching;
}

async function takeMore() {
  const open = examples.filter((one) => one.value == null).map((one) => one.key);
  const holding = [...open, ...outbox.entries.map((entry) => entry.key)];
  const { tasks, left } = await ask("take", { holding, count: Math.max(0, AHEAD + at + 1 - examples.length) });
  state.left = left;
  for (const task of tasks)
    if (!examples.some((one) => one.key === task.key)) examples.push(pictureOf(task));
}

async function move(step) {
  if (at + step < 0) return say("This is the first one.");
  at = Math.min(at + step, examples.length);
  await show();
  if (examples.length - at <= AHEAD) await fetchMore().catch(() => {});
}

async function show() {
  let fault = "";
  if (at === examples.length) await fetchMore().catch((error) => (fault = error.message));
  const example = examples[at];
  if (!example) return showEnd(fault);
  if (!example.place) pictureOf(Object.assign(example, await ask(`example/${example.key}`)));
  if (examples[at] !== example) return; // somebody has gone on meanwhile
  delete $("view").dataset.isEnd;
  $("place").textContent = example.place;
  showExample($("example"), example);
  showAbout($("about"), example.about);
  $("view").scrollTop = 0;
  chooser.clear();
  chooser.mark(example.value);
  chooser.focus($("place"));
}

function showEnd(fault) {
  const passedOver = examples.findIndex((one) => one.value == null);
  if (passedOver >= 0) {
    at = passedOver;
    say("Back to one that has no answer yet.");
    return show();
  }
  const heading = fault ? "Waiting for the command" : state.left ? "The rest is with others" : "All are checked";
  if ($("view").dataset.isEnd && $("place").textContent === heading) return;
  $("view").dataset.isEnd = true;
  $("place").textContent = heading;
  const what = `Next: ${state.finish}\n\nYou may close this page and end the command by Ctrl-C.`;
  const others = `${state.left} more are open in other tabs or with other people. What they give back comes here by itself.`;
  showExample($("example"), { text: fault || (state.left ? others : what) });
  showAbout($("about"), null);
  chooser.mark(null);
  $("place").focus();
  say(heading);
}

function answer(value) {
  const example = examples[at];
  if (!example?.place) return;
  example.value = value;
  forget(example);
  answered.push(example);
  outbox.add({ id: newId(), kind: "answer", key: example.key, value, person: state.person });
  chooser.mark(value);
  say(`${WORDS[value] ?? state.classes[value]}.`);
  move(1).catch(fail);
}

function undo() {
  const example = answered.at(-1);
  if (!example) return say("There is nothing to undo.");
  forget(example);
  example.value = null;
  outbox.add({ id: newId(), kind: "undo", key: example.key, person: state.person });
  at = examples.indexOf(example);
  say("Undone.");
  return show().catch(fail);
}

function forget(example) {
  if (answered.includes(example)) answered.splice(answered.indexOf(example), 1);
}

async function send(entries) {
  showProgress(await ask("answers", { entries }));
}

function showProgress({ checked, interval }) {
  $("bar").max = state.total;
  $("bar").value = checked;
  $("count").textContent = `${checked.toLocaleString("en")} of ${state.total.toLocaleString("en")} checked`;
  $("interval").textContent = interval;
}

function warn(unsaved, fault) {
  clearTimeout(warning);
  if (!unsaved) return ($("unsaved").hidden = true);
  const what = unsaved === 1 ? "1 answer is not saved yet" : `${unsaved} answers are not saved yet`;
  const why = fault && `: ${fault}`;
  warning = setTimeout(() => fail({ message: `${what}${why}. This browser keeps what is unsaved and sends it again.` }), fault ? 0 : PATIENCE);
  return warning;
}

function fail({ message }) {
  $("unsaved").textContent = message;
  $("unsaved").hidden = false;
}

function say(text) {
  $("live").textContent = text;
}

function undoesBy(key) {
  return key === "u" && chooser.keys && !chooser.keys.includes("u");
}

document.addEventListener("keydown", (event) => {
  if (!chooser || event.altKey || event.metaKey) return;
  const { key } = event;
  const isTyped = chooser.isTyping;
  if (event.ctrlKey && (key.toLowerCase() !== "z" || isTyped)) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (event.ctrlKey || undoesBy(key)) undo();
  else if (step && !isTyped) move(step).catch(fail);
  else if (event.repeat && chooser.keys) return;
  else if (key in KEYS && !isTyped) answer(KEYS[key]);
  else if (!chooser.take(event)) return;
  event.preventDefault();
});
for (const one of document.querySelectorAll("#others button")) one.addEventListener("click", () => answer(one.dataset.value));
$("back").addEventListener("click", () => move(-1).catch(fail));
$("on").addEventListener("click", () => move(1).catch(fail));
$("undo").addEventListener("click", undo);
addEventListener("beforeunload", (event) => {
  if (outbox?.entries.length) event.preventDefault();
});
addEventListener("pagehide", () => navigator.sendBeacon("api/release", JSON.stringify({ client })));
addEventListener("pageshow", (event) => event.persisted && location.reload());

begin().catch(fail);
