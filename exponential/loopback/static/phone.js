// The simulated phone's page: one phone at a time, its state pushed by the server.

const $ = (id) => document.getElementById(id);
let number, state, chat, events, looking;

const api = async (path, options) => {
  const answer = await fetch(`/api/phones/${encodeURIComponent(number)}${path}`, options);
  if (!answer.ok) throw new Error((await answer.json()).detail ?? answer.statusText);
  return answer.status === 204 ? null : answer.json();
};
const post = (path, body) =>
  api(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body ?? {}) });

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// WhatsApp's own marks: *bold*, _italic_, ~struck~ and `code`, each around words, on one line.
const MARKS = { "*": "b", _: "i", "~": "s", "`": "code" };
function formatted(text) {
  const made = document.createDocumentFragment();
  let at = 0;
  for (const match of text.matchAll(/(?<![\w])([*_~`])(?=\S)([^\n]*?\S)\1(?![\w])/g)) {
    made.append(text.slice(at, match.index), element(MARKS[match[1]], match[2]));
    at = match.index + match[0].length;
  }
  made.append(text.slice(at));
  return made;
}

function render() {
  const numbers = [number, ...Object.keys({ ...state.contacts, ...state.chats }).filter((other) => other !== number)];
  const name = (who) => (who === number ? "Message yourself" : state.contacts[who] || who);
  $("chats").replaceChildren(
    ...numbers.map((who) => {
      const last = state.chats[who]?.at(-1)?.text ?? "";
      const button = element("button", "", { type: "button", "aria-current": who === chat });
      button.append(element("b", name(who)), element("span", last.slice(0, 60)));
      button.onclick = () => { chat = who; render(); };
      return button;
    }),
  );
  $("chat-name").textContent = name(chat);
  $("lines").replaceChildren(
    ...(state.chats[chat] ?? []).map((line) => {
      const mine = line.from_me && line.device === 0;
      const item = element("li", "", { class: mine ? "mine" : "theirs", "data-status": line.status });
      item.append(formatted(line.text));
      if (line.from_me) item.append(element("small", { sent: "✓", delivered: "✓✓", read: "✓✓ read" }[line.status]));
      return item;
    }),
  );
  $("lines").lastElementChild?.scrollIntoView({ block: "nearest" });
  $("typing").textContent = state.typing.includes(chat) ? "typing…" : "";
  $("device-list").replaceChildren(
    ...state.devices.map((device) => {
      const item = element("li", device.name);
      const out = element("button", "Log out", { type: "button" });
      out.onclick = () => api(`/devices/${device.id}`, { method: "DELETE" });
      item.append(out);
      return item;
    }),
  );
  if ((state.chats[chat] ?? []).some((line) => !line.from_me && line.status !== "read")) {
    post(`/read/${encodeURIComponent(chat)}`);
  }
}

function choose(wanted) {
  number = chat = wanted;
  events?.close();
  events = new EventSource(`/api/phones/${encodeURIComponent(number)}/events`);
  events.onmessage = (event) => { state = JSON.parse(event.data); render(); };
}

async function look() {
  const codes = await (await fetch("/api/codes")).json();
  $("scan-found").hidden = codes.length === 0;
  $("found").textContent = codes.length ? "A code is on the screen." : "Looking for a code on the screen…";
  $("scan-found").onclick = () => link(() => post("/scan", { code: codes.at(-1) }));
}

async function link(scan) {
  $("link-status").textContent = "Linking…";
  try {
    const { linked } = await scan();
    $("link-status").textContent = `Linked: ${linked}`;
    showCamera(false);
  } catch (error) {
    $("link-status").textContent = error.message;
  }
}

function showCamera(on) {
  $("camera").hidden = !on;
  clearInterval(looking);
  if (on) { look(); looking = setInterval(look, 1000); }
}

$("devices-button").onclick = () => { $("devices").hidden = !$("devices").hidden; showCamera(false); };
$("link").onclick = () => { $("link-status").textContent = ""; showCamera(true); };
$("photo").onsubmit = (event) => {
  event.preventDefault();
  link(() => api("/photo", { method: "POST", body: new FormData(event.target) }));
};
$("composer").onsubmit = async (event) => {
  event.preventDefault();
  const text = $("text").value;
  $("text").value = "";
  await post("/messages", { to: chat, text });
};

const phones = await (await fetch("/api/phones")).json();
$("phones").replaceChildren(...phones.map((phone) => element("option", `${phone.name} ${phone.number}`, { value: phone.number })));
$("phones").onchange = () => choose($("phones").value);
choose(phones[0].number);
