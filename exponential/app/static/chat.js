// The conversation: sends without leaving the page, and shows what comes from any channel as it happens.

import { fragment, live, once, request, syncZone } from "./lib.js";

const list = document.getElementById("messages");
const scroll = document.getElementById("scroll");
const form = document.getElementById("composer");
const box = document.getElementById("text");
const sendButton = document.getElementById("send");
const problem = document.getElementById("composer-error");
const presence = document.getElementById("presence");
const jump = document.getElementById("jump");
const presenceText = presence.textContent;
let sending = 0;
let pinned = true; // whether the newest message is in view, and is to stay so

const refresh = once(async () => {
  if (sending) return; // another refresh follows it
  const sent = list.querySelectorAll("[data-sent]");
  const html = await (await request("GET", `/chat/messages${location.search}`)).text();
  for (const item of sent) item.remove();
  show(html);
});

function show(html) {
  const fresh = [...fragment(html).children];
  const ids = new Set(fresh.map((node) => node.id));
  for (const old of [...list.children]) if (!old.dataset.local && !ids.has(old.id)) old.remove();
  let before = null;
  for (const node of fresh) {
    let place = document.getElementById(node.id);
    if (!place) {
      node.classList.toggle("arrived", Boolean(before));
      place = node;
    } else if (!same(place, node)) {
      place.replaceWith(node);
      place = node;
    }
    const next = before ? before.nextElementSibling : list.firstElementChild;
    if (next !== place) list.insertBefore(place, next);
    before = place;
  }
  if (pinned) toEnd();
}

function same(shown, node) {
  const copy = shown.cloneNode(true);
  copy.classList.remove("arrived");
  return copy.isEqualNode(node);
}

function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
}

function fit() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, 220)}px`;
  sendButton.disabled = !box.value.trim();
}

function complain(sentence) {
  problem.textContent = sentence;
  problem.hidden = !sentence;
}

function local(text) {
  const item = document.createElement("li");
  item.className = "message user sending";
  item.dataset.local = "yes";
  const bubble = document.createElement("div");
  bubble.className = "bubble plain";
  bubble.textContent = text;
  const meta = document.createElement("p");
  meta.className = "meta";
  meta.textContent = "Sending…";
  item.append(bubble, meta);
  document.getElementById("welcome")?.remove();
  list.append(item);
  pinned = true;
  toEnd();
  return item;
}

async function send() {
  const text = box.value.trim();
  if (!text) return;
  complain("");
  box.value = "";
  fit();
  const item = local(text);
  sending += 1;
  try {
    await request("POST", form.action, new URLSearchParams({ text }));
    item.dataset.sent = "yes";
  } catch (failure) {
    item.remove();
    box.value = [text, box.value].filter(Boolean).join("\n");
    fit();
    complain(failure.message);
  }
  sending -= 1;
  update();
}

function update() {
  refresh().catch((failure) => complain(failure.message));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
box.addEventListener("input", () => {
  complain("");
  fit();
});
list.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  if (!example) return;
  box.value = example.dataset.example;
  fit();
  box.focus();
});
scroll.addEventListener("scroll", () => {
  pinned = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  jump.hidden = pinned;
});
jump.addEventListener("click", () => {
  toEnd();
  box.focus();
});
new ResizeObserver(() => pinned && toEnd()).observe(scroll);

fit();
toEnd();
await syncZone();
live(
  "/chat/events",
  update,
  (up) => {
    presence.textContent = up ? presenceText : "Reconnecting…";
    presence.classList.toggle("lost", !up);
  },
);
