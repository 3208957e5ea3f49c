// The WhatsApp Connection window: shows the server's views below /whatsapp and follows what happens on the gateway.

import { fragment, live, request, toast } from "./lib.js";

const HOME = "/whatsapp";
const HASH = "#whatsapp";
const NEWS = 20000; // ms that a view says what was just done

const box = document.getElementById("whatsapp");
const modal = box instanceof HTMLDialogElement; // else the page /whatsapp
const opener = document.getElementById("open-whatsapp");
const dot = document.getElementById("whatsapp-dot");
const view = document.getElementById("whatsapp-view");
const problem = document.getElementById("whatsapp-problem");
const region = document.getElementById("whatsapp-announce");

const loading = view.firstElementChild;

let path = modal ? HOME : location.pathname + location.search;
let round = 0; // answers of earlier rounds are ignored
let left = 0; // seconds until the next look at this view; none while it is 0
let ends = 0; // ms; when what the view counts to is over
let asking = false; // for this view again
let more = false; // something may have changed since
let lookFailed = false; // what is complained about is a look, not something the person did
let going = 0; // to other views; what is shown now matters no more
let since = 0; // ms; when the person came to this view
let travelled = false; // the back button closes it
let pushed = false; // the window has an entry of its own in the browser's history

const isOpen = () => !modal || box.open;

function complain(sentence = "") {
  problem.textContent = sentence;
  problem.hidden = !sentence;
}

/** Make `old` what `fresh` is, keeping what the person has typed, unfolded and focused. */
function morph(old, fresh) {
  if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) return old.replaceWith(fresh);
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  const nodes = [...fresh.childNodes];
  nodes.forEach((node, at) => (old.childNodes[at] ? morph(old.childNodes[at], node) : old.append(node)));
  while (old.childNodes.length > nodes.length) old.lastChild.remove();
}

function put(fresh, moved) {
  const old = view.firstElementChild;
  const { state, again, announce = "" } = fresh.dataset;
  left = Number(again ?? 0);
  if (!moved && old?.dataset.keep?.split(" ").includes(state)) return;
  if (moved) since = Date.now();
  if (fresh.dataset.path) path = fresh.dataset.path;
  if (dot && ["sessions", "unreachable"].includes(state)) dot.hidden = !("connected" in fresh.dataset);
  const other = moved || old?.dataset.state !== state;
  const had = view.contains(document.activeElement);
  if (other) view.replaceChildren(fresh);
  else morph(old, fresh);
  count(Number(view.querySelector("[data-seconds]")?.dataset.seconds ?? 0));
  if (isOpen() && region.textContent !== announce) region.textContent = announce;
  if (!other || !isOpen()) return;
  (modal ? view.parentElement : document.querySelector(".page-scroll")).scrollTop = 0;
  if (moved || had) view.querySelector("h3[tabindex]")?.focus();
}

/** Ask for a view and show it. `moved`: the person went there; else it is this view again. */
async function go(method, to, moved, form) {
  const mine = ++round;
  going += moved;
  try {
    const answer = await request(method, to, form);
    const fresh = fragment(await answer.text()).firstElementChild;
    if (mine !== round) return;
    const { pathname, search } = new URL(answer.url);
    path = pathname + search;
    if (moved || form || lookFailed) complain();
    lookFailed = false;
    put(fresh, moved);
  } catch (failure) {
    if (mine !== round) return;
    if (!moved && failure.status === 404 && path !== HOME) return go("GET", HOME, true);
    lookFailed = !moved && !form;
    complain(failure.message);
    left = Math.max(left, 3);
  } finally {
    going -= moved;
  }
}

async function look() {
  more = true;
  if (asking || going) return;
  asking = true;
  while (more && !going) {
    more = false;
    if (Date.now() - since > NEWS) path = path.replace(/\?done=\w+/, "");
    await go("GET", isOpen() ? path : HOME, false);
  }
  asking = false;
}

function count(seconds) {
  ends = performance.now() + 1000 * seconds;
  showCount();
}

function showCount() {
  const shown = view.querySelector("[data-seconds]");
  if (!shown) return;
  const seconds = Math.max(0, Math.round((ends - performance.now()) / 1000));
  const minutes = Math.floor(seconds / 60);
  shown.textContent = minutes ? `${minutes}:${String(seconds % 60).padStart(2, "0")}` : `${seconds} s`;
  const ring = view.querySelector("[data-ring]");
  if (ring) ring.style.strokeDashoffset = 100 - (100 * seconds) / Number(shown.dataset.seconds);
}

function tick() {
  if (!isOpen() || document.hidden || !left) return;
  showCount();
  left -= 1;
  if (left <= 0) look();
}

box.addEventListener("click", (event) => {
  const from = event.target.closest("[data-copy-from]")?.dataset.copyFrom;
  if (from) return copy(document.getElementById(from));
  if (event.target.closest("[data-close]") || (modal && event.target === box)) return box.close();
  const link = event.target.closest("a");
  if (!link || link.download || new URL(link.href).pathname.split("/")[1] !== "whatsapp" || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  go("GET", link.pathname + link.search, true);
});
box.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const data = new URLSearchParams(new FormData(form));
  form.inert = true; // what was typed meanwhile would be gone with this view
  await go("POST", form.action, !("refresh" in form.dataset), data);
  form.inert = false;
  if (form.isConnected) event.submitter?.focus();
});

async function copy(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    toast("Copied.");
  } catch {
    toast("This browser does not let the page copy. The line is marked: copy it yourself.");
  }
}

function sync() {
  if (location.hash === HASH && !box.open) {
    box.showModal();
    look();
  } else if (location.hash !== HASH && box.open) {
    travelled = true;
    box.close();
  }
}

if (modal) {
  opener?.addEventListener("click", (event) => {
    event.preventDefault();
    if (box.open) return;
    pushed = true;
    location.hash = HASH;
  });
  box.addEventListener("close", () => {
    round += 1;
    path = HOME;
    complain();
    region.textContent = "";
    if (pushed && !travelled) history.back();
    else if (!travelled && location.hash === HASH) history.replaceState(null, "", location.pathname + location.search);
    pushed = travelled = false;
    opener?.focus();
    view.replaceChildren(loading.cloneNode(true));
    look();
  });
  addEventListener("hashchange", sync);
  sync();
}
setInterval(tick, 1000);
live("/api/whatsapp/events", look);
