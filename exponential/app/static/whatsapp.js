// The WhatsApp Connection modal: one view at a time, what is true on the gateway, asked again while it is open.

import { request } from "./lib.js";

const API = "/api/whatsapp";
const QR_SECONDS = 15;
const SLOW = 20000; // ms without a code after which the wait is explained
const ACCEPTED = "exponential.whatsapp.accepted";

const dialog = document.getElementById("whatsapp");
const opener = document.getElementById("open-whatsapp");
const dot = document.getElementById("whatsapp-dot");
const find = (selector, root = dialog) => root.querySelector(selector);
// Each view is in the document only while it is shown.
const views = Object.fromEntries(
  [...document.getElementById("whatsapp-views").content.children].map((node) => [node.dataset.view, node]),
);
const problem = find("#whatsapp-problem");
const success = find("#whatsapp-success", views.sessions);
const qr = find(".qr", views.link);
const image = find("#qr-image", qr);

let view = "";
let linking = null; // {id, since, seconds, expiresAt} while a code is shown
let timer = 0;
let round = 0; // answers of earlier rounds are ignored

function show(name) {
  const changed = name !== view;
  view = name;
  if (!changed) return;
  find("#whatsapp-view").replaceChildren(views[name]);
  find(".dialog-body").scrollTop = 0;
  if (dialog.open && !dialog.contains(document.activeElement)) find('[data-do="close"]').focus();
}

function announce(sentence) {
  const region = find("#whatsapp-announce");
  if (region.textContent !== sentence) region.textContent = sentence;
}

function complain(failure) {
  const full = failure?.code === "session_limit";
  find("strong", problem).textContent = full ? "Maximum sessions reached" : "";
  find("p", problem).textContent = full
    ? "You’ve hit the gateway’s session limit. Disconnect an existing session before connecting a new one, or contact your administrator to increase the limit."
    : (failure?.message ?? "");
  problem.hidden = !failure;
}

// ---- what the gateway says -------------------------------------------------------------------------------------

async function overview() {
  const mine = ++round;
  let answer;
  try {
    answer = await (await request("GET", API)).json();
  } catch (failure) {
    answer = { configured: true, error: failure.message, sessions: [] };
  }
  if (answer.loopback) document.getElementById("loopback-banner").hidden = false;
  const up = answer.sessions.some((session) => session.status === "connected");
  dot.hidden = !up;
  opener.title = up ? "WhatsApp: connected" : "WhatsApp";
  if (mine !== round || linking) return;
  if (!answer.configured) show("unconfigured");
  else if (answer.error) unreachable(answer.error);
  else if (answer.sessions.length) sessions(answer.sessions);
  else show(localStorage.getItem(ACCEPTED) ? "none" : "warning");
}

function unreachable(sentence) {
  find('[data-slot="error"]', views.unreachable).textContent = sentence;
  if (view !== "unreachable") announce(sentence);
  show("unreachable");
}

// ---- sessions list ---------------------------------------------------------------------------------------------

const BADGES = {
  connected: ["Connected", "good"],
  reconnecting: ["Reconnecting", "warn"],
  disconnected: ["Disconnected", "off"],
  error: ["Problem", "bad"],
  pending: ["Waiting for a scan", "off"],
  expired: ["Code expired", "off"],
};

function sessions(all) {
  const pending = all.filter((session) => ["pending", "expired"].includes(session.status));
  const accounts = all.filter((session) => !pending.includes(session));
  fill("accounts", accounts);
  fill("pending", pending);
  find("#whatsapp-another span", views.sessions).textContent = accounts.length ? "Connect Another Account" : "Connect WhatsApp";
  show("sessions");
}

function fill(group, items) {
  const list = find(`#whatsapp-${group}`, views.sessions);
  find(`[data-group="${group}"]`, views.sessions).hidden = !items.length;
  const known = new Map([...list.children].map((row) => [row.dataset.id, row]));
  for (const item of items) {
    const row = known.get(item.sessionId) ?? newRow(item);
    known.delete(item.sessionId);
    fillRow(row, item);
    if (row.parentNode !== list) list.append(row);
  }
  for (const gone of known.values()) gone.remove();
}

function newRow(item) {
  const row = document.getElementById("session-row").content.firstElementChild.cloneNode(true);
  row.dataset.id = item.sessionId;
  return row;
}

function fillRow(row, item) {
  const slot = (name) => find(`[data-slot="${name}"]`, row);
  const [text, tone] = BADGES[item.status] ?? [item.status, "off"];
  const pending = ["pending", "expired"].includes(item.status);
  const linked = ["connected", "reconnecting"].includes(item.status);
  const name = item.phoneNumber ?? (pending ? "New account" : "Account");
  const verb = linked ? "Disconnect" : "Remove";
  const label = pending ? "Delete pending session" : `${verb} ${name}`;
  const remove = find('[data-row="remove"]', row);
  const resume = find('[data-row="resume"]', row);
  slot("name").textContent = name;
  slot("since").textContent = item.connectedAt
    ? `Connected on ${day(item.connectedAt)}`
    : `Started on ${day(item.createdAt)}, ${time(item.createdAt)}`;
  slot("reason").textContent = item.status === "connected" || pending ? "" : (item.statusReason ?? "");
  slot("badge").textContent = text;
  slot("badge").dataset.tone = tone;
  resume.hidden = linked;
  resume.textContent = item.status === "pending" ? "Show code" : pending ? "New code" : "Link again";
  if (remove.getAttribute("aria-label") !== label) {
    remove.setAttribute("aria-label", label);
    remove.title = label;
    remove.replaceChildren(document.getElementById(linked ? "icon-close" : "icon-trash").content.cloneNode(true));
  }
  find(".confirm p", row).textContent = linked
    ? `Disconnect ${name}? Paddy stops answering there, and the device is unlinked on the phone.`
    : `Remove ${name}? You can connect it again at any time.`;
  find('[data-row="confirm"]', row).textContent = verb;
  row.dataset.status = item.status;
}

const day = (at) => new Date(at).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
const time = (at) => new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

async function onRow(button) {
  const row = button.closest(".session");
  const confirm = find(".confirm", row);
  const action = button.dataset.row;
  const pending = ["pending", "expired"].includes(row.dataset.status);
  if (action === "resume") {
    if (row.dataset.status !== "pending") await post(`/login/${encodeURIComponent(row.dataset.id)}/restart`);
    return link(row.dataset.id);
  }
  if (action === "remove" && !pending) {
    confirm.hidden = false;
    find('[data-row="keep"]', confirm).focus();
  } else if (action === "keep") {
    confirm.hidden = true;
    find('[data-row="remove"]', row).focus();
  } else {
    success.hidden = true;
    const name = find('[data-slot="name"]', row).textContent;
    await request("DELETE", `${API}/sessions/${encodeURIComponent(row.dataset.id)}`);
    announce(pending ? "The pending session was deleted." : `${name} was disconnected.`);
    await overview();
    find('[data-do="close"]').focus();
  }
}

// ---- linking by QR code ----------------------------------------------------------------------------------------

const post = (path) => request("POST", API + path);

async function connect() {
  localStorage.setItem(ACCEPTED, new Date().toISOString());
  success.hidden = true;
  const { sessionId } = await (await post("/login")).json();
  link(sessionId);
}

function link(id) {
  round += 1;
  linking = { id, since: Date.now(), seconds: 0, expiresAt: null };
  code("preparing");
  show("link");
  announce("Preparing the QR code.");
  find("h3", views.link).focus();
  schedule(0);
}

function code(state, reason = "") {
  qr.dataset.state = state;
  image.hidden = state !== "ready";
  find('[data-slot="reason"]', qr).textContent = reason;
  find("#qr-slow", qr).hidden = true;
  if (state !== "ready") image.removeAttribute("src");
}

async function followLogin() {
  const mine = linking;
  const path = `/login/${encodeURIComponent(mine.id)}`;
  let status;
  try {
    status = await (await request("GET", `${API}${path}/status`)).json();
  } catch (failure) {
    if (mine !== linking) return;
    if (failure.status === 404) status = { status: "expired" };
    else return complain(failure);
  }
  if (mine !== linking) return;
  complain(null);
  if (status.connected) return linked(status.phoneNumber);
  if (status.status === "reconnecting") return back(); // credentials were left: it needs no scan
  if (status.status === "expired") return stopAt("expired", "The QR code has expired. Get a new code to try again.");
  if (["error", "disconnected"].includes(status.status)) return stopAt("failed", status.statusReason);
  if (!status.qrAvailable) {
    if (qr.dataset.state !== "preparing") code("preparing");
    find("#qr-slow", qr).hidden = Date.now() - mine.since < SLOW;
    find("#qr-reason", qr).textContent = status.statusReason ?? "";
  } else if (qr.dataset.state !== "ready" || mine.seconds <= 1 || mine.expiresAt !== status.qrExpiresAt) {
    mine.expiresAt = status.qrExpiresAt;
    await draw(mine, path);
  } else {
    count(mine.seconds - 1);
  }
}

async function draw(mine, path) {
  let picture;
  try {
    picture = await (await request("GET", `${API}${path}/qr`)).blob();
  } catch (failure) {
    if (mine === linking && failure.status !== 503 && failure.status !== 409) complain(failure);
    return; // no code yet, or connected meanwhile: the next look at the status tells
  }
  if (mine !== linking) return;
  const before = image.src;
  image.src = URL.createObjectURL(picture);
  if (before) URL.revokeObjectURL(before);
  if (qr.dataset.state !== "ready") announce("The QR code is shown. Scan it with your phone.");
  code("ready");
  count(QR_SECONDS);
}

function count(seconds) {
  linking.seconds = seconds;
  find("#seconds", qr).textContent = seconds;
  find("#ring", qr).style.strokeDashoffset = `${100 - (100 * seconds) / QR_SECONDS}`;
}

function stopAt(state, sentence) {
  if (qr.dataset.state === state) return;
  code(state, sentence ?? "WhatsApp ended this attempt.");
  announce(state === "expired" ? sentence : "");
}

function back() {
  linking = null;
  return overview();
}

async function linked(phone) {
  linking = null;
  find('[data-slot="phone"]', success).textContent = phone ?? "Your account";
  success.hidden = false;
  announce("Success: this account is linked.");
  await overview();
  find('[data-do="close"]').focus();
}

// ---- the modal itself ------------------------------------------------------------------------------------------

const actions = {
  close: () => dialog.close(),
  reload: overview,
  connect,
  refresh: () => draw(linking, `/login/${encodeURIComponent(linking.id)}`),
  restart: async () => {
    await post(`/login/${encodeURIComponent(linking.id)}/restart`);
    link(linking.id);
  },
  back,
};

async function run(button, work) {
  complain(null);
  button.disabled = true;
  try {
    await work();
  } catch (failure) {
    complain(failure);
    if (failure.code === "gateway_unreachable") unreachable(failure.message);
  } finally {
    button.disabled = false;
  }
}

function schedule(delay) {
  clearTimeout(timer);
  if (!dialog.open) return;
  timer = setTimeout(async () => {
    if (linking) await followLogin();
    else if (!find(".confirm:not([hidden])")) await overview();
    schedule(linking ? 1000 : 3000);
  }, delay);
}

dialog.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.do) run(button, () => actions[button.dataset.do]());
  else if (button?.dataset.row) run(button, () => onRow(button));
  else if (event.target === dialog) dialog.close(); // the backdrop
});
dialog.addEventListener("close", () => {
  clearTimeout(timer);
  linking = null;
  success.hidden = true;
  complain(null);
  if (image.src) URL.revokeObjectURL(image.src);
  code("preparing");
  opener.focus();
});
opener.addEventListener("click", () => {
  show("loading");
  dialog.showModal();
  schedule(0);
});
overview();
