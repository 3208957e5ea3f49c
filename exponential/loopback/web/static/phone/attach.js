// What can be sent besides text: files of each kind, a location, a contact.

import { avatar, h } from "./dom.js";
import { bar } from "./frame.js";
import { menu } from "./popup.js";
import { personName } from "./words.js";

const FILES = [
  ["image", "Photo", "image", "image/jpeg,image/png,image/gif,image/webp"],
  ["video", "Video", "video", "video/mp4"],
  ["mic", "Voice note", "voice", "audio/ogg,audio/opus,audio/*"],
  ["file", "Document", "document", ""],
  ["sticker", "Sticker", "sticker", "image/webp"],
];

export function attachments(phone, chat, anchor) {
  menu(phone, anchor, "Attach", [
    ...FILES.map(([icon, label, kind, accept]) => [icon, label, () => choose(accept, (file) => open(phone, chat, kind, label, file))]),
    ["pin", "Location", () => phone.open((it) => place(it, chat))],
    ["person", "Contact", () => phone.open((it) => contact(it, chat))],
  ]);
}

export function choose(accept, take) {
  const input = h("input", { type: "file", accept: accept || null });
  input.addEventListener("change", () => input.files[0] && take(input.files[0]));
  input.click();
}

function open(phone, chat, kind, label, file) {
  if (kind === "voice" || kind === "sticker") send(phone, chat, kind, file, "");
  else phone.open((it) => preview(it, chat, kind, label, file));
}

async function send(phone, chat, kind, file, text) {
  const form = new FormData();
  const fields = { to: chat, kind, text, seconds: kind === "voice" || kind === "video" ? await seconds(file) : 0 };
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
  form.append("file", file, file.name);
  return phone.attempt(phone.api.upload("/files", form));
}

// How long a sound or a film is, rounded up; 0 when the browser can't tell.
function seconds(file) {
  const media = document.createElement("audio");
  const url = URL.createObjectURL(file);
  return new Promise((resolve) => {
    media.onloadedmetadata = () => resolve(Number.isFinite(media.duration) ? Math.ceil(media.duration) : 0);
    media.onerror = () => resolve(0);
    media.src = url;
  }).finally(() => URL.revokeObjectURL(url));
}

function preview(phone, chat, kind, label, file) {
  const url = URL.createObjectURL(file);
  const shown = { image: () => h("img", { src: url, alt: file.name }), video: () => h("video", { src: url, controls: true, "aria-label": file.name }) }[kind];
  const caption = h("input", { "aria-label": "Caption", placeholder: "Add a caption", autocomplete: "off", maxlength: "1000" });
  const form = h("form", { class: "page preview" }, shown ? shown() : h("p", { class: "big-file" }, file.name), caption, h("button", { class: "green" }, "Send"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    phone.back();
    await send(phone, chat, kind, file, caption.value);
  });
  return { node: h("div", {}, bar(phone, label), form), update() {}, first: caption, leave: () => URL.revokeObjectURL(url) };
}

function place(phone, chat) {
  const field = (label, value, props) => h("label", {}, label, h("input", { value, required: true, autocomplete: "off", ...props }));
  const degrees = (most) => ({ type: "number", step: "any", min: -most, max: most });
  const form = h("form", { class: "page" },
    field("Name", "Kiel harbour", { name: "name" }), field("Latitude", "54.3233", { name: "latitude", ...degrees(90) }),
    field("Longitude", "10.1394", { name: "longitude", ...degrees(180) }), h("button", { class: "green" }, "Send location"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { name, latitude, longitude } = Object.fromEntries(new FormData(form));
    const body = { to: chat, name, latitude: Number(latitude), longitude: Number(longitude) };
    if (await phone.attempt(phone.api.call("POST", "/locations", body))) phone.back();
  });
  return { node: h("div", {}, bar(phone, "Send a location"), form), update() {} };
}

function contact(phone, chat) {
  const people = Object.keys(phone.state.contacts).filter((number) => number !== phone.number);
  const send = async (number) => {
    const body = { to: chat, name: personName(phone.state, number), number };
    if (await phone.attempt(phone.api.call("POST", "/contacts", body))) phone.back();
  };
  const list = h("ul", { class: "people", "aria-label": "Contacts" }, people.map((number) =>
    h("li", {}, h("button", { type: "button", onclick: () => send(number) }, avatar(personName(phone.state, number)), h("span", {}, h("bdi", {}, personName(phone.state, number)), h("small", {}, number))))));
  return { node: h("div", {}, bar(phone, "Send a contact"), people.length ? list : h("p", { class: "empty" }, "No contacts yet. Add another phone.")), update() {}, first: list.querySelector("button") };
}
