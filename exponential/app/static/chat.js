// The conversation: sends without leaving the page, and shows what comes from any channel as it happens.

import { $, fragment, live, once, part, request, toast } from "./lib.js";

const page = $("chat");
const { address, chat, past } = page.dataset;
const list = $("messages");
const scroll = $("scroll");
const form = $("composer"); // absent where one can only read
const box = $("text");
const files = $("files");
const button = $("send");
const presence = $("presence");
const jump = $("jump");
const presenceText = presence.textContent;
const draft = `draft:${chat}`;
let sending = 0;
let pinned = !location.hash; // whether the newest message is in view, and is to stay so

const refresh = once(async () => {
  if (sending) return; // another refresh follows it
  const sent = list.querySelectorAll("[data-sent]");
  const fresh = await part(location.href);
  for (const item of sent) item.remove();
  show([...fresh.children]);
});
const update = () => refresh().catch(complain);

function show(fresh) {
  const ids = new Set(fresh.map((node) => node.id));
  const streamed = $("preview")?.hasChildNodes();
  for (const old of [...list.children]) if (!old.dataset.local && !ids.has(old.id)) old.remove();
  let before = null;
  for (const node of fresh) {
    let place = $(node.id);
    if (!place) {
      node.classList.toggle("arrived", Boolean(before) && !streamed);
      place = node;
    } else if (node.id !== "thinking" && !same(place, node)) {
      place.replaceWith(node);
      place = node;
    }
    const next = before ? before.nextElementSibling : list.firstElementChild;
    if (next !== place) list.insertBefore(place, next);
    before = place;
  }
  settle();
}

function same(shown, node) {
  const copy = shown.cloneNode(true);
  copy.classList.remove("arrived");
  return copy.isEqualNode(node);
}

/** What Paddy does and says while it answers; made safe by the server, as every answer is. */
function preview({ data }) {
  for (const [id, html] of Object.entries(JSON.parse(data))) $(id)?.replaceChildren(fragment(html));
  settle();
}

function settle() {
  if (pinned) scroll.scrollTop = scroll.scrollHeight;
  if (!form) return;
  const empty = !box.value.trim() && !files.files.length;
  const stops = empty && Boolean($("thinking"));
  button.disabled = empty && !stops;
  button.classList.toggle("stops", stops);
  button.title = stops ? "Stop" : "Send";
  button.setAttribute("aria-label", button.title);
}

function complain(failure) {
  const line = $("composer-error");
  if (!line) return toast(failure.message);
  line.textContent = failure?.message;
  line.hidden = !failure;
}

function keep() {
  if (box.value) localStorage.setItem(draft, box.value);
  else localStorage.removeItem(draft);
  settle();
}

function choose(chosen) {
  const data = new DataTransfer();
  for (const file of chosen) data.items.add(file);
  files.files = data.files;
  $("chosen").hidden = !files.files.length;
  $("chosen").replaceChildren(
    ...[...files.files].map((file, place) => {
      const item = $("chip").content.firstElementChild.cloneNode(true);
      item.firstChild.textContent = file.name;
      item.lastChild.onclick = () => {
        choose([...files.files].toSpliced(place, 1));
        box.focus();
      };
      return item;
    }),
  );
  settle();
}

function echo(lines) {
  const item = $("echo").content.firstElementChild.cloneNode(true);
  item.firstElementChild.textContent = lines.filter(Boolean).join("\n");
  $("welcome")?.remove();
  list.append(item);
  pinned = true;
  settle();
  return item;
}

async function send() {
  const text = box.value.trim();
  const chosen = [...files.files];
  if (!text && !chosen.length) return;
  const most = Number(form.dataset.maxFiles);
  if (chosen.reduce((sum, file) => sum + file.size, 0) > most)
    return complain(new Error(`These files are too large together: send at most ${most / 1e6} MB at once.`));
  const body = new FormData();
  body.set("text", text);
  for (const file of chosen) body.append("files", file);
  complain();
  box.value = "";
  keep();
  choose([]);
  const item = echo([text, ...chosen.map((file) => file.name)]);
  sending += 1;
  try {
    await request("POST", form.action, body);
    item.dataset.sent = "yes";
    if (past) location.assign(address); // what is said goes to the end of the chat
  } catch (failure) {
    item.remove();
    box.value = [text, box.value].filter(Boolean).join("\n");
    keep();
    choose([...chosen, ...files.files]);
    complain(failure);
  }
  sending -= 1;
  update();
}

const quietly = (path, body) => request("POST", path, body).then(update, complain);

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.classList.contains("stops")) quietly(`${address}/stop`);
    else send();
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  box.addEventListener("input", () => {
    complain();
    keep();
  });
  files.addEventListener("change", () => choose(files.files));
  const take = (event, found) => {
    if (!found.types.includes("Files")) return;
    event.preventDefault();
    form.classList.toggle("dropping", event.type === "dragover");
    choose([...files.files, ...found.files]);
  };
  box.addEventListener("paste", (event) => take(event, event.clipboardData));
  for (const kind of ["dragover", "dragleave", "drop"])
    page.addEventListener(kind, (event) => take(event, event.dataTransfer));
  box.value ||= localStorage.getItem(draft) ?? "";
  if (matchMedia("(pointer: coarse)").matches) box.blur();
}

async function copy(path) {
  const text = request("GET", path).then(async (answer) => new Blob([await answer.text()], { type: "text/plain" }));
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
    toast("Copied.");
  } catch {
    toast("This browser does not let the page copy. Mark the text and copy it yourself.");
  }
}

list.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  const path = event.target.closest("[data-copy]")?.dataset.copy;
  if (path) copy(path);
  if (!example || !form) return;
  event.preventDefault();
  box.value = example.dataset.example;
  keep();
  box.focus();
});
list.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-quiet]")) return;
  event.preventDefault();
  quietly(event.target.action, new URLSearchParams(new FormData(event.target)));
});
scroll.addEventListener("scroll", () => {
  pinned = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  jump.hidden = pinned;
});
jump.addEventListener("click", () => {
  pinned = true;
  settle();
  box?.focus();
});
document.addEventListener("acted", update);
new ResizeObserver(settle).observe(scroll);

if (!past)
  live(
    `${address}/events`,
    { changed: update, progress: preview, list: () => document.dispatchEvent(new Event("list")) },
    (up) => {
      presence.textContent = up ? presenceText : "Reconnecting…";
      presence.classList.toggle("lost", !up);
    },
  );
