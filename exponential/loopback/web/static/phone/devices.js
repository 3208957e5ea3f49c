// Linked devices: the list, and linking by the camera, a picture, the code's text, or eight characters.

import { choose } from "./attach.js";
import { h, icon, sync } from "./dom.js";
import { bar } from "./frame.js";

/** While a computer waits for the account's passkey: what to do about it. */
function passkey(phone) {
  const code = h("p", { class: "code" });
  const compare = h("div", {}, h("p", {}, "Is this the code that the computer shows?"), code);
  const answer = h("textarea", { rows: "3", readonly: true, hidden: true, "aria-label": "Answer of the passkey" });
  const said = h("p", { role: "status" });
  const sign = h("button", { type: "button", class: "green" }, "Confirm with passkey");
  sign.addEventListener("click", async () => {
    const made = await phone.attempt(phone.api.call("POST", "/passkey/answer"));
    if (!made) return;
    answer.value = made.answer;
    answer.hidden = false;
    answer.select();
    const copied = await navigator.clipboard.writeText(made.answer).then(() => true, () => false);
    said.textContent = copied ? "The answer is copied. Paste it on the computer." : "Copy this answer and paste it on the computer.";
  });
  const ask = h("div", {}, h("p", {}, "The computer can’t be linked before it has seen the account’s passkey."), sign, answer, said);
  const node = h("section", { class: "page asked", "aria-label": "Passkey" }, h("h3", {}, "Continue on your other device"), ask, compare);
  const update = () => {
    const { asked } = phone.state;
    node.hidden = !asked;
    compare.hidden = !asked?.code;
    ask.hidden = !compare.hidden;
    code.textContent = asked?.code ?? "";
    if (!asked) answer.hidden = true;
  };
  return { node, update };
}

export function devices(phone) {
  const waiting = passkey(phone);
  const link = h("button", { type: "button", class: "green", onclick: () => phone.open(camera) }, "Link a device");
  const list = h("ul", { class: "devices", "aria-label": "Linked devices" });
  const none = h("p", { class: "empty" }, "No device is linked to this account.");
  const update = () => {
    waiting.update();
    none.hidden = phone.state.devices.length > 0;
    sync(list, phone.state.devices.map((device) => ({
      key: String(device.id),
      mark: device.name,
      make: () => h("li", {}, h("span", { class: "avatar tint-green" }, icon("laptop")), h("bdi", {}, device.name),
        h("button", { type: "button", class: "small", "aria-label": `Log out ${device.name}`, onclick: () => out(phone, device) }, "Log out")),
    })));
  };
  return { node: h("div", {}, bar(phone, "Linked devices"), waiting.node, h("div", { class: "page" }, h("div", { class: "drawing", "aria-hidden": "true" }, icon("laptop")), link), none, list), update, first: link };
}

async function out(phone, device) {
  await phone.attempt(phone.api.call("DELETE", `/devices/${device.id}`));
}

function linking(phone, status) {
  return async (promise) => {
    status.textContent = "Linking…";
    try {
      const { linked } = await promise();
      while (phone.stack.length > 2) phone.back();
      phone.say(`Linked: ${linked}`);
    } catch (error) {
      status.textContent = error.message;
    }
  };
}

function camera(phone) {
  const status = h("p", { role: "alert", class: "link-status" });
  const waiting = passkey(phone);
  const link = linking(phone, status);
  const seen = h("p", { role: "status" }, "Looking for a code on the screen…");
  const codes = h("div", { class: "codes" });
  const finder = h("div", { class: "finder" }, h("span", { class: "corners", "aria-hidden": "true" }, icon("qr")), seen, codes);
  const pasted = h("input", { name: "code", "aria-label": "Text of the code", placeholder: "Paste the code’s text", required: true, autocomplete: "off" });
  const paste = h("form", { class: "inline" }, pasted, h("button", {}, "Link"));
  paste.addEventListener("submit", (event) => {
    event.preventDefault();
    link(() => phone.api.call("POST", "/scan", { code: pasted.value }));
  });
  const photo = (file) => {
    const form = new FormData();
    form.append("picture", file);
    link(() => phone.api.upload("/photo", form));
  };
  const picture = h("button", { type: "button", onclick: () => choose("image/png,image/jpeg", photo) }, "Choose a picture of the code");
  const node = h("div", { class: "camera" }, bar(phone, "Scan QR code"), h("div", { class: "scrolls" }, waiting.node, finder, status,
    h("div", { class: "page" }, picture, paste, h("button", { type: "button", onclick: () => phone.open(byNumber) }, "Link with phone number instead"))));
  drop(node, photo);

  const look = async () => {
    const found = await phone.codes().catch(() => []);
    seen.textContent = found.length ? (found.length === 1 ? "A code is on the screen." : `${found.length} codes are on the screen.`) : "Looking for a code on the screen…";
    finder.classList.toggle("found", found.length > 0);
    sync(codes, found.map((code, index) => ({
      key: String(index),
      mark: code,
      make: () => h("button", { type: "button", class: "green", onclick: () => link(() => phone.api.call("POST", "/scan", { code })) },
        found.length === 1 ? "Scan the code on the screen" : `Scan code ${index + 1}`),
    })));
  };
  look();
  const looking = setInterval(look, 1000);
  const update = () => {
    waiting.update();
    finder.hidden = Boolean(phone.state.asked);
  };
  return { node, update, first: picture, leave: () => clearInterval(looking) };
}

function drop(node, take) {
  node.addEventListener("dragover", (event) => { event.preventDefault(); node.classList.add("dropping"); });
  node.addEventListener("dragleave", () => node.classList.remove("dropping"));
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    node.classList.remove("dropping");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
}

function byNumber(phone) {
  const status = h("p", { role: "alert", class: "link-status" });
  const waiting = passkey(phone);
  const link = linking(phone, status);
  const code = h("input", { class: "code", "aria-label": "Code", placeholder: "ABCD-EFGH", required: true, maxlength: "9", autocomplete: "off", autocapitalize: "characters", spellcheck: "false" });
  const form = h("form", { class: "page" }, h("p", {}, "Enter the eight characters that the computer shows."), code, h("button", { class: "green" }, "Link device"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    link(() => phone.api.call("POST", "/code", { code: code.value }));
  });
  return { node: h("div", {}, bar(phone, "Enter code"), waiting.node, form, status), update: waiting.update, first: code };
}
